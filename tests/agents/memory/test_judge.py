"""Contradictions by rule: what answers the same, whose word it is, and which is newer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from meshclaw.agents.memory.judge import answers, judge
from meshclaw.agents.memory.store import Memory
from meshclaw.flow.memory import Add, Supersede
from tests.agents.memory.facts import fact, keep


@pytest.fixture
def memory() -> Iterator[Memory]:
    memory = Memory.open(":memory:")
    yield memory
    memory.close()


NOW = 10_000
DENTIST = {"subject": "me", "attribute": "dentist"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("My dentist is Dr Weber", ("me", "dentist")),
        ("my dentist is now Dr Roth", ("me", "dentist")),
        ("Kim's phone number is 12", ("kim", "phone number")),
        ("I live in Graz", ("me", "home")),
        ("I moved to Linz", ("me", "home")),
        ("we work for Acme", ("us", "employer")),
        ("Our stand-up meetings are at nine", ("us", "stand up meetings")),
        ("I like tea", ("", "")),
        ("Kim likes tea", ("", "")),
        ("", ("", "")),
    ],
)
def test_what_a_plain_statement_answers(text: str, expected: tuple[str, str]) -> None:
    assert answers(text) == expected


def test_a_newer_word_of_the_person_takes_the_place_of_the_older(memory: Memory) -> None:
    [old] = keep(memory, "My dentist is Dr Weber", **DENTIST)
    new = fact("My dentist is Dr Roth", learned=9_000, **DENTIST)
    assert judge(memory, new, NOW).operation == Supersede(of=(old,), fact=new)


def test_an_older_word_that_is_read_later_changes_nothing(memory: Memory) -> None:
    [new] = keep(memory, "My dentist is Dr Roth", at=9_000, **DENTIST)
    judged = judge(memory, fact("My dentist is Dr Weber", learned=1_000, **DENTIST), NOW)
    assert (judged.operation, judged.known) == (None, new)


def test_what_is_known_is_no_news_however_it_is_written(memory: Memory) -> None:
    [known] = keep(memory, "Kim likes green tea.")
    assert judge(memory, fact("kim likes GREEN tea"), NOW).known == known
    assert judge(memory, fact("Kim likes green tea and cake"), NOW).operation is not None
    assert judge(memory, fact("Kim likes green tea", scope="agent:x"), NOW).operation is not None


def test_a_weaker_word_is_kept_beside_the_stronger_and_both_are_told(memory: Memory) -> None:
    [said] = keep(memory, "My dentist is Dr Weber", **DENTIST)
    seen = fact("The dentist is Dr Roth", trust="record", **DENTIST)
    judged = judge(memory, seen, NOW)
    assert judged.operation == Add(fact=seen)
    assert judged.conflict == (said,)


def test_a_stronger_word_ends_all_that_contradict_it(memory: Memory) -> None:
    one = keep(memory, "a dentist", trust="record", **DENTIST)
    other = keep(memory, "another dentist", trust="receipt", **DENTIST)
    new = fact("My dentist is Dr Roth", **DENTIST)
    assert judge(memory, new, NOW).operation == Supersede(of=(*one, *other), fact=new)


def test_what_ran_out_contradicts_nothing_and_is_known_no_more(memory: Memory) -> None:
    keep(memory, "My dentist is Dr Weber", expires=NOW, **DENTIST)
    again = fact("My dentist is Dr Weber", **DENTIST)
    assert judge(memory, again, NOW).operation == Add(fact=again)
    assert judge(memory, again, NOW - 1).operation is None
