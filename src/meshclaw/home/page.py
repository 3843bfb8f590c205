"""What a page of Home is. Each is one file in ``pages/`` with its template in ``templates/``, named in ``pages/all``.

A page shows something (GET) and may do something (POST); both work without a script.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import msgspec

from meshclaw.home.house import House
from meshclaw.home.keys import Session
from meshclaw.wiring import Claw


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """One request of the person."""

    house: House
    claw: Claw
    """Open until the answer is made."""
    session: Session
    path: Mapping[str, str]
    """What stands in the place of ``{name}`` in the path."""
    query: Mapping[str, str]
    form: Mapping[str, str]


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """``context`` is a Struct of the page; the template sees it as ``page``."""

    title: str
    template: str
    context: object


class Went(msgspec.Struct, frozen=True, kw_only=True):
    """Something was done: where the browser goes next, and what is said there."""

    to: str
    words: str = ""
    failed: bool = False


class Page(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    """In the menu."""
    path: str
    """Of its first view."""
    shows: Mapping[str, Callable[[Visit], Shown]]
    """By path, as in ``/runs/{run}``."""
    does: Mapping[str, Callable[[Visit], Went]] = {}
    waits: Callable[[Claw], int] | None = None
    """How many things wait for the person there."""


def looked_at(session: Session, *what: object) -> str:
    """When somebody was shown ``what``, for a form to bring back: nobody can answer what was never shown to them."""
    now = int(time.monotonic() * 1000)
    return f"{now}.{session.seal('shown', now, *what)}"


def looked_ms(session: Session, sealed: str, *what: object) -> int | None:
    """For how long ``what`` has been before this session; None where it never was."""
    at, _, seal = sealed.partition(".")
    if not at.isdecimal() or len(at) > 20 or not session.holds(seal, "shown", int(at), *what):
        return None
    return max(0, int(time.monotonic() * 1000) - int(at))
