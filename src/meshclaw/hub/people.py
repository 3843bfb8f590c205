"""Who is signed in, with what roles."""

from __future__ import annotations

from typing import Literal, get_args

import msgspec

Role = Literal["employee", "lead", "finance", "security", "admin", "representative"]
EMPLOYEE: Role = "employee"
"""Everybody in the roster."""
ROLES: tuple[Role, ...] = get_args(Role)


class Who(msgspec.Struct, frozen=True, kw_only=True):
    person: str
    roles: frozenset[Role]
