"""The tables of ``usage.db``.

``call`` has a row for every call in every kind of evidence; what many calls have in common is a row of ``context``,
whose strings are numbers of ``name``. ``sums`` adds the counted calls up by day, once for each way people ask, so that
an answer never reads the calls themselves.
"""

from __future__ import annotations

from typing import Literal, get_args

VERSION = 2
"""1 had every call's context in its own row."""
By = Literal["tool", "model", "intent", "kind", "both", "repo", "session", "cell"]
"""``intent`` is what was declared, ``kind`` what is inferred, ``both`` the two kinds where they can be compared."""
BYS: tuple[By, ...] = get_args(By)

AMOUNTS = (
    "calls", "input_uncached", "cache_read", "cache_write_5m", "cache_write_1h", "output", "reasoning", "tool_calls",
    "credits_milli", "nanos", "guessed_nanos",
)  # fmt: skip
"""What is added up. ``nanos`` are thousandths of a micro-dollar; ``guessed_nanos`` is the part of them
whose price is not in the list."""

WHOLE = 10**9
"""Nano-dollars of a dollar. Sums have them apart: forged calls may cost more than an integer of SQLite holds."""
SUMS = (*AMOUNTS[:-2], "dollars", "nanos", "guessed_dollars", "guessed_nanos")
"""Columns that ``AMOUNTS`` are stored in."""

CONTEXT = (
    "tool", "evidence", "model", "provider", "has_message", "speed", "service_tier", "session", "repo", "branch",
    "agent", "by_machine", "declared", "did", "files", "intent", "kind", "both", "cell",
)  # fmt: skip

SCHEMA = f"""
CREATE TABLE name (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
CREATE TABLE context (
  id INTEGER PRIMARY KEY, {", ".join(f"{name} INTEGER NOT NULL" for name in CONTEXT)});
CREATE TABLE call (
  tool INTEGER NOT NULL, message TEXT NOT NULL, key TEXT NOT NULL, evidence INTEGER NOT NULL,
  context INTEGER NOT NULL, at INTEGER NOT NULL, until INTEGER NOT NULL,
  input_uncached INTEGER NOT NULL, cache_read INTEGER NOT NULL, cache_write_5m INTEGER NOT NULL,
  cache_write_1h INTEGER NOT NULL, output INTEGER NOT NULL, reasoning INTEGER NOT NULL, tool_calls INTEGER NOT NULL,
  credits_milli INTEGER NOT NULL, nanos INTEGER NOT NULL, guessed_nanos INTEGER NOT NULL, reported_micros INTEGER,
  is_counted INTEGER NOT NULL,
  PRIMARY KEY (tool, message, key, evidence)) WITHOUT ROWID;
CREATE TABLE sums (
  by INTEGER NOT NULL, day INTEGER NOT NULL, value INTEGER NOT NULL,
  {", ".join(f"{name} INTEGER NOT NULL" for name in SUMS)},
  PRIMARY KEY (by, day, value)) WITHOUT ROWID;
CREATE TABLE file (
  path TEXT PRIMARY KEY, tool TEXT NOT NULL, inode INTEGER NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
  offset INTEGER NOT NULL, line INTEGER NOT NULL, state BLOB NOT NULL, tail BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE unread (
  tool TEXT NOT NULL, path TEXT NOT NULL, line INTEGER NOT NULL, why TEXT NOT NULL, what TEXT NOT NULL,
  count INTEGER NOT NULL, PRIMARY KEY (path, line, why, what)) WITHOUT ROWID;
CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""
