"""Whether the code stood: a page on one repository or several. Its smallest unit is a repository, never a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

from meshclaw.changes.report import Comparison, Group, Ratio, Report, Repository, Share, Survival
from meshclaw.pages.cells import CELLS, most, partition
from meshclaw.pages.curves import Curve, Range, Spot, ranged, ranges, survival
from meshclaw.pages.numbers import counted, day, listed, money, name, share
from meshclaw.pages.page import Fact, Figure, Key, Page, Section, Table, render
from meshclaw.pages.plot import TONES, Axis, Series, columns
from meshclaw.pages.scale import MOST_BINS, Bin
from meshclaw.pages.svg import Caption

QUESTION = "Did the code stand?"
DAYS = 365
"""That a curve spans at most."""
MOST_TOOLS = 4
FEW = "too few"
TONE_OF = {"human": 1, "ai": 2, "bot": 6, "unknown": 4}
ORIGINS = {"human": "human", "ai": "AI", "bot": "bots", "unknown": "unknown"}
MATCHED = "human lines like them"
TOOL_TONES = (2, 3, 4, 5)
PLOTS = (
    "A dot is a computed share, the band its 95 % interval; the lines between only join the dots. Early days are drawn "
    "wider, and the scale does not begin at 0."
)
EVIDENCE = "Lines of commits with evidence of an AI tool. Signs can be switched off: it is a lower bound."
FOOTER = (
    (
        "Lines are counted by who made the commit as its own records say: human, AI, bot or unknown. No person is "
        "counted, and the smallest unit is a repository."
    ),
)


def page(report: Report) -> str:
    one = report.together
    beside = _beside(one, "ai")
    sections = [
        _matched(beside), _standing(one), _rework(one), _taken_back(one), _layers(one), _spend(report),
        *_numbers(report), _each(report), _set_apart(one),
    ]  # fmt: skip
    failed = [f"{name(each.path)} could not be read: {name(each.why)}" for each in report.failed]
    title = (
        name(one.names[0]) if len(one.names) == 1 else counted(len(one.names), "repository", "repositories")
    )
    return render(
        Page(
            title=f"{QUESTION} {title}", question=f"{QUESTION} {title}", answer=_answer(one, beside), about=_about(one),
            caveats=[*failed, *(caveat.text for caveat in one.caveats)], facts=_facts(one, beside, report),
            sections=[section for section in sections if section], footer=FOOTER,
        )
    )  # fmt: skip


def _about(one: Repository) -> str:
    since = f"; lines born since {_day(one.since)}" if one.since is not None else ""
    return f"{counted(one.commits, 'commit')} on main, {_day(one.first)} to {_day(one.until)}{since}. Days are UTC."


def _beside(one: Repository, of: str, beside: str = "human") -> Comparison | None:
    return next((each for each in one.comparisons if (each.of, each.beside) == (of, beside)), None)


def _answer(one: Repository, beside: Comparison | None) -> str:
    ai = one.by_origin["ai"]
    if not one.added:
        return "There are no lines to count."
    if not ai.added:
        alive = share(one.alive, one.added)
        return f"No sign of AI was found. Of {counted(one.added, 'line')} that were added {alive} are alive."
    if beside is None or beside.is_few:
        return (
            f"AI added {counted(ai.added, 'line')}; alive after 14 days: {_said(ai.survival.s14)}. There is too little "
            f"on one side to stand it beside {MATCHED}."
        )
    return (
        f"After 14 days {_said(beside.compared.s14)} of AI's lines were alive, beside {_said(beside.matched.s14)} of "
        f"{MATCHED}. {_verdict(beside.hazard_ratio)}"
    )


def _verdict(found: Ratio | None) -> str:
    if found is None:
        return "How fast they die cannot be compared."
    if found.low > 1:
        return f"They die sooner: {_times(found)}."
    if found.high is not None and found.high < 1:
        return f"They live longer: {_times(found)}."
    return f"No difference can be told: they die {_times(found)}."


def _times(found: Ratio) -> str:
    high = "no bound" if found.high is None or found.high > 99 else f"{found.high:.2f}"
    return f"{found.ratio:.2f} times as fast ({found.low:.2f} to {high})"


def _said(of: Share) -> str:
    """With its interval, or why there is none."""
    if of.share is None or of.low is None or of.high is None:
        return "not seen for so long"
    return FEW if of.is_few else ranged(of.share, of.low, of.high)


def _rests(of: Share) -> str:
    lines = f"{counted(of.lines, 'line')} of " if of.lines else ""
    return f"{lines}{counted(of.commits, 'commit')}"


# -- the head ----------------------------------------------------------------------------


def _facts(one: Repository, beside: Comparison | None, report: Report) -> list[Fact]:
    ai, words = one.by_origin["ai"], report.definitions
    period = f"{_day(one.first)} to {_day(one.until)}"
    common = [
        ("Interval", words.get("interval", "95 %")),
        ("Definitions", f"version {report.version}"),
        ("Period", period),
    ]
    facts = [
        Fact(label="of the lines added are AI's", value=share(ai.added, one.added), how=[
            ("What it is", EVIDENCE), *common[1:],
            ("Exactly", f"{ai.added:,} of {one.added:,} lines, in {ai.commits:,} of {one.commits:,} commits"),
        ]),
        _fact("of AI's lines alive after 14 days", ai.survival.s14, words.get("s14", ""), common),
    ]  # fmt: skip
    human = one.by_origin["human"].survival.s14 if beside is None else beside.matched.s14
    label = "of human lines" if beside is None else f"of {MATCHED}"
    matched = words.get("matched", "") if beside else words.get("s14", "")
    return [
        *facts,
        _fact(f"{label} alive after 14 days", human, matched, common),
        _fact(
            "of AI's lines reworked within 14 days", ai.survival.rework14, words.get("rework14", ""), common
        ),
        _fact("of AI's commits taken back", ai.reverted, words.get("reverts", ""), common),
    ]


def _fact(label: str, of: Share, meaning: str, common: Sequence[tuple[str, str]]) -> Fact:
    is_said = of.share is not None and not of.is_few
    value = share(of.share or 0, 1) if is_said else "-" if of.share is None else FEW
    return Fact(label=label, value=value, how=[
        ("What it is", meaning), ("Exactly", _said(of)), ("Rests on", _rests(of)), *common,
    ])  # fmt: skip


# -- standing ----------------------------------------------------------------------------


def _matched(beside: Comparison | None) -> Section | None:
    if beside is None or beside.is_few:
        return None
    answer = (
        f"After 90 days {_said(beside.compared.s90)} of AI's lines were alive, beside {_said(beside.matched.s90)} of "
        f"{MATCHED}. {beside.of_matched:,} of AI's {counted(beside.of_lines, 'line')} have any like them."
    )
    curves = {"AI": (TONE_OF["ai"], beside.compared), MATCHED: (TONE_OF["human"], beside.matched)}
    return Section(
        id="matched", question="Do AI's lines last as long as human lines like them?", answer=answer,
        figures=[_curves("alive-ai", f"AI's lines, and {MATCHED}", curves)], how=[("Plot", PLOTS)],
    )  # fmt: skip


def _standing(one: Repository) -> Section:
    origins = {ORIGINS[origin]: (TONE_OF[origin], group.survival) for origin, group in one.by_origin.items()}
    figures = [_curves("alive-origin", "All lines, by who made them", origins)]
    if len(one.by_tool) > 1:
        named = zip(TOOL_TONES, one.by_tool.items(), strict=False)
        tools = {name(tool): (tone, group.survival) for tone, (tool, group) in named}
        figures.append(_curves("alive-tool", "AI's lines, by tool", tools))
    alive = [
        f"{label} {_said(found.s90)}" for label, (_, found) in origins.items() if found.s90.share is not None
    ]
    answer = f"Alive after 90 days, whatever they are: {'; '.join(alive) or 'nothing was seen for so long'}."
    return Section(
        id="standing", question="How many lines are left, and for how long?", answer=answer, figures=figures,
        how=[("Plots", PLOTS)],
    )  # fmt: skip


def _curves(id_: str, title: str, of: Mapping[str, tuple[int, Survival]]) -> Figure:
    """Those with enough to say."""
    enough = {
        label: each for label, each in of.items() if each[1].s14.share is not None and not each[1].s14.is_few
    }
    curves = [
        Curve(name=label, tone=tone, spots=[
            Spot(day=point.day, share=point.share, low=point.low, high=point.high)
            for point in found.curve
            if point.day > 0
        ])
        for label, (tone, found) in enough.items()
    ]  # fmt: skip
    few = [label for label in of if label not in enough]
    told = ". ".join(f"{curve.name}: {_ends(curve)}" for curve in curves)
    days = sorted({spot.day for curve in curves for spot in curve.spots if spot.day <= DAYS})
    by_day = [{spot.day: spot for spot in curve.spots} for curve in curves]
    return Figure(
        id=id_, title=title, svg=survival(Caption(id=id_, title=title, told=told), curves, DAYS),
        empty="There is too little to draw.",
        keys=[Key(tone=f"line{curve.tone}", name=curve.name) for curve in curves],
        note=f"Too few lines or commits to draw: {', '.join(few)}." if few and curves else "",
        table=Table(
            heads=("Days", *(curve.name for curve in curves)),
            rows=[
                (f"{at:,}", *(ranged(s.share, s.low, s.high) if (s := spots.get(at)) else "-" for spots in by_day))
                for at in days
            ],
        ),
    )  # fmt: skip


def _ends(curve: Curve) -> str:
    shown = [spot for spot in curve.spots if spot.day in (14, 90, DAYS)] or list(curve.spots[-1:])
    return listed([f"{ranged(spot.share, spot.low, spot.high)} after {spot.day} days" for spot in shown])


# -- rework and reverts ------------------------------------------------------------------


def _rework(one: Repository) -> Section | None:
    """Each tool above the human lines like its own."""
    rows: list[Range] = []
    names = ["ai", *list(one.by_tool)[:MOST_TOOLS]] if len(one.by_tool) > 1 else ["ai"]
    for of in names:
        found = _beside(one, of)
        label = "AI" if of == "ai" else name(of)
        group = one.by_origin["ai"] if of == "ai" else one.by_tool[of]
        rows += _range(label, found.compared.rework14 if found else group.survival.rework14, 2)
        if found:
            rows += _range(f"human lines like {label}'s", found.matched.rework14, 1)
    if not rows:
        return None
    answer = f"{rows[0].name}: {_of(rows[0])}" + (
        f"; {rows[1].name}: {_of(rows[1])}." if len(rows) > 1 else "."
    )
    title = "Lines changed or deleted within 14 days"
    return Section(
        id="rework", question="How much was reworked within two weeks?", answer=answer,
        figures=[_figure("rework14", title, rows, answer)],
    )  # fmt: skip


def _taken_back(one: Repository) -> Section | None:
    groups = {ORIGINS[origin]: (TONE_OF[origin], group) for origin, group in one.by_origin.items()}
    reverted = [row for label, (tone, group) in groups.items() for row in _range(label, group.reverted, tone)]
    fixed = [row for label, (tone, group) in groups.items() for row in _range(label, group.fixed, tone)]
    if not reverted and not fixed:
        return None
    answer = "Taken back: " + (
        ", ".join(f"{row.name} {_of(row)}" for row in reverted) or "nothing that can be told"
    )
    return Section(
        id="taken-back", question="How many commits were taken back, or fixed afterwards?", answer=f"{answer}.",
        figures=[
            _figure("reverted", "Commits that a later one took back", reverted, answer),
            _figure("fixed", "Commits whose lines a fix changed", fixed, answer),
        ],
    )  # fmt: skip


def _range(label: str, of: Share, tone: int) -> list[Range]:
    if of.share is None or of.low is None or of.high is None or of.is_few:
        return []
    return [Range(name=label, share=of.share, low=of.low, high=of.high, note=f"of {_rests(of)}", tone=tone)]


def _of(row: Range) -> str:
    return ranged(row.share, row.low, row.high)


def _figure(id_: str, title: str, rows: Sequence[Range], told: str) -> Figure:
    of = Caption(id=id_, title=title, told=told)
    return Figure(
        id=id_, title=title, svg=ranges(of, rows), empty="There is too little to draw.",
        table=Table(heads=("Made by", "Share", "Rests on"), rows=[(row.name, _of(row), row.note) for row in rows]),
    )  # fmt: skip


# -- layers ------------------------------------------------------------------------------


def _layers(one: Repository) -> Section | None:
    months = one.layers.months
    if not months or not one.alive:
        return None
    step = -(-len(months) // MOST_BINS)
    kept = [at for at in range(len(months)) if (len(months) - 1 - at) % step == 0]
    bins = [_month(months[at]) for at in kept]
    by_origin = [
        Series(
            name=ORIGINS[origin],
            tone=TONE_OF[origin],
            values=[one.layers.by_origin[origin][at] for at in kept],
        )
        for origin in ("human", "bot", "unknown", "ai")
        if any(one.layers.by_origin.get(origin, ()))
    ]
    by_year = _years(one.layers.by_year, kept)
    last = dict(sorted(((each.name, each.values[-1]) for each in by_origin), key=lambda it: -it[1]))
    answer = f"{counted(sum(last.values()), 'line')} at the end of {bins[-1].name}: " + listed(
        [f"{label} {share(lines, sum(last.values()))}" for label, lines in last.items() if lines]
    )
    note = "" if step == 1 else f"Every {step}. month is drawn."
    return Section(
        id="layers", question="Whose lines is it made of?", answer=f"{answer}.",
        figures=[
            _layer("layers-origin", "Lines alive, by who made them", bins, by_origin, note),
            _layer("layers-year", "Lines alive, by the year they are from", bins, by_year, note),
        ],
    )  # fmt: skip


def _years(by_year: Mapping[str, Sequence[int]], kept: Sequence[int]) -> list[Series]:
    """The last years each, what is older together and beneath."""
    years = sorted(by_year)
    own = years[-(TONES - 1) :]
    old = years[: -(TONES - 1)]
    lanes = ([(f"{old[0]} to {old[-1]}" if len(old) > 1 else old[0], old, TONES)] if old else []) + [
        (year, [year], tone) for tone, year in enumerate(own, start=1)
    ]
    return [
        Series(name=label, tone=tone, values=[sum(by_year[year][at] for year in of) for at in kept])
        for label, of, tone in lanes
    ]


def _layer(id_: str, title: str, bins: Sequence[Bin], series: Sequence[Series], note: str) -> Figure:
    def said(lines: int) -> str:
        return counted(lines, "line")

    last = ", ".join(f"{each.name} {each.values[-1]:,}" for each in series)
    of = Caption(id=id_, title=title, told=f"At the end of {bins[-1].name}: {last}.")
    return Figure(
        id=id_, title=title, svg=columns(of, bins, series, Axis(say=said, tick=lambda lines: f"{lines:,.0f}", gap=0)),
        keys=[Key(tone=f"tone{each.tone}", name=each.name, value=f"{each.values[-1]:,}") for each in reversed(series)],
        note=note,
        table=Table(
            heads=("End of", *(each.name for each in series)),
            rows=[(bin_.name, *(f"{each.values[at]:,}" for each in series)) for at, bin_ in enumerate(bins)],
        ),
    )  # fmt: skip


def _month(text: str) -> Bin:
    first = date(int(text[:-3]), int(text[-2:]), 1)
    after = (first + timedelta(days=31)).replace(day=1)
    return Bin(first=first, last=after - timedelta(days=1), unit="month")


def _spend(report: Report) -> Section | None:
    found = report.spend
    if found is None:
        return None
    answer = (
        f"Sessions on this machine that worked here cost {money(sum(found.micros.values()))}. {most(found.micros)} "
        f"{counted(found.standing, 'commit')} of main came out of what still stands."
    )
    how = [(CELLS[cell], counted(sessions, "session")) for cell, sessions in found.sessions.items()]
    return Section(
        id="spend", question="What had the AI sessions cost?", answer=answer, figures=[partition(found.micros, answer)],
        how=how, opens="How many sessions",
    )  # fmt: skip


# -- every number ------------------------------------------------------------------------


def _numbers(report: Report) -> list[Section]:
    one = report.together
    groups = {
        ORIGINS[origin]: group for origin, group in one.by_origin.items() if group.commits or group.added
    }
    groups |= {f"AI: {name(tool)}": group for tool, group in one.by_tool.items()}
    lines = ("Made by", "Commits", "Added", "Alive", "After 14 days", "After 30 days", "After 90 days")
    fates = ("Made by", "Reworked", "Deleted/added", "Taken back", "Fixed", "Time to merge")
    return [
        Section(
            id="numbers", question="Every number: lines", answer="Shares are of lines, with their 95 % interval.",
            table=Table(heads=lines, rows=[(label, *_lines(group)) for label, group in groups.items()]),
        ),
        Section(
            id="fates", question="Every number: what became of them",
            answer="Reworked is a share of lines; taken back and fixed are shares of commits.",
            table=Table(heads=fates, rows=[(label, *_fates(group)) for label, group in groups.items()]),
            how=list(report.definitions.items()), opens=f"Definitions, version {report.version}",
        ),
    ]  # fmt: skip


def _lines(of: Group) -> tuple[str, ...]:
    shares = (of.survival.s14, of.survival.s30, of.survival.s90)
    return f"{of.commits:,}", f"{of.added:,}", f"{of.alive:,}", *map(_short, shares)


def _fates(of: Group) -> tuple[str, ...]:
    churn = "-" if of.churn_ratio is None else f"{of.churn_ratio:.2f}"
    cycle = (
        "-" if of.cycle is None else f"{of.cycle.median_hours:,.1f} h, {counted(of.cycle.merges, 'merge')}"
    )
    return _short(of.survival.rework14), churn, _short(of.reverted), _short(of.fixed), cycle


def _short(of: Share) -> str:
    return "-" if of.share is None else _said(of)


def _each(report: Report) -> Section | None:
    if len(report.repositories) < 2:
        return None
    rows: list[tuple[str, ...]] = []
    for one in report.repositories:
        beside = _beside(one, "ai")
        ratio = None if beside is None or beside.is_few else beside.hazard_ratio
        human = one.by_origin["human"].survival.s14 if beside is None else beside.matched.s14
        ai = one.by_origin["ai"]
        rows.append((
            name(one.names[0]), f"{one.added:,}", share(ai.added, one.added), _short(ai.survival.s14), _short(human),
            "-" if ratio is None else _times(ratio),
        ))  # fmt: skip
    heads = ("Repository", "Added", "AI", "AI, 14 days", "Human, 14 days", "AI's lines die")
    answer = f"{counted(len(rows), 'repository', 'repositories')}, in the order of their names."
    return Section(id="each", question="Each repository", answer=answer, table=Table(heads=heads, rows=rows))


def _set_apart(one: Repository) -> Section | None:
    if not one.excluded:
        return None
    rows = [
        (name(kind), f"{each.files:,}", f"{each.added:,}", f"{each.alive:,}")
        for kind, each in one.excluded.items()
    ]
    answer = "Nobody writes these by hand; they are in no other number."
    table = Table(heads=("Kind", "Files", "Added", "Alive"), rows=rows)
    return Section(id="set-apart", question="What was set apart?", answer=answer, table=table)


def _day(at: int) -> str:
    """Clocks may be so wrong that no calendar has the day."""
    try:
        return day(datetime.fromtimestamp(at, UTC).date())
    except (OverflowError, OSError, ValueError):
        return "a day no calendar has"
