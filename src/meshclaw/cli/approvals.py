"""``meshclaw approvals``: list, allow, deny, why."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import get_args

import click
import msgspec

from meshclaw.cli import screen
from meshclaw.flow.action import Value, leaves
from meshclaw.flow.approval import Approval, ApprovalState
from meshclaw.flow.declaration import Effect
from meshclaw.flow.event.action import ActionDecided
from meshclaw.runs import approve
from meshclaw.runs.run import approvals, tell
from meshclaw.wiring import Claw, open_claw

SERIOUS = get_args(Effect)[::-1]
"""Effects, the most serious first."""


@click.group("approvals")
def command() -> None:
    """What the claw may only do with your word. Each one is bound to exactly one action and runs out."""


@command.command("list")
@click.option("--all", "all_", is_flag=True, help="Also those that are answered or ran out.")
@screen.as_json
def list_(all_: bool, as_json: bool) -> None:
    """What waits for you, the most serious effect first."""
    with open_claw() as claw:
        shown = waiting(claw, all_=all_)
    if as_json:
        screen.data(shown)
        return
    screen.table(
        ("ID", "STATE", "EFFECT", "WHAT", "UNTIL"),
        [(one.id, one.state, one.effect, one.words, screen.when(one.expires.isoformat())) for one in shown],
        empty="Nothing waits for you.",
    )


@command.command()
@click.argument("id_", metavar="ID")
@screen.dry_run
@screen.as_json
def allow(id_: str, dry_run: bool, as_json: bool) -> None:
    """Do exactly what ID asks for, now. Exits 3 where the guard denies it after all."""
    with open_claw() as claw:
        approval = approvals(claw.ledger).get(id_)
        told = tell(claw.ledger, claw.contents, approval.run)
        if dry_run:
            screen.words("Would do: " + _waiting(claw, approval).words)
            return
        account = claw.accounts.get(told.run.subject)
        with claw.mailbox(account) as mailbox:
            result = approve.allow(claw.door(mailbox, account), told, approval)
    if as_json:
        screen.data({"stand": result.stand, "error": str(result.error) if result.error else ""})
    elif result.stand == "done":
        screen.words("Done.")
    elif result.decision is not None and result.stand == "denied":
        screen.words(f"Denied: {result.decision.reason}.")
    else:
        screen.words(f"{'In doubt' if result.stand == 'unknown' else 'Failed'}: {result.error}.")
    sys.exit({"done": 0, "denied": 3}.get(result.stand, 1))


@command.command()
@click.argument("id_", metavar="ID")
@screen.dry_run
def deny(id_: str, dry_run: bool) -> None:
    """Say no to ID; the agent goes one step down its ladder for such actions."""
    with open_claw() as claw:
        approval = approvals(claw.ledger).get(id_)
        if dry_run:
            screen.words("Would say no to: " + _waiting(claw, approval).words)
            return
        told = tell(claw.ledger, claw.contents, approval.run)
        approve.deny(claw.ledger, told, approval, claw.declaration(approval.verb))
    screen.words("Denied; it will not happen.")


@command.command()
@click.argument("id_", metavar="ID")
@screen.as_json
def why(id_: str, as_json: bool) -> None:
    """Everything about ID: the exact action, who asked, which rule, and its digest."""
    with open_claw() as claw:
        approval = approvals(claw.ledger).get(id_)
        one = _waiting(claw, approval)
    if as_json:
        screen.data(one)
        return
    for name, value in msgspec.structs.asdict(one).items():
        if name == "arguments":
            for argument, content in one.arguments.items():
                click.echo(f"  {argument}: {screen.clean(str(content))}")
        elif isinstance(value, datetime):
            click.echo(f"{name}: {screen.when(value.isoformat())}")
        else:
            click.echo(f"{name}: {screen.clean(str(value))}")


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """An approval with everything a person needs to judge it, as it would be done."""

    id: str
    state: ApprovalState
    what: str
    verb: str
    effect: Effect
    reversible: bool
    arguments: dict[str, Value]
    agent: str
    run: str
    rule: str
    digest: str
    asked: datetime
    expires: datetime

    @property
    def target(self) -> str:
        """Where it would go; this is what most deserves a look."""
        found = next(
            (self.arguments[name] for name in ("recipients", "url", "to") if name in self.arguments), ""
        )
        return ", ".join(str(leaf) for leaf in leaves(found))

    @property
    def words(self) -> str:
        return f"{self.what}: {self.target}" if self.target else self.what


def waiting(claw: Claw, *, all_: bool = False) -> list[Waiting]:
    """Open approvals, or all there ever were; the most serious effect first."""
    known = approvals(claw.ledger)
    shown = [_waiting(claw, approval) for approval in (known.all() if all_ else known.open())]
    return sorted(shown, key=lambda one: SERIOUS.index(one.effect))


def _waiting(claw: Claw, approval: Approval) -> Waiting:
    events = claw.ledger.events(ActionDecided, run=approval.run)
    decided = next(event for event in events if event.external_id == approval.external_id)
    declaration = claw.declaration(approval.verb)
    return Waiting(
        id=approval.id, state=approval.state, what=declaration.words if declaration else approval.verb,
        verb=approval.verb, effect=decided.effect, reversible=declaration is not None and declaration.reversible,
        arguments=claw.door().restore(decided).arguments, agent=decided.agent, run=approval.run, rule=approval.rule,
        digest=approval.digest, asked=approval.asked, expires=approval.expires,
    )  # fmt: skip
