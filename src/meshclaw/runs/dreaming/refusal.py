"""What never becomes a memory, whoever proposes it, each with a stable label and a clause for the person."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from meshclaw.agents.memory.judge import LONGEST
from meshclaw.guard.exposed import hidden
from meshclaw.guard.layers.information import KEY
from meshclaw.guard.links import targets_in
from meshclaw.guard.request.lexicon import DEEDS, DETERMINERS, EVERY, TWOFOLD
from meshclaw.guard.request.wording import wording
from meshclaw.guard.text import addresses, legible, plain

Check = Callable[[str, str], bool]
"""Whether the text, resting on what the second one holds, is to be refused."""
Reason = Literal[
    "malformed", "secret", "instruction", "command", "environment", "link", "address", "number", "ungrounded",
    "unrelated", "weaker", "loses", "vetoed", "cap", "stale",
]  # fmt: skip

WORDS: dict[str, str] = {
    "malformed": "it is no plain sentence",
    "secret": "it holds a secret, and a memory is no safe place for one",
    "instruction": "it tells somebody to do something, and is no fact",
    "command": "it holds a command or code",
    "environment": "it is about something that did not work for a while",
    "link": "it holds a link that you did not write",
    "address": "it holds an address that you did not write",
    "number": "it holds a number that you did not write",
    "ungrounded": "it says what you did not say",
    "unrelated": "it has nothing in common with what it was to replace",
    "weaker": "it was to replace what you said yourself",
    "loses": "it would have lost a part of what it was to merge",
    "vetoed": "you took it back before",
    "cap": "one night changes only so much",
    "stale": "it was about a memory that is not there",
}

_SECRET = re.compile(
    r"\b(?:pass ?(?:word|phrase|code)|pin|api[ -]?key|access key|private key|secret(?: key)?|token|recovery code|cvc|"
    r"iban|account number|card number|credit card|social security)s?\b[^.]{0,40}?(?:\bis\b|\bare\b|[:=])",
    re.IGNORECASE,
)
_ORDER = re.compile(
    r"\b(?:ignore|disregard|bypass|override|circumvent|pretend|jailbreak)\b|\bsystem prompt\b|\bprompt injection\b"
    r"|\b(?:previous|prior|earlier|above|all) (?:instructions|rules|prompts|orders)\b"
    r"|\b(?:without|never|no need to|do not|don't|stop|skip) (?:ask|asking|approv\w+|confirm\w*|check\w*)\b"
    r"|\byou(?:rs?|rself)?\b"
    r"|\b(?:the (?:claw|agent|assistant|model)|it) (?:must|should|shall|will|may|can|is to|has to|is allowed)\b"
    r"|\b(?:always|automatically) (?:allow|approve|accept|trust|say yes)\b"
    r"|\b(?:is|are) (?:always )?(?:trusted|approved|allowed|pre-?approved|authori[sz]ed)\b",
    re.IGNORECASE,
)
_COMMAND = re.compile(
    r"[`{}\\]|\$\(|&&|\|\||[<>|;]\s*/|\brm\s+-|\bsudo\b|\bchmod\b|\bcurl\b|\bwget\b|\beval\b|\bbase64\b|/bin/|</?\w+>"
    r"|\bmeshclaw\s+\w+|\b(?:powershell|bash|sh|cmd)\s+[-/]"
)
_ENVIRONMENT = re.compile(
    r"\b(?:tools?|servers?|network|internet|connection|commands?|api|mail ?box|imap|smtp|models?|disk|budget|quota|"
    r"sandbox|guard|permissions?|connector|service|website|login|sign-?in|token|certificate)\b[^.]{0,40}\b"
    r"(?:broken|down|unavailable|unreachable|failing|fails?|failed|offline|denied|refused|full|expired|missing|exhausted"
    r"|not (?:work\w*|respond\w*|available|reachable|installed|found|there)|(?:doesn't|does not|isn't|didn't) \w+)\b"
    r"|\b(?:could not|cannot|can't|unable to) (?:connect|reach|open|load|log ?in|sign ?in|find|read|send|access)\b"
    r"|\btime[ds]? ?out\b|\berror (?:code )?\d|\b(?:traceback|exception|stack trace|http \d{3})\b",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\d[\d .,:/-]*\d|\d")
_DEEDS = {deed: verbs for deed, verbs in DEEDS.items() if deed not in ("read", "fetch", "remember")}
_VERBS = frozenset(verb for verbs in _DEEDS.values() for verb in verbs.all)
_STEM = 4
"""Letters by which two words are taken for the same."""
GROUNDED = 0.6
"""Share of the telling words of a proposal that its sources must hold."""
KEPT = 0.8
"""Share of the telling words that a merge must keep."""
_FIRST = re.compile(
    r"\A([^\W\d_a-z]\w{3,})(?= [^\W\d_a-z]| (?:is|are|was|has|wants|likes|prefers|works|lives)\b)"
)
_FREE = frozenset(
    "that this with from have they them their your person user prefers likes wants uses said told about "
    "the and for are was were has had not but its his her our out who she him all any new now".split()
)
_FREE_STEMS = frozenset(word[:_STEM] for word in _FREE)


def malformed(text: str) -> str:
    """Why it is no plain sentence; empty where it is one."""
    if not text.strip():
        return "there are no words in it"
    if len(text) > LONGEST:
        return f"it has {len(text)} characters, and {LONGEST} are the most"
    if "\n" in text or not text.isprintable():
        return "it has more than one line, or characters that nobody sees"
    if found := hidden(text):
        return f"it holds {', '.join(found)}"
    return ""


def secret(text: str) -> str:
    """Why it is taken for a secret; empty where it is not."""
    return WORDS["secret"] if KEY.search(text) or _SECRET.search(legible(text)) else ""


def refusal(text: str, sources: Sequence[str]) -> Reason | None:
    """Of a model's proposal: why it is none that may be remembered. ``sources``: what it rests on."""
    held = " \n ".join(sources)
    return next((reason for reason, is_so in _CHECKS if is_so(text, held)), None)


def share(text: str, held: str) -> float:
    """Of the telling words of ``text``, how many stand in ``held``; 1 where there are none."""
    wanted = _stems(text) - _FREE_STEMS
    return len(wanted & _stems(held)) / len(wanted) if wanted else 1.0


def in_common(text: str, other: str) -> bool:
    """They share a telling word."""
    return bool((_stems(text) & _stems(other)) - _FREE_STEMS)


def _asks_for_a_deed(text: str) -> bool:
    """The guard's own reading of a request: whoever could be told to do something by it is."""
    asked = wording(text)
    first, second = (*text.casefold().split()[:2], "", "")[:2]
    begins = first in _VERBS and (first not in TWOFOLD or second in DETERMINERS | EVERY | {"it", "them"})
    return begins or any(asked.asks(verbs) for verbs in _DEEDS.values())


def _stems(text: str) -> set[str]:
    return {word[:_STEM] for word in re.findall(r"[^\W\d_]{3,}", plain(text))}


def _names(text: str) -> set[str]:
    """Words with a capital: whoever they are, somebody must have named them.

    The first word is one where another one, or what somebody is or has, follows on it.
    """
    found = [*re.findall(r"(?<=\s)[^\W\d_a-z]\w{3,}", text), *_FIRST.findall(text)]
    return {word.casefold()[:_STEM] for word in found} - _FREE_STEMS


def _numbers(text: str) -> set[str]:
    return {re.sub(r"\D", "", one) for one in _NUMBER.findall(text)}


def _goes_beyond(found: Callable[[str], Iterable[str]]) -> Check:
    return lambda text, held: bool(set(found(text)) - set(found(held)))


_CHECKS: tuple[tuple[Reason, Check], ...] = (
    ("malformed", lambda text, _: bool(malformed(text))),
    ("secret", lambda text, _: bool(secret(text))),
    ("command", lambda text, _: _COMMAND.search(legible(text)) is not None),
    ("instruction", lambda text, _: _ORDER.search(legible(text)) is not None or _asks_for_a_deed(text)),
    ("environment", lambda text, _: _ENVIRONMENT.search(legible(text)) is not None),
    ("link", _goes_beyond(targets_in)),
    ("address", _goes_beyond(addresses)),
    ("number", _goes_beyond(_numbers)),
    ("ungrounded", lambda text, held: share(text, held) < GROUNDED or bool(_names(text) - _stems(held))),
)
"""In the order in which the person is told: the most telling first."""
