"""A tree of Codex rollouts with every known trap, and what is true of it: the reader's exam.

Traps: events that repeat an unchanged total; events with rate limits alone; answers told by the total alone; totals
that begin anew; cached counts over the input; sub-agents that begin with their parent's events, one of them with a
single event; archived copies; an archived copy that stops early; a torn last line; a negative count.
"""

from __future__ import annotations

import json
import random
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

START = datetime(2026, 4, 1, 9, tzinfo=UTC)
MODELS = ("gpt-5", "gpt-5-codex", "gpt-5.1-codex-mini")
NAMES = ("input_tokens", "cached_input_tokens", "output_tokens", "reasoning_output_tokens")


class Truth(msgspec.Struct, kw_only=True):
    calls: int = 0
    input_uncached: int = 0
    cache_read: int = 0
    output: int = 0
    reasoning: int = 0
    by_model: Counter[str] = msgspec.field(default_factory=Counter[str])
    """Calls."""
    negative: int = 0
    truncated: int = 0


class _Session:
    def __init__(self, source: random.Random, truth: Truth, at: datetime) -> None:
        self.random, self.truth, self.at = source, truth, at
        self.id = str(uuid.UUID(int=source.getrandbits(128), version=4))
        self.lines: list[str] = []
        self.totals = dict.fromkeys(NAMES, 0)
        self.model = source.choice(MODELS)

    @property
    def name(self) -> str:
        return f"{self.at:%Y/%m/%d}/rollout-{self.at:%Y-%m-%dT%H-%M-%S}-{self.id}.jsonl"

    def write(self, kind: str, payload: dict[str, Any]) -> None:
        stamp = self.at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{self.at.microsecond // 1000:03d}Z"
        line = {"timestamp": stamp, "type": kind, "payload": payload}
        self.lines.append(json.dumps(line, separators=(",", ":")))

    def head(self, **more: Any) -> None:
        git = {"branch": f"feat/PAY-{self.random.randrange(100, 999)}", "commit_hash": "c0ffee"}
        self.write("session_meta", {"id": self.id, "cwd": "/work/repo", "git": git, **more})

    def turn(self) -> None:
        if self.random.random() < 0.2:
            self.model = self.random.choice(MODELS)
        self.write("turn_context", {"cwd": "/work/repo", "model": self.model})
        for _ in range(self.random.randrange(1, 6)):
            self.at += timedelta(seconds=self.random.uniform(2, 40))
            self.write("response_item", {"type": "function_call", "name": "shell", "arguments": "{}"})
            self.answer()

    def answer(self) -> None:
        pick = self.random
        entire = pick.randrange(200, 90_000)
        output = pick.randrange(5, 4_000)
        last = dict(
            zip(NAMES, (entire, pick.randrange(entire + 50), output, pick.randrange(output)), strict=True)
        )
        if pick.random() < 0.03:
            self.totals = dict.fromkeys(NAMES, 0)
        self.totals = {name: self.totals[name] + last[name] for name in NAMES}
        info: dict[str, Any] = {"total_token_usage": dict(self.totals), "last_token_usage": last}
        if pick.random() < 0.2:
            del info["last_token_usage"]
        self.count(info)
        if pick.random() < 0.3:
            self.at += timedelta(seconds=pick.uniform(0.1, 3))
            self.count({"total_token_usage": dict(self.totals), "last_token_usage": last})
        if pick.random() < 0.3:
            self.write("event_msg", {"type": "token_count", "info": None, "rate_limits": {"primary": {}}})
        cached = min(last["cached_input_tokens"], entire)
        self.truth.calls += 1
        self.truth.input_uncached += entire - cached
        self.truth.cache_read += cached
        self.truth.output += output
        self.truth.reasoning += last["reasoning_output_tokens"]
        self.truth.by_model[self.model] += 1

    def count(self, info: dict[str, Any]) -> None:
        self.write("event_msg", {"type": "token_count", "info": info, "rate_limits": {"primary": {}}})

    def replay(self, parent: _Session) -> None:
        """The parent's lines once more, all in this second."""
        self.head(source={"subagent": {"thread_spawn": {"parent_thread_id": parent.id}}})
        for line in parent.lines:
            fields = json.loads(line)
            self.write(fields["type"], fields["payload"])
        self.totals, self.model = dict(parent.totals), parent.model
        self.at += timedelta(seconds=self.random.uniform(3, 9))


def make(root: Path, *, seed: int = 7, sessions: int = 40) -> Truth:
    """Write ``root/sessions`` and ``root/archived_sessions``; what a reader must find in them."""
    source, truth = random.Random(seed), Truth()  # noqa: S311 - the same tree for the same seed
    for number in range(sessions):
        session = _Session(source, truth, START + timedelta(hours=7 * number))
        session.head()
        if number == 0:
            session.answer()  # a parent of a single event, before any model is named
            truth.by_model[session.model] -= 1
            truth.by_model[""] += 1
        else:
            for _ in range(source.randrange(1, 12)):
                session.turn()
        _keep(root, session, source, truth)
        if number == 0 or source.random() < 0.3:
            child = _Session(source, truth, session.at + timedelta(seconds=5))
            child.replay(session)
            child.turn()
            _keep(root, child, source, truth)
    truth.by_model += Counter()
    return truth


def _keep(root: Path, session: _Session, source: random.Random, truth: Truth) -> None:
    text = "".join(f"{line}\n" for line in session.lines)
    active, archived = root / "sessions" / session.name, root / "archived_sessions" / session.name
    chance = source.random()
    if chance < 0.2:  # archived only
        _write(archived, text)
        return
    if chance < 0.4:
        _write(archived, text)
    elif chance < 0.5:
        _write(archived, "".join(f"{line}\n" for line in session.lines[: len(session.lines) // 2]))
    torn = source.random() < 0.1
    negative = source.random() < 0.1
    if negative:
        text += json.dumps(
            {
                "timestamp": "2026-06-01T00:00:00Z",
                "type": "event_msg",
                "payload": {"type": "token_count", "info": {"last_token_usage": {"input_tokens": -5}}},
            }
        )
        text += "\n"
    if torn:
        text += '{"timestamp":"2026-06-01T00:00:00Z","type":"event_msg","payload":{"type":"token_cou'
    truth.negative += negative
    truth.truncated += torn
    _write(active, text)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
