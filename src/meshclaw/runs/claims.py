"""Whether an answer says more than was done: each claim of a deed is compared with the run's receipts.

Only what the claw says of itself counts ("I sent", "Sent the mail", and "has been sent" where that was asked for or
tried): what others did is theirs to say.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import msgspec

_VERBS: dict[str, str] = {
    "sent emailed mailed messaged forwarded notified posted": "send publish share",
    "replied responded answered informed reminded": "send publish",
    "shared": "share send publish",
    "moved archived": "move",
    "filed": "move create",
    "sorted": "move label",
    "labelled labeled marked flagged tagged": "label change",
    "deleted removed erased discarded": "delete cancel remove_member move label",
    "cancelled canceled declined": "cancel delete",
    "scheduled booked arranged": "create book reschedule",
    "created drafted written wrote saved added reserved": "create append book add_member invite publish",
    "fixed closed reopened resolved reassigned rescheduled postponed": "change append reschedule",
    "changed updated edited renamed assigned": "change append reschedule move label",
    "invited": "invite add_member share send",
    "unsubscribed": "unsubscribe",
    "remembered memorized memorised": "remember",
    "deployed released shipped promoted": "deploy",
    "reverted": "roll_back change",
    "paid transferred refunded": "pay",
    "executed restarted": "run deploy",
}
"""By what a claim says, the declared deeds of which one must have a receipt."""
_LOOSE = frozenset(
    "answered informed reminded sorted marked flagged arranged created drafted written wrote saved added reserved "
    "changed updated edited assigned released executed remembered memorized memorised".split()
)
"""People say these of what is no deed too ("I sorted them by date"): they count where such a deed was wanted."""

_OF = {verb: frozenset(deeds.split()) for verbs, deeds in _VERBS.items() for verb in verbs.split()}
_VERB = "|".join(sorted(_OF, key=len, reverse=True))
_ADVERBS = r"(?:(?:just|now|already|also|successfully|then|both|all|safely)\s+)*"
_ITSELF = re.compile(
    rf"(?:\b(?:i|we)(?:'ve|\s+have)?\s+{_ADVERBS}({_VERB})\b|^\W*{_ADVERBS}({_VERB})\b(?!\s+by\b))",
    re.IGNORECASE,
)
_PASSIVE = re.compile(
    rf"\b(?:(?:has|have)\s+{_ADVERBS}been|was|were|is|are)\s+{_ADVERBS}({_VERB})\b(?!\s+by\b)", re.IGNORECASE
)
_NOT = re.compile(
    r"\b(?:not|never|nothing|no one|nobody|cannot|unable|without|yet to|failed|would|could|should|if|unless|once|when|"
    r"whether|shall|want)\b|n't\b|\?\s*$",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\b(\d{1,6})\b(?=\s+[a-z])", re.IGNORECASE)
_SENTENCE = re.compile(r"[^.!?\n]*(?:[.!?](?=\S)[^.!?\n]*)*(?:[.!?]+|\n|$)")


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    text: str
    """What the person is shown."""
    corrected: tuple[str, ...] = ()
    """The sentences that claimed too much."""


def check(
    answer: str, done: Sequence[str], waiting: Sequence[str], wanted: frozenset[str] = frozenset()
) -> Checked:
    """``done`` and ``waiting``: the declared deed of each action with a receipt, and of each that waits for a yes.

    ``wanted``: deeds that were asked for or tried.
    """
    receipts, open_ = Counter(done), Counter(waiting)
    parts: list[str] = []
    corrected: list[str] = []
    for sentence in _SENTENCE.findall(answer):
        told = _correction(sentence.replace("\u2019", "'"), receipts, open_, wanted)
        if told:
            corrected.append(sentence.strip())
            parts.append(
                re.sub(
                    r"\S(?:.*\S)?",
                    lambda match, told=told: f"[{told} “{match[0]}”]",
                    sentence,
                    flags=re.DOTALL,
                )
            )
        else:
            parts.append(sentence)
    return Checked(text="".join(parts), corrected=tuple(corrected))


def _correction(
    sentence: str, receipts: Mapping[str, int], open_: Mapping[str, int], wanted: frozenset[str]
) -> str:
    """What stands before the sentence instead of letting it stand; empty where it may."""
    for verb in _claimed(sentence, wanted):
        done = sum(receipts[deed] for deed in _OF[verb])
        if not done:
            waits = any(open_[deed] for deed in _OF[verb])
            return (
                "Not done yet, it waits for your yes:" if waits else "Not done, there is no receipt for it:"
            )
        numbers = [int(number) for number in _NUMBER.findall(sentence)]
        if len(numbers) == 1 and numbers[0] > done:
            return f"Receipts are there for {done}:"
    return ""


def _claimed(sentence: str, wanted: frozenset[str]) -> Iterator[str]:
    """Verbs by which the sentence says that the claw did something."""
    if _NOT.search(sentence):
        return
    for match in _ITSELF.finditer(sentence):
        verb = (match[1] or match[2]).lower()
        if verb not in _LOOSE or _OF[verb] & wanted:
            yield verb
    for match in _PASSIVE.finditer(sentence):
        if _OF[match[1].lower()] & wanted:
            yield match[1].lower()
