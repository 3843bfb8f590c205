"""What needs no model: requests that one of the claw's own commands answers whole. The right tool first.

A request is planned only where every word of it is understood. Anything more, and a model may be needed: half an
answer for nothing is no bargain.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

import msgspec

Skill = Literal["triage", "digest", "approvals", "runs", "undo", "cost", "budget", "stop"]


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    skill: Skill
    command: str
    """The command that does the same, for the person to learn."""
    why: str


_MAIL = r"(?:in ?box|e-?mails?|mails?|mail ?box|messages)"
_THE = r"(?:my |the |our |all my |all the |all )?"
_COST = r"(?:cost|spent|spend)(?: me| us)?(?: today| this week| this month| so far)?"
_NEW = r"(?:new |unread |latest )?"

_SKILLS: tuple[tuple[Skill, str, str, tuple[str, ...]], ...] = (
    (
        "triage", "meshclaw mail triage", "sorting the inbox is done by rules and what you taught me",
        (
            rf"(?:triage|sort|tidy(?: up)?|clean up|organi[sz]e|go through) {_THE}{_NEW}{_MAIL}",
            rf"(?:sort|tidy|clean) {_THE}{_NEW}{_MAIL} up",
        ),
    ),
    (
        "digest", "meshclaw mail digest", "what needs you is in the last triage",
        (
            r"what(?:'s| is) new|what did i miss",
            r"(?:(?:show|give) me (?:the|my) )?(?:morning )?digest",
            r"what (?:needs|wants) (?:me|my attention|an answer|a reply)(?: today| now)?",
            rf"(?:what|which of my|which) {_MAIL} (?:need|needs) (?:me|my attention|an answer|a reply)(?: today| now)?",
        ),
    ),
    (
        "approvals", "meshclaw approvals list", "what waits for you is in the ledger",
        (
            r"what(?:'s| is)? wait(?:s|ing) for (?:me|my (?:yes|answer|approval|ok))",
            r"(?:show|list)(?: me)? (?:my |the |open |all )*(?:approvals|questions)",
            r"what do you (?:want|need) (?:from me|me to approve)",
        ),
    ),
    (
        "runs", "meshclaw run list", "what I did is in the ledger",
        (
            r"what (?:did|have) you (?:do|done)(?: today| lately| last night| tonight| yesterday)?",
            r"(?:show|list)(?: me)? (?:my |the |your |last |all )*runs",
        ),
    ),
    (
        "undo", "meshclaw run undo", "every receipt says how it is taken back",
        (r"(?:undo|take back|revert) (?:that|it|this|your last run|the last run|what you did(?: last)?)",),
    ),
    (
        "cost", "meshclaw usage show", "what it cost is in the ledger",
        (
            rf"(?:what|how much) (?:did|do|does|have) (?:you|it|that|this|my ai tools|ai) {_COST}",
            r"(?:show|list)(?: me)? (?:my |the |our )*(?:usage|cost|costs|spend|spending)",
        ),
    ),
    (
        "budget", "meshclaw budget", "limits and what is used of them are in the ledger",
        (
            r"(?:show|list)(?: me)? (?:my |the |your )*(?:budget|budgets|limits)",
            r"(?:what(?:'s| is)|how much is) left (?:of|in) (?:my|the|your) budget",
        ),
    ),
    (
        "stop", "meshclaw stop", "the kill switch asks nobody",
        (r"(?:stop|halt|freeze)(?: everything| all| all work| now| at once| right now)*",),
    ),
)  # fmt: skip

_POLITE = (
    r"(?:(?:please|pls|hey|hi|hello|claw|can you|could you|would you|will you|i want you to|just)[, ]+)*"
)
_THANKS = r"(?:[, ]+(?:please|pls|for me|now|thanks|thank you|claw))*"
_COMPILED: list[tuple[Skill, str, str, re.Pattern[str]]] = [
    (skill, command, why, re.compile(rf"{_POLITE}(?:{'|'.join(patterns)}){_THANKS}"))
    for skill, command, why, patterns in _SKILLS
]


def plan(words: str) -> Planned | None:
    """The skill that answers ``words`` whole; None where a model is needed."""
    asked = (
        re.sub(r"\s+", " ", unicodedata.normalize("NFKC", words))
        .strip(" .!?")
        .replace("\u2019", "'")
        .casefold()
    )
    if len(asked) > 120:
        return None
    for skill, command, why, pattern in _COMPILED:
        if pattern.fullmatch(asked):
            return Planned(skill=skill, command=command, why=why)
    return None
