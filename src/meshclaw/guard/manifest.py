"""A connector's declarations from a file that a person reviewed once: the way in for MCP tools and foreign connectors.

What a tool says of itself (its description, its schema's prose) never gets here; only its digest may be pinned.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec

from meshclaw.errors import Damaged, NotFound
from meshclaw.flow.declaration import Argument, Declaration, Effect, Field


class _Verb(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    words: str
    effect: Effect
    reversible: bool
    deed: str
    objects: tuple[str, ...] = ()
    arguments: dict[str, Argument] = {}
    returns: str = ""
    """Names a table under ``fields``."""
    undo: dict[str, object] = {}
    """How it is taken back: its connector reads that."""


class _File(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    connector: str
    fields: dict[str, dict[str, Field]] = {}
    verbs: dict[str, _Verb]


def read(path: Path) -> dict[str, Declaration]:
    """The declarations in ``path`` by verb, as in ``files.delete_file``.

    Raises NotFound where there is no such file and Damaged where it cannot be understood.
    """
    try:
        return declarations(tomllib.loads(path.read_text("utf-8")))
    except FileNotFoundError as error:
        raise NotFound(f"there is no manifest {str(path)!r}", fix="Write one: docs/manifests.md") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError, KeyError) as error:
        raise Damaged(
            f"the manifest {str(path)!r} cannot be understood ({error}), so its connector does nothing",
            fix="Mend the file; what may stand in it: docs/manifests.md",
        ) from error


def declarations(table: dict[str, object]) -> dict[str, Declaration]:
    file = msgspec.convert(table, _File)
    return {
        f"{file.connector}.{name}": Declaration(
            verb=f"{file.connector}.{name}", effect=verb.effect, reversible=verb.reversible, words=verb.words,
            deed=verb.deed, objects=verb.objects, arguments=verb.arguments,
            results=file.fields[verb.returns] if verb.returns else {},
        )
        for name, verb in file.verbs.items()
    }  # fmt: skip
