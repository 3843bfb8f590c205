"""Why a mail may be out to deceive or to sell: findings and phrases with weights, and the learned model.

The weights are judgement, not measurement: one strong sign or two middling ones reach ``SUSPICIOUS``. Signs
that honest newsletters show too (hidden preview text, click trackers) count half in a mail with a valid
signature or from a list, and never reach the bar by themselves.
"""

from __future__ import annotations

from meshclaw.agents.triage.junk import likeness, silent
from meshclaw.agents.triage.lessons import Lessons
from meshclaw.agents.triage.pitch import pitches
from meshclaw.agents.triage.signals import Signals
from meshclaw.agents.triage.tokens import tokens, words_of
from meshclaw.flow.message import FindingKind, Message
from meshclaw.flow.placement import Evidence

SUSPICIOUS = 1.0
"""Sum of weights at which a mail goes to Suspicious."""
JUNK_CUTOFF = 0.54
"""Learned score above which a mail counts as junk; chosen by cross-validation, see benchmarks/junk.py."""
MASS_CUTOFF = 0.68
"""The same for mass mail: junk among it is out of the way in Bulk, and wanted newsletters look like junk."""
_LEARNED = 1.0

_FINDINGS: dict[FindingKind, float] = {
    "look-alike-sender": 1.0,
    "authentication-failed": 0.6,
    "name-is-address": 0.6,
    "risky-attachment": 0.6,
    "link-mismatch": 0.5,
    "hidden-text": 0.5,
    "reply-elsewhere": 0.2,
}
_COMMON_IN_NEWSLETTERS: frozenset[FindingKind] = frozenset(
    {"link-mismatch", "hidden-text", "reply-elsewhere"}
)
# The learned shapes that a person understands; the others count without being told.
_TOLD: dict[str, str] = {
    "zone:impossible": "a time zone that does not exist",
    "zone:none": "a date without a time zone",
    "late:before": "a date after its own arrival",
    "late:days": "a date days before it was sent",
    "to:undisclosed": "hidden recipients",
    "to:missing": "no recipient",
    "to:angle": "a recipient without a name",
    "mime:html": "a body of HTML alone",
    "outlook:FalseFalseTrue": "marks of Outlook that Outlook does not leave",
    "outlook:FalseTrueFalse": "marks of Outlook that Outlook does not leave",
    "outlook:TrueFalseFalse": "marks of Outlook that Outlook does not leave",
    "helo:number": "a sending machine without a name",
    "hop:dynamic": "a sending machine on a dial-up line",
    "hop:forged": "a sending machine under a false name",
    "subject-tail:True": "a random ending of its subject",
    "link:number": "links to bare numbers",
    "links-home:FalseTrue": "links that all lead away from its sender",
}
# Kind -> terms of that kind that are as good as one strong sign, and the clause a person reads.
_PITCHES: dict[str, tuple[int, str]] = {
    "fee": (3, "it talks like an advance-fee fraud"),
    "account": (2, "it presses you about an account"),
    "health": (4, "it sells cures"),
    "adult": (4, "it advertises adult material"),
    "money": (4, "it promises easy money"),
    "loan": (6, "it sells loans or insurance"),
    "removal": (4, "it protests that it is no spam"),
    "prize": (3, "it speaks of a prize"),
}
_SALES_TERMS = 9
"""Terms of at least four kinds that together are a strong sign."""


def suspicion(message: Message, signals: Signals) -> list[Evidence]:
    """What speaks for Suspicious without any lessons, strongest first."""
    found = [*_findings(message, signals), *_phrases(message, signals)]
    return sorted(found, key=lambda one: -one.weight)


def learned_junk(message: Message, signals: Signals, lessons: Lessons) -> Evidence | None:
    """The evidence of the learned model where its score is above the cut-off."""
    if silent(lessons):
        return None
    look = likeness(tokens(message), lessons)
    if look.score <= (MASS_CUTOFF if signals.mass else JUNK_CUTOFF):
        return None
    by = [f"words such as {', '.join(map(repr, words))}"] if (words := look.words()) else []
    by += [told for token in look.shape() if (told := _TOLD.get(token))][:1]
    words = "it looks like mail you called junk" + (f" (by {' and '.join(by)})" if by else "")
    return Evidence(signal="learned-junk", weight=_LEARNED, words=words)


def _findings(message: Message, signals: Signals) -> list[Evidence]:
    honest = message.authentication.dkim == "pass" and not signals.forged
    details: dict[FindingKind, str] = {finding.kind: finding.detail for finding in reversed(message.findings)}
    found: list[Evidence] = []
    for kind, detail in details.items():
        weight = _FINDINGS.get(kind, 0.0)
        if kind in _COMMON_IN_NEWSLETTERS and (honest or signals.discussion or signals.mass):
            weight /= 2
        if weight:
            found.append(Evidence(signal=kind, weight=weight, words=detail or kind.replace("-", " ")))
    return found


def _phrases(message: Message, signals: Signals) -> list[Evidence]:
    # Threads and lists quote such words when they talk about them.
    if message.in_reply_to or signals.discussion:
        return []
    found = pitches(words_of(message.subject) + words_of(message.text))
    # A newsletter sells openly and belongs in Bulk: one kind of pitch alone does not condemn it.
    weight = 0.5 if signals.mass else 1.0
    evidence: list[Evidence] = []
    for kind, (enough, clause) in _PITCHES.items():
        terms = found.get(kind, ())
        if len(terms) >= enough:
            shown = ", ".join(repr(term) for term in terms[:3])
            evidence.append(Evidence(signal=f"pitch-{kind}", weight=weight, words=f"{clause} ({shown})"))
    total = sum(map(len, found.values()))
    if not evidence and total >= _SALES_TERMS and len(found) >= 4:
        evidence.append(Evidence(signal="pitch", weight=weight, words=f"it uses {total} phrases of sellers"))
    return evidence
