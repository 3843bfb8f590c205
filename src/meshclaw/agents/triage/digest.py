"""The morning digest: what needs the person, what was filed, what is suspicious, and how to undo it all."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime

import msgspec

from meshclaw.agents.triage.plain import plain
from meshclaw.flow.card import Card
from meshclaw.flow.placement import CATEGORIES, INBOX, Category

EXAMPLES = 3
"""Mails named per filed category; the count says how many there are."""

TITLES: dict[Category, str] = {
    "reply": "Waiting for your reply",
    "act": "Something to do",
    "waiting": "You are waiting for them",
    "alert": "Alerts",
    "read": "To read when you like",
    "bulk": "Newsletters and other bulk",
    "suspicious": "Suspicious",
}


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One mail, its strangers' text made printable."""

    id: str
    sender: str
    subject: str
    why: str


class Group(msgspec.Struct, frozen=True, kw_only=True):
    category: Category
    title: str
    folder: str
    count: int
    items: tuple[Item, ...]
    """All of them for what needs the person and what is suspicious, else the first ``EXAMPLES``."""


class Digest(msgspec.Struct, frozen=True, kw_only=True):
    runs: tuple[str, ...]
    made: datetime
    total: int
    """Mails that were judged."""
    needs: tuple[Group, ...]
    filed: tuple[Group, ...]
    suspicious: Group | None
    approvals: tuple[str, ...]

    @property
    def undo(self) -> str:
        """The one command that takes everything back."""
        return f"meshclaw run undo {' '.join(self.runs)}"


def digest(
    cards: Sequence[Card], *, runs: Sequence[str], made: datetime, approvals: Iterable[str] = ()
) -> Digest:
    """Built in the order of ``cards``; ``runs`` are the short ids of the runs that placed them."""
    groups = [group for category in CATEGORIES if (group := _group(category, cards))]
    return Digest(
        runs=tuple(runs),
        made=made,
        total=len(cards),
        needs=tuple(group for group in groups if group.folder == INBOX),
        filed=tuple(group for group in groups if group.category in ("read", "bulk")),
        suspicious=next((group for group in groups if group.category == "suspicious"), None),
        approvals=tuple(plain(approval, 200) for approval in approvals),
    )


def _group(category: Category, cards: Sequence[Card]) -> Group | None:
    mine = [card for card in cards if card.placement.category == category]
    if not mine:
        return None
    shown = mine[:EXAMPLES] if category in ("read", "bulk") else mine
    return Group(
        category=category,
        title=TITLES[category],
        folder=mine[0].placement.folder,
        count=len(mine),
        items=tuple(map(_item, shown)),
    )


def _item(card: Card) -> Item:
    return Item(
        id=card.placement.message,
        sender=plain(card.sender.name or card.sender.address, 40) or "unknown sender",
        subject=plain(card.subject, 100) or "(no subject)",
        why=_reason(plain(card.placement.why, 500)),
    )


def _reason(why: str) -> str:
    """The reason alone: the heading above already says where the mail is."""
    reason = why.partition(": ")[2] or why
    first = reason.partition(" ")[0]
    # A domain name keeps its letters: "Partner.test" is not what the mail said.
    return reason if "." in first else reason[:1].upper() + reason[1:]


# ---- as text --------------------------------------------------------------------------------------


def as_text(digest: Digest, width: int, *, color: bool = False) -> str:
    """For a terminal of ``width`` columns (20 or more); no control characters but SGR where ``color``."""
    return "\n".join(_lines(digest, max(width, 20), _Ink(color=color))) + "\n"


class _Ink(msgspec.Struct, frozen=True, kw_only=True):
    color: bool

    def bold(self, text: str) -> str:
        return f"\x1b[1m{text}\x1b[0m" if self.color else text

    def red(self, text: str) -> str:
        return f"\x1b[1;31m{text}\x1b[0m" if self.color else text

    def faint(self, text: str) -> str:
        return f"\x1b[2m{text}\x1b[0m" if self.color else text


def _lines(digest: Digest, width: int, ink: _Ink) -> Iterator[str]:
    needing = sum(group.count for group in digest.needs)
    yield from map(ink.bold, _wrap(f"{mails(digest.total)}, {needing} for you", width))
    if digest.approvals:
        yield from ("", *map(ink.bold, _wrap("Waiting for your approval", width)))
        for approval in digest.approvals:
            yield from _wrap(f"- {approval}", width, hang=2)
    for group in digest.needs:
        yield from _section(group, width, ink.bold, ink)
    if digest.suspicious:
        yield from _section(digest.suspicious, width, ink.red, ink)
    if digest.filed:
        yield from ("", ink.bold("Filed for you"))
        for group in digest.filed:
            yield from _wrap(_filed(group), width, hang=2)
    yield from ("", *_wrap("Nothing was deleted. To undo all of this:", width), f"  {digest.undo}")


def _section(group: Group, width: int, heading: Callable[[str], str], ink: _Ink) -> Iterator[str]:
    yield ""
    yield from map(heading, _wrap(f"{group.title} ({group.count})", width))
    for item in group.items:
        yield from _wrap(f"- {item.sender}: {item.subject}", width, hang=2)
        yield from map(ink.faint, _wrap(f"  {item.why}", width, hang=2))


def _filed(group: Group) -> str:
    names = ", ".join(f"{item.sender}: {item.subject}" for item in group.items)
    more = f" and {group.count - len(group.items)} more" if group.count > len(group.items) else ""
    return f"- {group.title}, {mails(group.count)} in {group.folder}: {names}{more}"


def mails(count: int) -> str:
    return "1 mail" if count == 1 else f"{count} mails"


def _wrap(text: str, width: int, *, hang: int = 0) -> list[str]:
    return textwrap.wrap(text, width, subsequent_indent=" " * hang, break_on_hyphens=False) or [""]
