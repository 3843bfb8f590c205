"""How an agent is shown to the person who decides about it: its rights in plain words, then its own words."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

import click
import msgspec

from meshclaw.agents.difference import Difference
from meshclaw.agents.lint import MOST_TOKENS, Finding, Known, lint
from meshclaw.agents.package import Package
from meshclaw.cli import screen
from meshclaw.flow.agent import Agent
from meshclaw.flow.autonomy import LADDER
from meshclaw.flow.declaration import Declaration
from meshclaw.flow.limits import UNLIMITED, Limits
from meshclaw.guard.intents import INTENTS
from meshclaw.guard.layers.autonomy import start_level
from meshclaw.guard.layers.budget import amount
from meshclaw.guard.limits import each
from meshclaw.guard.request.lexicon import DEEDS
from meshclaw.runs.asked import Asked, Stands, asked
from meshclaw.runs.prompt import prompt, sizes, tokens
from meshclaw.wiring import Claw
from meshclaw.wiring.workplace import offered

MOST_LINES = 40
"""Of instructions and differences before an install."""
WIDTH = 79

WOULD: dict[Stands, str] = {
    "alone": "does it by itself",
    "undoable": "does it by itself, and you can undo it",
    "asks": "asks you each time",
    "two": "asks you and a second person",
    "ceiling": "never: above the ceiling of this machine",
    "intent": "never: none of its intents calls for it",
}
_COLOUR: dict[Stands, str] = {"alone": "green", "undoable": "green", "asks": "yellow", "two": "yellow"}


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What ``show --json`` prints."""

    agent: str
    digest: str
    definition: object
    rights: list[Asked]
    not_here: list[str]
    """Verbs that it asks for and that no connector here offers."""
    scripts: list[str]
    files: dict[str, int]
    findings: list[Finding]


def declarations(claw: Claw, package: Package | None) -> list[Declaration]:
    """Of an agent that need not be installed."""
    return [*claw.declarations(), *(package.declarations if package else ())]


def rights(claw: Claw, agent: Agent, package: Package | None) -> list[Asked]:
    wished = package.definition.autonomy if package else {}
    return asked(
        agent, declarations(claw, package), claw.ceiling.rights, wished, two_person=claw.ceiling.two_person
    )


def not_here(agent: Agent, known: Iterable[Declaration]) -> list[str]:
    offered = {name for one in known for name in (one.verb, f"{one.connector}.*")}
    return sorted(agent.rights.verbs - offered)


def findings(claw: Claw, package: Package) -> list[Finding]:
    asking = {deed: verbs.all for deed, verbs in DEEDS.items()}
    return lint(package, Known(intents=INTENTS, declarations=claw.declarations(), asking=asking))


def as_data(claw: Claw, agent: Agent, package: Package | None) -> Shown:
    return Shown(
        agent=agent.label, digest=agent.digest, definition=package.definition if package else agent.bare,
        rights=rights(claw, agent, package), not_here=not_here(agent, declarations(claw, package)),
        scripts=[one.verb for one in package.declarations] if package else [],
        files={path: len(content) for path, content in package.files.items()} if package else {},
        findings=findings(claw, package) if package else [],
    )  # fmt: skip


# -- on a terminal -----------------------------------------------------------------------


def tell(claw: Claw, agent: Agent, package: Package | None, *, words: int | None = None) -> None:
    """``words``: lines of its instructions; all of them where it is None."""
    owner = f"by {agent.owner}" if agent.owner else "and nobody answers for it"
    click.echo(f"{click.style(f'{agent.name} {agent.version}', bold=True)}, {screen.clean(owner)}")
    _wrapped(agent.purpose, "  ")
    click.echo()
    tell_rights(rights(claw, agent, package))
    for verb in not_here(agent, declarations(claw, package)):
        click.echo(f"  {verb}: no connector here offers it")
    if package is not None:
        _tell_more(package)
        if words != 0:
            _tell_words("What it is told", package.instructions.splitlines(), words, "meshclaw agent show")


def tell_rights(found: Sequence[Asked]) -> None:
    by_stand: dict[Stands, list[Asked]] = {stand: [] for stand in WOULD}
    for one in found:
        by_stand[one.stands].append(one)
    width = min(30, max((len(one.verb) for one in found), default=0))
    for stand, several in by_stand.items():
        if several:
            click.echo(
                click.style(f"{WOULD[stand][:1].upper()}{WOULD[stand][1:]}:", fg=_COLOUR.get(stand, "red"))
            )
        for one in several:
            last = "" if one.reversible else ", for good"
            _wrapped(f"{one.verb:<{width}}  {one.words}{last}", "  ", " " * (width + 4))
    if not found:
        click.echo("It can do nothing.")


def _tell_more(package: Package) -> None:
    one = package.definition
    rows = [
        ("intents", ", ".join(sorted(one.intents))),
        ("limits", limits_in_words(one.budget) or "everybody's, and none of its own"),
        ("model", one.model or "the usual one"),
        ("wishes", wishes(package)),
        *(
            ("skill", f"{skill.name}: {' '.join(skill.front.description.split())}")
            for skill in package.skills
        ),
        *(("script", f"{one.verb} ({one.words}), boxed in, without network") for one in package.declarations),
        *(("schedule", f"{entry.told}: {entry.words} (off until you enable it)") for entry in one.schedule),
        ("files", ", ".join(sorted(package.files))),
    ]
    click.echo()
    for name, value in rows:
        if value:
            _wrapped(f"{name:<10} {value}", "  ", " " * 13)


def wishes(package: Package) -> str:
    """Levels above those that everybody begins at: only the person gives them, later."""
    known = {one.verb: one for one in package.declarations}
    higher = [
        f"{verb} up to {level}" for verb, level in sorted(package.definition.autonomy.items())
        if level != "draft" and (verb not in known or LADDER.index(level) > LADDER.index(start_level(known[verb])))
    ]  # fmt: skip
    return f"{', '.join(higher)}; you decide, later: meshclaw autonomy set" if higher else ""


def limits_in_words(limits: Limits) -> str:
    spans: dict[str, list[str]] = {}
    for span, what, number in each(limits):
        if number != UNLIMITED:
            spans.setdefault(span, []).append(f"{what} {amount(what, number)}")
    return "; ".join(f"{', '.join(several)} per {span}" for span, several in spans.items())


def _tell_words(title: str, lines: Sequence[str], most: int | None, more: str) -> None:
    click.echo(f"\n{click.style(f'{title}:', bold=True)}")
    shown = lines[:most]
    for line in shown:
        _wrapped(line, "  ", "  ")
    if len(lines) > len(shown):
        click.echo(f"  … {len(lines) - len(shown)} lines more: {more}")


def _wrapped(text: str, first: str, rest: str = "  ") -> None:
    """No wider than a terminal; a verb or a path is never cut at its hyphen."""
    lines = textwrap.wrap(
        screen.clean(text), WIDTH, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False,
        break_long_words=False, drop_whitespace=True, replace_whitespace=False,
    )  # fmt: skip
    click.echo("\n".join(lines))


def tell_findings(found: Iterable[Finding]) -> None:
    for one in found:
        colour = "red" if one.level == "error" else "yellow"
        screen.words(
            f"{click.style(one.level, fg=colour)}: {screen.clean(one.what)}. {screen.clean(one.fix)}"
        )


def tell_difference(
    difference: Difference, before: Sequence[Asked], after: Sequence[Asked], *, lines: int | None = None
) -> None:
    """``lines``: of the words that changed; all of them where it is None."""
    was: dict[str, Stands] = {one.verb: one.stands for one in before}
    for one in after:
        if was.get(one.verb) != one.stands:
            new = "New" if one.verb not in was else f"Now, and not as before ({WOULD[was[one.verb]]})"
            _wrapped(f"+ {new}: {one.verb}: {one.words}; {WOULD[one.stands]}", "", "    ")
    for verb in sorted(was.keys() - {one.verb for one in after}):
        click.echo(f"- No longer: {verb}")
    for change in difference.fields:
        _wrapped(f"{change.what}: {change.before or 'none'}", "  ", "    ")
        _wrapped(f"now: {change.after or 'none'}", "    ", "    ")
    for path, how in difference.files.items():
        click.echo(f"  {how} file: {screen.clean(path)}")
    _tell_words("Line by line", difference.text.splitlines(), lines, "meshclaw agent diff")


def tell_prompt(claw: Claw, agent: Agent, package: Package | None, *, as_json: bool) -> None:
    """The fixed part of every prompt, and about how many tokens each part of it takes."""
    known = {one.verb: one for one in declarations(claw, package)}
    fixed = prompt(agent, offered(claw, agent, package), known.get)
    parts = {part: tokens(size) for part, size in sizes(fixed, agent).items()}
    whole = sum(parts.values())
    if as_json:
        screen.data(
            {
                "agent": agent.label,
                "tokens": parts,
                "total": whole,
                "fixed": fixed.fixed,
                "tools": fixed.tools,
            }
        )
        return
    screen.lines(fixed.fixed)
    for tool in fixed.tools:
        click.echo(f"[{tool.verb}] {tool.words} {msgspec.json.encode(tool.schema).decode()}")
    screen.words("\nAbout this many tokens of every call, rather fewer:")
    for part, count in parts.items():
        screen.words(f"  {part:<13} {count:>6,}")
    over = click.style(f", more than {MOST_TOKENS:,}", fg="red") if whole > MOST_TOKENS else ""
    screen.words(f"  {'all of it':<13} {whole:>6,}{over}")
