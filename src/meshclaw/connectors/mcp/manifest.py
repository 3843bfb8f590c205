"""The part of a manifest that only this connector reads: how a verb is taken back; and its declarations made whole."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from meshclaw.connectors.mcp.definition import Tool, Undoing
from meshclaw.errors import UserError
from meshclaw.flow.declaration import Declaration


class _Verb(msgspec.Struct):
    undo: Undoing | None = None


class _File(msgspec.Struct):
    verbs: dict[str, _Verb] = {}


def undoings(name: str, path: Path) -> dict[str, Undoing]:
    """By verb. ``path`` is a manifest that was read before, so it is there and is TOML."""
    try:
        file = msgspec.convert(tomllib.loads(path.read_text("utf-8")), _File)
    except (OSError, ValueError) as error:
        raise UserError(f"{str(path)!r}: {error}", fix="How a verb is taken back: docs/mcp.md") from error
    return {f"{name}.{verb}": one.undo for verb, one in file.verbs.items() if one.undo is not None}


def whole(
    name: str, declared: Iterable[Declaration], undoing: Mapping[str, Undoing], tools: Mapping[str, Tool]
) -> dict[str, Declaration]:
    """With the digest of what each tool's server says of it; UserError where the manifest contradicts itself."""
    found: dict[str, Declaration] = {}
    verbs = {one.verb: one for one in declared}
    for verb, one in verbs.items():
        if one.connector != name:
            raise UserError(
                f"the manifest of {name!r} is about {one.connector!r}", fix="Mend its first line."
            )
        undo = undoing.get(verb)
        if one.reversible and one.effect not in ("read", "draft") and undo is None:
            raise UserError(
                f"{verb} is said to be reversible, and nothing says how",
                fix='Name its undo, as in undo = { verb = "delete", arguments = { id = "result.id" } }; '
                "or write reversible = false.",
            )
        if undo is not None:
            _check(name, undo, verb, verbs)
        tool = tools.get(verb.partition(".")[2])
        found[verb] = msgspec.structs.replace(one, definition=tool.digest(undo) if tool else "none")
    return found


def _check(name: str, undo: Undoing, verb: str, verbs: Mapping[str, Declaration]) -> None:
    back = verbs.get(f"{name}.{undo.verb}")
    if back is None:
        raise UserError(f"{verb} is taken back with {undo.verb!r}, which is not declared")
    if odd := set(undo.arguments) - back.takes | {one for one in back.needs if one not in undo.arguments}:
        raise UserError(f"the undo of {verb} does not fit {back.verb}: {', '.join(sorted(odd))}")
    if not all(source.partition(".")[0] in ("result", "argument") for source in undo.arguments.values()):
        raise UserError(f"the undo of {verb} takes its values from result.PATH or argument.NAME")
