"""LiteLLM's spend log as Prisma makes it in PostgreSQL, and rows for it."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import psycopg

from tests.servers.postgres import database


def now() -> datetime:
    """As the proxy writes it; asked anew each time: a row of a quarter of an hour ago is none of now."""
    return datetime.now(UTC).replace(tzinfo=None, microsecond=0)


OLD = now() - timedelta(days=3)
TABLE = """CREATE TABLE "LiteLLM_SpendLogs" (
  request_id text PRIMARY KEY, call_type text NOT NULL DEFAULT 'acompletion', api_key text NOT NULL DEFAULT '',
  spend double precision NOT NULL DEFAULT 0, total_tokens int NOT NULL DEFAULT 0, prompt_tokens int NOT NULL DEFAULT 0,
  completion_tokens int NOT NULL DEFAULT 0, "startTime" timestamp(3) NOT NULL, "endTime" timestamp(3) NOT NULL,
  model text NOT NULL DEFAULT '', custom_llm_provider text DEFAULT '', metadata jsonb DEFAULT '{}',
  cache_hit text DEFAULT '', request_tags jsonb DEFAULT '[]', messages jsonb DEFAULT '{}', response jsonb DEFAULT '{}',
  session_id text, agent_id text)"""
INDEX = 'CREATE INDEX ON "LiteLLM_SpendLogs" ("startTime", request_id)'


@contextmanager
def spend_log(server: str) -> Generator[psycopg.Connection]:
    """Its owner's connection to an empty one."""
    with database(server, "litellm") as connection:
        connection.execute(TABLE)
        connection.execute(INDEX)
        yield connection


def put(log: psycopg.Connection, id_: str, start: datetime = OLD, **changed: object) -> None:
    used = {"prompt_tokens_details": {"cached_tokens": 60}, "cache_creation_input_tokens": 10}
    row: dict[str, object] = {
        "request_id": id_, "startTime": start, "endTime": start + timedelta(seconds=5), "prompt_tokens": 100,
        "completion_tokens": 8, "spend": 0.001, "model": "claude-sonnet-4-5", "custom_llm_provider": "anthropic",
        "metadata": json.dumps({"usage_object": used, "user_api_key_alias": "anna's secret key"}),
        "request_tags": '["intent:mail.triage"]', "messages": '{"content": "a secret prompt"}', "session_id": "s",
    } | changed  # fmt: skip
    names = ", ".join(f'"{name}"' for name in row)
    places = ", ".join(["%s"] * len(row))
    log.execute(f'INSERT INTO "LiteLLM_SpendLogs" ({names}) VALUES ({places})', list(row.values()))  # type: ignore[call-overload]
