"""A table of cases with the verdicts expected of a policy: ``meshclaw policy test``.

[[case]]
verb = "mail.send"
external = true
expect = "deny"
because = ["person:no-strangers"]
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

import msgspec

from meshclaw.errors import UserError
from meshclaw.flow.decision import Decision, Verdict
from meshclaw.flow.declaration import Declaration
from meshclaw.guard.policy.case import Case
from meshclaw.guard.policy.policies import Policies


class Expected(Case, frozen=True, kw_only=True, forbid_unknown_fields=True):
    expect: Verdict
    because: tuple[str, ...] = ()
    """Ids that must be among the deciding policies."""


class _Table(msgspec.Struct, forbid_unknown_fields=True):
    case: list[dict[str, object]]


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    number: int
    """From 1."""
    expected: Expected
    decision: Decision

    @property
    def as_expected(self) -> bool:
        return self.decision.verdict == self.expected.expect and set(self.expected.because) <= set(
            self.decision.policies
        )


def read(path: Path, declarations: Mapping[str, Declaration]) -> list[Expected]:
    """TOML, or JSON where the name ends in .json; UserError where it is no such table."""
    try:
        raw = path.read_text("utf-8")
        loaded = msgspec.json.decode(raw) if path.suffix == ".json" else tomllib.loads(raw)
        return [_expected(one, declarations) for one in msgspec.convert(loaded, _Table).case]
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.MsgspecError) as error:
        raise UserError(
            f"{str(path)!r} is no table of cases ({error})", fix="What it looks like: docs/policy.md"
        ) from error


def _expected(raw: dict[str, object], declarations: Mapping[str, Declaration]) -> Expected:
    verb = str(raw.get("verb", ""))
    if verb not in declarations:
        raise msgspec.ValidationError(f"no connector declares {verb!r}")
    return msgspec.convert({"reversible": declarations[verb].reversible, **raw}, Expected)


def try_all(policies: Policies, table: list[Expected]) -> list[Tried]:
    return [
        Tried(number=number, expected=one, decision=policies.evaluate(one))
        for number, one in enumerate(table, start=1)
    ]
