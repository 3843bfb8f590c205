"""How much of a commit sessions must have written, and when, to be evidence."""

from __future__ import annotations

import pytest

from meshclaw.code.attribution.sessions import AFTER, BEFORE, session_lines
from meshclaw.flow.written import Written, digests

KEY = b"of this device"
AT = 1_750_000_000


def lines(*numbers: int) -> frozenset[bytes]:
    return digests([f"line number {number}" for number in numbers], KEY)


def session(*numbers: int, name: str = "s1", at: int = AT, tool: str = "claude-code") -> Written:
    return Written(tool=tool, session=name, model="claude-opus-4-5", at=at * 1000, lines=lines(*numbers))


@pytest.mark.parametrize(
    ("written", "confidence"),
    [
        (range(10), "strong"),
        (range(8), "strong"),
        (range(7), "weak"),
        (range(2), "weak"),
        (range(1), ""),
        (range(20, 30), ""),
        (range(100), "strong"),
    ],
)
def test_a_share_of_the_lines_is_evidence(written: range, confidence: str) -> None:
    found = session_lines(lines(*range(10)), AT, [session(*written)])
    assert [piece.confidence for piece in found] == ([confidence] if confidence else [])


@pytest.mark.parametrize(("count", "confidence"), [(3, "strong"), (2, "weak"), (1, "weak")])
def test_hardly_any_lines_are_a_weak_sign(count: int, confidence: str) -> None:
    (piece,) = session_lines(lines(*range(count)), AT, [session(*range(count))])
    assert piece.confidence == confidence


@pytest.mark.parametrize(
    ("at", "count"),
    [(AT - BEFORE, 1), (AT - BEFORE - 1, 0), (AT + AFTER, 1), (AT + AFTER + 1, 0), (AT, 1)],
)
def test_only_sessions_near_the_commit_count(at: int, count: int) -> None:
    assert len(session_lines(lines(*range(5)), AT, [session(*range(5), at=at)])) == count


def test_sessions_share_the_evidence_and_none_repeats_another() -> None:
    found = session_lines(
        lines(*range(10)), AT,
        [session(*range(4), name="small"), session(*range(3, 10), name="large", tool="codex"), session(0, name="none")],
    )  # fmt: skip
    assert [(piece.session, piece.tool) for piece in found] == [("large", "codex"), ("small", "claude-code")]
    assert {piece.confidence for piece in found} == {"strong"}


def test_a_commit_that_added_nothing_has_no_evidence() -> None:
    assert session_lines(frozenset(), AT, [session(1, 2, 3)]) == []
