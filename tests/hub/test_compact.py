"""Facts go from the journal into files once each, whatever ends the compactor, and while others come in."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest
from sqlalchemy import delete, insert, select

from meshclaw.errors import Busy, UserError
from meshclaw.flow.fact import Fact, quarter_of
from meshclaw.flow.mesh import Batch
from meshclaw.hub import compact as module
from meshclaw.hub import roster
from meshclaw.hub.alone import alone
from meshclaw.hub.compact import GENERATED, compact
from meshclaw.hub.hub import Hub
from meshclaw.hub.ingest import check
from meshclaw.hub.store import tables as t
from meshclaw.hub.store.database import writing
from meshclaw.ledger.device import Device as Key
from meshclaw.metrics.ask import ask
from meshclaw.metrics.catalog import find
from meshclaw.metrics.folder import Folder
from meshclaw.metrics.query.duckdb import parquet

TODAY = datetime.now(UTC).date()
MONDAY = TODAY - timedelta(days=TODAY.weekday(), weeks=5)
PEOPLE = ("kim", "ada", "bob")


def fact(day: date = MONDAY, **more: Any) -> Fact:
    return Fact(
        **{"id": secrets.token_hex(16), "kind": "worked", "who": "a" * 32, "day": day.isoformat(), **more}
    )


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with Hub.make(tmp_path / "hub", "Example") as hub:
        with writing(hub.engine) as connection:
            roster.put_unit(connection, "all", "All")
            roster.put_unit(connection, "sales", "Sales", "all")
            roster.put_unit(connection, "law", "Law", "all")
            for person, unit in zip(PEOPLE, ("sales", "sales", "law"), strict=True):
                roster.put_person(connection, person, name=person, unit=unit)
        yield hub


def tell(hub: Hub, *facts: Fact, unit: str = "sales") -> None:
    """As ingest writes it."""
    with writing(hub.engine) as connection:
        for one in facts:
            quarter = quarter_of(date.fromisoformat(one.day))
            connection.execute(
                insert(t.journal).values(
                    day=TODAY.isoformat(),
                    quarter=quarter,
                    unit=unit,
                    count=1,
                    body=msgspec.json.encode([one]),
                )
            )


def stored(hub: Hub) -> list[dict[str, Any]]:
    folder = Folder(hub.folder)
    if not folder.weeks():
        return []
    with duckdb.connect() as connection:
        found = connection.execute(
            f"SELECT * FROM {parquet([str(folder.facts(week)) for week in folder.weeks()])} ORDER BY id"
        )
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def ids(facts: list[Fact]) -> list[str]:
    return sorted(one.id for one in facts)


def test_what_a_fact_leaves_out_is_filled_in(hub: Hub) -> None:
    some = [
        fact(kind="used", tool="codex", cost_micros=2**39, cell="open", count=7),
        fact(MONDAY + timedelta(days=6)),
    ]
    tell(hub, *some)
    assert compact(hub).facts == 2
    for row, one in zip(stored(hub), sorted(some, key=lambda one: one.id), strict=True):
        assert {name: row[name] for name in one.__struct_fields__} == msgspec.structs.asdict(one)
        assert row["week"] == MONDAY.isoformat()
        assert row["unit"] == "sales"
    assert hub.counts()["facts_to_compact"] == 0


def test_a_fact_that_comes_again_counts_once(hub: Hub) -> None:
    """As after a hub was restored from an old copy."""
    once, later = fact(), fact(MONDAY + timedelta(days=1))
    tell(hub, once, once)
    compact(hub)
    tell(hub, once, later)
    compact(hub)
    assert [row["id"] for row in stored(hub)] == ids([once, later])


def test_numbers_that_cannot_be_true_spoil_nothing(hub: Hub) -> None:
    fine = fact(kind="used", cost_micros=module.MOST)
    tell(hub, fine, *(fact(kind="used", cost_micros=2**53) for _ in range(3)), fact(count=2**53))
    done = compact(hub)
    assert (done.facts, done.implausible, done.weeks) == (5, 4, 1)
    assert [row["id"] for row in stored(hub)] == [fine.id]


def test_answers_of_closed_weeks_and_of_what_comes_later(hub: Hub) -> None:
    tell(hub, fact(), fact(MONDAY + timedelta(days=2)))
    tell(hub, fact(who="b" * 32), unit="law")
    tell(hub, fact(TODAY))
    assert compact(hub).weeks == 1
    adoption = find("adoption")

    def answer(unit: str) -> list[tuple[str, int, int]]:
        rows = ask(Folder(hub.folder), adoption, unit, MONDAY, TODAY).rows
        return [(part.week, part.top, part.bottom) for part in rows]

    assert answer("all") == [(MONDAY.isoformat(), 2, 3)]
    assert answer("sales") == [(MONDAY.isoformat(), 1, 2)]
    tell(hub, fact(who="c" * 32))
    assert compact(hub).weeks == 1
    assert answer("all") == [(MONDAY.isoformat(), 3, 3)]
    assert compact(hub).weeks == 0
    assert compact(hub, rebuild=True).weeks == 1
    assert answer("all") == [(MONDAY.isoformat(), 3, 3)]
    assert compact(hub, today=TODAY + timedelta(days=20)).weeks == 1


def test_who_joins_in_a_quarter_counts_from_then_on_and_units_that_move_stay(hub: Hub) -> None:
    tell(hub, fact())
    compact(hub)
    quarter = quarter_of(MONDAY)
    with writing(hub.engine) as connection:
        roster.put_unit(connection, "law", "Law", None)
        roster.put_person(connection, "new", name="New", unit="law")
        connection.execute(insert(t.membership).values(quarter=quarter, person="new", unit="law"))
    tell(hub, fact(who="d" * 32), unit="law")
    compact(hub)
    (row,) = ask(Folder(hub.folder), find("adoption"), "all", MONDAY, MONDAY).rows
    assert (row.top, row.bottom) == (2, 4)


KILLED = """
import os, signal, sys
from pathlib import Path
from meshclaw.hub import compact as module
from meshclaw.hub.hub import Hub
from meshclaw.metrics import folder, rollup
left = int(sys.argv[2])
def counted(name, of):
    real = getattr(of, name)
    def wrapped(*words, **more):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*words, **more)
    setattr(of, name, wrapped)
for name, of in (("put", module), ("put", rollup), ("_sync", folder), ("_forget", module), ("roll", module),
                 ("_freeze", module)):
    counted(name, of)
with Hub(Path(sys.argv[1])) as hub:
    module.compact(hub)
"""


@pytest.mark.timeout(300)
def test_killed_anywhere_nothing_is_lost_or_doubled(hub: Hub) -> None:
    first = [fact(MONDAY + timedelta(days=day), count=day + 1) for day in range(10)]
    tell(hub, *first)
    compact(hub)
    facts, kills = first, 0
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    for step in range(1, 41, 4):
        more = [fact(MONDAY + timedelta(days=day), who=secrets.token_hex(16)) for day in (0, 3, 8)]
        tell(hub, *more)
        facts = facts + more
        command = [sys.executable, "-c", KILLED, str(hub.folder), str(step)]
        kills += subprocess.run(command, env=environment, check=False).returncode == -signal.SIGKILL
        waiting = hub.counts()["facts_to_compact"]
        there = {row["id"] for row in stored(hub)}
        assert len(there) + waiting >= len(facts)
    compact(hub)
    assert kills > 7
    assert [row["id"] for row in stored(hub)] == ids(facts)
    assert hub.counts()["facts_to_compact"] == 0
    assert not Folder(hub.folder).stale() or all(
        date.fromisoformat(week.monday) > TODAY - module.OPEN for week in Folder(hub.folder).stale()
    )
    weeks = [ask(Folder(hub.folder), find("adoption"), "all", MONDAY, TODAY).rows for _ in range(2)]
    compact(hub, rebuild=True)
    assert ask(Folder(hub.folder), find("adoption"), "all", MONDAY, TODAY).rows == weeks[0]
    assert not list(hub.folder.rglob("*.part"))


def test_claws_tell_on_while_it_compacts(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "claw").mkdir()
    key, told = Key(tmp_path / "claw"), list[Fact]()
    with writing(hub.engine) as connection:
        device, _ = roster.enrol(connection, roster.new_code(connection, "kim"), key.public)
    stop = threading.Event()

    def telling() -> None:
        seq, hash_ = 1, roster.GENESIS
        while not stop.is_set():
            one = fact()
            batch = Batch(first=seq, previous=hash_, facts=(one,))
            hub.ingest.put(device, batch).result(30)
            told.append(one)
            seq, hash_ = seq + 1, check(batch)

    thread = threading.Thread(target=telling)
    thread.start()
    rounds = 0
    while rounds < 3 and thread.is_alive():
        rounds += bool(compact(hub).facts)
    stop.set()
    thread.join(30)
    compact(hub)
    assert rounds == 3
    assert [row["id"] for row in stored(hub)] == ids(told)


def test_one_at_a_time(hub: Hub) -> None:
    with alone(hub.folder), pytest.raises(Busy):
        compact(hub)
    compact(hub)


def test_real_facts_never_come_among_generated_ones(hub: Hub) -> None:
    with writing(hub.engine) as connection:
        connection.execute(insert(t.setting).values(name=GENERATED, value="1"))
    tell(hub, fact())
    with pytest.raises(UserError, match="generated"):
        compact(hub)
    assert stored(hub) == []


def test_a_roster_in_a_circle_ends(hub: Hub) -> None:
    with writing(hub.engine) as connection:
        roster.put_unit(connection, "all", "All", "sales")
        connection.execute(delete(t.membership))
    tell(hub, fact())
    compact(hub)
    (row,) = ask(Folder(hub.folder), find("adoption"), "sales", MONDAY, MONDAY).rows
    assert (row.top, row.bottom) == (1, 3)
    with writing(hub.engine) as connection:
        assert len(connection.execute(select(t.membership)).all()) == len(PEOPLE)
