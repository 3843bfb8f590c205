"""The ceiling file: what no policy, agent or person on this machine can widen. Owned by root.

[allow]
effects = ["read", "draft", "label", "write", "send"]
verbs = ["mail.*"]
[deny]
verbs = ["mail.unsubscribe"]
[company]
domains = ["example.com"]
unit = "sales"
[company.lists]                 # mailing lists, with those on them as far as they are known
"sales@example.com" = ["kim@example.com"]
[approvals]
two_person = ["deploy", "mail.send"]
same_way = ["chat"]             # what came this way may be answered this way
[approvers]
kim = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
"""

from __future__ import annotations

import base64
import binascii
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

import msgspec

from meshclaw.errors import Damaged
from meshclaw.flow.approval import SEPARATE, Channel
from meshclaw.flow.declaration import Effect
from meshclaw.flow.grant import Rights
from meshclaw.guard import text
from meshclaw.guard.owned import refuse_unless_owned_by_root
from meshclaw.guard.second import TWO_PERSON

CEILING = Path("/etc/meshclaw/ceiling.toml")
"""The person and the claw can read it, and neither can change it."""

DEFAULT_RIGHTS = Rights(
    effects=frozenset({"read", "draft", "label", "write", "send"}),
    verbs=frozenset({"mail.*", "memory.*", "skill.*", "slack.*", "mcp.*", "coding.*"}),
)
ED25519_BYTES = 32


class _Allow(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    effects: frozenset[Effect] = frozenset()
    verbs: frozenset[str] = frozenset()


class _Deny(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    verbs: frozenset[str] = frozenset()


class Company(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    domains: frozenset[str] = frozenset()
    """Whose addresses belong to colleagues."""
    unit: str = ""
    """Of the person on this machine."""
    lists: dict[str, tuple[str, ...]] = {}
    """Addresses of mailing lists with the members that are known; in normal form."""


class _Approvals(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    two_person: frozenset[str] = TWO_PERSON
    same_way: frozenset[Channel] = frozenset()


class _File(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    allow: _Allow = _Allow()
    deny: _Deny = _Deny()
    sandbox: Literal["required", "if-available"] = "required"
    company: Company = Company()
    approvals: _Approvals = _Approvals()
    approvers: dict[str, str] = {}
    limits: dict[str, object] = {}


class Ceiling(msgspec.Struct, frozen=True, kw_only=True):
    """What stands above everything else on this machine; without a file, the careful default."""

    rights: Rights = DEFAULT_RIGHTS
    sandbox: Literal["required", "if-available"] = "required"
    """Whether what must be sandboxed may run where no sandbox can be had."""
    company: Company = Company()
    two_person: frozenset[str] = TWO_PERSON
    """Effects and verbs that take two persons."""
    separate: frozenset[Channel] = SEPARATE
    """Ways by which a request can come that an answer to its asks must not take."""
    approvers: dict[str, bytes] = {}
    """Ed25519 public keys (32 bytes) by name."""
    limits: dict[str, object] = {}
    """As they stand in the file; guard/limits.py says what they mean."""


def load(path: Path = CEILING) -> Ceiling:
    """Raises Damaged where the file is there and cannot be understood or is not root's."""
    refuse_unless_owned_by_root(path)
    try:
        raw = path.read_text("utf-8")
    except FileNotFoundError:
        return Ceiling()
    except (OSError, UnicodeDecodeError) as error:
        raise _damaged(path, str(error)) from error
    try:
        file = msgspec.convert(tomllib.loads(raw), _File)
        lists = _lists(file.company.lists)
        approvers = {name: _key(name, key) for name, key in file.approvers.items()}
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:  # both name the line or the field
        raise _damaged(path, str(error)) from error
    return Ceiling(
        rights=Rights(effects=file.allow.effects, verbs=file.allow.verbs, denied=file.deny.verbs),
        sandbox=file.sandbox, approvers=approvers, limits=file.limits, two_person=file.approvals.two_person,
        separate=SEPARATE - file.approvals.same_way,
        company=msgspec.structs.replace(
            file.company, lists=lists, domains=frozenset(one.lower() for one in file.company.domains)
        ),
    )  # fmt: skip


def _lists(named: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, ...]]:
    found = {text.address(name): tuple(map(text.address, members)) for name, members in named.items()}
    if not all(name and all(members) for name, members in found.items()):
        raise msgspec.ValidationError("a list and its members are mail addresses - at `$.company.lists`")
    return found


def _key(name: str, encoded: str) -> bytes:
    try:
        key = base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        raise msgspec.ValidationError(f"the key is no base64 - at `$.approvers.{name}`") from error
    if len(key) != ED25519_BYTES:
        raise msgspec.ValidationError(
            f"an Ed25519 key has 32 bytes, not {len(key)} - at `$.approvers.{name}`"
        )
    return key


def _damaged(path: Path, problem: str) -> Damaged:
    return Damaged(
        f"the ceiling file {str(path)!r} cannot be understood ({problem}), so nothing runs",
        fix="Mend the file; what may stand in it: docs/guard.md",
    )
