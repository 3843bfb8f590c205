"""Recall finds by words, says why, and is not fooled by what stands in a query."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshclaw.agents.memory import recall as module
from meshclaw.agents.memory.recall import HALF_LIFE_MS, recall
from meshclaw.agents.memory.store import Memory
from meshclaw.flow.memory import Expire
from tests.agents.memory.facts import keep

NOW = 10 * HALF_LIFE_MS


@pytest.fixture
def memory() -> Iterator[Memory]:
    memory = Memory.open(":memory:")
    yield memory
    memory.close()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("who is my dentist?", "Their dentist is Dr Weber"),
        ("dentists", "Their dentist is Dr Weber"),
        ("what does KIM prefer", "Kim prefers answers in French"),
        ("cafe", "The good café is in the Rue Neuve"),
        ("invoices of Müller", "Invoices from Müller are paid on Fridays"),
    ],
)
def test_it_is_found_by_its_words_in_any_form(memory: Memory, query: str, expected: str) -> None:
    keep(
        memory, "Their dentist is Dr Weber", "Kim prefers answers in French", "The good café is in the Rue Neuve",
        "Invoices from Müller are paid on Fridays", at=NOW,
    )  # fmt: skip
    found = recall(memory, query, now=NOW)
    assert found[0].fact.text == expected
    assert found[0].matched
    assert all(f"“{word}”" in found[0].why for word in found[0].matched)
    assert "your own words" in found[0].why


def test_nothing_is_found_where_no_word_is_shared_or_none_is_left(memory: Memory) -> None:
    keep(memory, "Their dentist is Dr Weber", at=NOW)
    for query in ("submarine", "", "   ", "?!", "''", "\x00"):
        assert recall(memory, query, now=NOW) == []


def test_the_newer_and_the_stronger_word_come_first(memory: Memory) -> None:
    [old] = keep(memory, "The report is due on Monday", at=NOW - 2 * HALF_LIFE_MS)
    [new] = keep(memory, "The report is due on Tuesday", at=NOW)
    [seen] = keep(memory, "The report is due on Sunday", at=NOW, trust="receipt")
    found = recall(memory, "report due", now=NOW)
    assert [one.fact.id for one in found] == [new, seen, old]
    assert found[-1].recency == 0.5
    assert "age counts 0.50" in found[-1].why


def test_only_what_is_live_in_scope_and_not_run_out_is_found(memory: Memory) -> None:
    [gone] = keep(memory, "The code word is apple")
    memory.revise([Expire(of=gone)], by="dream", key="e", at=2)
    keep(memory, "The code word is banana", expires=NOW - 1)
    keep(memory, "The code word is cherry", scope="agent:other")
    assert recall(memory, "code word", now=NOW) == []
    assert len(recall(memory, "code word", now=NOW, scopes=("person", "agent:other"))) == 1
    assert recall(memory, "code word", now=NOW, scopes=("agent:other",), trust=("record",)) == []


def test_words_that_nearly_all_hold_are_left_out_and_that_is_said(
    memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_HITS", 20)
    keep(memory, *(f"Mail number {number} was filed" for number in range(60)), "Mail about the submarine")
    [found] = recall(memory, "mail submarine", now=NOW)
    assert found.matched == ("submarine",)
    assert "too common to search by: “mail”" in found.why
    newest = recall(memory, "mail", now=NOW, limit=3)
    assert newest[0].fact.text == "Mail about the submarine"
    assert len(newest) == 3


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80))
def test_no_query_breaks_it(query: str) -> None:
    memory = Memory.open(":memory:")
    keep(memory, "Their dentist is Dr Weber", "near and not or")
    recall(memory, query, now=NOW)
    recall(memory, f'{query} AND "dentist* NEAR(text: -x ^', now=NOW)
    memory.close()
