"""How ``meshclaw usage`` looks to a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import click

from meshclaw.cli import screen
from meshclaw.flow.usage import Unread
from meshclaw.pages.numbers import money, short
from meshclaw.readers.all import OTLP
from meshclaw.usage.overview import UNREAD, Looked
from meshclaw.usage.report import Part, Report

HEADS = ("", "CALLS", "INPUT", "CACHE READ", "WRITTEN", "OUTPUT", "COST")
GAP = 2
SHORTEST_BAR, LONGEST_BAR = 8, 40
"""Characters of the dearest line's bar, as wide as the terminal leaves room for."""
EIGHTHS = " ▏▎▍▌▋▊▉"
MOST_LINES = 40
MOST_UNREAD = 20


def show(report: Report, looked: Sequence[Looked], by: str, way: Mapping[str, Part]) -> None:
    if not report.totals.calls and not any(one.calls for one in looked):
        _nothing(looked)
        return
    totals = report.totals
    click.echo(
        f"{click.style(money(totals.cost_usd_micros), bold=True)} for {totals.calls:,} calls: "
        f"{short(totals.input_uncached)} input, {short(totals.cache_read)} from cache, "
        f"{short(totals.cache_write_5m + totals.cache_write_1h)} written to cache, {short(totals.output)} output tokens"
    )
    if report.guessed_usd_micros:
        click.echo(
            f"  {money(report.guessed_usd_micros)} of it at the dearest known price: meshclaw usage doctor"
        )
    click.echo()
    _chart(by, way)
    click.echo()
    click.echo("Where the cost belongs: " + _partition(report))
    for one in looked:
        if one.heard:
            sent = ", ".join(f"{tool} {heard.usages:,}" for tool, heard in one.heard.items())
            click.echo(f"Received by OTLP: {screen.clean(sent)}")
        elif one.calls and one.files:
            click.echo(
                f"Read: {one.tool}, {one.files:,} files under {', '.join(one.found) or 'the names you gave'}"
            )
    if report.unread:
        count = sum(unread.count for unread in report.unread)
        screen.words(f"{count:,} places could not be read, or not wholly: meshclaw usage doctor")


def _nothing(looked: Sequence[Looked]) -> None:
    click.echo("No AI tool has left a record here. Looked for:")
    for one in looked:
        if one.folders:
            click.echo(f"  {one.tool:<12} {', '.join(one.folders)}")
    named = ", ".join(one.tool for one in looked if not one.folders and one.tool != OTLP.tool)
    click.echo(f"Reports of {named} are read where you name them: meshclaw usage import --from TOOL FILE")
    click.echo(
        "Nothing was received by OTLP either; tools can send it while this runs: meshclaw usage receive"
    )


def _chart(by: str, way: Mapping[str, Part]) -> None:
    """The dearest lines, or of days the last ones; each bar is a share of the dearest line's cost."""
    lines = list(way.items())
    shown = lines[-MOST_LINES:] if by == "day" else lines[:MOST_LINES]
    most = max((part.totals.cost_usd_micros for _, part in shown), default=0)
    rows = [(name or "not said", *_numbers(part)) for name, part in shown]
    left = screen.width() - sum(max(map(len, column)) + GAP for column in zip(HEADS, *rows, strict=True))
    longest = min(max(left, SHORTEST_BAR), LONGEST_BAR)
    screen.table(
        (by.upper(), *HEADS[1:], ""),
        [
            (*row, _bar(part.totals.cost_usd_micros, most, longest))
            for row, (_, part) in zip(rows, shown, strict=True)
        ],
        empty="Nothing in this period.",
        numbers=len(HEADS) - 1,
    )
    if len(lines) > len(shown):
        which = "earlier days" if by == "day" else "more"
        screen.words(f"{len(lines) - len(shown):,} {which}: --json has all of them")


def _numbers(part: Part) -> tuple[str, ...]:
    totals = part.totals
    return (
        f"{totals.calls:,}", short(totals.input_uncached), short(totals.cache_read),
        short(totals.cache_write_5m + totals.cache_write_1h), short(totals.output),
        money(totals.cost_usd_micros) + ("?" if part.is_guessed else ""),
    )  # fmt: skip


def _partition(report: Report) -> str:
    cells = [f"{cell} {money(micros)}" for cell, micros in report.partition.items() if micros]
    left = report.totals.cost_usd_micros - sum(report.partition.values())
    return ", ".join(cells or ["nothing"]) + (f"; {money(left)} is in none of them" if left else "")


def health(unread: Sequence[tuple[str, Unread]], guessed: Mapping[str, int], wrong: int, left: int) -> None:
    counts = Counter[tuple[str, str]]()
    for tool, one in unread:
        counts[tool, one.why] += one.count
    _verdict(
        not wrong,
        "sums",
        f"{wrong:,} are not what the calls add up to" if wrong else "they are what the calls add up to",
    )
    _verdict(not left, "partition", f"{money(left)} is in no cell" if left else "every cost is in one cell")
    names = ", ".join(f"{name or 'no name'} ({money(cost)})" for name, cost in guessed.items())
    _verdict(
        not guessed,
        "prices",
        f"priced as the dearest known model: {names}" if guessed else "every model has one",
    )
    _verdict(not unread, "records", "not all were read" if unread else "all were read")
    for (tool, why), count in counts.most_common():
        click.echo(f"  {tool}: {count:,} {why}, {UNREAD[why]}")
    for _, one in unread[:MOST_UNREAD]:
        what = f" {screen.clean(one.what)}" if one.what else ""
        times = f" ({one.count:,} times)" if one.count > 1 else ""
        click.echo(f"    {screen.clean(one.path)}:{one.line}: {one.why}{what}{times}")
    if len(unread) > MOST_UNREAD:
        screen.words(f"{len(unread) - MOST_UNREAD:,} more: --json has all of them")


def _verdict(is_well: bool, name: str, told: str) -> None:
    state, colour = ("ok", "green") if is_well else ("warning", "yellow")
    click.echo(f"{click.style(f'{state:<8}', fg=colour)} {name}: {told}")


def _bar(value: int, most: int, longest: int) -> str:
    """In eighths of a character, and one for anything that is not nothing."""
    if value <= 0:
        return ""
    full, rest = divmod(max(1, value * longest * 8 // most), 8)
    return "█" * full + EIGHTHS[rest].strip()
