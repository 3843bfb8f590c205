"""What is new in the tools' folders is read once, whatever becomes of the files."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from meshclaw.flow.usage import Usage
from meshclaw.ledger.usage import store as stores
from meshclaw.ledger.usage.store import UsageStore
from meshclaw.readers.all import READERS
from meshclaw.readers.base import Reader
from meshclaw.usage.importing import Imported, Importer
from meshclaw.usage.labels import judge_of
from meshclaw.usage.report import report
from tests.readers.test_claude_code import line
from tests.usage.trees import cost_micros, generate, needs_generator


@pytest.fixture
def store(home: Path) -> Iterator[UsageStore]:
    store = UsageStore(home / "usage.db")
    yield store
    store.close()


@pytest.fixture
def user(tmp_path: Path) -> Path:
    folder = tmp_path / "user"
    (folder / ".claude" / "projects" / "repo").mkdir(parents=True)
    return folder


@pytest.fixture
def session(user: Path) -> Path:
    return user / ".claude" / "projects" / "repo" / "session.jsonl"


def bring(store: UsageStore, user: Path, environ: dict[str, str] | None = None) -> Imported:
    return Importer(store, READERS, judge_of(READERS, None)).machine(user, environ or {})


def write(path: Path, *lines: dict[str, object], tail: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(one) + "\n" for one in lines) + tail, "utf-8")


@needs_generator
@pytest.mark.parametrize("seed", [7, 11, 2026])
@pytest.mark.parametrize("batch", [40, 50_000])
def test_totals_of_a_generated_tree_are_exact(
    store: UsageStore, tmp_path: Path, seed: int, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "BATCH", batch)
    truth = generate(tmp_path / "user", seed)
    bring(store, tmp_path / "user")
    found = report(store)
    got = found.totals
    assert {
        "messages": got.calls, "input": got.input_uncached, "output": got.output, "cache_read": got.cache_read,
        "cache_creation": got.cache_write_5m + got.cache_write_1h,
    } == truth["totals"]  # fmt: skip
    assert got.cost_usd_micros == cost_micros(tmp_path / "user")
    for model, expected in truth["by_model"].items():
        assert found.by_model[model].totals.calls == expected["messages"]
        assert found.by_model[model].totals.cache_read == expected["cache_read"]
    for parts in (found.by_tool, found.by_model):
        assert sum(part.totals.cost_usd_micros for part in parts.values()) == got.cost_usd_micros
    assert sum(found.partition.values()) == got.cost_usd_micros
    assert store.check() == 0
    assert bring(store, tmp_path / "user") == Imported()


def test_only_what_was_appended_is_read(store: UsageStore, user: Path, session: Path) -> None:
    write(session, line("m1"), tail=json.dumps(line("m2"))[:-30])
    assert (bring(store, user).calls, store.total().calls) == (1, 1)
    write(session, line("m1"), line("m2"), line("m3"))
    grown = bring(store, user)
    assert (grown.calls, store.total().calls, store.unread()) == (2, 3, [])
    assert grown.read_bytes == len(json.dumps(line("m2")) + json.dumps(line("m3"))) + 2


def test_a_rewritten_file_is_read_again_and_what_it_said_stays(
    store: UsageStore, user: Path, session: Path
) -> None:
    write(session, line("m1"))
    bring(store, user)
    write(session, line("m4", cwd="/a/longer/name/than/before"), line("m5"))
    assert bring(store, user).read_bytes == session.stat().st_size
    assert store.total().calls == 3


def test_deleting_a_source_keeps_what_was_read(store: UsageStore, user: Path, session: Path) -> None:
    write(session, line("m1"))
    bring(store, user)
    session.unlink()
    assert (bring(store, user), store.total().calls) == (Imported(), 1)


def test_the_same_tree_from_two_machines_counts_once(store: UsageStore, tmp_path: Path) -> None:
    for machine in ("a", "b"):
        write(tmp_path / machine / ".claude/projects/r/s.jsonl", line("m1"), line("m2"))
    bring(store, tmp_path / "a")
    assert (bring(store, tmp_path / "b").calls, store.total().calls) == (0, 2)


def test_all_folders_of_a_tool_are_read_each_once(store: UsageStore, user: Path, tmp_path: Path) -> None:
    write(user / ".claude/projects/r/s.jsonl", line("m1"))
    write(user / ".claude/projects/r/s/subagents/agent-1.jsonl", line("m2", isSidechain=True))
    write(user / ".config/claude/projects/r/t.jsonl", line("m3"))
    write(user / ".claude/history.jsonl", line("no transcript"))
    assert (bring(store, user).files, store.total().calls) == (3, 3)
    write(tmp_path / "one/projects/r/s.jsonl", line("m4"))
    (tmp_path / "two").symlink_to(tmp_path / "one")
    named = {"CLAUDE_CONFIG_DIR": f"{tmp_path / 'one'}, {tmp_path / 'two'}"}
    assert (bring(store, user, named).files, store.total().calls) == (1, 4)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_named_until_it_may(store: UsageStore, user: Path, session: Path) -> None:
    write(session, line("m1"))
    session.parent.chmod(0)
    bring(store, user)
    assert [(one.path, one.why) for _, one in store.unread()] == [(str(session.parent), "denied")]
    session.parent.chmod(0o700)
    bring(store, user)
    assert (store.unread(), store.total().calls) == ([], 1)


def test_a_file_that_cannot_be_read_is_tried_again(store: UsageStore, user: Path, session: Path) -> None:
    write(session, line("m1"))

    class Failing:
        source = READERS[0].source

        def read(self, path: Path, place: object = None) -> Iterator[Usage]:
            raise PermissionError(13, "denied")
            yield

    failing: Reader = Failing()  # type: ignore[assignment]
    Importer(store, [failing], judge_of(READERS, None)).machine(user, {})
    assert [one.why for _, one in store.unread()] == ["denied"]
    bring(store, user)
    assert (store.unread(), store.total().calls) == ([], 1)


def test_a_name_that_is_no_text_is_read_and_told(store: UsageStore, user: Path, session: Path) -> None:
    odd = os.fsencode(session.parent) + b"/\xff.jsonl"
    with open(odd, "wb") as file:  # noqa: PTH123 - no Path holds this name
        file.write(b'{"output_tokens": nothing}\n')
    bring(store, user)
    [(_, unread)] = store.unread()
    assert unread.path.endswith("\\xff.jsonl")
    assert bring(store, user) == Imported()


def test_an_import_that_was_not_told_is_told_later(store: UsageStore, user: Path, session: Path) -> None:
    write(session, line("m1"))
    imported = bring(store, user)
    importer = Importer(store, READERS, judge_of(READERS, None))
    assert importer.untold() == imported
    importer.told()
    assert importer.untold() is None
