"""What a text asks of its reader: questions, requests, deadlines and promises, found by plain rules.

English, with a little German; a language without rules simply gives no such signal, and the mail stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import msgspec

_CAP = 4_000
_QUOTE_CHARS = 70

_REQUESTS = (
    "could you", "can you", "would you", "will you", "please", "let me know", "your approval", "need you to",
    "needs your", "i need your", "we need your", "your signature", "action required", "your feedback",
    "your review", "kannst du", "können sie", "bitte",
)  # fmt: skip
_PROMISES = (
    "i'll get back", "i will get back", "we'll get back", "we will get back", "get back to you",
    "i'll let you know", "i will let you know", "we'll let you know", "we will let you know",
    "i'll look into", "i will look into", "we are looking into", "we're looking into", "i'll send you",
    "i will send you", "will reply as soon", "will respond as soon", "still waiting for", "melde mich",
    "we have received your", "your request has been received",
)  # fmt: skip
_POLITE = ("how are you", "how's it going", "any questions", "questions?", "who knows?")
_QUOTED_BELOW = ("-----original message", "-------- original message", "begin forwarded message")
_LONGEST_QUOTED = max(map(len, _QUOTED_BELOW))

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
# What a deadline starts with: tried at every letter, the pattern below would be dear.
_DUE_WORDS = ("by", "before", "until", "due", "deadline", "no later than", "expires", "closes")
_DUE = re.compile(
    r"(?:\b(?:by|before|until|due|deadline|no later than|expires|closes)\b"
    r"(?: is| on| by|:)?(?: the)? )"
    r"(?:(?P<word>today|tonight|tomorrow|noon|eod|end of day|end of the day|end of week|end of the week)"
    rf"|(?:next |this )?(?P<day>{'|'.join(_DAYS)})"
    r"|(?P<iso>\d{4}-\d{2}-\d{2})"
    rf"|(?P<dom>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? (?P<month>{_MONTH})"
    rf"|(?P<month2>{_MONTH}) (?P<dom2>\d{{1,2}}))\b"
)


class Asks(msgspec.Struct, frozen=True, kw_only=True):
    question: str = ""
    """The first question of the sender's own text, shortened; empty where there is none."""
    request: str = ""
    """The phrase that asks, e.g. "could you"."""
    promise: str = ""
    """The phrase by which the sender says that they will answer."""
    due: date | None = None
    due_words: str = ""
    """As the mail put it, e.g. "by friday"."""


def asks(subject: str, text: str, sent: datetime) -> Asks:
    """Dates are relative to ``sent``, the mail's own date; quoted text is left out."""
    own = own_text(text)
    low = f"{subject}\n{own}".lower().replace("\u2019", "'")
    due, words = _deadline(low, sent)
    return Asks(
        question=_question(own) or _question(subject),
        request=_first(_REQUESTS, low),
        promise=_first(_PROMISES, low),
        due=due,
        due_words=words,
    )


def own_text(text: str) -> str:
    """What the sender wrote: without quoted lines, a forwarded original and the signature."""
    kept: list[str] = []
    for line in text[:_CAP].split("\n"):
        if line == "--" or line[:_LONGEST_QUOTED].lower().startswith(_QUOTED_BELOW):
            break
        if not line.startswith((">", "|")):
            kept.append(line)
    return "\n".join(kept)


def _first(phrases: tuple[str, ...], low: str) -> str:
    return next((phrase for phrase in phrases if phrase in low), "")


def _question(text: str) -> str:
    end, last = text.find("?"), 0
    while end >= 0:
        if text[end + 1 : end + 2] in ("", " ", "\n"):
            # The last question ended a sentence too, so nothing before it is searched again.
            start = max(text.rfind(mark, last, end) for mark in (". ", "! ", "? ", "\n"))
            last = end
            sentence = " ".join(text[start + 1 : end + 1].split())
            # A link's query or a lone mark is no question, and a courtesy asks nothing.
            if " " in sentence and not sentence.lower().startswith(("http", *_POLITE)):
                return sentence if len(sentence) <= _QUOTE_CHARS else f"…{sentence[-_QUOTE_CHARS:]}"
        end = text.find("?", end + 1)
    return ""


def _deadline(low: str, sent: datetime) -> tuple[date | None, str]:
    for start in sorted(start for word in _DUE_WORDS for start in _places(word, low)):
        match = _DUE.match(low, start)
        when = _when(match, sent.astimezone(UTC).date()) if match else None
        if match and when:
            return when, match.group().strip()
    return None, ""


def _places(word: str, low: str) -> Iterator[int]:
    at = low.find(word)
    while at >= 0:
        yield at
        at = low.find(word, at + 1)


def _when(match: re.Match[str], base: date) -> date | None:
    found = match.groupdict()
    if found["word"]:
        return _relative(found["word"], base)
    if found["day"]:
        ahead = (_DAYS.index(found["day"]) - base.weekday()) % 7
        return base + timedelta(days=ahead)
    try:
        if found["iso"]:
            return date.fromisoformat(found["iso"])
        month = _MONTHS.index((found["month"] or found["month2"])[:3]) + 1
        near = date(base.year, month, int(found["dom"] or found["dom2"]))
        # "by 5 January" in a mail of December means the coming one.
        return near if near >= base - timedelta(days=180) else near.replace(year=base.year + 1)
    except (ValueError, OverflowError):
        return None


def _relative(word: str, base: date) -> date:
    if word == "tomorrow":
        return base + timedelta(days=1)
    if word.endswith("week"):
        return base + timedelta(days=max(4 - base.weekday(), 0))
    return base
