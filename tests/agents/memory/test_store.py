"""The algebra of operations: whatever is done can be taken back exactly, and what is forgotten is gone."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meshclaw.agents.memory import file
from meshclaw.agents.memory.store import Memory
from meshclaw.errors import Damaged, NotFound, UserError
from meshclaw.flow.memory import Add, Expire, Merge, Operation, Supersede
from tests.agents.memory.facts import fact, keep, texts


@pytest.fixture
def memory() -> Iterator[Memory]:
    memory = Memory.open(":memory:")
    yield memory
    memory.close()


def test_an_operation_of_each_kind_and_its_undo(memory: Memory) -> None:
    a, b, c = keep(memory, "The dentist is Weber", "The car is red", "The car is a Fiat")
    after = [
        (
            Supersede(of=(a,), fact=fact("The dentist is Roth")),
            ["The car is red", "The car is a Fiat", "The dentist is Roth"],
        ),
        (Merge(of=(b, c), fact=fact("The car is a red Fiat")), ["The dentist is Roth", "The car is a red Fiat"]),
        (Expire(of=5), ["The dentist is Roth"]),
        (Add(fact=fact("The cat is old")), ["The dentist is Roth", "The cat is old"]),
    ]  # fmt: skip
    states = [texts(memory)]
    for number, (operation, expected) in enumerate(after, start=2):
        assert memory.revise([operation], by="dream", key=f"k{number}", at=2_000).number == number
        assert texts(memory) == expected
        states.append(expected)
    for number, expected in zip(range(5, 1, -1), reversed(states[:-1]), strict=True):
        memory.undo(number, key=f"u{number}", at=3_000)
        assert sorted(texts(memory)) == sorted(expected)


def test_all_of_a_revision_or_nothing_of_it(memory: Memory) -> None:
    [a] = keep(memory, "The car is red")
    with pytest.raises(UserError, match="superseded and cannot be changed"):
        memory.revise(
            [Supersede(of=(a,), fact=fact("The car is blue")), Expire(of=a)], by="dream", key="k", at=2
        )
    assert texts(memory) == ["The car is red"]
    assert len(memory.revisions()) == 1
    assert memory.keyed("k") is None


def test_the_same_key_changes_it_once(memory: Memory) -> None:
    one = memory.revise([Add(fact=fact("a cat"))], by="agent", key="k", at=1, run="r")
    assert memory.revise([Add(fact=fact("a cat"))], by="agent", key="k", at=9, run="r") == one
    assert memory.undo(1, key="u", at=2) == memory.undo(1, key="u", at=3)
    assert len(memory.revisions()) == 2


def test_what_was_built_on_is_taken_back_first_and_nothing_twice(memory: Memory) -> None:
    [a] = keep(memory, "The car is red")
    memory.revise([Supersede(of=(a,), fact=fact("The car is blue"))], by="person", key="k", at=2)
    with pytest.raises(UserError, match="revision 2 has changed memory 1") as caught:
        memory.undo(1, key="u", at=3)
    assert "meshclaw memory undo 2" in caught.value.fix
    memory.undo(2, key="v", at=3)
    with pytest.raises(UserError, match="taken back already, by revision 3"):
        memory.undo(2, key="w", at=3)
    memory.undo(3, key="x", at=3)
    assert texts(memory) == ["The car is blue"]
    memory.undo(2, key="y", at=3)
    memory.undo(1, key="z", at=3)
    assert texts(memory) == []


def test_one_fact_of_a_revision_is_taken_back_and_then_the_rest(memory: Memory) -> None:
    a, b = keep(memory, "The car is red", "The cat is old")
    memory.undo(1, key="u", at=2, fact=a)
    assert texts(memory) == ["The cat is old"]
    memory.undo(1, key="v", at=2)
    assert texts(memory) == []
    assert [step.undone for step in memory.steps(1)] == [2, 3]
    with pytest.raises(UserError):
        memory.undo(1, key="w", at=2, fact=b)


def test_what_was_taken_back_or_forgotten_is_vetoed_until_it_comes_back(memory: Memory) -> None:
    [a] = keep(memory, "Mail from kim@example.com belongs in Clients")
    wanted = memory.get(a)
    assert not memory.is_vetoed(wanted)
    memory.undo(1, key="u", at=2)
    assert memory.is_vetoed(fact("mail from kim@example.com, belongs in CLIENTS"))
    memory.undo(2, key="v", at=2)
    assert not memory.is_vetoed(wanted)
    memory.forget([a], key="f", at=3)
    assert memory.is_vetoed(wanted)


def test_forgetting_takes_what_it_was_made_of_and_what_was_merged_of_it(memory: Memory) -> None:
    a, b = keep(memory, "The car is red", "The car is a Fiat")
    memory.revise([Merge(of=(a, b), fact=fact("The car is a red Fiat"))], by="dream", key="m", at=2)
    memory.revise([Supersede(of=(3,), fact=fact("The car is sold"))], by="person", key="s", at=3)
    assert sorted(memory.forget([a], key="f", at=4)) == [1, 2, 3]
    assert texts(memory) == ["The car is sold"]
    assert sorted(memory.forget([4], key="g", at=4)) == [4]
    assert [one.text for one in memory.everything()] == []
    with pytest.raises(UserError, match="nothing in revision"):
        memory.undo(5, key="u", at=5)


def test_an_undo_leaves_what_was_forgotten_forgotten(memory: Memory) -> None:
    a, _ = keep(memory, "The car is red", "The cat is old")
    memory.revise([Expire(of=a), Expire(of=2)], by="dream", key="e", at=2)
    memory.forget([a], key="f", at=3)
    memory.undo(2, key="u", at=4)
    assert texts(memory) == ["The cat is old"]
    assert memory.get(a).state == "forgotten"


@pytest.mark.parametrize("others", [0, 300])
def test_what_is_forgotten_leaves_no_byte_in_any_file(tmp_path: Path, others: int) -> None:
    """The words, their stems, their subject and the source, in the database, its log and its index."""
    path = tmp_path / "memory.db"
    memory = Memory.open(path)
    secret = "My sanctuary is Qwertzburg beneath Xylophonstrasse"
    words = [b"sanctuary", b"sanctuari", b"qwertzburg", b"Qwertzburg", b"Xylophonstrasse", b"xylophonstrass"]
    keep(memory, *(f"Fact {number} about something {number * 7}" for number in range(others)))
    [a] = keep(memory, secret, subject="my", attribute="sanctuary")
    memory.revise([Supersede(of=(a,), fact=fact(f"{secret} no more"))], by="dream", key="s", at=2)
    keep(memory, *(f"Later fact {number}" for number in range(others)))
    on_disk = b"".join(one.read_bytes() for one in tmp_path.iterdir())
    assert all(word in on_disk for word in (b"sanctuary", b"Qwertzburg"))
    memory.forget([a + 1], key="f", at=3)
    assert memory.is_clean()
    for one in tmp_path.iterdir():
        found = [word for word in words if word in one.read_bytes()]
        assert not found, one.name
    memory.close()
    assert not [one.name for one in tmp_path.iterdir() if any(word in one.read_bytes() for word in words)]


def test_a_forgetting_that_was_cut_short_is_finished_by_the_next_opening(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "memory.db"
    memory = Memory.open(path)
    [a, *_] = keep(memory, "The word is Xylophon", *(f"number {n}" for n in range(50)))
    with monkeypatch.context() as patch:
        patch.setattr(file, "clean", lambda _: False)  # killed before it
        memory.forget([a], key="f", at=2)
        assert not memory.is_clean()
        memory.db.close()
    again = Memory.open(path)
    assert again.is_clean()
    assert again.get(a).text == ""
    again.close()
    assert not [one for one in tmp_path.iterdir() if b"ylophon" in one.read_bytes()]


def test_a_reader_that_holds_the_log_delays_the_wiping_and_that_is_told(tmp_path: Path) -> None:
    memory = Memory.open(tmp_path / "memory.db")
    [a] = keep(memory, "The word is Xylophon")
    memory.db.execute("PRAGMA busy_timeout=50")
    reader = sqlite3.connect(tmp_path / "memory.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM fact").fetchone()
    try:
        memory.forget([a], key="f", at=2)
        assert not memory.is_clean()
    finally:
        reader.close()
        memory.close()
    Memory.open(tmp_path / "memory.db").close()
    assert not [one for one in tmp_path.iterdir() if b"ylophon" in one.read_bytes()]


def test_a_full_disk_delays_the_wiping_and_keeps_the_memory_usable(tmp_path: Path) -> None:
    """The wiping writes the file anew, which takes room; what is to be forgotten is out of reach all the same."""
    memory = Memory.open(tmp_path / "memory.db")
    [a, *_] = keep(memory, "The word is Xylophon", *(f"number {n} {'x' * 200}" for n in range(200)))
    real = memory.db

    class Full:
        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

        def execute(self, statement: str, *values: Any) -> Any:
            if statement == "VACUUM":
                raise sqlite3.OperationalError("database or disk is full")
            return real.execute(statement, *values)

    memory.db = Full()  # type: ignore[assignment]
    memory.forget([a], key="f", at=2)
    assert (memory.is_clean(), memory.get(a).text) == (False, "")
    memory.close()
    Memory.open(tmp_path / "memory.db").close()
    assert not [one for one in tmp_path.iterdir() if b"ylophon" in one.read_bytes()]


def test_an_empty_or_broken_file_is_damage_and_not_an_empty_memory(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    path.touch()
    with pytest.raises(Damaged, match="is empty"):
        Memory.open(path)
    path.write_bytes(b"no database at all, whatever its name says" * 100)
    with pytest.raises(Damaged):
        Memory.open(path)
    with pytest.raises(NotFound, match="no memory 7"):
        Memory.open(":memory:").get(7)


# -- any sequence ----------------------------------------------------------------------------

Move = tuple[str, int, int]
KINDS = st.sampled_from(["add", "supersede", "merge", "expire", "undo", "forget"])
MOVES = st.lists(st.tuples(KINDS, st.integers(0, 9), st.integers(0, 9)), max_size=25)


def snapshot(memory: Memory) -> list[tuple[Any, ...]]:
    return [(one.id, one.text, one.state) for one in memory.everything() if one.state != "withdrawn"]


def indexed(memory: Memory) -> list[int]:
    return [
        row[0] for row in memory.db.execute("SELECT rowid FROM words WHERE words MATCH 'fact' ORDER BY rowid")
    ]


def operation(kind: str, live: list[int], one: int, other: int, number: int) -> Operation | None:
    new = fact(f"fact {number}")
    match kind:
        case "add":
            return Add(fact=new)
        case "supersede" if live:
            return Supersede(of=(live[one % len(live)],), fact=new)
        case "merge" if len(live) > 1:
            return Merge(
                of=(live[one % len(live)], live[(one + 1 + other % (len(live) - 1)) % len(live)]), fact=new
            )
        case "expire" if live:
            return Expire(of=live[one % len(live)])
        case _:
            return None


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(MOVES)
def test_whatever_was_done_is_taken_back_to_the_letter(moves: list[Move]) -> None:
    """Each revision at once, among undos and forgettings of others; the index holds what is live."""
    memory = Memory.open(":memory:")
    for number, (kind, one, other) in enumerate(moves):
        before, live = snapshot(memory), [fact.id for fact in memory.live()]
        key = f"k{number}"
        if kind == "undo":
            known = memory.revisions()
            if known:
                with_luck(memory, known[one % len(known)].number, key)
        elif kind == "forget" and live:
            memory.forget([live[one % len(live)]], key=key, at=1)
        elif (wanted := operation(kind, live, one, other, number)) is not None:
            made = memory.revise([wanted], by="person", key=key, at=1).number
            memory.undo(made, key=f"u{number}", at=1)
            assert snapshot(memory) == before
            again = memory.undo(made + 1, key=f"r{number}", at=1)  # taken back and brought back
            assert again.undoes == made + 1
        assert indexed(memory) == [fact.id for fact in memory.live() if fact.text]
    memory.close()


def with_luck(memory: Memory, number: int, key: str) -> None:
    """An undo that is refused changes nothing."""
    before, revisions = snapshot(memory), len(memory.revisions())
    try:
        memory.undo(number, key=key, at=1)
    except UserError:
        assert (snapshot(memory), len(memory.revisions())) == (before, revisions)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(["add", "supersede", "merge", "expire"]), min_size=1, max_size=12), st.randoms()
)
def test_several_revisions_are_taken_back_from_the_newest_on(kinds: list[str], random: Any) -> None:
    memory = Memory.open(":memory:")
    states = [snapshot(memory)]
    made: list[int] = []
    for number, kind in enumerate(kinds):
        live = [one.id for one in memory.live()]
        wanted = operation(kind, live, random.randrange(10), random.randrange(10), number)
        if wanted is not None:
            made.append(memory.revise([wanted], by="dream", key=f"k{number}", at=1).number)
            states.append(snapshot(memory))
    for number, state in zip(reversed(made), reversed(states[:-1]), strict=True):
        memory.undo(number, key=f"u{number}", at=1)
        assert snapshot(memory) == state
    memory.close()
