"""Whatever the clock and the machine do: a due time is done at most once, and done or told as missed exactly once."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshclaw.flow.event.schedule import ScheduleFired, ScheduleMissed
from meshclaw.flow.schedule import Missed, Timing
from meshclaw.ledger.ledger import timestamp
from meshclaw.settings.times import Span, Times
from meshclaw.triggers.due import due_between
from meshclaw.triggers.pending import GRACE, Owed, Past, owed
from meshclaw.triggers.quiet import over

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT: Span = (time(20), time(7))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class Life:
    """One schedule on one machine: the ledger is all that it remembers."""

    def __init__(
        self, timing: Timing, times: Times, start: datetime, *, missed: Missed = "once", urgent: bool = False
    ) -> None:
        self.timing, self.times, self.enabled = timing, times, start
        self.missed: Missed = missed
        self.urgent = urgent
        self.ledger: list[ScheduleFired | ScheduleMissed] = []

    def look(self, now: datetime, *, killed: bool = False) -> Owed:
        """One round of a process that knows what the ledger says; ``killed`` before it is stored."""
        past = Past()
        for event in self.ledger:
            past.take(event)
        found = owed(self.timing, past, self.enabled, self.times, now, missed=self.missed, urgent=self.urgent)
        if not killed:
            self.ledger += [
                ScheduleMissed(
                    schedule="s", first=timestamp(gap.first), last=timestamp(gap.last), count=gap.count, why=gap.why
                )
                for gap in found.gaps
            ]  # fmt: skip
            if found.due is not None:
                self.ledger.append(ScheduleFired(schedule="s", due=timestamp(found.due), run="r"))
        return found

    @property
    def fired(self) -> list[datetime]:
        return [datetime.fromisoformat(one.due) for one in self.ledger if isinstance(one, ScheduleFired)]

    def told(self, dues: list[datetime]) -> list[datetime]:
        """Each due time as often as it was told as missed."""
        gaps = [one for one in self.ledger if isinstance(one, ScheduleMissed)]
        spans = [(datetime.fromisoformat(one.first), datetime.fromisoformat(one.last)) for one in gaps]
        return [due for due in dues for first, last in spans if first <= due <= last]

    @property
    def counted(self) -> int:
        return sum(one.count for one in self.ledger if isinstance(one, ScheduleMissed))


timings = st.one_of(
    st.sampled_from(
        ["*/15 * * * *", "0 * * * *", "30 2 * * *", "*/30 1,2,3 * * *", "0 6,12,22 * * mon-fri"]
    ).map(lambda cron: Timing(cron=cron)),
    st.sampled_from(["7m", "45m", "6h", "1d"]).map(lambda every: Timing(every=every)),
)
quiets = st.sampled_from(
    [(None,) * 7, (NIGHT,) * 7, (None, NIGHT, None, (time(12), time(13)), None, (time(), time()), NIGHT)]
)
zones = st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"]).map(
    ZoneInfo
)
starts = st.sampled_from(
    ["2026-03-27T11:00", "2026-10-23T11:00", "2026-10-02T11:00", "2011-12-28T11:00"]
).map(utc)
steps = st.lists(
    st.tuples(st.one_of(st.integers(1, 600), st.integers(600, 60_000), st.integers(60_000, 400_000)), st.booleans()),
    min_size=1, max_size=25,
)  # fmt: skip
"""Seconds to the next look (a minute, a nap, days), and whether the process is killed before it stored what it did."""


@given(
    timing=timings,
    quiet=quiets,
    zone=zones,
    start=starts,
    steps=steps,
    urgent=st.booleans(),
    missed=st.sampled_from(["once", "skip"]),
)
@settings(max_examples=100, deadline=None)
def test_each_due_time_is_done_or_told_exactly_once(  # noqa: PLR0917 - hypothesis names them
    timing: Timing, quiet: tuple[Span | None, ...], zone: ZoneInfo, start: datetime, steps: list[tuple[int, bool]],
    urgent: bool, missed: Missed,
) -> None:  # fmt: skip
    life, now = Life(timing, Times(zone=zone, quiet=quiet), start, missed=missed, urgent=urgent), start
    for seconds, killed in steps:
        now += timedelta(seconds=seconds)
        life.look(now, killed=killed)
    now += timedelta(days=3)
    life.look(now)
    dues = due_between(timing, zone, start, start, now)
    settled = Counter([*life.fired, *life.told(dues)])
    held = [due for due in dues if not urgent and over(due, life.times) > now]
    assert settled == Counter(due for due in dues if due not in held)
    assert life.counted == len(life.told(dues))


@given(
    timing=timings,
    start=starts,
    steps=st.lists(st.integers(-300_000, 300_000), min_size=1, max_size=25),
    zone=zones,
)
@settings(max_examples=100, deadline=None)
def test_a_clock_set_to_and_fro_doubles_nothing_and_loses_nothing(
    timing: Timing, start: datetime, steps: list[int], zone: ZoneInfo
) -> None:
    life, now = Life(timing, Times(zone=zone), start), start
    for seconds in steps:
        now = max(start, now + timedelta(seconds=seconds))
        life.look(now)
    now += timedelta(days=1)
    life.look(now)
    assert max(Counter(life.fired).values(), default=0) <= 1
    dues = due_between(timing, zone, start, start, now)
    assert {*life.fired, *life.told(dues)} >= set(dues)


@given(start=starts, seconds=st.integers(1, 400_000))
def test_when_to_look_again_is_never_too_late(start: datetime, seconds: int) -> None:
    """Who looks only when told so finds each due time within its grace."""
    life = Life(Timing(cron="30 6,21 * * *"), Times(zone=BERLIN, quiet=(NIGHT,) * 7), start)
    now, end = start, start + timedelta(seconds=seconds)
    while (found := life.look(now)).wake is not None and found.wake <= end:
        assert found.wake > now
        now = found.wake
    assert life.look(end).caught_up is False


@pytest.mark.parametrize("missed", ["once", "skip"])
def test_a_night_asleep_is_told_and_at_most_the_newest_is_caught_up(missed: Missed) -> None:
    life = Life(Timing(cron="0 * * * *"), Times(zone=BERLIN), utc("2026-06-01T21:30"), missed=missed)
    found = life.look(utc("2026-06-02T05:40"))
    [gap] = found.gaps
    if missed == "once":
        assert (found.due, found.caught_up, gap.count) == (utc("2026-06-02T05:00"), True, 7)
    else:
        assert (found.due, gap.count, gap.last) == (None, 8, utc("2026-06-02T05:00"))
    assert gap.why == "away"
    assert life.look(utc("2026-06-02T05:41")).due is None


def test_quiet_hours_let_one_stand_for_all_and_that_is_not_late() -> None:
    life = Life(Timing(cron="0 * * * *"), Times(zone=BERLIN, quiet=(NIGHT,) * 7), utc("2026-06-01T17:30"))
    assert life.look(utc("2026-06-01T18:00")).wake == utc("2026-06-02T05:00")  # 20:00 waits until 07:00
    found = life.look(utc("2026-06-02T05:00"))
    assert (found.due, found.caught_up) == (utc("2026-06-02T05:00"), False)
    [gap] = found.gaps
    assert (gap.why, gap.count) == ("quiet", 11)


def test_what_must_not_wait_does_not() -> None:
    times = Times(zone=BERLIN, quiet=(NIGHT,) * 7)
    life = Life(Timing(cron="0 23 * * *"), times, utc("2026-06-01T17:30"), urgent=True)
    assert life.look(utc("2026-06-01T21:00:01")).due == utc("2026-06-01T21:00")


def test_what_waited_for_the_end_of_quiet_hours_is_done_then_though_missed_ones_are_skipped() -> None:
    times = Times(zone=BERLIN, quiet=(NIGHT,) * 7)
    life = Life(Timing(cron="0 23 * * *"), times, utc("2026-06-01T17:30"), missed="skip")
    assert life.look(utc("2026-06-01T21:00")).due is None
    assert life.look(utc("2026-06-02T05:00:30")).due == utc("2026-06-01T21:00")


def test_once_is_once_though_the_person_travels() -> None:
    life = Life(Timing(at="2026-06-02T09:00"), Times(zone=BERLIN), utc("2026-06-01T17:30"))
    assert life.look(utc("2026-06-02T07:00")).due == utc("2026-06-02T07:00")
    life.times = Times(zone=ZoneInfo("America/New_York"))
    assert life.look(utc("2026-06-02T13:00")) == Owed()


def test_another_zone_is_another_time() -> None:
    life = Life(Timing(cron="0 9 * * *"), Times(zone=BERLIN), utc("2026-06-01T17:30"))
    life.times = Times(zone=ZoneInfo("America/New_York"))
    assert life.look(utc("2026-06-02T07:00")).wake == utc("2026-06-02T13:00")


def test_a_short_nap_is_no_miss() -> None:
    life = Life(Timing(cron="0 9 * * *"), Times(zone=BERLIN), utc("2026-06-01T17:30"), missed="skip")
    found = life.look(utc("2026-06-02T07:00") + GRACE)
    assert (found.due, found.caught_up) == (utc("2026-06-02T07:00"), False)


@pytest.mark.parametrize(
    ("at", "end"),
    [
        ("2026-06-01T17:59", "2026-06-01T17:59"), ("2026-06-01T18:00", "2026-06-02T05:00"),
        ("2026-06-02T04:59", "2026-06-02T05:00"), ("2026-06-02T05:00", "2026-06-02T05:00"),
        ("2026-03-28T23:00", "2026-03-29T05:00"), ("2026-10-24T23:00", "2026-10-25T06:00"),
    ],
)  # fmt: skip
def test_the_end_of_quiet_hours(at: str, end: str) -> None:
    assert over(utc(at), Times(zone=BERLIN, quiet=(NIGHT,) * 7)) == utc(end)


def test_quiet_hours_of_one_day_join_those_of_the_next() -> None:
    whole: Span = (time(), time())
    times = Times(zone=BERLIN, quiet=(NIGHT,) * 5 + (whole, whole))
    assert over(utc("2026-06-05T19:00"), times) == utc(
        "2026-06-07T22:00"
    )  # from Friday evening: Sunday is over
    assert over(utc("2026-06-07T19:00"), Times(zone=BERLIN, quiet=(whole,) * 7)) > utc("2026-06-08T00:00")
