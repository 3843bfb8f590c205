"""One record of every format there is a reader for, and files of several: what the tests of bad input put in."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from meshclaw.readers.all import READERS
from meshclaw.readers.otlp import read
from meshclaw.usage.importing import Importer
from meshclaw.usage.received import receive

GOOD = "2026-06-01T10:00:00+00:00"
Place = tuple[str, int]
"""Path and line, as they are to be named."""


class Format(NamedTuple):
    tool: str
    record: Callable[..., str]
    """``record(number, at=, count=, cost=)``: a call with ``count`` output tokens, or credits."""
    write: Callable[[Path, Sequence[str]], list[Place]]
    """Into somebody's home; where each record stands."""
    has_cost: bool = False
    """Whether the tool says what a call cost."""
    is_whole: bool = False
    """One JSON value: without its end nothing of the file can be read."""
    is_named: bool = False
    """A person names the file."""

    @property
    def name(self) -> str:
        return self.record.__name__

    def __str__(self) -> str:
        return self.name

    def bring(self, importer: Importer, home: Path) -> None:
        if self.tool == "otlp":
            body = (home / "body").read_bytes()
            receive(importer, list(read("logs", body, is_json=True)))
        elif self.is_named:
            reader = next(reader for reader in READERS if reader.source.tool == self.tool)
            importer.named(reader, sorted(home.iterdir()))
        else:
            importer.machine(home, {})


def ms(at: str) -> int:
    return int(datetime.fromisoformat(at).timestamp() * 1000)


def claude_code(number: int, at: str = GOOD, count: int = 5, cost: Any = None) -> str:
    usage = {"input_tokens": 10, "output_tokens": count}
    message = {"id": f"msg_{number}", "model": "claude-opus-4-5", "usage": usage}
    return json.dumps(
        {
            "type": "assistant",
            "timestamp": at,
            "requestId": f"req_{number}",
            "costUSD": cost,
            "message": message,
        }
    )


def codex(number: int, at: str = GOOD, count: int = 5, cost: Any = None) -> str:
    info = {"last_token_usage": {"input_tokens": number, "output_tokens": count}}
    return json.dumps(
        {"timestamp": at, "type": "event_msg", "payload": {"type": "token_count", "info": info}}
    )


def gemini_line(number: int, at: str = GOOD, count: int = 5, cost: Any = None) -> str:
    tokens = {"input": 10, "output": count}
    return json.dumps(
        {"type": "gemini", "id": str(number), "timestamp": at, "model": "gemini-2.5-pro", "tokens": tokens}
    )


def gemini_chat(number: int, at: str = GOOD, count: int = 5, cost: Any = None) -> str:
    return gemini_line(number, at, count)


def opencode_row(number: int, at: str = GOOD, count: int = 5, cost: Any = None) -> str:
    return json.dumps({
        "id": f"m{number}", "role": "assistant", "modelID": "gpt-5", "providerID": "openai", "cost": cost,
        "time": {"created": ms(at)}, "tokens": {"input": 10, "output": count},
    })  # fmt: skip


def opencode_file(number: int, at: str = GOOD, count: int = 5, cost: Any = None) -> str:
    return opencode_row(number, at, count, cost)


def openclaw(number: int, at: str = GOOD, count: int = 5, cost: Any = None) -> str:
    usage = {"input": number, "output": count, "cost": {"total": cost}}
    return json.dumps(
        {"type": "message", "message": {"role": "assistant", "timestamp": ms(at), "usage": usage}}
    )


def copilot(number: int, at: str = GOOD, count: int = 5, cost: Any = None) -> str:
    return json.dumps({"day": at[:10], "user_id": number, "ai_credits_used": count})


def kiro(number: int, at: str = GOOD, count: int = 5, cost: Any = None) -> str:
    return f"{at[:10]},{number},KIRO_IDE,{count},x"


def litellm(number: int, at: str = GOOD, count: int = 5, cost: Any = None) -> str:
    return json.dumps({
        "request_id": f"r{number}", "startTime": at, "model": "gpt-5", "spend": cost, "prompt_tokens": 10,
        "completion_tokens": count,
    })  # fmt: skip


def anthropic_report(number: int, at: str = GOOD, count: int = 5, cost: Any = None) -> str:
    result = {"model": "claude-opus-4-5", "output_tokens": count, "workspace_id": str(number), "amount": cost}
    return json.dumps({"starting_at": at, "ending_at": at, "results": [result]})


def otlp(number: int, at: str = GOOD, count: int = 5, cost: Any = None) -> str:
    fields = {
        "session.id": "s", "model": "claude-opus-4-5", "output_tokens": str(count), "request_id": f"req_{number}",
        "event.timestamp": at, "cost_usd": str(cost or ""),
    }  # fmt: skip
    attributes = [{"key": key, "value": {"stringValue": value}} for key, value in fields.items()]
    return json.dumps({"body": {"stringValue": "claude_code.api_request"}, "attributes": attributes})


def lines(path: str, head: str = "") -> Callable[[Path, Sequence[str]], list[Place]]:
    def write(home: Path, records: Sequence[str]) -> list[Place]:
        file = _made(home / path)
        file.write_text(head + "".join(f"{record}\n" for record in records), "utf-8")
        return [(str(file), number + bool(head)) for number in range(1, len(records) + 1)]

    return write


def whole(path: str, start: str, end: str, told: str = "") -> Callable[[Path, Sequence[str]], list[Place]]:
    def write(home: Path, records: Sequence[str]) -> list[Place]:
        file = _made(home / path)
        file.write_text(start + ",".join(records) + end, "utf-8")
        return [(told or str(file), number) for number in range(1, len(records) + 1)]

    return write


def files(home: Path, records: Sequence[str]) -> list[Place]:
    paths = [
        _made(home / f".local/share/opencode/storage/message/s/{number}.json")
        for number in range(len(records))
    ]
    for path, record in zip(paths, records, strict=True):
        path.write_text(record, "utf-8")
    return [(str(path), 0) for path in paths]


def database(home: Path, records: Sequence[str]) -> list[Place]:
    path = _made(home / ".local/share/opencode/opencode.db")
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE message (id TEXT PRIMARY KEY, session_id TEXT, data TEXT)")
        rows = [(f"m{number}", "s", record) for number, record in enumerate(records, 1)]
        connection.executemany("INSERT INTO message VALUES (?, ?, ?)", rows)
    return [(str(path), number) for number in range(1, len(records) + 1)]


def _made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


LOGS = '{"resourceLogs":[{"scopeLogs":[{"logRecords":['
FORMATS = [
    Format("claude-code", claude_code, lines(".claude/projects/r/s.jsonl"), has_cost=True),
    Format("codex", codex, lines(".codex/sessions/2026/rollout-s.jsonl")),
    Format("gemini-cli", gemini_line, lines(".gemini/tmp/h/chats/c.jsonl")),
    Format("gemini-cli", gemini_chat, whole(".gemini/tmp/h/chats/c.json", '{"messages":[', "]}"), is_whole=True),
    Format("opencode", opencode_row, database, has_cost=True),
    Format("opencode", opencode_file, files, has_cost=True, is_whole=True),
    Format("openclaw", openclaw, lines(".openclaw/agents/a/sessions/s.jsonl"), has_cost=True),
    Format("copilot", copilot, lines("users.ndjson"), is_named=True),
    Format("kiro", kiro, lines("kiro.csv", "Date,UserId,Client_Type,Credits_Used,Plan\n"), is_named=True),
    Format("litellm", litellm, lines("spend.jsonl"), has_cost=True, is_named=True),
    Format(
        "anthropic-api", anthropic_report, whole("report.json", '{"data":[', "]}"), has_cost=True, is_whole=True,
        is_named=True,
    ),
    Format("otlp", otlp, whole("body", LOGS, "]}]}]}", told="otlp:logs"), has_cost=True, is_whole=True),
]  # fmt: skip
