"""Code decides what becomes of a proposal: caps, contradictions, what a merge loses, what was vetoed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import pytest

from meshclaw.agents.memory.store import Memory
from meshclaw.flow.memory import Expire, Merge, Supersede
from meshclaw.runs.dreaming.judging import AT_LEAST, MOST, Desk, conflicts_of, told
from meshclaw.runs.dreaming.proposing import Proposal
from meshclaw.runs.dreaming.turns import Turn
from tests.agents.memory.facts import fact, keep, texts
from tests.runs.dreaming.nights import add

NOW = 5_000


@pytest.fixture
def memory() -> Iterator[Memory]:
    memory = Memory.open(":memory:")
    yield memory
    memory.close()


def turn(text: str, at: int = 4_000) -> Turn:
    return Turn(seq=1, event="e", run="r", at=at, text=text)


def judged(memory: Memory, said: Sequence[str], *proposals: dict[str, Any]) -> Desk:
    """Judged and stored."""
    desk = Desk(memory, NOW)
    batch = [turn(text) for text in said]
    for one in proposals:
        desk.propose(msgspec.convert(one, Proposal), batch)
    if desk.operations:
        memory.revise(desk.operations, by="dream", key=f"n{len(memory.revisions())}", at=NOW)
    return desk


def test_a_proposal_that_says_what_was_said_is_stored_with_its_source(memory: Memory) -> None:
    judged(
        memory,
        ["hello", "my new boss is Kim Lang"],
        add("Their new boss is Kim Lang", 2, subject="me", attribute="boss"),
    )
    [found] = memory.live()
    assert (found.text, found.trust, found.source.runs, found.learned) == (
        "Their new boss is Kim Lang",
        "person",
        ("r",),
        4_000,
    )
    assert (found.subject, found.attribute) == ("me", "boss")


@pytest.mark.parametrize(
    ("proposal", "reason"),
    [
        (add("Their boss is Kim Lang", 7), "ungrounded"),
        ({"do": "add", "text": "Their boss is Kim Lang"}, "ungrounded"),
        (add("Their boss is Kim Lang", 1, of=[1]), "stale"),
        ({"do": "supersede", "text": "Their boss is Kim Lang", "from": [1], "of": [99]}, "stale"),
        ({"do": "supersede", "text": "Their boss is Kim Lang", "from": [1], "of": [1]}, "unrelated"),
        ({"do": "merge", "text": "The car is red", "of": [1]}, "stale"),
        ({"do": "merge", "text": "The car is red", "of": [1, 2]}, "loses"),
        (add("Their boss is Petra Lang", 1), "ungrounded"),
        (add("Their boss must be obeyed", 1), "ungrounded"),
    ],
)
def test_a_proposal_that_does_not_hold_is_refused(
    memory: Memory, proposal: dict[str, Any], reason: str
) -> None:
    keep(memory, "The car is red", "The garage is in Graz")
    desk = judged(memory, ["my boss is Kim Lang"], proposal)
    assert dict(desk.refused) == {reason: 1}
    assert texts(memory) == ["The car is red", "The garage is in Graz"]


def test_a_merge_keeps_all_and_rests_on_the_weakest(memory: Memory) -> None:
    a, b = keep(memory, "The red car is a Fiat"), keep(memory, "The Fiat stands in Graz", trust="record")
    desk = judged(
        memory, [], {"do": "merge", "text": "The red car is a Fiat and stands in Graz", "of": [*a, *b]}
    )
    assert isinstance(desk.operations[0], Merge)
    [found] = memory.live()
    assert (found.trust, found.source.what) == ("record", "facts")


def test_a_model_replaces_what_is_no_longer_true(memory: Memory) -> None:
    [old] = keep(memory, "The team's stand-up meeting takes place at nine")
    judged(
        memory, ["the stand-up meeting is at ten from next week"],
        {"do": "supersede", "text": "The stand-up meeting takes place at ten", "from": [1], "of": [old]},
    )  # fmt: skip
    assert texts(memory) == ["The stand-up meeting takes place at ten"]


def test_the_newer_word_of_one_night_counts(memory: Memory) -> None:
    desk = Desk(memory, NOW)
    desk.state("my dentist is Weber", turn("", at=1))
    desk.state("my dentist is Roth", turn("", at=2))
    desk.state("my dentist is Roth", turn("", at=3))
    memory.revise(desk.operations, by="dream", key="n", at=NOW)
    assert (texts(memory), desk.known) == (["my dentist is Roth"], 1)


def test_what_is_learned_by_counting_stands_beside_the_persons_word_and_both_are_told(memory: Memory) -> None:
    answering = {"subject": "mail:kim@example.com", "attribute": "folder"}
    [said] = keep(memory, "Mail from Kim belongs in Clients", **answering)
    desk = Desk(memory, NOW)
    desk.learn(fact("Mail from kim@example.com belongs in the inbox", trust="record", **answering))
    memory.revise(desk.operations, by="dream", key="n", at=NOW)
    [(older, newer)] = conflicts_of(memory, desk)
    assert (older, memory.get(newer).trust, len(memory.live())) == (said, "record", 2)


def test_known_things_and_vetoed_things_change_nothing(memory: Memory) -> None:
    [known] = keep(memory, "Their boss is Kim Lang")
    desk = judged(memory, ["my boss is Kim Lang"], add("their boss is Kim Lang."))
    assert (desk.known, desk.operations) == (1, [])
    memory.forget([known], key="f", at=2)
    desk = judged(memory, ["my boss is Kim Lang"], add("Their boss is Kim Lang"))
    assert dict(desk.refused) == {"vetoed": 1}


def test_one_night_changes_only_so_much(memory: Memory) -> None:
    said = ["I like " + ", ".join(f"thing number {number}" for number in range(60))]
    desk = judged(memory, said, *(add(f"They like thing number {number}") for number in range(60)))
    assert (len(desk.operations), desk.refused["cap"]) == (MOST, 60 - MOST)
    ids = keep(memory, *(f"Fruit {number} is sour" for number in range(20)))
    desk = judged(
        memory, ["Fruit " + " ".join(map(str, range(20))) + " is sweet"],
        *(
            {"do": "supersede", "text": f"Fruit {number} is sweet", "from": [1], "of": [id_]}
            for number, id_ in enumerate(ids)
        ),
    )  # fmt: skip
    assert sum(isinstance(one, Supersede) for one in desk.operations) == AT_LEAST
    assert desk.refused["cap"] == 20 - AT_LEAST


def test_what_ran_out_goes_by_itself_and_can_be_shown_before(memory: Memory) -> None:
    keep(memory, "Kim is away", expires=NOW)
    keep(memory, "Lea is away", expires=NOW + 1)
    desk = Desk(memory, NOW)
    desk.expire()
    assert desk.operations == [Expire(of=1)]
    assert (told(desk.operations[0]).do, told(desk.operations[0]).of) == ("expire", (1,))
