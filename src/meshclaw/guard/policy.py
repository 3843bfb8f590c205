"""Ceiling and policy files. Absent means the careful default below; unreadable means that nothing runs.

[allow]
effects = ["read", "draft", "label", "write", "send"]
verbs = ["mail.*"]
[deny]
verbs = ["mail.unsubscribe"]
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec

from meshclaw.errors import Damaged
from meshclaw.flow.declaration import Effect
from meshclaw.flow.grant import Rights

CEILING = Path("/etc/meshclaw/ceiling.toml")
"""Owned by root: the person and the claw can read it, and neither can change it."""

DEFAULT = Rights(
    effects=frozenset({"read", "draft", "label", "write", "send"}),
    verbs=frozenset({"mail.*"}),
)


class _Allow(msgspec.Struct, forbid_unknown_fields=True):
    effects: frozenset[Effect] = frozenset()
    verbs: frozenset[str] = frozenset()


class _Deny(msgspec.Struct, forbid_unknown_fields=True):
    verbs: frozenset[str] = frozenset()


class _File(msgspec.Struct, forbid_unknown_fields=True):
    allow: _Allow = msgspec.field(default_factory=_Allow)
    deny: _Deny = msgspec.field(default_factory=_Deny)


def load(path: Path) -> Rights:
    """The rights in ``path``, or the default where there is no such file.

    Raises Damaged where it is there and cannot be understood: a broken limit must not become no limit.
    """
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return DEFAULT
    except (OSError, UnicodeDecodeError) as error:
        raise _damaged(path, error) from error
    try:
        file = msgspec.convert(tomllib.loads(text), _File)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise _damaged(path, error) from error
    return Rights(effects=file.allow.effects, verbs=file.allow.verbs, denied=file.deny.verbs)


def _damaged(path: Path, error: Exception) -> Damaged:
    return Damaged(
        f"the policy file {str(path)!r} cannot be understood ({error}), so nothing runs",
        fix="Mend the file; what may stand in it: docs/guard.md",
    )
