"""LiteLLM's spend log in a real PostgreSQL: every row once, whatever happens to the table or the server meanwhile."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from meshclaw.errors import (
    MeshClawError,
    NotFound,
    NotReachable,
    Operational,
    Refused,
    UserError,
)
from meshclaw.ledger.usage.store import UsageStore
from meshclaw.readers.all import READERS
from meshclaw.usage import spend_log as reading
from meshclaw.usage.importing import Imported, Importer
from meshclaw.usage.labels import judge_of
from meshclaw.usage.report import report
from tests.usage.spend_table import OLD, now, put


@pytest.fixture
def store(home: Path) -> Iterator[UsageStore]:
    store = UsageStore(home / "usage.db")
    yield store
    store.close()


Bring = Callable[..., Imported]


@pytest.fixture
def bring(store: UsageStore, conninfo: str) -> Bring:
    importer = Importer(store, READERS, judge_of(READERS, None))

    def call(told: Callable[[int], None] = lambda _: None) -> Imported:
        imported = reading.read_new(importer, conninfo, told)
        importer.told()
        return imported

    return call


def ids(store: UsageStore) -> list[str]:
    return sorted(usage.key for usage, _ in store.calls(-(2**62), 2**62))


def test_a_row_is_the_call_that_a_line_of_the_log_is(
    log: psycopg.Connection, bring: Bring, store: UsageStore, home: Path
) -> None:
    put(log, "r1")
    put(log, "hit", cache_hit="True")
    assert bring().calls == 1
    [(usage, _)] = store.calls(-(2**62), 2**62)
    tokens = usage.tokens
    assert (tokens.input_uncached, tokens.cache_read, tokens.cache_write_5m, tokens.output) == (30, 60, 10, 8)
    assert (usage.reported_micros, usage.declared, usage.provider) == (1_000, "tag:mail.triage", "anthropic")
    assert usage.at == int(OLD.replace(tzinfo=UTC).timestamp() * 1000)
    store.close()
    assert b"secret" not in (home / "usage.db").read_bytes()


def test_a_second_reading_takes_only_what_was_written_since(
    log: psycopg.Connection, bring: Bring, store: UsageStore
) -> None:
    rows: list[int] = []
    put(log, "r1")
    bring(rows.append)
    bring(rows.append)
    assert (rows, ids(store)) == ([1, 0], ["r1"])
    put(
        log, "late", OLD - timedelta(hours=1), endTime=now()
    )  # an older call that ended after the first reading
    put(log, "r2", now())
    assert bring(rows.append).calls == 2
    assert bring(rows.append).calls == 0  # the last minutes are read again, and nothing of them is new
    assert (rows, ids(store)) == ([1, 0, 2, 2], ["late", "r1", "r2"])


def test_where_the_proxy_says_when_it_wrote_a_row_that_counts(
    log: psycopg.Connection, bring: Bring, store: UsageStore
) -> None:
    log.execute('ALTER TABLE "LiteLLM_SpendLogs" ADD created_at timestamp(3), ADD updated_at timestamp(3)')
    put(log, "before the columns were there")
    bring()
    put(log, "queued for days", OLD, created_at=now(), updated_at=now())
    assert bring().calls == 1
    assert len(ids(store)) == 2


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("portion", [7, 5_000])
def test_rows_that_come_in_any_order_are_counted_exactly(
    log: psycopg.Connection,
    bring: Bring,
    store: UsageStore,
    *,
    seed: int,
    portion: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reading, "PORTION", portion)
    pick, sums = random.Random(seed), {"calls": 0, "input_uncached": 0, "cache_read": 0, "output": 0}
    for turn in range(5):
        for number in range(pick.randrange(25)):
            entire, output, is_hit = pick.randrange(1, 9_000), pick.randrange(900), pick.random() < 0.2
            read = pick.randrange(entire)
            start = now() - timedelta(seconds=pick.randrange(400_000))
            used = {"usage_object": {"cache_read_input_tokens": read}}
            put(
                log, f"{turn}-{number}", start, endTime=now(), prompt_tokens=entire, completion_tokens=output,
                metadata=json.dumps(used), cache_hit=str(is_hit),
            )  # fmt: skip
            if not is_hit:
                sums["calls"] += 1
                sums["input_uncached"] += entire - read
                sums["cache_read"] += read
                sums["output"] += output
        bring()
    totals = report(store).totals
    assert {name: getattr(totals, name) for name in sums} == sums
    assert store.check() == 0


def test_a_server_that_goes_away_loses_nothing_and_the_next_reading_goes_on(
    log: psycopg.Connection, bring: Bring, store: UsageStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "PORTION", 10)
    for number in range(35):
        put(log, f"r{number:02}", OLD + timedelta(seconds=number))

    def cut(rows: int) -> None:
        if rows == 20:
            put(log, "meanwhile", OLD - timedelta(hours=1), endTime=now())
            log.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'meshclaw'"
            )

    with pytest.raises(NotReachable) as stopped:
        bring(cut)
    assert "goes on there" in stopped.value.fix
    assert len(ids(store)) == 20
    rows: list[int] = []
    bring(rows.append)
    assert rows == [10, 15]
    bring()
    assert ids(store) == sorted(["meanwhile", *(f"r{number:02}" for number in range(35))])
    assert store.check() == 0


def test_columns_that_are_not_there_are_named(
    log: psycopg.Connection, bring: Bring, store: UsageStore
) -> None:
    log.execute('ALTER TABLE "LiteLLM_SpendLogs" DROP agent_id, DROP request_tags, DROP "endTime"')
    put_bare = 'INSERT INTO "LiteLLM_SpendLogs" (request_id, "startTime", prompt_tokens) VALUES (%s, %s, 5)'
    log.execute(put_bare, ("r1", OLD))
    for _ in range(2):
        bring()
        assert [(one.why, one.what, one.count) for _, one in store.unread()] == [
            ("missing-field", "agent_id", 1), ("missing-field", "request_tags", 1),
        ]  # fmt: skip
    assert ids(store) == ["r1"]
    log.execute('ALTER TABLE "LiteLLM_SpendLogs" RENAME prompt_tokens TO tokens_in')
    with pytest.raises(UserError, match="no column prompt_tokens"):
        bring()
    log.execute('DROP TABLE "LiteLLM_SpendLogs"')
    with pytest.raises(NotFound, match="no table"):
        bring()


def test_rows_that_cannot_be_are_named_by_their_id_and_the_rest_is_read(
    log: psycopg.Connection, bring: Bring, store: UsageStore
) -> None:
    put(log, "good", now())
    put(log, "minus", now(), completion_tokens=-8)
    put(log, "forged", now(), spend=float("inf"))
    put(log, "odd", now(), metadata='[1, {"usage_object": 7}]', request_tags='{"a": 1}')
    put(log, "1970", datetime(1970, 1, 1))  # noqa: DTZ001
    for _ in range(2):  # the last minutes are read again
        bring()
        assert [(one.path.partition("#")[2], one.why, one.count) for _, one in store.unread()] == [
            ("1970", "clock", 1), ("forged", "malformed", 1), ("minus", "negative", 1),
        ]  # fmt: skip
    assert ids(store) == ["1970", "forged", "good", "odd"]


def test_the_connection_can_only_read_and_waits_no_longer_than_told(
    log: psycopg.Connection, bring: Bring, conninfo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(MeshClawError, match="read-only"), reading._connected(conninfo) as connection:
        connection.execute('DELETE FROM "LiteLLM_SpendLogs"')
    monkeypatch.setattr(reading, "STATEMENT_S", 1)
    with log.transaction():
        log.execute('LOCK TABLE "LiteLLM_SpendLogs" IN ACCESS EXCLUSIVE MODE')
        with pytest.raises(Operational, match="more than 1 s"):
            bring()


def test_a_user_who_may_not_read_is_told_what_to_ask_for(
    log: psycopg.Connection, bring: Bring, conninfo: str
) -> None:
    log.execute("DROP ROLE IF EXISTS nobody")
    log.execute("CREATE ROLE nobody LOGIN")
    other = psycopg.conninfo.make_conninfo(conninfo, user="nobody")
    importer = Importer(UsageStore(), READERS, judge_of(READERS, None))
    with pytest.raises(Refused) as refused:
        reading.read_new(importer, other, lambda _: None)
    assert "GRANT SELECT" in refused.value.fix
    importer._store.close()
