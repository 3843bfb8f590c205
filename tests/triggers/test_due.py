"""Due times through the changes of clocks, held against a look at every single minute."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshclaw.flow.schedule import Timing
from meshclaw.triggers.due import MOST, due_after, due_between, preview
from meshclaw.triggers.zone import moment, next_change, wall

MINUTE = timedelta(minutes=1)
NIGHTS = {
    "Europe/Berlin": ("2026-03-28T12:00", "2026-10-24T12:00"),
    "America/New_York": ("2026-03-07T18:00", "2026-10-31T18:00"),
    "Australia/Lord_Howe": ("2026-04-04T00:00", "2026-10-03T00:00"),
    "Pacific/Apia": ("2011-12-29T00:00", "2026-05-01T00:00"),
    "America/Sao_Paulo": ("2018-11-03T12:00", "2018-02-17T12:00"),
    "Asia/Kathmandu": ("1985-12-31T00:00", "2026-05-01T00:00"),
    "Africa/Casablanca": ("2026-02-14T12:00", "2026-03-21T12:00"),
}
"""A day and a half from here holds a change: of an hour, of half an hour, at midnight, of a whole day."""


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def dues(cron: str, zone: str, after: str) -> str:
    start = utc(after)
    found = islice(due_after(Timing(cron=cron), ZoneInfo(zone), start, start), 4)
    return ", ".join(f"{at:%m-%d %H:%M}" for at in found)


@pytest.mark.parametrize(
    ("cron", "zone", "after", "expected"),
    [
        # A time of day that is jumped over comes right after the jump; one that is shown twice comes once.
        ("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00", "03-29 01:00, 03-30 00:30, 03-31 00:30, 04-01 00:30"),
        ("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00", "10-25 00:30, 10-26 01:30, 10-27 01:30, 10-28 01:30"),
        ("30 2 * * *", "Europe/Berlin", "2026-10-25T00:45", "10-26 01:30, 10-27 01:30, 10-28 01:30, 10-29 01:30"),
        ("0,30 2 * * *", "Europe/Berlin", "2026-03-28T12:00", "03-29 01:00, 03-30 00:00, 03-30 00:30, 03-31 00:00"),
        ("30 1 * * *", "America/New_York", "2026-10-31T18:00", "11-01 05:30, 11-02 06:30, 11-03 06:30, 11-04 06:30"),
        ("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00", "10-03 15:30, 10-04 15:15, 10-05 15:15, 10-06 15:15"),
        ("45 1 * * *", "Australia/Lord_Howe", "2026-04-04T00:00", "04-04 14:45, 04-05 15:15, 04-06 15:15, 04-07 15:15"),
        # A wildcard is due as often as the wall shows it.
        ("*/30 1 * * *", "America/New_York", "2026-11-01T05:00", "11-01 05:30, 11-01 06:00, 11-01 06:30, 11-02 06:00"),
        ("*/30 2 * * *", "Europe/Berlin", "2026-03-28T12:00", "03-30 00:00, 03-30 00:30, 03-31 00:00, 03-31 00:30"),
        ("*/20 2 * * *", "Australia/Lord_Howe", "2026-04-04T15:00",
         "04-04 15:30, 04-04 15:50, 04-04 16:10, 04-05 15:30"),
        # A day that never was has no due times.
        ("0 7 * * *", "Pacific/Apia", "2011-12-28T20:00", "12-29 17:00, 12-30 17:00, 12-31 17:00, 01-01 17:00"),
        ("0 0 30 12 *", "Pacific/Apia", "2011-12-01T00:00", "12-29 10:00, 12-29 10:00, 12-29 10:00, 12-29 10:00"),
    ],
)  # fmt: skip
def test_known_nights(cron: str, zone: str, after: str, expected: str) -> None:
    assert dues(cron, zone, after) == expected


def every_minute(cron: str, zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[datetime]:
    """By the rules as they are written down, and by trying each minute."""
    minutes, hours = ({*_numbers(field, top)} for field, top in zip(cron.split()[:2], (60, 24), strict=True))
    fixed = not any(field.startswith("*") for field in cron.split()[:2])
    shown = set[datetime]()
    at, before = start, wall(start, zone)
    while at <= end:
        here = wall(at, zone)
        jump = here - before - MINUTE if at > start else timedelta()
        skipped = (
            [before + MINUTE * step for step in range(1, int(jump / MINUTE) + 1)]
            if jump > timedelta()
            else []
        )
        fits = here.minute in minutes and here.hour in hours
        if fixed:
            fits = fits and here not in shown
            if timedelta() < jump < timedelta(hours=3):
                fits = fits or any(one.minute in minutes and one.hour in hours for one in skipped)
        if fits and at > start:
            yield at
        shown.add(here)
        at, before = at + MINUTE, here


def _numbers(field: str, top: int) -> Iterator[int]:
    for part in field.split(","):
        spread, _, step = part.partition("/")
        yield from (
            range(0, top, int(step))
            if spread == "*" and step
            else range(top)
            if spread == "*"
            else [int(part)]
        )


fields = st.lists(st.integers(0, 59), min_size=1, max_size=3).map(lambda found: ",".join(map(str, found)))
hours = st.lists(st.integers(0, 23), min_size=1, max_size=4).map(lambda found: ",".join(map(str, found)))
crons = st.builds(
    lambda minute, hour: f"{minute} {hour} * * *",
    fields | st.sampled_from(["*/5", "*/15", "*/30", "*/20"]),
    hours | st.sampled_from(["*", "*/2", "*/3"]),
)


@given(
    cron=crons,
    night=st.sampled_from([(z, n) for z, nights in NIGHTS.items() for n in nights]),
    later=st.integers(0, 2000),
)
@settings(max_examples=150, deadline=None)
def test_as_a_look_at_every_minute_finds_them(cron: str, night: tuple[str, str], later: int) -> None:
    """From any minute on, also from within a change: what is due does not depend on when it was asked."""
    zone, begin = ZoneInfo(night[0]), utc(night[1]) - timedelta(days=1)
    end = begin + timedelta(days=4)
    after = begin + MINUTE * later
    found = due_between(Timing(cron=cron), zone, after, after, end)
    assert found == [at for at in every_minute(cron, zone, begin, end) if at > after]


@given(minutes=st.integers(5, 3000), late=st.integers(0, 100_000))
def test_every_so_often_does_not_drift(minutes: int, late: int) -> None:
    since = utc("2026-03-01T00:00:07")
    timing, zone = Timing(every=f"{minutes}m"), ZoneInfo("Europe/Berlin")
    [at] = islice(due_after(timing, zone, since, since + MINUTE * late), 1)
    assert (at - since) % timedelta(minutes=minutes) == timedelta()
    assert timedelta() < at - (since + MINUTE * late) <= timedelta(minutes=minutes)


def test_once_is_in_the_persons_own_zone() -> None:
    timing, after = Timing(at="2026-12-01T09:00"), utc("2026-11-01T00:00")
    found = [
        list(due_after(timing, ZoneInfo(zone), after, after))
        for zone in ("Europe/Berlin", "America/New_York")
    ]
    assert found == [[utc("2026-12-01T08:00")], [utc("2026-12-01T14:00")]]
    assert list(due_after(timing, ZoneInfo("UTC"), after, utc("2026-12-01T09:00"))) == []


def test_after_years_away_the_newest_is_found_and_the_count_ends() -> None:
    since, now = utc("2020-01-01T00:02"), utc("2026-03-01T12:00")
    found = due_between(Timing(cron="*/5 * * * *"), ZoneInfo("Europe/Berlin"), since, since, now)
    assert len(found) == MOST
    assert (found[0], found[-1]) == (utc("2020-01-01T00:05"), now)


def test_the_preview_tells_what_the_clocks_do() -> None:
    after = utc("2026-03-27T12:00")
    words = [
        due.words for due in preview(Timing(cron="30 2 * * *"), ZoneInfo("Europe/Berlin"), after, after, 3)
    ]
    assert words == [
        "Sat 2026-03-28 02:30", "Sun 2026-03-29 03:00 (clocks change: 1 h forward)", "Mon 2026-03-30 02:30",
    ]  # fmt: skip
    words = [
        due.words for due in preview(Timing(cron="0 9 * * mon"), ZoneInfo("Europe/Berlin"), after, after, 2)
    ]
    assert words[0] == "Mon 2026-03-30 09:00 (clocks change on Sun 29 Mar: 1 h forward)"


def test_a_change_is_found_to_the_second_and_a_jump_by_its_length() -> None:
    apia = ZoneInfo("Pacific/Apia")
    assert next_change(apia, utc("2011-12-20T00:00"), utc("2012-01-10T00:00")) == utc("2011-12-30T10:00")
    assert next_change(apia, utc("2011-12-30T10:00"), utc("2012-03-01T00:00")) is None
    assert moment(datetime(2011, 12, 30, 7), apia) == (utc("2011-12-30T10:00"), timedelta(days=1))  # noqa: DTZ001
