"""``meshclaw approvals``: list, why, allow, deny, and how well they are read."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime

import click
import msgspec

from meshclaw.cli import screen
from meshclaw.cli.answering import confirmed, let_go_on, report
from meshclaw.cli.canary import canary
from meshclaw.cli.second import accept, export, key, sign
from meshclaw.cli.slip import show
from meshclaw.errors import NotFound, UserError
from meshclaw.flow.action import Value, leaves
from meshclaw.flow.approval import Approval, ApprovalState
from meshclaw.flow.declaration import Declaration, Effect
from meshclaw.flow.event.action import ActionDecided
from meshclaw.flow.event.approval import ApprovalAnswered
from meshclaw.flow.slip import Slip
from meshclaw.guard.slip import likeness, risk
from meshclaw.runs import approve
from meshclaw.runs.ask import slip_of
from meshclaw.runs.result import Result
from meshclaw.runs.run import approvals, tell
from meshclaw.wiring import Claw, open_claw
from meshclaw.wiring.workplace import workplace


@click.group("approvals")
def command() -> None:
    """What the claw may only do with your word. Each one is bound to exactly what you are shown, and runs out."""


@command.command("list")
@click.option("--all", "all_", is_flag=True, help="Also those that are answered or ran out.")
@screen.as_json
def list_(all_: bool, as_json: bool) -> None:
    """What waits for you, the greatest risk first."""
    with open_claw() as claw:
        shown = waiting(claw, all_=all_)
    if as_json:
        screen.data(shown)
        return
    screen.table(
        ("ID", "STATE", "RISK", "ALIKE", "WHAT", "UNTIL"),
        [
            (one.id, one.told_state, one.risk, f"{len(one.alike) + 1}" if one.alike else "", one.words,
             screen.when(one.expires.isoformat()))
            for one in shown
        ],
        empty="Nothing waits for you.",
    )  # fmt: skip


@command.command()
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@click.option("--group", is_flag=True, help="Also every other one that is alike to the first.")
@click.option("--full", is_flag=True, help="Show long texts whole.")
@screen.dry_run
@screen.as_json
def allow(ids: tuple[str, ...], group: bool, full: bool, dry_run: bool, as_json: bool) -> None:
    """Show what ID asks for and do exactly that, now.

    Several at once only where they are alike. Exits 3 where the guard denies it after all.
    """
    with open_claw() as claw:
        chosen = _chosen(claw, ids, group=group)
        started = time.monotonic()
        for approval, slip, declaration in chosen:
            items = frozenset(name for name, declared in declaration.arguments.items() if declared.item)
            rest = None if approval is chosen[0][0] else items | slip.enclosed.keys()
            show(slip, declaration, full=full, to_stderr=True, only=rest)
        if dry_run:
            screen.words(f"Would do {'this' if len(chosen) == 1 else f'these {len(chosen)}'}.")
            return
        claw.refuse_if_stopped()
        read_ms = confirmed("Allow exactly this?", started)
        results = [
            act_on(claw, approval, approve.Seen(shown=slip.digest, read_ms=read_ms))
            for approval, slip, _ in chosen
        ]
        report(claw, results, [approval for approval, *_ in chosen], as_json=as_json)


def _chosen(claw: Claw, ids: Sequence[str], *, group: bool) -> list[tuple[Approval, Slip, Declaration]]:
    known = approvals(claw.ledger)
    named = list({one.id: one for one in map(known.get, ids)}.values())
    first = named[0]
    if group:
        key = _likeness(claw, first)
        named += [one for one in known.open() if key and one not in named and _likeness(claw, one) == key]
    if len(named) > 1:
        for other in named[1:]:
            if _likeness(claw, first) is None or _likeness(claw, other) != _likeness(claw, first):
                raise UserError(
                    f"{first.id} and {other.id} are not alike, so one answer cannot stand for both",
                    fix="Answer each by itself; which are alike: meshclaw approvals list",
                )
    return [(one, *shown_of(claw, one)) for one in named]


def shown_of(claw: Claw, approval: Approval) -> tuple[Slip, Declaration]:
    """What the person is to see. NotFound where that was forgotten: then it can only be denied."""
    slip, declaration = slip_of(claw.contents, approval), claw.declaration(approval.verb, approval.run)
    if slip is None or declaration is None:
        raise NotFound(
            f"what the approval {approval.id} was asked with is no longer known, so it cannot be allowed",
            fix=f"meshclaw approvals deny {approval.id}",
        )
    return slip, declaration


def _likeness(claw: Claw, approval: Approval) -> str | None:
    slip, declaration = slip_of(claw.contents, approval), claw.declaration(approval.verb, approval.run)
    if slip is None or declaration is None or approval.two or approval.state != "open":
        return None
    return likeness(slip, declaration)


def act_on(claw: Claw, approval: Approval, seen: approve.Seen) -> Result:
    """The person said yes to what they saw."""
    told = tell(claw.ledger, claw.contents, approval.run)
    if approval.canary:
        return approve.allow(claw.door(), told, approval, seen)
    with workplace(claw, told.run) as place:
        return approve.allow(place.door, told, approval, seen)


@command.command()
@click.argument("id_", metavar="ID")
@screen.dry_run
def deny(id_: str, dry_run: bool) -> None:
    """Say no to ID; the agent goes one step down its ladder for such actions."""
    with open_claw() as claw:
        approval = approvals(claw.ledger).get(id_)
        if dry_run:
            screen.words("Would say no to: " + waiting_of(claw, approval).words)
            return
        told = tell(claw.ledger, claw.contents, approval.run)
        seen = approve.Seen(shown=approval.shown)
        approve.deny(claw.ledger, told, approval, claw.declaration(approval.verb, approval.run), seen)
        screen.words(
            "Denied; it was a canary, and you caught it."
            if approval.canary
            else "Denied; it will not happen."
        )
        let_go_on(claw, [approval.run])


@command.command()
@click.argument("id_", metavar="ID")
@click.option("--full", is_flag=True, help="Show long texts whole.")
@screen.as_json
def why(id_: str, full: bool, as_json: bool) -> None:
    """Everything about ID as it is bound: what would be done, what deserves a look, who asked, by which rule."""
    with open_claw() as claw:
        approval = approvals(claw.ledger).get(id_)
        one = waiting_of(claw, approval)
        if as_json:
            screen.data(one)
            return
        slip, declaration = slip_of(claw.contents, approval), claw.declaration(approval.verb, approval.run)
        if slip is not None and declaration is not None:
            show(slip, declaration, full=full)
    names = ("id", "told_state", "rule", "agent", "run", "channel", "digest", "shown")
    for name in names:
        click.echo(f"{name.removeprefix('told_')}: {screen.clean(str(getattr(one, name)))}")
    click.echo(f"asked: {screen.when(one.asked.isoformat())}")
    click.echo(f"expires: {screen.when(one.expires.isoformat())}")
    if one.needs:
        click.echo(f"needs: {', '.join(one.needs)}")


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
    shown: str
    channel: str
    asked: datetime
    expires: datetime
    needs: tuple[str, ...]
    """Answers that are still missing."""
    alike: tuple[str, ...] = ()
    """Ids of the other open ones that one answer may stand for."""
    canary: bool = False
    """Told only after the answer."""

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

    @property
    def risk(self) -> str:
        return self.effect if self.reversible else f"{self.effect}, for good"

    @property
    def told_state(self) -> str:
        return f"{self.state} (a canary)" if self.canary else self.state.replace("_", " ")


def waiting(claw: Claw, *, all_: bool = False) -> list[Waiting]:
    """Open approvals, or all there ever were; the greatest risk first, and alike ones side by side."""
    known = approvals(claw.ledger)
    chosen = known.all() if all_ else known.open()
    keys = {one.id: _likeness(claw, one) for one in chosen}
    alike = {
        id_: tuple(other for other, other_key in keys.items() if key and other_key == key and other != id_)
        for id_, key in keys.items()
    }
    shown = [msgspec.structs.replace(waiting_of(claw, one), alike=alike[one.id]) for one in chosen]
    return sorted(
        shown, key=lambda one: (risk(one.effect, reversible=one.reversible), keys[one.id] or ""), reverse=True
    )


def waiting_of(claw: Claw, approval: Approval) -> Waiting:
    events = claw.ledger.events(ActionDecided, run=approval.run)
    decided = next(event for event in events if event.external_id == approval.external_id)
    declaration = claw.declaration(approval.verb, approval.run)
    mine = ("your answer",) if approval.state == "open" else ()
    other = ("an answer signed by another person",) if approval.two and approval.second is None else ()
    is_open = approval.state in ("open", "one_of_two")
    return Waiting(
        id=approval.id, state=approval.state, what=declaration.words if declaration else approval.verb,
        verb=approval.verb, effect=decided.effect, reversible=declaration is not None and declaration.reversible,
        arguments=claw.door().restore(decided).arguments, agent=decided.agent, run=approval.run, rule=approval.rule,
        digest=approval.digest, shown=approval.shown, channel=approval.channel, asked=approval.asked,
        expires=approval.expires, needs=(*mine, *other) if is_open else (),
        canary=approval.canary and not is_open,
    )  # fmt: skip


@command.command()
@screen.as_json
def health(as_json: bool) -> None:
    """Whether asks are read: how fast, how many are a yes, which canaries were caught. For you alone."""
    from meshclaw.outcomes import approvals as outcomes

    with open_claw() as claw:
        found = outcomes.health(approvals(claw.ledger).all(), claw.ledger.events(ApprovalAnswered))
    if as_json:
        screen.data(found)
        return
    screen.table(
        ("RULE", "OPEN", "ALLOWED", "DENIED", "RAN OUT", "MEDIAN", "UNDER 2 S"),
        [
            (
                row.rule, str(row.open), screen.share(row.allowed), screen.share(row.denied), str(row.expired),
                "" if row.median_ms is None else f"{row.median_ms / 1000:.1f} s", screen.share(row.quick),
            )
            for row in (found.all, *found.rules)
        ],
        empty="Nothing was ever asked.",
    )  # fmt: skip
    birds = found.canaries
    click.echo(f"Canaries: {birds.caught.count} caught, {birds.missed} missed, {birds.ignored} ran out.")
    for warning in found.warnings:
        screen.words(f"Warning: {warning}")


for one in (export, sign, accept, key, canary):
    command.add_command(one)
