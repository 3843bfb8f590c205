"""``meshclaw connectors``: list, show, review."""

from __future__ import annotations

import click

from meshclaw.cli import screen
from meshclaw.errors import NotFound, UserError
from meshclaw.flow.declaration import Declaration
from meshclaw.flow.event.guard import ConnectorReviewed
from meshclaw.guard.layers.review import pin, reviewed
from meshclaw.wiring import Claw, open_claw


@click.group("connectors")
def command() -> None:
    """What each connector says it can do, and whether that was reviewed.

    The guard works from these declarations alone. A connector of your own is a file in the folder
    connectors of the state folder; until you reviewed it, and after any change, it does nothing.
    """


@command.command("list")
@screen.as_json
def list_(as_json: bool) -> None:
    """Every connector, with the state of its review."""
    with open_claw() as claw:
        rows = [
            {"connector": name, "verbs": len(declared), "review": _state(claw, name, declared)}
            for name, declared in claw.connectors().items()
        ]
    if as_json:
        screen.data(rows)
        return
    heads = ("connector", "verbs", "review")
    screen.table([h.upper() for h in heads], [[str(row[h]) for h in heads] for row in rows], empty="None.")


@command.command()
@click.argument("name")
@screen.as_json
def show(name: str, as_json: bool) -> None:
    """What NAME declares: for each verb its effect, its targets, and who can write what it brings back."""
    with open_claw() as claw:
        declared = _declared(claw, name)
    if as_json:
        screen.data({"connector": name, "pin": pin(declared), "declarations": declared})
    else:
        tell(declared)


@command.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="You have read it: do not ask.")
@screen.dry_run
def review(name: str, yes: bool, dry_run: bool) -> None:
    """Read what NAME declares, as an attacker would, and pin it by its hash."""
    with open_claw() as claw:
        declared = _declared(claw, name)
        if _state(claw, name, declared) == "reviewed":
            screen.words(f"{name} is what was reviewed: {pin(declared)[:12]}")
            return
        tell(declared)
        if not (yes or dry_run):
            click.confirm("Is every effect and target right, and every field's writer?", abort=True, err=True)
        if not dry_run:
            claw.ledger.record(ConnectorReviewed(connector=name, pin=pin(declared)))
    screen.words(f"{'Would pin' if dry_run else 'Pinned'} {name} at {pin(declared)[:12]}.")


def _declared(claw: Claw, name: str) -> list[Declaration]:
    known = claw.connectors()
    if name not in known:
        raise NotFound(f"there is no connector {name!r}", fix=f"Known: {', '.join(known)}")
    if not known[name]:
        raise UserError(f"the connector {name!r} declares nothing", fix="Write its verbs: docs/manifests.md")
    return known[name]


def _state(claw: Claw, name: str, declared: list[Declaration]) -> str:
    known = reviewed(claw.ledger.events(ConnectorReviewed)).get(name)
    return "never reviewed" if known is None else "reviewed" if known == pin(declared) else "changed since"


def tell(declared: list[Declaration]) -> None:
    heads = ("verb", "effect", "undo", "asked for by", "targets", "content", "brings back")
    rows = [
        (
            one.verb, one.effect, "yes" if one.reversible else "no", " ".join((one.deed, *one.objects)),
            ", ".join(f"{name} ({a.type or a.role})" for name, a in one.arguments.items() if a.role != "text"),
            ", ".join(name for name, a in one.arguments.items() if a.role == "text"),
            ", ".join(f"{path or 'value'}: {f.kind} by {f.writer}" for path, f in one.results.items()),
        )
        for one in declared
    ]  # fmt: skip
    screen.table([head.upper() for head in heads], rows, empty="Nothing.")
