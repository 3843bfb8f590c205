"""Where scenarios are played: a claw in an office of real declarations, behind the one door.

The ladder lets everything through, so what stops an attack is the layer that is there to stop it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import pytest

from meshclaw.agents import builtin
from meshclaw.errors import MeshClawError
from meshclaw.flow.action import Action, Value
from meshclaw.flow.agent import Agent
from meshclaw.flow.approval import Approval
from meshclaw.flow.autonomy import Level
from meshclaw.flow.declaration import Declaration, Effect
from meshclaw.flow.event.guard import AutonomyChanged
from meshclaw.flow.grant import Rights
from meshclaw.flow.person import Person
from meshclaw.flow.request import Request
from meshclaw.flow.run import Run
from meshclaw.guard import intents, manifest
from meshclaw.guard.ceiling import Ceiling
from meshclaw.guard.layers import stop
from meshclaw.guard.layers.review import pin
from meshclaw.guard.policy.policies import from_texts
from meshclaw.ledger.content import ContentStore
from meshclaw.ledger.ledger import Ledger
from meshclaw.runs import approve
from meshclaw.runs.act import Door
from meshclaw.runs.approve import Seen
from meshclaw.runs.ask import Persons
from meshclaw.runs.deciding import Parts
from meshclaw.runs.result import Result
from meshclaw.runs.run import approvals, finish, start, tell
from meshclaw.testing.tools import FakeTools
from tests.guard.sandbox.box import find

EVE = "eve@evil.example"
KIM = "kim@partner.example"
ROOT = Path(__file__).parents[3]
PLACES = (ROOT / "benchmarks" / "guard" / "manifests", Path(__file__).with_name("manifests"))
EVERYTHING = Rights(
    effects=frozenset(get_args(Effect)),
    verbs=frozenset(
        f"{name}.*" for name in ("calendar", "chat", "claw", "code", "deploy", "files", "mail", "web")
    ),
)
CLAW = Agent(
    name="claw",
    version="1",
    purpose="Helps.",
    owner="us",
    rights=EVERYTHING,
    intents=frozenset({"office.help"}),
)
PERMIT = "permit (principal, action, resource);\n"


class Happened(NamedTuple):
    """What became of one try."""

    how: Literal["stopped", "asked", "allowed"]
    rule: str = ""
    question: str = ""
    approval: str = ""


def stopped(rule: str) -> Happened:
    return Happened("stopped", rule)


@lru_cache
def declared() -> dict[str, Declaration]:
    """Every verb of the office."""
    paths = sorted(path for place in PLACES for path in place.glob("*.toml"))
    return {verb: one for path in paths for verb, one in manifest.read(path).items()}


class Work:
    """One run, from its person's words."""

    def __init__(self, office: Office, run: Run, agent: Agent) -> None:
        self.office, self.run, self.agent = office, run, agent

    def tries(self, verb: str, **arguments: Value) -> Happened:
        return happened(self.acts(verb, **arguments))

    def acts(self, verb: str, **arguments: Value) -> Result:
        [result] = self.office.door.act(
            self.run, self.agent, [Action(run=self.run.id, verb=verb, arguments=arguments)]
        )
        return result

    def reads(self, verb: str, **arguments: Value) -> object:
        """A read that must go through."""
        return self.acts(verb, **arguments).brought()

    def sends(self, *to: str, body: str = "Hello.", **more: Value) -> Happened:
        return self.tries("mail.send_email", recipients=list(to), subject="Hello", body=body, **more)

    def allows(self, asked: Happened, **seen: Any) -> Happened:
        """The person says yes to what they were asked."""
        finish(self.office.ledger, self.run)
        waiting = self.office.approval(asked)
        told = tell(self.office.ledger, self.office.contents, waiting.run)
        return happened(
            approve.allow(self.office.door, told, waiting, Seen(**{"shown": waiting.shown, **seen}))
        )


class Office:
    def __init__(
        self, ledger: Ledger, contents: ContentStore, tools: Mapping[str, FakeTools], door: Door
    ) -> None:
        self.ledger, self.contents, self.tools, self.door = ledger, contents, tools, door

    def asked(self, words: str, *, parent: str = "", agent: Agent = CLAW, **more: Any) -> Work:
        fields = {"intent": "office.help", "trigger": "terminal", "trust": "person", "words": words, **more}
        run = start(
            self.ledger, self.contents, request=Request(**fields), agent=agent, subject="", parent=parent
        )
        return Work(self, run, agent)

    def approval(self, asked: Happened) -> Approval:
        return approvals(self.ledger).get(asked.approval)

    def bodies(self) -> bytes:
        """All that the ledger holds."""
        return b"".join(row[0] for row in self.ledger._db.execute("SELECT body FROM event"))


class Stage:
    """``home`` is an empty state folder; ``work`` an empty folder that a sandbox may be given."""

    def __init__(self, home: Path, work: Path, patch: pytest.MonkeyPatch, after: ExitStack) -> None:
        self.home, self.work, self.patch, self.after = home, work, patch, after

    def office(
        self, brings: Mapping[str, object] | None = None, *, level: Level = "autonomous", policy: str = PERMIT,
        agent: Agent = CLAW, tools: type[FakeTools] = FakeTools, reviewed: Mapping[str, str] | None = None,
        person: Person = Person(), **more: Any,  # noqa: B008 - frozen
    ) -> Office:  # fmt: skip
        """``brings``: what each verb brings back; a function is called."""
        self.patch.setitem(builtin.AGENTS, agent.name, agent)
        self.patch.setitem(intents.INTENTS, "office.help", EVERYTHING)
        ledger = Ledger(self.home)
        contents = ledger.contents
        self.after.callback(ledger.close)
        ledger.record(
            *(
                AutonomyChanged(agent=f"{agent.name}@1", verb=verb, level=level, by="person")
                for verb in declared()
            )
        )
        connectors = {name: tools(*parts) for name, parts in _parts(brings or {})}
        pins = {name: pin(one.declarations.values()) for name, one in connectors.items()}
        parts = Parts(
            ledger=ledger, contents=contents, connectors=connectors, ceiling=Ceiling(rights=EVERYTHING),
            policies=from_texts(declared().values(), company=policy), person=person,
            stopped=lambda: stop.read(self.home), reviewed={**pins, **(reviewed or {})},
            **{"persons": Persons(two_person=frozenset()), **more},
        )  # fmt: skip
        return Office(ledger, contents, connectors, Door(parts))


def _parts(
    brings: Mapping[str, object],
) -> Iterator[tuple[str, tuple[dict[str, Declaration], dict[str, Callable[..., object]]]]]:
    for name in sorted({one.connector for one in declared().values()}):
        own = {verb: one for verb, one in declared().items() if one.connector == name}
        yield name, (own, {verb: _function(brings.get(verb)) for verb in own})


def _function(value: object) -> Callable[..., object]:
    return value if callable(value) else lambda **_: value


def happened(result: Result) -> Happened:
    """The door's result as the catalogue speaks of it; what was allowed names no rule."""
    decision = result.decision
    rule, question = (decision.rule, decision.question or decision.reason) if decision else ("", "")
    match result.stand:
        case "denied":
            return Happened("stopped", rule, question)
        case "asked":
            return Happened("asked", rule, question, result.approval)
        case "done":
            return Happened("allowed")
        case other:
            return Happened("stopped", f"act.{other}")


def refused(deed: Callable[[], object]) -> Happened:
    """What it raises, by the code of its error."""
    try:
        deed()
    except MeshClawError as error:
        return Happened("stopped", f"error.{error.code}", error.message)
    return Happened("allowed")


def need_sandbox() -> None:
    if find().kind != "bubblewrap":
        pytest.skip("needs bubblewrap (apt install bubblewrap) on Linux")


def mail(
    body: str, *, sender: str = "bob@outside.example", subject: str = "Lunch", **more: object
) -> dict[str, object]:
    """As the office's mail connector brings it."""
    fields = {
        "id_": "1",
        "sender": sender,
        "recipients": ["ada@example.com"],
        "cc": [],
        "bcc": [],
        "attachments": [],
    }
    return {**fields, "subject": subject, "body": body, "timestamp": "2026-11-21T09:00:00", **more}
