"""Where one mail goes and why: what the person said first, then danger, then need, then the rest.

Nothing that looks as if it needs the person leaves the inbox: a correspondent's mail never goes to Suspicious
on the word of a model, and whatever no rule understands stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from meshclaw.agents.triage.lessons import History, Lessons
from meshclaw.agents.triage.needs import Need, acquaintance, need, who
from meshclaw.agents.triage.plain import plain
from meshclaw.agents.triage.signals import Signals, read
from meshclaw.agents.triage.suspicion import SUSPICIOUS, learned_junk, suspicion
from meshclaw.flow.message import Message
from meshclaw.flow.placement import INBOX, Category, Evidence, Placement

FOLDERS: dict[Category, str] = {
    "reply": INBOX,
    "act": INBOX,
    "waiting": INBOX,
    "alert": INBOX,
    "read": "Read",
    "bulk": "Bulk",
    "suspicious": "Suspicious",
}
_SHOWN = 3
"""Reasons in the sentence; all of them are in the evidence."""


def judge(message: Message, *, me: frozenset[str], lessons: Lessons, now: datetime) -> Placement:
    """Pure but for look-ups in ``lessons``; never raises on any Message.

    ``me``: the person's own addresses, lower case. ``now``: aware; deadlines before it are past.
    """
    said = lessons.learned(message)
    if said:
        words = "you put this very mail there"
        return _placed(message, said, [Evidence(signal="corrected-mail", weight=5.0, words=words)])
    signals = read(message, me=me, lessons=lessons, now=now)
    needed = need(message, signals, now)
    history = History() if signals.forged else lessons.of_sender(message.sender.address)
    suspected = suspicion(message, signals)
    danger = _danger(message, signals, history, lessons, suspected)
    if danger:
        return _placed(message, "suspicious", danger)
    return _wanted(message, signals, needed, _learned_place(message, history, lessons), suspected)


def _danger(
    message: Message, signals: Signals, history: History, lessons: Lessons, suspected: list[Evidence]
) -> list[Evidence]:
    """Evidence for Suspicious, or nothing where the mail is not."""
    if history.majority == "suspicious":
        return [_corrected(history, "this sender", "suspicious")]
    if history.majority is not None or signals.wrote_to or signals.from_me:
        return []
    if sum(one.weight for one in suspected) >= SUSPICIOUS:
        return suspected
    learned = learned_junk(message, signals, lessons)
    return [learned, *suspected] if learned else []


def _wanted(
    message: Message, signals: Signals, needed: Need | None, learned: Need | None, suspected: list[Evidence]
) -> Placement:
    if learned and (needed is None or FOLDERS[learned.category] == INBOX):
        return _placed(message, learned.category, [*learned.evidence, *(needed.evidence if needed else ())])
    # A correction to Read or Bulk yields to a mail that needs the person: in doubt it stays.
    chosen = needed or _unneeded(message, signals)
    warnings = map(_against, suspected) if FOLDERS[chosen.category] == INBOX else ()
    return _placed(message, chosen.category, [*chosen.evidence, *warnings])


def _learned_place(message: Message, history: History, lessons: Lessons) -> Need | None:
    """What the person does with this sender's mails, or with this list's where the sender is new."""
    category = history.majority
    if category:
        return Need(category=category, evidence=(_corrected(history, "this sender", category),))
    listed = lessons.of_list(message.list_id)
    category = listed.majority
    # Junk reaches lists too, so a list is never suspicious as a whole.
    if category is None or category == "suspicious":
        return None
    return Need(category=category, evidence=(_corrected(listed, "this list", category),))


def _corrected(history: History, whose: str, category: Category) -> Evidence:
    count = history.counts[category]
    mails = "1 mail" if count == 1 else f"{count} mails"
    folder = "back to the inbox" if FOLDERS[category] == INBOX else f"to {FOLDERS[category]}"
    name = "corrected-list" if whose == "this list" else "corrected-sender"
    return Evidence(signal=name, weight=1.0 + count, words=f"you moved {mails} from {whose} {folder}")


def _unneeded(message: Message, signals: Signals) -> Need:
    """Nothing asks for the person: file what is clearly for many or only for information, keep the rest."""
    if signals.mass:
        return _reason("bulk", "mass-mail", 1.5, signals.mass)
    if signals.discussion:
        name = plain(message.list_id.partition("<")[0] or message.list_id.strip("<>"), 50) or "a mailing list"
        return _reason("read", "mailing-list", 1.5, f"it came through {name} and is not addressed to you")
    if signals.receipt:
        return _reason("read", "receipt", 1.2, f"it is a {signals.receipt} and asks nothing")
    if signals.automatic:
        return _reason("read", "automatic", 1.0, f"{signals.automatic} and it asks nothing")
    if signals.addressed == "cc":
        return _reason("read", "addressed-cc", 1.0, f"{who(message)} sent you a copy and asks you nothing")
    kept = _reason(
        "reply", "in-doubt", 0.3, f"{who(message)} seems to be a person, and in doubt a mail stays"
    )
    return Need(category="reply", evidence=(*kept.evidence, *acquaintance(signals)))


def _reason(category: Category, signal: str, weight: float, words: str) -> Need:
    return Need(category=category, evidence=(Evidence(signal=signal, weight=weight, words=words),))


def _against(one: Evidence) -> Evidence:
    return msgspec.structs.replace(one, weight=-one.weight, words=f"but take care: {one.words}")


def _placed(message: Message, category: Category, evidence: Iterable[Evidence]) -> Placement:
    reasons = tuple(msgspec.structs.replace(one, words=plain(one.words, 160)) for one in evidence)
    total = max(sum(one.weight for one in reasons), 0.1)
    return Placement(
        message=message.id,
        category=category,
        folder=FOLDERS[category],
        # Each unit of weight halves the doubt; a reading aid, not a measured probability.
        confidence=round(1 - 0.5 ** min(total, 6.0), 3),
        why=_sentence(category, reasons),
        evidence=reasons,
    )


def _sentence(category: Category, reasons: Sequence[Evidence]) -> str:
    folder = FOLDERS[category]
    start = f"Stays in the inbox as {category}" if folder == INBOX else f"Goes to {folder}"
    warning = [one for one in reasons if one.weight < 0][:1]
    shown = [one for one in reasons if one.weight >= 0][: _SHOWN - len(warning)] + warning
    return f"{start}: {'; '.join(one.words for one in shown)}."
