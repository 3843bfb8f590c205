"""Codex CLI's rollouts, and what ``codex exec --json`` prints.

``token_count`` carries what the last answer used and a running total. It is written again where only the rate limits
changed, so an event whose total did not move is no call; where the last answer's own numbers are missing it is the
difference of two totals. A sub-agent's file begins with its parent's events once more, all written within one second.
Input holds the cached part; reasoning is inside output.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from meshclaw.flow.usage import Tokens, Usage
from meshclaw.readers.base import START, Found, Place, Source
from meshclaw.readers.calls import read_calls
from meshclaw.readers.lines import read_lines
from meshclaw.readers.records import (
    MOST,
    Fields,
    changed_at,
    decoded,
    ending,
    moment,
    table,
    text,
    unique,
    whole,
)

HEAD = 16_384
"""Bytes at the start of a file within which a sub-agent's one names its parent."""
MARKS = (b"token_count", b"turn_context", b"session_meta", b'_call"', b"turn.completed", b"thread.started")
COUNTED = ("input_tokens", "cached_input_tokens", "cache_write_input_tokens", "output_tokens")
KNOWN = {*COUNTED, "reasoning_output_tokens", "total_tokens"}
ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
PATCHED = re.compile(r"\*\*\* (?:Add|Update|Delete) File: ([^\n\"\\]{1,300})")


class _State(msgspec.Struct, kw_only=True):
    """What the lines so far have said of the next call."""

    session: str
    is_named: bool = False
    """Whether the file's own head was seen; a sub-agent's repeats its parent's."""
    model: str = ""
    provider: str = "openai"
    repo: str = ""
    branch: str = ""
    by_machine: bool = False
    totals: dict[str, int] | None = None
    counts: int = 0
    """Events with counts so far: the number in a call's key, the same in every copy of the file."""
    did: list[str] = []
    files: list[str] = []


class Codex:
    source = Source(
        tool="codex",
        evidence="transcript",
        grain="call",
        includes="input with its cached part, told apart here; reasoning inside output; no price",
        roots=(".codex",),
        variables=("CODEX_HOME",),
        globs=("sessions/**/*.jsonl", "archived_sessions/**/*.jsonl"),
    )

    def read(self, path: Path, place: Place = START) -> Iterator[Found]:
        state = _state(path, place)
        replayed = _replayed_second(path) if state.by_machine else ""
        return read_calls(
            path, place, lambda fields: _call(fields, state, path, replayed), marks=MARKS, counts=_last, known=KNOWN,
            state=state,
        )  # fmt: skip


def _state(path: Path, place: Place) -> _State:
    if place.state:
        return msgspec.json.decode(place.state, type=_State)
    ids = ID.findall(path.name)
    with path.open("rb") as file:
        is_child = b"thread_spawn" in file.read(HEAD)
    return _State(session=ids[-1] if ids else path.stem, by_machine=is_child)


def _replayed_second(path: Path) -> str:
    """The second in which the parent's events were written again; empty where none were.

    It is that of the first event where the file itself, or a second event, is of the same: no model is that quick.
    """
    seconds: list[str] = []
    for found in read_lines(path):
        fields = decoded(found[1]) if isinstance(found, tuple) else None
        if fields is None or (seconds and not table(fields, "payload", "info")):
            continue
        seconds.append(text(fields, "timestamp")[:19])
        if len(seconds) > 2:
            break
    opened, first, second = (*seconds, "", "", "")[:3]
    return first if first in {opened, second} else ""


def _call(fields: Fields, state: _State, path: Path, replayed: str) -> Usage | None:
    """The call that this line is the end of, if it is one; else the state knows more."""
    kind, payload = text(fields, "type"), table(fields, "payload")
    if kind == "turn_context":
        state.model = text(payload, "model") or state.model
        state.repo = text(payload, "cwd") or state.repo
    elif kind == "session_meta":
        _named(payload, state)
    elif kind == "response_item":
        _did(payload, state)
    elif kind == "thread.started":
        state.session = text(fields, "thread_id") or state.session
    elif kind == "event_msg" and text(payload, "type") == "token_count":
        return _counted(fields, payload, state, replayed)
    elif kind == "turn.completed":
        state.counts += 1
        at = moment(fields["timestamp"]) if "timestamp" in fields else changed_at(path)
        return _usage(state, at, _tokens(table(fields, "usage")), text(fields, "model"))
    return None


def _named(payload: Fields, state: _State) -> None:
    """Only the first head of a file is its own."""
    if state.is_named:
        return
    state.is_named = True
    state.session = text(payload, "id") or state.session
    state.repo = text(payload, "cwd")
    state.branch = text(table(payload, "git"), "branch")
    state.provider = text(payload, "model_provider") or state.provider


def _did(payload: Fields, state: _State) -> None:
    if not text(payload, "type").endswith("_call"):
        return
    state.did.append(text(payload, "name") or text(payload, "type"))
    words = payload.get("input") or payload.get("arguments")
    if isinstance(words, str):
        state.files += [ending(name.strip()) for name in PATCHED.findall(words.replace("\\n", "\n"))]


def _counted(fields: Fields, payload: Fields, state: _State, replayed: str) -> Usage | None:
    info = table(payload, "info")
    total, last = info.get("total_token_usage"), info.get("last_token_usage")
    if not isinstance(total, dict) and not isinstance(last, dict):
        return None  # the rate limits alone
    state.counts += 1
    before = state.totals
    if isinstance(total, dict):
        now = {
            name: whole(table(info, "total_token_usage"), name, most=MOST)
            for name in (*COUNTED, "reasoning_output_tokens")
        }
        state.totals = now
        if now == before:
            return None
    if replayed and text(fields, "timestamp")[:19] == replayed:
        return None
    own = (
        table(info, "last_token_usage") if isinstance(last, dict) else _difference(state.totals or {}, before)
    )
    model = text(payload, "model") or text(info, "model", "model_name")
    return _usage(state, moment(fields.get("timestamp")), _tokens(own), model)


def _difference(now: dict[str, int], before: dict[str, int] | None) -> Fields:
    """Totals that fell were begun anew."""
    if before is None or any(now[name] < before[name] for name in now):
        return now
    return {name: now[name] - before[name] for name in now}


def _last(fields: Fields) -> Fields:
    return table(fields, "payload", "info", "last_token_usage") or table(fields, "usage")


def _tokens(counts: Fields) -> Tokens:
    entire, output = whole(counts, "input_tokens"), whole(counts, "output_tokens")
    read = min(whole(counts, "cached_input_tokens"), entire)
    written = min(whole(counts, "cache_write_input_tokens"), entire - read)
    return Tokens(
        input_uncached=entire - read - written,
        cache_read=read,
        cache_write_5m=written,
        output=output,
        reasoning=min(whole(counts, "reasoning_output_tokens"), output),
    )


def _usage(state: _State, at: int, tokens: Tokens, model: str) -> Usage | None:
    did, files = unique(state.did), unique(state.files)
    state.did, state.files = [], []
    if tokens == Tokens():
        return None
    return Usage(
        tool="codex", evidence="transcript", key=f"{state.session}:{state.counts}", at=at,
        model=model or state.model, provider=state.provider, tokens=tokens, session=state.session,
        repo=state.repo, branch=state.branch, by_machine=state.by_machine, did=did, files=files,
    )  # fmt: skip
