"""What AI tools were used for, and what it cost: a page for one machine. It counts calls and money, never people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from meshclaw.pages.cells import most, partition
from meshclaw.pages.numbers import counted, day, dollars_tick, listed, money, name, share, short
from meshclaw.pages.page import Fact, Figure, Key, Page, Section, Table, render
from meshclaw.pages.plot import TONES, Axis, Bar, Series, bars, columns
from meshclaw.pages.scale import Bin, bins
from meshclaw.pages.svg import Caption
from meshclaw.readers.all import OTLP
from meshclaw.usage.intents import UNDECLARED, Agreement
from meshclaw.usage.overview import UNREAD, Overview
from meshclaw.usage.report import Part, Report, Totals

QUESTION = "What were AI tools used for, and what did it cost?"
MOST_BARS = 10
MOST_PLACES = 20
GUESSED = "?"
CLASSES = {
    "input_uncached": "Input", "cache_read": "Cache read", "cache_write_5m": "Cache write, 5 min",
    "cache_write_1h": "Cache write, 1 h", "output": "Output",
}  # fmt: skip
"""Kinds of tokens, each with a price of its own."""
COST = (
    "Every call at the price of its model on its day, by the public list and your own price sheet. It is not a bill: "
    "a subscription may cost more or less."
)
CALLS = (
    "One answer of a model. Copies in resumed sessions, side chains and several sources count once; where a source "
    "reports only sums, each sum counts as one."
)
DECLARED = (
    "The part of the cost whose calls carry an intent that somebody said: by a variable, a tag, a command, a "
    f"trailer, or the branch, the surest first. Without one it is '{UNDECLARED}'; 'exploration' is an intent like any "
    "other. Nobody's prompt is read."
)
GUESSES = (
    "The part of the cost of models that no list has. They count as the dearest known one, never as nothing."
)
PLACES = "Lines and files that were torn, locked, too long or not understood, or not wholly. Everything else was read."
INFERRED = (
    "By a fixed table, from the names of the tools that a call used and the endings of the files it touched."
)
AGREEMENT = (
    "Of the calls with both, said in the same words. Cohen's kappa is 1 where all agree and 0 where no more agree than "
    "chance would have it."
)
FOOTER = (
    "Tokens and dollars are costs. They do not say how good or how much anybody's work was; nobody is counted here.",
    (
        "This page was made on your machine from the tools' own records, and nothing was sent anywhere. It names "
        "intents, models and folders: look it over before you pass it on."
    ),
)


def page(found: Overview, home: Path) -> str:
    return render(made(found, home))


def made(found: Overview, home: Path) -> Page:
    """``home`` is written ``~``."""
    report, period = found.report, _period(found)
    about = f"{period[:1].upper()}{period[1:]}; days are UTC. Made {day(found.made.date())}, {found.made:%H:%M %Z}."
    if not report.totals.calls:
        return Page(
            title="AI tools: nothing found", question=QUESTION, answer=_nothing(found), about=about,
            sections=[_sources(found, home)], footer=FOOTER,
        )  # fmt: skip
    sections = [
        _time(found), _models(report), _purposes(found), _partition(report), _tokens(report), _sources(found, home),
    ]  # fmt: skip
    return Page(
        title=f"AI tools, {period}: {money(report.totals.cost_usd_micros)}", question=QUESTION,
        answer=_answer(report), about=about, facts=_facts(found, period), sections=sections, footer=FOOTER,
    )  # fmt: skip


def _period(found: Overview) -> str:
    since, until = found.period.since, found.period.until
    known = sorted(found.days)
    first, last = since or (known[0] if known else None), until or (known[-1] if known else found.made.date())
    span = f"{day(first)} to {day(last)}" if first else f"up to {day(last)}"
    return span if since or until else f"all records, {span}"


def _nothing(found: Overview) -> str:
    if any(one.calls for one in found.looked):
        return "Nothing was used in this period; there are records of other times."
    return "No AI tool has left a record here. Below is where was looked."


def _answer(report: Report) -> str:
    totals = report.totals
    tools = [name(tool) for tool in report.by_tool]
    by = listed(tools) if len(tools) <= 3 else f"{len(tools):,} tools, mostly {tools[0]}"
    said = f"{money(totals.cost_usd_micros)} for {counted(totals.calls, 'call')} by {by}."
    model, part = next(iter(report.by_model.items()))
    if totals.cost_usd_micros:
        said += f" {share(part.totals.cost_usd_micros, totals.cost_usd_micros)} of it went to {name(model)}."
    return said


# -- the head ----------------------------------------------------------------------------


def _facts(found: Overview, period: str) -> list[Fact]:
    report = found.report
    cost, calls = report.totals.cost_usd_micros, report.totals.calls
    undeclared = found.by_intent.get(UNDECLARED)
    said = cost - (undeclared.totals.cost_usd_micros if undeclared else 0)
    said_calls = calls - (undeclared.totals.calls if undeclared else 0)
    guessed = [name(model) for model, part in report.by_model.items() if part.is_guessed]
    unread = sum(one.count for _, one in found.unread)
    by_tool = [f"{name(tool)} {part.totals.calls:,}" for tool, part in report.by_tool.items()]
    common = [("Prices", found.prices), ("Period", period)]
    every = counted(calls, "call")
    return [
        _fact("what it cost", money(cost), COST, f"{cost:,} micro-dollars, the sum of {every}", common),
        _fact("calls of a model", f"{calls:,}", CALLS, ", ".join(by_tool[:MOST_PLACES]), common[1:]),
        _fact(
            "of the cost has a declared purpose", share(said, cost), DECLARED,
            f"{money(said)} of {money(cost)}; {said_calls:,} of {every}", common,
        ),
        _fact(
            "of the cost has a guessed price", share(report.guessed_usd_micros, cost), GUESSES,
            f"{money(report.guessed_usd_micros)} of {money(cost)}; {', '.join(guessed[:MOST_PLACES]) or 'no model'}",
            common,
        ),
        _fact(
            f"{'place' if unread == 1 else 'places'} could not be read", f"{unread:,}", PLACES,
            f"{counted(len(found.unread), 'line or file', 'lines or files')}, listed at the end",
            [("Period", "all records: what cannot be read has no sure time")],
        ),
    ]  # fmt: skip


def _fact(label: str, value: str, meaning: str, exactly: str, more: Sequence[tuple[str, str]]) -> Fact:
    return Fact(label=label, value=value, how=[("What it is", meaning), ("Exactly", exactly), *more])


# -- when --------------------------------------------------------------------------------


def _time(found: Overview) -> Section:
    shown = bins(found.days)
    series = _stacked(found, shown)
    sums = [sum(one.values[at] for one in series) for at in range(len(shown))]
    answer = _dearest(shown, sums, len(found.days)) if any(sums) else "No day of the calendar cost anything."
    unit = shown[0].unit if shown else "day"
    of = Caption(id="by-day", title=f"Cost by {unit}, stacked by tool", told=answer)
    axis = Axis(say=money, tick=dollars_tick)
    figure = Figure(
        id=of.id, title=of.title, svg=columns(of, shown, series, axis), empty="There is nothing to plot.",
        keys=[Key(tone=f"tone{one.tone}", name=one.name, value=money(one.total)) for one in series],
        table=Table(
            heads=(unit.capitalize(), "Cost", *(one.name for one in series)),
            rows=[
                (bin_.name, money(total), *(money(one.values[at]) for one in series))
                for at, (bin_, total) in enumerate(zip(shown, sums, strict=True))
                if total
            ],
        ),
        note="" if unit == "day" else f"So many days are shown by {unit}; the first and the last may not be whole.",
    )  # fmt: skip
    return Section(
        id="when", question="When was it spent?", answer=answer, figures=[figure], points=_odd(found)
    )


def _dearest(shown: Sequence[Bin], sums: Sequence[int], days: int) -> str:
    unit = shown[0].unit
    if len(shown) == 1:
        return f"All of it on one {unit}, {shown[0].name}."
    most = max(range(len(sums)), key=sums.__getitem__)
    return (
        f"The dearest {unit} was {shown[most].name.removeprefix('week of ')}: {money(sums[most])}, "
        f"{share(sums[most], sum(sums))} of the cost. Something was used on {counted(days, 'day')}."
    )


def _odd(found: Overview) -> list[str]:
    if not found.odd_calls:
        return []
    what = f"{counted(found.odd_calls, 'call')} for {money(found.odd_usd_micros)}"
    return [f"{what} have a time that cannot be right. They count in every sum, and not in this plot."]


def _stacked(found: Overview, shown: Sequence[Bin]) -> list[Series]:
    """The dearest tools, and all others as one."""
    tools = [tool for tool in found.report.by_tool if any(tool in costs for costs in found.days.values())]
    lanes = [[tool] for tool in tools[: TONES - 1]] + ([tools[TONES - 1 :]] if len(tools) >= TONES else [])
    place = {on: at for at, bin_ in enumerate(shown) for on in bin_.ordinals}
    made: list[Series] = []
    for lane, names in enumerate(lanes, start=1):
        values = [0] * len(shown)
        for on, costs in found.days.items():
            values[place[on.toordinal()]] += sum(costs.get(tool, 0) for tool in names)
        title = name(names[0]) if lane < TONES else counted(len(names), "other tool")
        made.append(Series(name=title, values=values, tone=lane))
    return made


# -- which and what for ------------------------------------------------------------------


def _models(report: Report) -> Section:
    cost = report.totals.cost_usd_micros
    first, part = next(iter(report.by_model.items()))
    answer = (
        f"{name(first)}, with {share(part.totals.cost_usd_micros, cost)} of the cost and "
        f"{share(part.totals.calls, report.totals.calls)} of the calls; {counted(len(report.by_model), 'model')}."
    )
    guessed = sum(part.is_guessed for part in report.by_model.values())
    points = [
        f"{counted(guessed, 'model')} marked {GUESSED}, without a price in the list, cost as the dearest known one."
    ]
    return Section(
        id="models", question="Which models did the work?", answer=answer, points=points if guessed else (),
        figures=[_breakdown("by-model", ("Cost by model", "Model"), report.by_model, cost, answer)],
    )  # fmt: skip


def _purposes(found: Overview) -> Section:
    cost = found.report.totals.cost_usd_micros
    undeclared = found.by_intent.get(UNDECLARED)
    declared = share(cost - (undeclared.totals.cost_usd_micros if undeclared else 0), cost)
    answer = (
        f"For {declared} of the cost somebody said what it was for. Beside it stands what the tools and files tell. "
        f"{_agreement(found.agreement)}"
    )
    return Section(
        id="purposes", question="What was it for?", answer=answer,
        figures=[
            _breakdown("by-intent", ("As declared", "Intent"), found.by_intent, cost, answer),
            _breakdown("by-kind", ("As inferred", "Kind of work"), found.by_kind, cost, answer),
        ],
        how=[("Declared", DECLARED), ("Inferred", INFERRED), ("Agreement", AGREEMENT)],
    )  # fmt: skip


def _agreement(found: Agreement) -> str:
    if not found.compared:
        return "No call says its kind of work in both, so the two cannot be compared."
    kappa = "chance alone explains it" if found.kappa is None else f"Cohen's kappa {found.kappa:.2f}"
    agreeing = f"{found.agreeing:,} of {counted(found.compared, 'call')}"
    part = share(found.agreeing, found.compared)
    return f"Where both say a kind of work, they agree in {agreeing} ({part}; {kappa})."


def _breakdown(
    id_: str, titles: tuple[str, str], parts: Mapping[str, Part], cost: int, answer: str
) -> Figure:
    """The dearest as bars, the rest as one; the table has them all. ``titles``: of the plot, and of what a bar is."""
    lines = [(name(key), part.totals.cost_usd_micros, part) for key, part in parts.items()]
    cut = MOST_BARS if len(lines) > MOST_BARS + 1 else len(lines)
    rows = [
        Bar(name=key, value=micros, note=_mark(part), tone=TONES if key == UNDECLARED else 1)
        for key, micros, part in lines[:cut]
    ]
    if rest := lines[cut:]:
        mark = GUESSED if any(part.is_guessed for _, _, part in rest) else ""
        micros = sum(micros for _, micros, _ in rest)
        rows.append(Bar(name=f"{len(rest):,} others", value=micros, tone=TONES, note=mark))
    of = Caption(id=id_, title=titles[0], told=answer)
    return Figure(
        id=id_, title=titles[0], svg=bars(of, rows, money, whole=cost),
        empty="Nothing here cost anything.",
        table=Table(
            heads=(titles[1], "Calls", "Cost", "Share"),
            rows=[
                (key, f"{part.totals.calls:,}", f"{money(micros)}{_mark(part)}", share(micros, cost))
                for key, micros, part in lines
            ],
        ),
    )  # fmt: skip


def _mark(part: Part) -> str:
    return GUESSED if part.is_guessed else ""


# -- where it belongs --------------------------------------------------------------------


def _partition(report: Report) -> Section:
    left = report.totals.cost_usd_micros - sum(report.partition.values())
    answer = f"{most(report.partition)} {_sum(left)}"
    figure = partition(report.partition, answer)
    return Section(id="cells", question="What became of it?", answer=answer, figures=[figure])


def _sum(left: int) -> str:
    if left:
        return f"{money(left)} is in no place: the sums do not hold, see meshclaw usage doctor."
    return "Every dollar is in one place, and together they are the total to the micro-dollar."


def _tokens(report: Report) -> Section:
    tools = [(name(tool), part) for tool, part in report.by_tool.items()]
    billed = [
        f"{tool} bills {part.credits_milli / 1000:,.2f} credits, which are neither tokens nor dollars."
        for tool, part in tools
        if part.credits_milli
    ]
    return Section(
        id="tokens", question="How many tokens, of which kind?", points=billed,
        answer=f"{_classes(report.totals)}. Each kind has a price of its own, so they are never added to one number.",
        figures=[_class(field, title, tools) for field, title in CLASSES.items()] if len(tools) > 1 else (),
        table=Table(
            heads=("Tool", *CLASSES.values()),
            rows=[(tool, *(f"{getattr(part.totals, field):,}" for field in CLASSES)) for tool, part in tools],
        ),
    )  # fmt: skip


def _class(field: str, title: str, tools: Sequence[tuple[str, Part]]) -> Figure:
    amounts = [(tool, int(getattr(part.totals, field))) for tool, part in tools]
    rows = [
        Bar(name=tool, value=amount, tone=min(at, TONES))
        for at, (tool, amount) in enumerate(amounts, start=1)
        if amount
    ][:MOST_BARS]
    of = Caption(id=f"tokens-{field}", title=title, told=f"Tokens by tool: {title}.")
    return Figure(
        id=of.id, title=title, empty="None.", svg=bars(of, rows, short), table=Table(heads=(), rows=())
    )


def _classes(totals: Totals) -> str:
    return listed([
        f"{short(totals.input_uncached)} of input", f"{short(totals.cache_read)} read from the cache",
        f"{short(totals.cache_write_5m)} written to it for 5 minutes", f"{short(totals.cache_write_1h)} for an hour",
        f"{short(totals.output)} of output",
    ])  # fmt: skip


# -- what was read -----------------------------------------------------------------------


def _sources(found: Overview, home: Path) -> Section:
    read = [one for one in found.looked if one.calls]
    count = sum(one.count for _, one in found.unread)
    answer = (
        f"Records of {listed([name(one.tool) for one in read])} were read." if read else "No record was read."
    )
    left = (
        f"{counted(count, 'place')} could not be read, or not wholly."
        if count
        else "Nothing was left unread."
    )
    why: Counter[tuple[str, str]] = Counter()
    for tool, one in found.unread:
        why[tool, one.why] += one.count
    rows = [
        (
            name(one.tool), one.evidence, one.confidence, f"{one.files:,}", f"{one.calls:,}",
            " ".join(_short(path, home) for path in (one.found if read else one.folders))
            or ("what tools send" if one.tool == OTLP.tool else "files that are named"),
        )
        for one in (read or found.looked)
    ]  # fmt: skip
    return Section(
        id="sources", question="What was read, and what was not?", answer=f"{answer} {left}",
        how=_places(found, home), opens="Where",
        points=[f"{name(tool)}: {times:,} {reason}, {UNREAD[reason]}." for (tool, reason), times in why.most_common()],
        table=Table(heads=("Tool", "Seen by", "Numbers", "Files", "Calls", "Folders"), rows=rows, words=True),
    )  # fmt: skip


def _places(found: Overview, home: Path) -> list[tuple[str, str]]:
    """The first places that could not be read."""
    shown = [
        (f"{one.why} {one.what}".strip(), f"{_short(one.path, home)}, line {one.line}")
        for _, one in found.unread[:MOST_PLACES]
    ]
    more = len(found.unread) - MOST_PLACES
    return [*shown, ("...", f"{more:,} more: meshclaw usage doctor --json")] if more > 0 else shown


def _short(path: str, home: Path) -> str:
    own = str(home)
    return name(f"~{path[len(own) :]}" if path == own or path.startswith(f"{own}/") else path)
