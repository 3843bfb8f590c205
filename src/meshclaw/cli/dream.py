"""``meshclaw dream``: consolidate what was said and corrected, and see in the morning what came of it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import click

from meshclaw.agents.memory.store import Night
from meshclaw.cli import screen
from meshclaw.runs.dream import Plan
from meshclaw.runs.dreaming.refusal import WORDS
from meshclaw.runs.morning import Learned, Morning, morning
from meshclaw.triggers import terminal
from meshclaw.wiring import Claw, open_claw
from meshclaw.wiring.memory import DREAM, dreaming


@click.group("dream")
def command() -> None:
    """What your claw learns from your words and corrections. You see each piece of it, and can take it back."""


@command.command("run")
@click.option(
    "--no-model", is_flag=True, help="Ask no model: count corrections and keep what you said to remember."
)
@screen.dry_run
@screen.as_json
def run_(no_model: bool, dry_run: bool, as_json: bool) -> None:
    """Dream now, of what came since the last time. It goes on where it was cut short."""
    with open_claw() as claw:
        claw.refuse_if_stopped()
        with dreaming(claw, no_model=no_model) as dreamer:
            if dry_run:
                _plan(dreamer.plan(claw.ledger.now()), as_json=as_json)
                return
            night = dreamer.go(claw.ledger.now(), terminal.receive(DREAM))
        if as_json:
            screen.data(night)
        elif night is None:
            screen.words("Nothing happened since the last dream: nothing to learn, and no model was asked.")
        else:
            _night(claw, night)


@command.command("morning")
@click.option(
    "--hours", default=24, show_default=True, type=click.IntRange(1, 24 * 60), help="How far back to look."
)
@screen.as_json
def morning_(hours: int, as_json: bool) -> None:
    """What ran, what was learned and how to veto it, what waits for you, and what it cost."""
    with open_claw(limited=False) as claw:
        made = morning(
            claw.ledger,
            claw.memory,
            since=claw.ledger.now() - timedelta(hours=hours),
            declared=claw.declaration,
        )
    if as_json:
        screen.data(made)
    else:
        _show(made)


@command.command()
@click.option("--last", default=14, show_default=True, type=click.IntRange(1), help="How many nights.")
@screen.as_json
def log(last: int, as_json: bool) -> None:
    """Every dream, the newest first."""
    with open_claw(limited=False) as claw:
        nights = claw.memory.nights(last)
    if as_json:
        screen.data(nights)
        return
    screen.table(
        ("WHEN", "RUN", "REVISION", "READ", "LEFT", "KNOWN", "REFUSED", "MODEL"),
        [
            (
                _when(one.at), screen.short(one.run), str(one.revision or "-"), str(one.turns), str(one.left),
                str(one.known), str(sum(one.refused.values())), one.model or f"none ({one.without})",
            )
            for one in nights
        ],
        empty="No dream yet. Try one: meshclaw dream run --no-model",
    )  # fmt: skip


# -- shown ---------------------------------------------------------------------------------------


def _plan(plan: Plan, *, as_json: bool) -> None:
    if as_json:
        screen.data(plan)
        return
    for one in plan.operations:
        instead = f" (instead of {', '.join(map(str, one.of))})" if one.of else ""
        click.echo(f"  would {one.do} {screen.clean(one.text)}{instead}".rstrip())
    if not plan.operations:
        screen.words("Without a model it would change nothing.")
    if plan.most_micros:
        screen.words(
            f"A model would read {_several(plan.turns, 'request')}, for at most {_dollars(plan.most_micros)}."
        )


def _night(claw: Claw, night: Night) -> None:
    if night.revision:
        since = claw.ledger.now() - timedelta(hours=24)
        made = morning(claw.ledger, claw.memory, since=since, declared=claw.declaration)
        _learned(one for one in made.learned if one.revision == night.revision)
    else:
        screen.words("It changed nothing.")
    if night.known:
        screen.words(f"Known already: {night.known}.")
    for reason, count in night.refused.items():
        screen.words(f"Refused {count}: {WORDS[reason]}.")
    if night.conflicts:
        screen.words(f"{_several(len(night.conflicts), 'contradiction')} could not be judged: both are kept.")
    screen.words("See it whole with: meshclaw dream morning")


def _show(made: Morning) -> None:
    hours = round((made.made - made.since).total_seconds() / 3600)
    _head(f"What ran in the last {hours} hours")
    for one in made.ran:
        open_ = f", {one.unfinished} unfinished" if one.unfinished else ""
        click.echo(
            f"  {one.intent} by {one.agent}: {_several(one.runs, 'run')}, {one.done} done, {one.asked} asked, "
            f"{one.denied} denied, {one.failed} failed{open_}"
        )
    if not made.ran:
        click.echo("  Nothing.")
    _head("What I learned")
    _learned(made.learned)
    if not made.learned:
        click.echo(
            "  Nothing new." if made.dreamt else "  Nothing: there was no dream, for nothing happened."
        )
    if made.without_words:
        click.echo(f"  No model was asked, or not for all: {made.without_words}.")
    for one in made.conflicts:
        click.echo(f"  ? {one.older} and {one.newer} contradict one another: {screen.clean(one.older_text)} / "
                   f"{screen.clean(one.newer_text)}")  # fmt: skip
        click.echo(f"    Which one goes: meshclaw memory forget {one.older}, or {one.newer}")
    for one in made.refused:
        click.echo(f"  Not kept ({one.count}): {one.words}")
    if made.left:
        click.echo(f"  Left for the next night: {_several(made.left, 'request')}")
    _head("What waits for you")
    for one in made.waits:
        click.echo(f"  {one.words}, for {one.agent}: meshclaw approvals why {one.approval}")
    if not made.waits:
        click.echo("  Nothing.")
    _head("What it cost")
    cost = made.cost
    click.echo(f"  {_dollars(cost.micros)} for {_several(cost.answers, 'answer')} of models, "
               f"{_dollars(cost.dream_micros)} of it for dreams")  # fmt: skip


def _learned(learned: Iterable[Learned]) -> None:
    for one in learned:
        times = f", {one.times} times" if one.times > 1 else ""
        click.echo(f"  {one.fact}  {screen.clean(one.text)}  ({one.what}{times})")
        for before in one.instead:
            click.echo(f"      instead of: {screen.clean(before)}")
        click.echo(f"      veto: {one.veto}")


def _head(words: str) -> None:
    click.echo(click.style(words, bold=True))


def _when(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000).astimezone().strftime("%Y-%m-%d %H:%M")


def _several(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _dollars(micros: int) -> str:
    return f"${micros / 1_000_000:.4f}" if 0 < micros < 10_000 else f"${micros / 1_000_000:.2f}"
