"""The schema that every policy is held against: the shipped nouns, and the verbs that connectors declare."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import get_args

import msgspec

from meshclaw.errors import Damaged
from meshclaw.flow.declaration import Declaration, Effect
from meshclaw.guard.policy.engine import Schema, cedar


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What policies may speak of, parsed once."""

    schema: Schema
    groups: dict[str, frozenset[str]]
    """By verb: itself, its connector and its effect, as actions are called."""


def terms_of(declarations: Iterable[Declaration]) -> Terms:
    """Damaged where the declarations make no schema."""
    declared = list(declarations)
    try:
        schema = cedar().Schema.from_str(schema_text(declared))
    except ValueError as error:
        raise Damaged(
            f"the declarations of the connectors make no schema ({error}), so nothing runs",
            fix="A connector declares a verb that has no plain name; update or remove it.",
        ) from error
    groups = {one.verb: frozenset({one.verb, *one.groups, f"effect.{one.effect}"}) for one in declared}
    return Terms(schema=schema, groups=groups)


OURS = frozenset({"coding", "mail", "mcp", "memory", "skill", "slack"})
"""Connectors that come with MeshClaw, and ``mcp`` for those of every MCP server: policies may always speak of them."""
_NOUNS = Path(__file__).with_name("schema.cedarschema")
_APPLIES = "appliesTo { principal: Run, resource: Target, context: Circumstances };"


def schema_text(declarations: Iterable[Declaration]) -> str:
    """In Cedar's own syntax; a new connector needs no line by hand."""
    return "\n".join((_NOUNS.read_text("utf-8"), *_actions(list(declarations))))


def _actions(declarations: list[Declaration]) -> Iterator[str]:
    # Groups apply by themselves too: a policy about deployments is no mistake where nothing deploys.
    groups = (
        OURS
        | {f"effect.{effect}" for effect in get_args(Effect)}
        | {group for one in declarations for group in one.groups}
    )
    for group in sorted(groups):
        yield f"action {_quoted(group)} {_APPLIES}"
    for one in sorted(declarations, key=lambda one: one.verb):
        parents = ", ".join(f"Action::{_quoted(group)}" for group in (*one.groups, f"effect.{one.effect}"))
        yield f"action {_quoted(one.verb)} in [{parents}] {_APPLIES}"


def _quoted(text: str) -> str:
    return json.dumps(text)
