"""``meshclaw policy``: check, explain, test, diff, replay."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import get_args

import click
import msgspec

from meshclaw.cli import screen
from meshclaw.errors import UserError
from meshclaw.flow.autonomy import LADDER
from meshclaw.flow.declaration import Declaration
from meshclaw.flow.grant import Grant
from meshclaw.flow.request import Trust
from meshclaw.guard import ceiling
from meshclaw.guard.intents import INTENTS, NOTHING
from meshclaw.guard.policy import policies, table
from meshclaw.guard.policy.case import Case
from meshclaw.guard.policy.difference import Difference, compare, grid
from meshclaw.guard.policy.explain import Explained, Line
from meshclaw.guard.policy.explain import explain as explained
from meshclaw.guard.policy.policies import Policies
from meshclaw.guard.policy.schema import terms_of
from meshclaw.guard.policy.source import DEFAULT, problems, read
from meshclaw.runs.replay import Changed, Recorded, recorded
from meshclaw.runs.replay import replay as replayed
from meshclaw.settings.home import home
from meshclaw.wiring import Claw, open_claw
from meshclaw.wiring.claw import POLICY

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
SHOWN = 20
"""Changed decisions that are listed for people; ``--json`` has them all."""


@click.group("policy")
def command() -> None:
    """What the policies of you and your company say. Nothing here changes anything."""


@command.command()
@click.argument("file", type=FILE, required=False)
@screen.as_json
def check(file: Path | None, as_json: bool) -> None:
    """Parse FILE, or what is in force here, and hold it against the schema. Exits 1 where something is wrong."""
    schema = terms_of(_declared()).schema
    checked = [file] if file else [path for path in _in_force() if path.exists()]
    found = [(path, one) for path in checked for one in problems(read(path) or "", schema)]
    if not file and not found:
        _ = _loaded()  # whose the files are matters too
    if as_json:
        screen.data([{"file": str(path), **msgspec.structs.asdict(one)} for path, one in found])
    for path, one in [] if as_json else found:
        click.echo(f"{path}:{one.line}:{one.column}: {screen.clean(one.message)}")
    if not as_json and not found:
        click.echo(f"{click.style('Holds:', fg='green')} {', '.join(map(str, checked))}")
    sys.exit(1 if found else 0)


@command.command()
@click.argument("verb")
@click.option("--agent", default="mail-clerk", metavar="NAME", show_default=True, help="Who would do it.")
@click.option("--intent", default="", help="Declared purpose; the agent's first one where it is not named.")
@click.option(
    "--trust",
    type=click.Choice(get_args(Trust)),
    default="person",
    show_default=True,
    help="Who set the run off.",
)
@click.option(
    "--level",
    type=click.Choice(LADDER),
    default="draft",
    show_default=True,
    help="Where the agent stands for this verb.",
)
@click.option("--hour", type=click.IntRange(0, 23), default=12, show_default=True, help="Of the day.")
@click.option("--external", is_flag=True, help="It reaches somebody outside.")
@click.option("--domain", "domains", multiple=True, help="Host of a destination; may be given again.")
@click.option("--tainted", is_flag=True, help="The run has read what others can write.")
@screen.as_json
def explain(verb: str, agent: str, intent: str, as_json: bool, level: str, **more: object) -> None:
    """Which policies speak to VERB, which decide, and what would be needed. Exits 3 where it is denied."""
    with open_claw(limited=False) as claw:
        who, person = claw.agent(agent), claw.person
        declared = claw.declared_for(who)
    declaration = next((one for one in declared if one.verb == verb), None)
    if declaration is None:
        known = ", ".join(one.verb for one in declared)
        raise UserError(f"no connector declares {verb!r}", fix=f"Known: {known}")
    purpose = intent or min(who.intents)
    case = msgspec.convert(
        {
            "verb": verb, "agent": who.name, "version": who.version, "owner": who.owner, "intent": purpose,
            "person": person.login, "unit": person.unit, "reversible": declaration.reversible, "level": level, **more,
        },
        Case,
    )  # fmt: skip
    told = explained(_loaded(), case)
    grant = Grant(
        ceiling=ceiling.load(ceiling.CEILING).rights, agent=who.rights, intent=INTENTS.get(purpose, NOTHING)
    )
    refusing = grant.refusing_layer(declaration)
    if as_json:
        screen.data({"case": case, "grant_refuses": refusing, **msgspec.structs.asdict(told)})
    else:
        _tell(told, refusing)
    sys.exit(3 if refusing or told.decision.verdict == "deny" else 0)


def _tell(told: Explained, refusing: str | None) -> None:
    decision = told.decision
    click.echo(
        f"{click.style(decision.verdict, bold=True)}: {screen.clean(decision.reason)} ({decision.rule})"
    )
    for line in told.lines:
        click.echo(f"  {_STATE[line.state]:<22} {line.effect:<7} {screen.clean(_named(line))}")
    for need in told.needed:
        click.echo(f"  needed: {screen.clean(' '.join(need.split()))}")
    if refusing:
        click.echo(f"  and, whatever the policies say, the {refusing} does not allow it")


_STATE = {"holds": "holds", "condition": "condition fails", "elsewhere": "about something else"}


def _named(line: Line) -> str:
    return f"{line.source}:{line.id}, line {line.line}" + (f", asks {line.ask}" if line.ask else "")


@command.command("test")
@click.argument("cases", metavar="TABLE", type=FILE)
@click.argument("file", type=FILE, required=False)
@screen.as_json
def test(cases: Path, file: Path | None, as_json: bool) -> None:
    """Try the cases of TABLE (TOML or JSON) on FILE, or on what is in force. Exits 1 where one comes out otherwise."""
    known = {one.verb: one for one in _declared()}
    chosen = policies.alone(_declared(), file) if file else _loaded()
    tried = table.try_all(chosen, table.read(cases, known))
    wrong = [one for one in tried if not one.as_expected]
    if as_json:
        screen.data({"cases": len(tried), "wrong": wrong})
    else:
        for one in wrong:
            click.echo(
                f"case {one.number}, {one.expected.verb}: expected {one.expected.expect}, got {one.decision.verdict}"
                f" ({one.decision.rule}; {', '.join(one.decision.policies) or 'no policy'})"
            )
        click.echo(f"{len(tried) - len(wrong)} of {len(tried)} as expected")
    sys.exit(1 if wrong else 0)


@command.command()
@click.argument("old", type=FILE)
@click.argument("new", type=FILE)
@screen.as_json
def diff(old: Path, new: Path, as_json: bool) -> None:
    """What NEW decides otherwise than OLD: over a grid of situations, and over every decision in the ledger.

    Exits 1 where anything differs. A grid shows differences; that it shows none is no proof.
    """
    before, after = (policies.alone(_declared(), path) for path in (old, new))
    texts = [source.text for one in (before, after) for source in one.sources]
    with open_claw(limited=False) as claw:
        tried = compare(before, after, grid(claw.all_declared(), claw.agents(), texts))
        past = [one.case for one in _recorded(claw, before, timedelta(days=36500)) if one.case is not None]
    real = compare(before, after, past)
    if as_json:
        screen.data({"grid": tried, "ledger": real})
    else:
        _tell_difference("situations of the grid", tried)
        _tell_difference("decisions in the ledger", real)
    sys.exit(1 if tried.changes or real.changes else 0)


def _tell_difference(what: str, found: Difference) -> None:
    click.echo(f"{sum(one.cases for one in found.changes):,} of {found.tried:,} {what} differ")
    for one in found.changes:
        example = ", ".join(
            f"{name} {value}" for name, value in one.example.items() if name not in ("run", "owner")
        )
        click.echo(
            f"  {one.agent} {one.verb}: {one.was} -> {click.style(one.now, bold=True)}, {one.cases:,}"
            f"; as in: {screen.clean(example) or 'always'} ({', '.join(one.policies) or 'no policy'})"
        )


@command.command("replay")
@click.argument("file", type=FILE, required=False)
@click.option("--since", default="30d", show_default=True, help="How far back: 12h, 30d, 8w.")
@click.option("--as", "as_", type=click.Choice(["person", "company", "hub"]), default="person", show_default=True,
              help="Whose policy FILE would be; the others stay as they are.")  # fmt: skip
@screen.as_json
def replay(file: Path | None, since: str, as_: str, as_json: bool) -> None:
    """What FILE, or what is in force, would have said to the ledger's decisions. Exits 1 where any would change."""
    chosen = _with(file, as_) if file else _loaded()
    with open_claw(limited=False) as claw:
        found = replayed(chosen, _recorded(claw, chosen, _span(since)))
    if as_json:
        screen.data({**msgspec.structs.asdict(found), "counts": found.counts()})
    else:
        click.echo(
            f"{found.decisions:,} decisions since {since}: {len(found.changed):,} would have been otherwise"
        )
        for kind, count in found.counts().items():
            click.echo(f"  {kind}: {count:,}")
        if found.unknown:
            click.echo(
                f"  nobody can say any more: {found.unknown:,} (content forgotten, or verb no longer declared)"
            )
        _list(found.changed)
    sys.exit(1 if found.changed else 0)


def _list(changed: list[Changed]) -> None:
    for one in changed[:SHOWN]:
        why = ", ".join(one.policies) or one.reason
        click.echo(
            f"  {screen.when(one.ts)}  {one.agent} {one.verb}: {one.was} -> {one.would} ({screen.clean(why)})"
        )
    if len(changed) > SHOWN:
        click.echo(f"  and {len(changed) - SHOWN:,} more; --json has them all")


def _recorded(claw: Claw, chosen: Policies, back: timedelta) -> Iterator[Recorded]:
    declared = {one.verb: one for one in claw.all_declared()}
    return recorded(
        claw.ledger, claw.contents, declared.get,
        policies=chosen, person=claw.person, directory=claw.directory(*claw.accounts.all()),
        since=claw.ledger.now() - back,
    )  # fmt: skip


def _span(text: str) -> timedelta:
    match = re.fullmatch(r"(\d{1,5})([hdw])", text)
    if match is None:
        raise UserError(f"{text!r} is no span of time", fix="As in: --since 12h, 30d or 8w")
    return (
        int(match[1]) * {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}[match[2]]
    )


def _declared() -> list[Declaration]:
    with open_claw(limited=False) as claw:
        return claw.all_declared()


def _in_force() -> list[Path]:
    mine = home() / POLICY
    return [policies.COMPANY, mine if mine.exists() else DEFAULT]


def _loaded() -> Policies:
    return policies.load(_declared(), home() / POLICY, mesh=_of_hub())


def _with(file: Path, as_: str) -> Policies:
    """What is in force, with ``file`` in the place of one of them."""
    if as_ == "company":
        return policies.load(_declared(), home() / POLICY, file, trying=True, mesh=_of_hub())
    if as_ == "hub":
        text = read(file) or ""
        return policies.load(_declared(), home() / POLICY, mesh=(file, text) if text.strip() else None)
    return policies.load(_declared(), file, mesh=_of_hub())


def _of_hub() -> tuple[Path, str] | None:
    return Claw(home()).mesh_policy
