"""The smaller readers, each on what its tool writes and on what goes wrong there."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from meshclaw.flow.usage import LONG_CALLS, Tokens
from meshclaw.readers.anthropic_reports import AnthropicReports
from meshclaw.readers.base import Reader
from meshclaw.readers.copilot import Copilot
from meshclaw.readers.gemini_cli import GeminiCli
from meshclaw.readers.kiro import Kiro
from meshclaw.readers.litellm import LiteLlm, call_of
from meshclaw.readers.openclaw import OpenClaw
from meshclaw.readers.opencode import OpenCode
from tests.readers.reading import labels, read, read_text

AT = "2026-06-01T10:00:00Z"
AT_MS = 1_780_308_000_000


def lines(*records: object) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


# Gemini CLI


def gemini(id_: str, **tokens: int) -> dict[str, object]:
    return {"type": "gemini", "id": id_, "model": "gemini-2.5-pro", "timestamp": AT, "tokens": tokens}


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        ({"input": 100, "cached": 40, "output": 5}, Tokens(input_uncached=60, cache_read=40, output=5)),
        (
            {"input": 100, "cached": 40, "output": 5, "thoughts": 7, "tool": 3, "total": 115},
            Tokens(input_uncached=63, cache_read=40, output=12, reasoning=7),
        ),
        # the total proves that the cached part is not in the input
        (
            {"input": 100, "cached": 40, "output": 5, "total": 145},
            Tokens(input_uncached=100, cache_read=40, output=5),
        ),
        ({"input": 10, "cached": 40}, Tokens(cache_read=10)),
    ],
)
def test_a_gemini_chat_is_counted_by_class(tmp_path: Path, tokens: dict[str, int], expected: Tokens) -> None:
    chat = {"sessionId": "s", "messages": [{"type": "user"}, gemini("1", **tokens)]}
    (usage,), unread = read_text(GeminiCli(), tmp_path / "chat.json", json.dumps(chat))
    assert (usage.tokens, usage.at, usage.model, usage.key, unread) == (
        expected, AT_MS, "gemini-2.5-pro", "s:1", [],
    )  # fmt: skip


def test_of_a_message_that_gemini_writes_again_the_last_one_counts(tmp_path: Path) -> None:
    text = lines(
        {"sessionId": "s"},
        gemini("1", input=5),
        gemini("2", input=9),
        gemini("1", input=7, output=2),
        gemini("2", input=8),
    )
    usages, unread = read_text(GeminiCli(), tmp_path / "chat.jsonl", text)
    assert [usage.tokens for usage in usages] == [
        Tokens(input_uncached=7, output=2),
        Tokens(input_uncached=8),
    ]
    assert not unread


def test_what_headless_gemini_prints_is_read_by_model(tmp_path: Path) -> None:
    tokens = {"prompt": 100, "candidates": 5, "cached": 10, "thoughts": 2, "tool": 0, "total": 107}
    text = json.dumps(
        {"session_id": "s", "timestamp": AT, "stats": {"models": {"gemini-2.5-flash": {"tokens": tokens}}}}
    )
    (usage,), _ = read_text(GeminiCli(), tmp_path / "out.json", text)
    assert usage.tokens == Tokens(input_uncached=90, cache_read=10, output=7, reasoning=2)


# OpenCode


def opencode(**changes: object) -> dict[str, object]:
    tokens = {"input": 10, "output": 5, "reasoning": 2, "cache": {"read": 100, "write": 20}}
    return {
        "role": "assistant", "modelID": "claude-sonnet-4-5", "providerID": "anthropic", "tokens": tokens,
        "cost": 0.5, "time": {"created": AT_MS}, "path": {"root": "/r"}, "mode": "build",
    } | changes  # fmt: skip


@pytest.fixture
def database(tmp_path: Path) -> Iterator[tuple[Path, sqlite3.Connection]]:
    path = tmp_path / "opencode.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE message (id TEXT PRIMARY KEY, session_id TEXT, data TEXT)")
        rows = [
            ("m1", "s", json.dumps(opencode())),
            ("m2", "s", json.dumps({"role": "user"})),
            ("m3", "s", '{"half'),
            ("m4", "s", json.dumps(opencode(tokens={"input": -1}))),
            ("m5", "s", json.dumps(opencode(cost=-3))),
        ]
        connection.executemany("INSERT INTO message VALUES (?, ?, ?)", rows)
        yield path, connection


def test_opencode_messages_are_read_and_bad_ones_are_named_by_row(
    database: tuple[Path, sqlite3.Connection],
) -> None:
    usages, unread, _ = read(OpenCode(), database[0])
    assert labels(unread) == [(3, "malformed"), (4, "negative"), (5, "negative")]
    assert [(usage.key, usage.reported_micros) for usage in usages] == [("m1", 500_000), ("m5", None)]
    assert usages[0].tokens == Tokens(
        input_uncached=10, cache_read=100, cache_write_5m=20, output=7, reasoning=2
    )
    assert (usages[0].provider, usages[0].at, usages[0].repo, usages[0].agent) == (
        "anthropic",
        AT_MS,
        "/r",
        "build",
    )


def test_a_database_that_its_tool_locks_is_named_and_read_as_it_stands_in_the_file(
    database: tuple[Path, sqlite3.Connection],
) -> None:
    path, connection = database
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.execute("PRAGMA locking_mode=EXCLUSIVE")
    connection.execute("BEGIN EXCLUSIVE")
    connection.execute("DELETE FROM message")
    usages, unread, _ = read(OpenCode(), path)
    assert labels(unread)[0] == (0, "locked")
    assert [usage.key for usage in usages] == ["m1", "m5"]
    connection.execute("ROLLBACK")


def test_reading_changes_nothing_in_the_tools_folder(database: tuple[Path, sqlite3.Connection]) -> None:
    path, connection = database
    connection.close()
    before = {file.name: file.read_bytes() for file in path.parent.iterdir()}
    read(OpenCode(), path)
    assert {file.name: file.read_bytes() for file in path.parent.iterdir()} == before


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\0" + b"\xff" * 500])
def test_what_is_no_opencode_database_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "opencode.db"
    path.write_bytes(content)
    assert labels(read(OpenCode(), path)[1]) == [(0, "malformed")]


def test_an_older_opencode_message_has_the_key_it_has_in_the_database(tmp_path: Path) -> None:
    path = tmp_path / "storage" / "message" / "s" / "m1.json"
    (usage,), _ = read_text(OpenCode(), path, json.dumps(opencode(id="m1", sessionID="s")))
    assert (usage.key, usage.session) == ("m1", "s")


def test_the_total_proves_whether_reasoning_is_in_the_output(tmp_path: Path) -> None:
    tokens = {"input": 10, "output": 5, "reasoning": 2, "total": 15}
    (usage,), _ = read_text(OpenCode(), tmp_path / "m.json", json.dumps(opencode(tokens=tokens)))
    assert usage.tokens == Tokens(input_uncached=10, output=5, reasoning=2)


# OpenClaw


def openclaw(**usage: object) -> dict[str, object]:
    return {"type": "message", "message": {"role": "assistant", "timestamp": AT_MS, "usage": usage}}


def test_openclaw_keeps_the_model_of_the_lines_before_over_two_readings(tmp_path: Path) -> None:
    path = tmp_path / "agents" / "mailer" / "sessions" / "u1.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text(
        lines({"type": "session", "cwd": "/w"}, {"type": "model_change", "modelId": "m1", "provider": "anthropic"},
              openclaw(input=1, cost={"total": 0.25}))
    )  # fmt: skip
    (first,), _, place = read(OpenClaw(), path)
    assert place is not None
    with path.open("a") as file:
        file.write(lines(openclaw(output=2, cacheRead=3, cacheWrite=4)))
    (second,), _, _ = read(OpenClaw(), path, place)
    assert (first.model, first.provider, first.repo, first.agent, first.reported_micros) == (
        "m1", "anthropic", "/w", "mailer", 250_000,
    )  # fmt: skip
    assert second.tokens == Tokens(output=2, cache_read=3, cache_write_5m=4)
    assert second.model == "m1"


@pytest.mark.parametrize("name", ["u1.jsonl", "u1.jsonl.deleted.2026", "u1.jsonl.reset.2026"])
def test_a_session_that_openclaw_put_away_has_the_keys_it_had(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "agents" / "a" / "sessions"
    (usage,), _ = read_text(OpenClaw(), folder / name, lines(openclaw(input=5)))
    assert usage.key == f"u1:{AT_MS}::5:0:0:0"
    assert any((tmp_path / glob).match("*") and list(tmp_path.glob(glob)) for glob in OpenClaw.source.globs)


@pytest.mark.parametrize("cost", [-1, "NaN", "1e99", [], True])
def test_a_forged_cost_is_named_and_the_call_still_counts(tmp_path: Path, cost: object) -> None:
    (usage,), unread = read_text(
        OpenClaw(), tmp_path / "u.jsonl", lines(openclaw(input=1, cost={"total": cost}))
    )
    assert usage.reported_micros is None
    assert [item.line for item in unread] == [1]


# Kiro and Copilot: credits


KIRO = "Date,UserId,Client_Type,Subscription_Tier,Total_Messages,Credits_Used,Overage_Credits_Used\n"


def test_kiro_rows_are_credits_of_a_day_and_name_nobody(tmp_path: Path) -> None:
    text = KIRO + "2026-06-01,anna,KIRO_IDE,PRO,5,12.345,0\n2026-06-01,anna,KIRO_CLI,PRO,5,1,0\n\n"
    (ide, cli), unread = read_text(Kiro(), tmp_path / "k.csv", text)
    assert (ide.credits_milli, ide.tokens, ide.until - ide.at, unread) == (12_345, Tokens(), 86_400_000, [])
    assert ide.key != cli.key
    assert "anna" not in repr((ide, cli))


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("2026-06-01,a,IDE,PRO,5,-1,0", "negative"),
        ("2026-06-01,a,IDE,PRO,5,lots,0", "malformed"),
        ("someday,a,IDE,PRO,5,1,0", "malformed"),
        ("2026-06-01,a,IDE", "malformed"),
        ('2026-06-01,"a,IDE,PRO,5,1,0', "malformed"),
        ("2026-06-01," + "a" * 300_000, "too-long"),
        ("1970-01-01,a,IDE,PRO,5,1,0", "clock"),
    ],
)
def test_a_bad_row_of_kiro_is_named_and_the_rest_is_read(tmp_path: Path, row: str, why: str) -> None:
    good = "2026-06-01,b,IDE,PRO,5,2,0\n"
    usages, unread = read_text(Kiro(), tmp_path / "k.csv", KIRO + good + row + "\n" + good)
    assert labels(unread) == [(3, why)]
    assert [usage.credits_milli for usage in usages if usage.at == usages[0].at] == [2_000, 2_000]


@pytest.mark.parametrize("head", ["", "Date,UserId,Chat_AICodeLines\n", "\x00\n"])
def test_a_table_without_credits_is_told(tmp_path: Path, head: str) -> None:
    usages, unread = read_text(Kiro(), tmp_path / "k.csv", head + "2026-06-01,a,3\n")
    assert (usages, labels(unread)) == ([], [(1, "unknown-field")])


def test_copilot_is_credits_and_the_command_lines_tokens(tmp_path: Path) -> None:
    cli = {"token_usage": {"prompt_tokens_sum": 90, "output_tokens_sum": 9}}
    text = lines(
        {
            "day": "2026-06-01",
            "user_id": 7,
            "user_login": "anna",
            "ai_credits_used": 1.5,
            "totals_by_cli": cli,
        },
        {"day": "2026-06-01", "user_id": 8, "ai_credits_used": 0},
        {"day": "2026-06-01", "user_id": 9, "ai_credits_used": -2},
    )
    (usage,), unread = read_text(Copilot(), tmp_path / "users.ndjson", text)
    assert (usage.credits_milli, usage.tokens) == (1_500, Tokens(input_uncached=90, output=9))
    assert "anna" not in repr(usage)
    assert labels(unread) == [(3, "negative")]


# LiteLLM and Anthropic's reports


def test_a_row_of_litellm_is_one_call(tmp_path: Path) -> None:
    details = {"cached_tokens": 60, "cache_creation_token_details": {"ephemeral_1h_input_tokens": 5}}
    used = {"prompt_tokens_details": details, "cache_creation_input_tokens": 10}
    row = {
        "request_id": "r1", "spend": 0.001, "prompt_tokens": 100, "completion_tokens": 8, "startTime": AT,
        "model": "claude-sonnet-4-5", "custom_llm_provider": "anthropic", "session_id": "s",
        "metadata": json.dumps({"usage_object": used}), "request_tags": '["team:pay", "intent:mail.triage"]',
    }  # fmt: skip
    hit = row | {"request_id": "r2", "cache_hit": "True"}
    bad = row | {"request_id": "r3", "completion_tokens": -8}
    (usage,), unread = read_text(LiteLlm(), tmp_path / "spend.jsonl", lines(row, hit, bad))
    assert usage.tokens == Tokens(
        input_uncached=30, cache_read=60, cache_write_5m=5, cache_write_1h=5, output=8
    )
    assert (usage.key, usage.declared, usage.reported_micros) == ("r1", "tag:mail.triage", 1_000)
    assert labels(unread) == [(3, "negative")]
    assert (
        call_of(row | {"metadata": {"usage_object": used}, "request_tags": ["intent:mail.triage"]})
        is not None
    )


def test_anthropics_reports_are_sums_that_only_check(tmp_path: Path) -> None:
    bucket = {"starting_at": "2026-06-01T00:00:00Z", "ending_at": "2026-06-02T00:00:00Z"}
    used = {
        "uncached_input_tokens": 10, "cache_creation": {"ephemeral_1h_input_tokens": 2, "ephemeral_5m_input_tokens": 3},
        "cache_read_input_tokens": 4, "output_tokens": 5, "server_tool_use": {"web_search_requests": 1},
        "model": "claude-opus-4-5", "api_key_id": "apikey_1",
    }  # fmt: skip
    cost = {"currency": "USD", "amount": "123.45", "model": "claude-opus-4-5", "cost_type": "tokens"}
    person = {
        "date": "2026-06-01", "actor": {"type": "user_actor", "email_address": "anna@example.com"},
        "model_breakdown": [
            {"model": "claude-opus-4-5", "tokens": {"input": 1, "output": 2, "cache_read": 3, "cache_creation": 4},
             "estimated_cost": {"currency": "USD", "amount": 50}},
        ],
    }  # fmt: skip
    long = used | {"context_window": "200k-1M", "service_tier": "batch"}
    pages = [{"data": [bucket | {"results": [used, long, cost]}]}, {"data": [person]}]
    (tokens, long_calls, money, day), unread = read_text(
        AnthropicReports(), tmp_path / "r.json", json.dumps(pages)
    )
    assert tokens.tokens == Tokens(
        input_uncached=10, cache_read=4, cache_write_5m=3, cache_write_1h=2, output=5, tool=1
    )
    assert (tokens.evidence, tokens.until - tokens.at) == ("invoice", 86_400_000)
    assert (long_calls.service_tier, long_calls.tokens) == (f"batch{LONG_CALLS}", tokens.tokens)
    assert long_calls.key != tokens.key
    assert (money.reported_micros, money.tokens) == (1_234_500, Tokens())
    assert (day.tool, day.reported_micros, day.tokens.cache_write_5m) == ("claude-code", 500_000, 4)
    assert "anna" not in repr(day)
    assert not unread
    assert not AnthropicReports.source.is_counted


# All of them


READERS: list[tuple[Reader, str]] = [
    (GeminiCli(), "chat.json"), (GeminiCli(), "chat.jsonl"), (OpenCode(), "m.json"), (OpenClaw(), "u.jsonl"),
    (Copilot(), "users.ndjson"), (LiteLlm(), "spend.jsonl"), (AnthropicReports(), "r.json"), (Kiro(), "k.csv"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("reader", "name"), READERS, ids=lambda item: getattr(item, "__class__", item).__name__
)
@pytest.mark.parametrize(
    "text",
    [
        "{", "null", "[]", "{}", '"text"', "[[[",
        '{"day": 5, "request_id": [], "type": {}, "data": [1, {"results": 4}]}',
        '{"type": "gemini", "tokens": [], "messages": [null, 1, {"type": "gemini", "tokens": {"input": {}}}]}',
        '{"type": "message", "message": {"role": "assistant", "usage": {"input": 1}, "timestamp": "then"}}',
        '{"tokens": {"input": 1}, "time": {"created": "1e999"}}', "\x00" * 100, "\ufeff", "[" * 100_000,
    ],
)  # fmt: skip
def test_hostile_bytes_never_raise(tmp_path: Path, reader: Reader, name: str, text: str) -> None:
    usages, _ = read_text(reader, tmp_path / name, text + "\n")
    assert not usages


@pytest.mark.parametrize(
    ("reader", "name"), READERS, ids=lambda item: getattr(item, "__class__", item).__name__
)
def test_a_file_of_80_megabytes_without_an_end_is_left_out(tmp_path: Path, reader: Reader, name: str) -> None:
    path = tmp_path / name
    with path.open("wb") as file:
        file.write(b'{"day":"')
        file.truncate(80 << 20)
    usages, unread, _ = read(reader, path)
    assert not usages
    assert unread
