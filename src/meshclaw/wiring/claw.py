"""One person's claw: its settings, and the parts that are built from them."""

from __future__ import annotations

import logging
import os
import pwd
import threading
from collections import defaultdict
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from meshclaw.agents.builtin import AGENTS, shipped
from meshclaw.connectors.coding.manifest import DECLARATIONS as CODING
from meshclaw.connectors.mail.manifest import DECLARATIONS as MAIL
from meshclaw.connectors.memory.manifest import DECLARATIONS as MEMORY
from meshclaw.connectors.skill.manifest import DECLARATIONS as SKILL
from meshclaw.connectors.slack.manifest import DECLARATIONS as SLACK
from meshclaw.errors import MeshClawError, Stopped, UserError
from meshclaw.flow.agent import Agent
from meshclaw.flow.declaration import Declaration
from meshclaw.flow.event.guard import ConnectorReviewed
from meshclaw.flow.event.run import RunStarted
from meshclaw.flow.person import Person
from meshclaw.flow.stop import Stop
from meshclaw.guard import ceiling, limits
from meshclaw.guard.ceiling import Ceiling
from meshclaw.guard.directory import Directory
from meshclaw.guard.layers import stop
from meshclaw.guard.layers.review import reviewed
from meshclaw.guard.limits import Limits
from meshclaw.guard.policy import policies
from meshclaw.guard.policy.policies import Policies
from meshclaw.ledger.content import ContentStore
from meshclaw.ledger.ledger import Ledger
from meshclaw.runs.act import Door
from meshclaw.runs.ask import Persons
from meshclaw.runs.deciding import Parts
from meshclaw.runs.purse import OWN, Purse
from meshclaw.settings.accounts import Account, Accounts
from meshclaw.settings.home import home
from meshclaw.settings.mesh import FILE as OF_HUB
from meshclaw.settings.secrets import secret_of
from meshclaw.settings.slack import Workspaces
from meshclaw.wiring.manifests import declared_in
from meshclaw.wiring.place import Place

if TYPE_CHECKING:  # these load what most commands do without
    from meshclaw.agents.installed import Installed
    from meshclaw.agents.memory.store import Memory
    from meshclaw.agents.package import Package
    from meshclaw.agents.triage.lessons import Lessons
    from meshclaw.connectors.mail.mailbox.base import Mailbox
    from meshclaw.flow.message import Message
    from meshclaw.llm.adapter import Adapter
    from meshclaw.llm.failover import Health
    from meshclaw.llm.sheet import Sheet
    from meshclaw.llm.source import Source
    from meshclaw.mesh.following import LaidDown
    from meshclaw.settings.models import Models

log = logging.getLogger(__name__)

MESH_POLICY = "mesh-policy.json"
POLICY = "policy.cedar"
"""The person's own, in the state folder."""

SHIPPED = {"coding": CODING, "mail": MAIL, "memory": MEMORY, "skill": SKILL, "slack": SLACK}
"""What the connectors declare that come with MeshClaw."""
NOWHERE: Mapping[str, Place] = {}
_TURN: defaultdict[str, threading.RLock] = defaultdict(threading.RLock)
"""By mailbox: of several runs in this process one changes it at a time; another process is told that it is in use."""
_OPEN: dict[str, Mailbox] = {}
"""What the one whose turn it is has open."""


class Claw:
    """One person's claw: everything it keeps lies in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.accounts = Accounts(folder)
        self.workspaces = Workspaces(folder)

    @cached_property
    def ceiling(self) -> Ceiling:
        return ceiling.load(ceiling.CEILING)

    @cached_property
    def policies(self) -> Policies:
        return self.policies_over(self.declarations())

    def policies_over(self, declared: list[Declaration]) -> Policies:
        """The person's, the company's on this machine, and what its hub laid down."""
        return policies.load(declared, self.folder / POLICY, mesh=self.mesh_policy)

    @property
    def mesh_policy(self) -> tuple[Path, str] | None:
        """Where it lies, and its Cedar; None where no hub laid any down."""
        laid_down = self.laid_down
        return (self.folder / MESH_POLICY, laid_down.cedar) if laid_down and laid_down.cedar else None

    @cached_property
    def laid_down(self) -> LaidDown | None:
        """By the company's hub."""
        if not (self.folder / MESH_POLICY).exists():
            return None
        from meshclaw.mesh.following import in_force

        return in_force(self.folder, datetime.now(UTC))

    @cached_property
    def limits(self) -> Limits:
        """The person's own, lowered by the ceiling's and by the hub's."""
        highest = limits.parse(self.ceiling.limits, str(ceiling.CEILING))
        of_hub = [self.laid_down.limits] if self.laid_down else []
        return limits.tightest(highest, limits.load(self.folder / "limits.toml"), *of_hub)

    @cached_property
    def purse(self) -> Purse:
        """Of the company's budgets, where its hub gives out leases."""
        if not (self.folder / OF_HUB).exists():
            return OWN
        from meshclaw.mesh.client import enrolled
        from meshclaw.mesh.leasing import Purse

        return Purse(
            self.folder, lambda: enrolled(self.folder, self.ledger.device), self.ledger.now,
            goes_on=self.laid_down is not None and self.laid_down.goes_on, shared=frozenset(AGENTS), warn=log.warning,
        )  # fmt: skip

    @cached_property
    def persons(self) -> Persons:
        ceiling = self.ceiling
        return Persons(two_person=ceiling.two_person, approvers=ceiling.approvers, separate=ceiling.separate)

    def stopped(self) -> Stop | None:
        """The kill switch as it is at this moment."""
        return stop.read(self.folder)

    def refuse_if_stopped(self) -> None:
        """Before work is begun; what is under way is denied at the door."""
        if (found := self.stopped()) is not None:
            raise Stopped(f"nothing is done now ({stop.told(found)}): {stop.refusal(found).reason}")

    @cached_property
    def ledger(self) -> Ledger:
        return Ledger(self.folder)

    @cached_property
    def contents(self) -> ContentStore:
        return self.ledger.contents

    @cached_property
    def lessons(self) -> Lessons:
        from meshclaw.agents.triage.lessons import Lessons

        return Lessons.open(self.folder / "lessons.db")

    @cached_property
    def memory(self) -> Memory:
        """For commands; a run opens its own, for runs may be many."""
        from meshclaw.agents.memory.store import Memory

        return Memory.open(self.folder / "memory.db")

    @cached_property
    def models(self) -> Models:
        from meshclaw.settings.models import load

        return load(self.folder)

    @cached_property
    def sheet(self) -> Sheet | None:
        """The company's own prices."""
        from meshclaw.llm.sheet import load

        return load(self.folder / "prices.toml")

    @cached_property
    def adapters(self) -> dict[str, Adapter]:
        """Models that were asked, by name: their connections serve every run."""
        return {}

    @cached_property
    def health(self) -> Health:
        from meshclaw.llm.failover import Health

        return Health()

    def model_for(self, agent: Agent) -> str:
        """What it wants to ask, or the usual one; empty where no model is set up."""
        return agent.model or (self.models.usual if self.models.classes else "")

    def source(self, name: str) -> Source:
        """For one run: the models of the class ``name``, or the one called so. Their connections are the claw's."""
        from meshclaw.llm.adapter import Adapter
        from meshclaw.llm.source import Source
        from meshclaw.settings.models import key_of

        entries = self.models.of(name)
        for entry in entries:
            self.adapters.setdefault(entry.name, Adapter(entry, lambda entry=entry: key_of(entry)))
        models = [self.adapters[entry.name] for entry in entries]
        return Source(name, entries, models, self.health, sheet=self.sheet)

    def close(self) -> None:
        """Signs the chain's end if anything was added, and lets go of every file and connection."""
        for adapter in self.__dict__.pop("adapters", {}).values():
            adapter.close()
        for name in ("ledger", "lessons", "memory"):
            part = self.__dict__.pop(name, None)
            if isinstance(part, Ledger):
                part.sign_head()
            if part is not None:
                part.close()

    def account(self, address: str | None) -> Account:
        return self.accounts.get(address) if address else self.accounts.only()

    @contextmanager
    def mailbox(
        self, account: Account, *, changing: bool = True, secret: Callable[[], str] | None = None
    ) -> Generator[Mailbox]:
        """Open while the block lasts, for a block within it too. ``secret`` is one that is not kept yet."""
        from meshclaw.connectors.mail.mailbox.open import open_mailbox

        ask = secret or secret_of(account, account.address)
        with _TURN[account.address] if changing else nullcontext():
            if changing and account.address in _OPEN:
                yield _OPEN[account.address]
                return
            mailbox = open_mailbox(account.address, secret=ask, changing=changing)
            if changing:
                _OPEN[account.address] = mailbox
            try:
                yield mailbox
            finally:
                if changing:
                    del _OPEN[account.address]
                mailbox.close()

    def door(self, places: Mapping[str, Place] = NOWHERE, *, account: Account | None = None) -> Door:
        """``account``: the mailbox whose addresses are the person's own."""
        own = [one for place in places.values() for one in place.declarations]
        pins = {name: place.pin for name, place in places.items() if place.pin}
        return Door(Parts(ledger=self.ledger, contents=self.contents,
            connectors={name: place.connector for name, place in places.items()},
            ceiling=self.ceiling, stopped=self.stopped, limits=self.limits,
            policies=self.policies_over([*self.declarations(), *own]) if own else self.policies,
            person=self.person, persons=self.persons, purse=self.purse, directory=self.directory(account),
            reviewed=reviewed(self.ledger.events(ConnectorReviewed)) | pins, agents=self.agent_of,
        ))  # fmt: skip

    # -- agents --------------------------------------------------------------------------

    @cached_property
    def installed(self) -> Installed:
        from meshclaw.agents.installed import FACTS, Installed

        return Installed(self.folder, self.ledger.events(*FACTS))

    def agent(self, name: str) -> Agent:
        """The one that counts under that name now."""
        return AGENTS[name] if name in AGENTS else self.installed.get(name).agent

    def agent_of(self, label: str) -> Agent:
        """The very one that a run began with."""
        package = self.package(label)
        return package.agent if package else shipped(label)

    def package(self, label: str) -> Package | None:
        """Of an installed agent; None for one that comes with MeshClaw."""
        return self.installed.labelled(label) if "+" in label else None

    def agents(self) -> list[Agent]:
        """Those that come with MeshClaw and the installed ones; one that was changed on disk does nothing."""
        found = list(AGENTS.values())
        for one in self.installed.current():
            with suppress(MeshClawError):
                found.append(self.agent(one.name))
        return found

    def declared_for(self, agent: Agent) -> list[Declaration]:
        """What every connector here can do, and the scripts of its own skills."""
        package = self.package(agent.label)
        return [*self.declarations(), *(package.declarations if package else ())]

    def all_declared(self) -> list[Declaration]:
        """With the scripts of every installed agent."""
        return list({one.verb: one for agent in self.agents() for one in self.declared_for(agent)}.values())

    # -- who and what --------------------------------------------------------------------

    @property
    def person(self) -> Person:
        company = self.ceiling.company
        return Person(login=_login(), unit=company.unit, company=company.domains)

    def directory(self, *accounts: Account | None) -> Directory:
        """The person's own addresses, of these accounts and in Slack, and the lists that the company names."""
        own = frozenset(one.lower() for known in accounts if known for one in known.me)
        here = frozenset(one.own for one in self.workspaces.all() if one.me)
        return Directory(own=own | here, lists=self.ceiling.company.lists)

    def declarations(self) -> list[Declaration]:
        """What every connector here can do."""
        return [one for several in self.connectors().values() for one in several]

    def connectors(self) -> dict[str, list[Declaration]]:
        """What each connector declares: those that come with MeshClaw, and the manifests in ``connectors/``."""
        found = {name: list(declared.values()) for name, declared in SHIPPED.items()}
        for path in sorted((self.folder / "connectors").glob("*.toml")):
            declared = list(declared_in(self.folder, path).values())
            name = declared[0].connector if declared else path.stem
            if name in found:
                raise UserError(
                    f"two connectors are called {name!r}: {str(path)!r} cannot take the place of another",
                    fix="Give it a name of its own in its first line.",
                )
            found[name] = declared
        return found

    def declaration(self, verb: str, run: str = "") -> Declaration | None:
        """``run``: the one that wanted it; a script of its agent's skills is declared there."""
        found = next((one for one in self.declarations() if one.verb == verb), None)
        if found is not None or not run:
            return found
        label = next((started.agent for started in self.ledger.events(RunStarted, run=run)), "")
        package = self.package(label)
        return next((one for one in package.declarations if one.verb == verb), None) if package else None

    @staticmethod
    def parse(raw: bytes, account: Account) -> Message:
        from meshclaw.connectors.mail.message.parse import parse

        lookup = None
        if account.dns:
            from meshclaw.connectors.mail.message.lookup import dns_text as lookup
        own = frozenset(address.rpartition("@")[2] for address in account.me)
        return parse(raw, trusted_host=account.trusted_host, lookup=lookup, known_domains=own)


def _login() -> str:
    """The system's name for whoever runs this; an environment variable could say anything."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


@contextmanager
def open_claw(*, limited: bool = True) -> Generator[Claw]:
    """``limited``: Damaged unless ceiling and policies hold. Only what looks into those goes without."""
    claw = Claw(home())
    try:
        if limited:
            _ = claw.policies, claw.limits
        yield claw
    finally:
        claw.close()
