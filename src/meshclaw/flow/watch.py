"""What a watch looks at, what it sees, and when that is news. No model is asked about any of it."""

from __future__ import annotations

from typing import Literal

import msgspec

Kind = Literal["changed", "fails", "works", "matches", "over", "under"]


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What one look found."""

    ok: bool = True
    """It is there, answers, ends well."""
    mark: str = ""
    """Differs where what was seen differs: a digest, a version."""
    value: float | None = None
    """Where it comes to a number."""
    words: str
    """In words of ours: ``status 503``, ``3 entries``. Nothing that others wrote."""
    text: str = ""
    """What was there, in the words of others: only ever compared."""


class When(msgspec.Struct, frozen=True, kw_only=True):
    kind: Kind
    pattern: str = ""
    """Of ``matches``: a regular expression that is looked for in the text."""
    number: float = 0
    """Of ``over`` and ``under``."""

    @property
    def told(self) -> str:
        match self.kind:
            case "matches":
                return f"matches {self.pattern}"
            case "over" | "under":
                return f"{self.kind} {self.number:g}"
            case _:
                return self.kind

    @property
    def news(self) -> str:
        """What is told of a fire, behind its name."""
        match self.kind:
            case "works":
                return "works again"
            case "over" | "under":
                return f"is {self.told}"
            case _:
                return self.told


class Command(msgspec.Struct, frozen=True, kw_only=True, tag="command"):
    """In the sandbox. ``ok``: it ended with 0; the value is the number that it prints."""

    line: tuple[str, ...]
    shown: str = ""
    """A folder that it may read."""
    hosts: tuple[str, ...] = ()
    """That it may reach; none of them on a private network."""


class Url(msgspec.Struct, frozen=True, kw_only=True, tag="url"):
    """Asked with GET, no redirect followed. ``ok``: a status below 400; one that does not answer is not."""

    url: str
    path: str = ""
    """Into its JSON: ``status.replicas`` or ``items.0.state``; then only that counts."""
    private: bool = False
    """The host may be on a private network or this machine: the person says so."""


class Path(msgspec.Struct, frozen=True, kw_only=True, tag="path"):
    """A file or folder. ``ok``: it is there; the value is its bytes, or how many entries it has."""

    path: str


class Mail(msgspec.Struct, frozen=True, kw_only=True, tag="mail"):
    """Mails that triage placed. ``ok``: there is one; the value is how many."""

    sender: str = ""
    """Words that the sender's name or address holds, all of them."""
    subject: str = ""
    """Words that the subject holds, all of them."""
    within: str = "24h"


class Fact(msgspec.Struct, frozen=True, kw_only=True, tag="fact"):
    """What the claw's own ledger says. The value is hours, or dollars of the last 24 hours."""

    fact: Literal["approval-waits", "spend"]


Look = Command | Url | Path | Mail | Fact
