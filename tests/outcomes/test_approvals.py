"""Whether asks are read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from meshclaw.flow.approval import Approval
from meshclaw.flow.event.approval import ApprovalAnswered
from meshclaw.outcomes.approvals import Health, health

NOW = datetime(2026, 11, 21, 7, tzinfo=UTC)


def approval(number: int, state: str, **more: Any) -> Approval:
    fields = {"digest": "d", "run": "r", "external_id": "e", "verb": "x.send", "rule": "autonomy.draft",
              "asked": NOW, "expires": NOW + timedelta(hours=1),
              "answered_by": "terminal" if state in ("allowed", "denied") else None}  # fmt: skip
    return Approval(id=str(number), state=state, **{**fields, **more})  # type: ignore[arg-type]


def of(*states: str, read_ms: int | None = 1_000, **more: Any) -> Health:
    approvals = [approval(number, state, **more) for number, state in enumerate(states)]
    answers = [
        ApprovalAnswered(approval=one.id, answer=one.state, after_ms=3_600_000, read_ms=read_ms)  # type: ignore[arg-type]
        for one in approvals if one.answered_by
    ]  # fmt: skip
    return health(approvals, answers)


def test_each_rule_and_all_of_them_are_counted() -> None:
    found = of("allowed", "allowed", "denied", "expired", "withdrawn", "open", "one_of_two")
    [row] = found.rules
    assert (row.rule, row.open, row.allowed.count, row.denied.count) == ("autonomy.draft", 2, 2, 1)
    assert (row.expired, row.withdrawn, row.median_ms, row.quick.count) == (1, 1, 1_000, 3)
    assert row.allowed.low < 2 / 3 < row.allowed.high
    assert found.warnings == []


def test_the_time_before_it_was_shown_counts_only_where_nobody_measured_the_reading() -> None:
    assert of("allowed", read_ms=None).all.median_ms == 3_600_000
    assert of("allowed", read_ms=900).all.median_ms == 900


@pytest.mark.parametrize(
    ("states", "read_ms", "warned"),
    [
        (["allowed"] * 20, 1_000, True),
        (["allowed"] * 20, 2_000, False),
        (["allowed"] * 9, 1_000, False),
        (["allowed"] * 19 + ["denied"], 1_000, False),
        (["allowed"] * 39 + ["denied"], 1_000, True),
    ],
)
def test_a_yes_to_everything_in_no_time_is_told(states: list[str], read_ms: int, warned: bool) -> None:
    assert bool(of(*states, read_ms=read_ms).warnings) == warned


def test_canaries_count_for_themselves_alone() -> None:
    found = of("allowed", "denied", "denied", "expired", "open", canary=True)
    birds = found.canaries
    assert (birds.caught.count, birds.missed, birds.ignored, birds.open) == (2, 1, 1, 1)
    assert (found.all.allowed.count, found.rules) == (0, [])
    assert len(found.warnings) == 1


def test_nothing_asked_is_nothing_told() -> None:
    found = of()
    assert (found.all.median_ms, found.all.allowed.share, found.warnings) == (None, None, [])
