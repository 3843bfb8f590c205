"""Schedules are kept for later, but a wrong one is told now."""

from __future__ import annotations

import pytest

from meshclaw.agents.schedule import Schedule, problem


@pytest.mark.parametrize(
    "given",
    [
        {"cron": "0 7 * * mon"}, {"cron": "*/15 8-18 * * mon-fri"}, {"cron": "0 0 1 jan,jul *"}, {"cron": "5 4 * * 0"},
        {"every": "90m"}, {"every": "6h"}, {"every": "1d"}, {"at": "2026-12-01T09:00"},
    ],
)  # fmt: skip
def test_a_schedule_that_holds(given: dict[str, str]) -> None:
    assert not problem(Schedule(words="go", **given))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "has none"), ({"cron": "0 7 * * *", "every": "1d"}, "has cron and every"),
        ({"cron": "60 7 * * *"}, "'60' is no minute"), ({"cron": "0 24 * * *"}, "'24' is no hour"),
        ({"cron": "0 7 0 * *"}, "'0' is no day"), ({"cron": "0 7 * 13 *"}, "'13' is no month"),
        ({"cron": "0 7 * * funday"}, "'funday' is no weekday"), ({"cron": "0 9-7 * * *"}, "'9-7' is no hour"),
        ({"cron": "0/0 7 * * *"}, "is no minute"), ({"cron": "* * * * *"}, "more often"),
        ({"cron": "*/2 * * * *"}, "more often"), ({"cron": "0,2 * * * *"}, "more often"),
        ({"cron": "1-2-3 * * * *"}, "is no minute"), ({"cron": "² * * * *"}, "is no minute"),
        ({"every": "1m"}, "more often"), ({"every": "0d"}, "no span"), ({"every": "soon"}, "no span"),
        ({"at": "tomorrow"}, "no time"), ({"at": "2026-12-01T09:00+02:00"}, "names a time zone"),
        ({"every": "1d", "words": " "}, "1 to 500"), ({"every": "1d", "words": "x" * 501}, "1 to 500"),
    ],
)  # fmt: skip
def test_one_that_does_not_is_told(given: dict[str, str], told: str) -> None:
    assert told in problem(Schedule(**{"words": "go", **given}))
