"""Bad input, for every reader there is: named with its file and line, counted, and the rest is read.

The line of 80 megabytes itself is in the tests of the readers.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from meshclaw.ledger.usage.store import UsageStore
from meshclaw.readers import lines, opencode, records
from meshclaw.readers.all import READERS
from meshclaw.readers.otlp import Refused
from meshclaw.usage.importing import Importer
from meshclaw.usage.labels import judge_of
from tests.usage.formats import FORMATS, Format

of_all = pytest.mark.parametrize("kind", FORMATS, ids=str)
FILES = [kind for kind in FORMATS if kind.tool != "otlp"]
of_files = pytest.mark.parametrize("kind", FILES, ids=str)


@pytest.fixture
def store() -> Iterator[UsageStore]:
    store = UsageStore()
    yield store
    store.close()


@pytest.fixture
def importer(store: UsageStore) -> Importer:
    return Importer(store, READERS, judge_of(READERS, None))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "person"
    folder.mkdir()
    return folder


def told(store: UsageStore) -> list[tuple[str, int, str, int]]:
    return [(one.path, one.line, one.why, one.count) for _, one in store.unread()]


def calls(store: UsageStore) -> int:
    return sum(1 for _ in store.calls(-(2**62), 2**62))


def test_every_reader_has_its_format_here() -> None:
    assert {kind.tool for kind in FORMATS} == {reader.source.tool for reader in READERS} | {"otlp"}


BAD = {
    "negative counts": ({"count": -5}, "negative", False),
    "clock in 1970": ({"at": "1970-01-01T00:00:01+00:00"}, "clock", True),
    "clock in 2099": ({"at": "2099-01-01T00:00:00+00:00"}, "clock", True),
    "forged cost": ({"cost": "1e30"}, "malformed", True),
    "negative cost": ({"cost": -3}, "negative", True),
}
"""What is changed in the record, how it is named, and whether its call still counts."""


RECORDS = [(kind, what) for what in BAD for kind in FORMATS if kind.has_cost or "cost" not in what]


@pytest.mark.parametrize(("kind", "what"), RECORDS, ids=str)
def test_a_bad_record_is_named_by_file_and_line_and_the_rest_is_read(
    kind: Format, what: str, store: UsageStore, importer: Importer, home: Path
) -> None:
    changed, why, is_counted = BAD[what]
    places = kind.write(home, [kind.record(1), kind.record(2, **changed), kind.record(3)])
    kind.bring(importer, home)
    assert told(store) == [(*places[1], why, 1)]
    assert calls(store) == 2 + is_counted
    assert all((usage.reported_micros or 0) < 10**12 for usage, _ in store.calls(-(2**62), 2**62))
    assert store.check() == 0


@of_all
def test_what_is_half_written_is_named_and_read_when_it_is_whole(
    kind: Format, store: UsageStore, importer: Importer, home: Path
) -> None:
    both = [kind.record(1), kind.record(2)]
    places = kind.write(home, both)
    path = home / "body" if kind.tool == "otlp" else Path(places[1][0])
    if path.suffix == ".db":
        kind.write(home, [both[0], both[1][:-9]])
    else:
        path.write_bytes(path.read_bytes()[:-9])
    if kind.tool == "otlp":  # the sender hears it and sends again
        with pytest.raises(Refused):
            kind.bring(importer, home)
    else:
        kind.bring(importer, home)
        line = 0 if kind.is_whole else places[1][1]
        why = "malformed" if path.suffix in {".db", ".csv"} else "truncated"
        assert told(store) == [(places[1][0], line, why, 1)]
        assert calls(store) == (0 if kind.is_whole and len({place[0] for place in places}) == 1 else 1)
    os.utime(path, ns=(1, 1))  # as if the rest came later
    kind.write(home, both)
    kind.bring(importer, home)
    assert (told(store), calls(store)) == ([], 2)


@of_files
def test_a_line_that_is_too_long_is_named_and_the_rest_is_read(
    kind: Format, store: UsageStore, importer: Importer, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (lines, records, opencode):
        monkeypatch.setattr(module, "LONGEST", lines.CHUNK)
    long = kind.record(2)[:-1] + " " * (2 * lines.CHUNK) + kind.record(2)[-1]
    places = kind.write(home, [kind.record(1), long, kind.record(3)])
    kind.bring(importer, home)
    is_alone = kind.is_whole and len({place[0] for place in places}) == 1
    assert told(store) == [(places[1][0], 0 if is_alone else places[1][1], "too-long", 1)]
    assert calls(store) == (0 if is_alone else 2)


@of_all
def test_the_same_tree_from_two_machines_counts_once(
    kind: Format, store: UsageStore, importer: Importer, tmp_path: Path
) -> None:
    for machine in ("one", "two"):
        (tmp_path / machine).mkdir()
        kind.write(tmp_path / machine, [kind.record(1), kind.record(2)])
        kind.bring(importer, tmp_path / machine)
        assert (calls(store), told(store)) == (2, [])
    assert store.check() == 0


@contextmanager
def as_nobody() -> Iterator[None]:
    """Root may read everything; what a person may not read is only seen by a person."""
    was = os.geteuid()
    if was == 0:
        os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(was)


@pytest.fixture
def open_home() -> Iterator[Path]:
    """One that nobody may enter, in a folder that everybody may."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


CLOSED = [
    (kind, what) for what in ("file", "folder") for kind in FILES if what == "file" or not kind.is_named
]
"""Whoever names a file in a closed folder is told so by the command line."""


@pytest.mark.parametrize(("kind", "what"), CLOSED, ids=str)
def test_what_may_not_be_read_is_named_until_it_may(
    kind: Format, what: str, store: UsageStore, importer: Importer, open_home: Path
) -> None:
    path = Path(kind.write(open_home, [kind.record(1), kind.record(2)])[0][0])
    closed = path if what == "file" else path.parent
    closed.chmod(0)
    with as_nobody():
        kind.bring(importer, open_home)
    assert told(store) == [(str(closed), 0, "denied", 1)]
    is_alone = kind.name != "opencode_file" or what == "folder"
    assert calls(store) == (0 if is_alone else 1)
    closed.chmod(0o755)
    with as_nobody():
        kind.bring(importer, open_home)
    assert (told(store), calls(store)) == ([], 2)


HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA journal_mode=WAL")
connection.execute("PRAGMA locking_mode=EXCLUSIVE")
connection.execute("BEGIN EXCLUSIVE")
connection.execute("INSERT INTO message VALUES ('m3', 's', ?)", (sys.argv[2],))
print("held", flush=True)
sys.stdin.read()
connection.execute("COMMIT")
"""


def test_a_database_that_its_tool_holds_is_read_as_it_stands_and_again_when_it_is_free(
    store: UsageStore, importer: Importer, home: Path
) -> None:
    kind = next(kind for kind in FORMATS if kind.name == "opencode_row")
    path = kind.write(home, [kind.record(1), kind.record(2)])[0][0]
    command = [sys.executable, "-c", HOLD, path, kind.record(3)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as tool:
        assert tool.stdout
        assert tool.stdout.readline() == "held\n"
        kind.bring(importer, home)
        assert (told(store), calls(store)) == ([(path, 0, "locked", 1)], 2)
        tool.communicate("")
    kind.bring(importer, home)
    assert (told(store), calls(store)) == ([], 3)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
