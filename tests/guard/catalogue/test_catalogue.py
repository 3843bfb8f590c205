"""The 72 hostile cases: each one played against the real code, or listed as open with its reason."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.guard.catalogue.case import Case
from tests.guard.catalogue.stage import ROOT, Stage
from tests.guard.catalogue.table import CASES

PLAYED = [case for case in CASES if case.scenario is not None]


def name(case: Case) -> str:
    return f"{case.number}: {case.attack}"


@pytest.fixture
def stage(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    # Not below /tmp, which inside a sandbox is its own.
    with ExitStack() as after, tempfile.TemporaryDirectory(prefix="meshclaw-", dir="/var/tmp") as work:
        yield Stage(home, Path(work), monkeypatch, after)


@pytest.mark.parametrize("case", PLAYED, ids=name)
def test_what_becomes_of(case: Case, stage: Stage) -> None:
    assert case.scenario is not None
    happened = list(case.scenario(stage))
    assert {(one.how, one.rule) for one in happened} == {
        *(("stopped", rule) for rule in case.stopped),
        *(("asked", rule) for rule in case.asked),
    }
    for one in happened:
        assert one.how != "asked" or case.asked[one.rule] in one.question


def test_every_number_is_there_once() -> None:
    assert [case.number for case in CASES] == list(range(1, 73))


@pytest.mark.parametrize("case", CASES, ids=name)
def test_an_entry_is_played_or_says_why_not(case: Case) -> None:
    if case.open:
        assert case.see or case.until, "an open one stands in docs/cannot-stop.md, or waits for a part"
        return
    assert case.scenario is not None
    assert case.stopped or case.asked
    assert all(case.asked.values()), "a question is asked in words"


PAGE = (ROOT / "docs" / "cannot-stop.md").read_text("utf-8")


@pytest.mark.parametrize("case", [case for case in CASES if case.see], ids=name)
def test_what_gets_through_is_admitted(case: Case) -> None:
    assert f"**{case.see}.**" in PAGE


@pytest.mark.parametrize("case", [case for case in CASES if case.until], ids=name)
def test_what_was_not_there_is_still_not_there(case: Case) -> None:
    assert not (ROOT / case.until).exists(), f"{case.until} is there now: play {case.number}, {case.attack!r}"
