"""Spend: what the claw's own models cost, against its limits; and what every AI tool on this machine cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec

from meshclaw.cli.budget import Line, lines
from meshclaw.flow.event.model import ModelAnswered
from meshclaw.guard.layers.budget import amount
from meshclaw.home.page import Page, Shown, Visit, Went
from meshclaw.ledger.ledger import parse_timestamp
from meshclaw.pages.numbers import counted, dollars_tick, money, name
from meshclaw.pages.page import Figure, Table
from meshclaw.pages.page import Page as Report
from meshclaw.pages.plot import Axis, Bar, Series, bars, columns
from meshclaw.pages.scale import bins
from meshclaw.pages.svg import Caption
from meshclaw.runs.run import tell_last
from meshclaw.wiring import Claw

DAYS = 30
MOST_BARS = 8
SPANS = {"run": "The newest run", "hour": "In the last hour", "day": "In the last day"}


class Meter(msgspec.Struct, frozen=True, kw_only=True):
    what: str
    used: str
    limit: str
    source: str
    part: float
    """0 to 1."""


class Own(msgspec.Struct, frozen=True, kw_only=True):
    today: str
    calls_today: int
    sum: str
    calls: int
    figures: Sequence[Figure]
    meters: dict[str, list[Meter]]
    """By span of time; those of which something was used first."""
    days: int


class Tools(msgspec.Struct, frozen=True, kw_only=True):
    report: Report | None
    """None where the extra that reads them is not installed."""


def own(visit: Visit) -> Shown:
    claw = visit.claw
    booked, today = _booked(claw), _today(claw)
    new = [one for one in booked if _day(one) == today]
    last = tell_last(claw.ledger, claw.contents, 1)
    meters: dict[str, list[Meter]] = {words: [] for words in SPANS.values()}
    for line in lines(claw, last[0].run.id if last else ""):
        meters[SPANS[line.span]].append(_meter(line))
    context = Own(
        today=money(sum(one.cost_micros for one in new)), calls_today=len(new),
        sum=money(sum(one.cost_micros for one in booked)), calls=len(booked), days=DAYS,
        figures=_figures(booked) if booked else (),
        meters={words: sorted(several, key=lambda one: -one.part) for words, several in meters.items() if several},
    )  # fmt: skip
    return Shown(title="Spend", template="spend.html", context=context)


def spent_today(claw: Claw) -> int:
    """Micro-dollars of the claw's own models, since midnight here."""
    today = _today(claw)
    return sum(one.cost_micros for one in _booked(claw, days=1) if _day(one) == today)


def _booked(claw: Claw, days: int = DAYS) -> list[ModelAnswered]:
    after = claw.ledger.before(timedelta(days=days))
    return list(claw.ledger.events(ModelAnswered, after=after))


def _today(claw: Claw) -> date:
    return claw.ledger.now().astimezone().date()


def _day(one: ModelAnswered) -> date:
    return parse_timestamp(one.ts).astimezone().date()


def _meter(line: Line) -> Meter:
    return Meter(
        what=line.what, used=amount(line.what, line.used), limit=amount(line.what, line.limit), source=line.source,
        part=min(1.0, line.used / line.limit) if line.limit else 1.0,
    )  # fmt: skip


def _figures(booked: Sequence[ModelAnswered]) -> list[Figure]:
    days = bins({_day(one) for one in booked})
    by_day = Counter[int]()
    for one in booked:
        by_day[_day(one).toordinal()] += one.cost_micros
    values = [sum(by_day[on] for on in bin_.ordinals) for bin_ in days]
    told = f"{money(sum(values))} in {counted(len(booked), 'call')}."
    of = Caption(id="own-days", title="Cost by day", told=told)
    svg = columns(of, days, [Series(name="Cost", values=values, tone=1)], Axis(say=money, tick=dollars_tick))
    rows = [(day.name, money(value)) for day, value in zip(days, values, strict=True) if value]
    return [
        Figure(id=of.id, title=of.title, svg=svg, table=Table(heads=("Day", "Cost"), rows=rows)),
        _bars("own-models", "Cost by model", "Model", Counter(_by(booked, "model"))),
        _bars("own-intents", "Cost by intent", "Intent", Counter(_by(booked, "intent"))),
    ]


def _by(booked: Sequence[ModelAnswered], field: str) -> dict[str, int]:
    sums = Counter[str]()
    for one in booked:
        sums[name(getattr(one, field))] += one.cost_micros
    return sums


def _bars(id_: str, title: str, head: str, sums: Counter[str]) -> Figure:
    whole = sum(sums.values())
    shown = [Bar(name=key, value=value) for key, value in sums.most_common(MOST_BARS)]
    of = Caption(id=id_, title=title, told=f"{money(whole)} in all.")
    rows = [(key, money(value)) for key, value in sums.most_common()]
    return Figure(
        id=id_, title=title, svg=bars(of, shown, money, whole=whole), table=Table(heads=(head, "Cost"), rows=rows)
    )  # fmt: skip


def tools(_: Visit) -> Shown:
    """As of the last reading; nothing is read now."""
    try:
        from meshclaw.cli.using import using
        from meshclaw.pages.usage import made
        from meshclaw.usage.overview import overview
        from meshclaw.usage.report import Period
    except ModuleNotFoundError:
        report = None
    else:
        with using() as opened:
            now = datetime.now(UTC)
            period = Period(since=now.date() - timedelta(days=DAYS - 1), until=None)
            report = made(overview(opened.store, period, opened.looked(), now), Path.home())
    return Shown(title="AI tools", template="tools.html", context=Tools(report=report))


def read(_: Visit) -> Went:
    from meshclaw.cli.using import using

    with using() as opened:
        found = opened.refresh()
    return Went(
        to="/spend/tools",
        words=f"Read what is new: {counted(found.calls, 'call')} new or fuller than before.",
    )


PAGE = Page(
    name="Spend",
    path="/spend",
    shows={"/spend": own, "/spend/tools": tools},
    does={"/spend/tools/read": read},
)
