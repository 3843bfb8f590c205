"""The store keeps every call once, in whatever order and portions its recordings come, and its sums are its calls."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshclaw.flow.usage import Tokens, Unread, Usage
from meshclaw.ledger.usage import store as stores
from meshclaw.ledger.usage.contexts import Labels, Tariff
from meshclaw.ledger.usage.same import settled
from meshclaw.ledger.usage.store import FileState, UsageStore

DAY = 86_400_000


class Judging:
    """What is played with is exploration, and its price is not known."""

    def label(self, usage: Usage) -> Labels:
        return Labels(usage.branch, "talk", "", "exploration" if usage.branch == "play" else "unlinked")

    def tariff(self, usage: Usage) -> Tariff:
        return lambda usage: (usage.tokens.output * 1500, usage.branch != "play")


class Dearer:
    def label(self, usage: Usage) -> Labels:
        return Labels("new", "talk", "", "unlinked")

    def tariff(self, usage: Usage) -> Tariff:
        return lambda usage: (7, True)


judge = Judging()


def call(key: str = "r1", message: str = "m1", output: int = 10, **changed: object) -> Usage:
    fields: dict[str, object] = {
        "tool": "t", "evidence": "transcript", "key": key, "message": message, "at": 20_000 * DAY, "model": "m",
        "session": "s", "tokens": Tokens(output=output),
    }  # fmt: skip
    return Usage(**fields | changed)  # type: ignore[arg-type]


calls = st.builds(
    call,
    key=st.sampled_from(["r1", "r2", "r3"]), message=st.sampled_from(["m1", "m2", ""]), output=st.integers(0, 3),
    by_machine=st.booleans(), at=st.integers(20_000 * DAY, 20_002 * DAY), branch=st.sampled_from(["", "play"]),
    did=st.sampled_from([(), ("Bash",), ("Edit", "Bash")]), session=st.sampled_from(["s", "copy"]),
    speed=st.sampled_from(["", "fast"]), evidence=st.sampled_from(["transcript", "telemetry"]),
)  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Iterator[UsageStore]:
    store = UsageStore(tmp_path / "usage.db")
    yield store
    store.close()


def put(store: UsageStore, *calls: Usage) -> None:
    with store.writing():
        for usage in calls:
            store.add(usage, judge)
        store.flush(judge)


def kept(store: UsageStore) -> list[tuple[object, ...]]:
    """In an order that does not come from the numbers of names."""
    return sorted(
        (
            usage.evidence, usage.key, usage.message, usage.tokens.output, usage.at, usage.session,
            usage.branch, sorted(usage.did),
        )
        for usage, _ in store.calls(0, 2**60)
    )  # fmt: skip


@settings(deadline=None)
@given(recordings=st.lists(calls, max_size=8), data=st.data())
def test_order_and_portions_make_no_difference(recordings: list[Usage], data: st.DataObject) -> None:
    one, other = UsageStore(), UsageStore()
    put(one, *recordings)
    shuffled = data.draw(st.permutations(recordings))
    cut = data.draw(st.integers(0, len(shuffled)))
    put(other, *shuffled[:cut])
    put(other, *shuffled[cut:])
    assert kept(one) == kept(other)
    assert (one.check(), other.check()) == (0, 0)
    assert (one.total(), one.days(), one.by("tool")) == (other.total(), other.days(), other.by("tool"))
    one.close()
    other.close()


@settings(deadline=None)
@given(recordings=st.lists(calls, max_size=8))
def test_settling_what_is_settled_changes_nothing(recordings: list[Usage]) -> None:
    once = settled(recordings)
    assert settled(once) == once


def test_a_side_chain_yields_to_the_call_that_it_replays(store: UsageStore) -> None:
    side = call("r2", output=10, by_machine=True)
    put(store, side)
    assert store.total().calls == 1
    put(store, call("r1", output=9), side)
    assert [(usage.key, usage.tokens.output) for usage, _ in store.calls(0, 2**60)] == [("r1", 9)]
    assert (store.total().calls, store.total().output, store.check()) == (1, 9, 0)


def test_the_same_again_writes_nothing(store: UsageStore) -> None:
    put(store, call(), call("r2", "m2"))
    written, digest = store.written, store.digest
    put(store, call("r2", "m2"), call())
    assert (store.written, store.digest) == (written, digest)


def test_sums_are_by_day_and_by_what_was_asked(store: UsageStore) -> None:
    put(
        store,
        call("a", "a"),
        call("b", "b", branch="play", at=20_001 * DAY),
        call("c", "c", at=20_003 * DAY - 1),
    )
    assert {name: one.output for name, one in store.by("intent").items()} == {"": 20, "play": 10}
    assert {day: one.calls for day, one in store.days().items()} == {20_000: 1, 20_001: 1, 20_002: 1}
    assert store.total(20_001, 20_001).guessed_nanos == 15_000
    assert list(store.by("cell", until=20_000)) == ["unlinked"]
    assert store.total(30_000).calls == 0


def test_new_prices_reach_every_call(store: UsageStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "BATCH", 2)
    put(store, *(call(f"r{at}", f"m{at}") for at in range(5)))
    store.judge_again("dearer", Dearer())
    assert (store.total().nanos, list(store.by("intent")), store.check()) == (35, ["new"], 0)
    store.judge_again("dearer", judge)
    assert list(store.by("intent")) == ["new"]


def test_contexts_that_nothing_stands_in_go_also_where_another_process_knew_them(tmp_path: Path) -> None:
    one, other = UsageStore(tmp_path / "usage.db"), UsageStore(tmp_path / "usage.db")
    put(one, call())
    for labelling in (Dearer(), judge, Dearer()):
        other.judge_again(str(labelling), labelling)
    put(one, call("r2", "m2"))
    assert [usage.key for usage, _ in other.calls(0, 2**60)] == ["r1", "r2"]
    assert other.by("intent").keys() == {"new", ""}
    assert (one.check(), other.check()) == (0, 0)
    with sqlite3.connect(tmp_path / "usage.db") as db:
        assert db.execute("SELECT COUNT(*) FROM context").fetchone() == (2,)
    db.close()
    one.close()
    other.close()


def test_a_block_that_fails_leaves_nothing(store: UsageStore) -> None:
    with pytest.raises(RuntimeError), store.writing():
        store.add(call(branch="never seen"), judge)
        store.flush(judge)
        raise RuntimeError
    put(store, call("r2", "m2", branch="other"))
    assert [usage.branch for usage, _ in store.calls(0, 2**60)] == ["other"]
    assert (store.total().calls, store.check()) == (1, 0)


def test_files_and_what_could_not_be_read_of_them(store: UsageStore) -> None:
    state = FileState("t", 1, 2, 3, 4, 5, b"state", b"tail")
    torn = [Unread(path="/f", line=3, why="truncated"), Unread(path="/f", line=1, why="negative", what="x")]
    with store.writing():
        store.keep_file("/f", state, torn, fresh=True)
        store.flush(judge)
    assert (store.files(), len(store.unread())) == ({"/f": state}, 2)
    with store.writing():
        store.keep_file("/f", state, [], fresh=False)
        store.flush(judge)
    assert [one.why for _, one in store.unread()] == ["negative"]
    with store.writing():
        store.keep_file("/f", state, [], fresh=True)
        store.flush(judge)
    assert store.unread() == []
