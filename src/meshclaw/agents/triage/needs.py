"""What in a mail needs the person: the categories that stay in the inbox, with their reasons."""

from __future__ import annotations

import re
from datetime import datetime

import msgspec

from meshclaw.agents.triage.plain import plain
from meshclaw.agents.triage.signals import Signals
from meshclaw.flow.message import Message
from meshclaw.flow.placement import Category, Evidence

_WATCHERS = re.compile(r"(?:^|[._+-])(?:alerts?|monitor|monitoring|nagios|ci|builds?|jenkins|cron|daemon|root"
                       r"|status|mailer-daemon|security)(?:$|[._+-])")  # fmt: skip

_CALLS = ("REQUEST", "CANCEL", "COUNTER")
"""Methods of RFC 5546 that want something of the person; REPLY and PUBLISH only inform."""


class Need(msgspec.Struct, frozen=True, kw_only=True):
    category: Category
    evidence: tuple[Evidence, ...]


def need(message: Message, signals: Signals, now: datetime) -> Need | None:
    """The first that applies: an invitation, a fault, a promise, a deadline, a question, a request."""
    found = (
        _invitation(message)
        or _alert(message, signals)
        or _waiting(signals)
        or _act(signals, now)
        or _reply(message, signals)
    )
    if found is None:
        return None
    return msgspec.structs.replace(found, evidence=(*found.evidence, *acquaintance(signals)))


def acquaintance(signals: Signals) -> tuple[Evidence, ...]:
    """How the person and the sender have written before."""
    if signals.wrote_to:
        words = f"you have written to them {_times(signals.wrote_to)}"
        return (Evidence(signal="correspondent", weight=1.0, words=words),)
    if signals.received:
        words = f"they have written to you {_times(signals.received)}"
        return (Evidence(signal="known-sender", weight=0.2, words=words),)
    return ()


def who(message: Message) -> str:
    """The sender as a sentence names them."""
    name = message.sender.name or message.sender.address.partition("@")[0]
    return plain(name, 40) or "an unnamed sender"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _direct(signals: Signals) -> bool:
    return signals.addressed in ("alone", "to") and not (signals.mass or signals.automatic)


def _wrote(message: Message, signals: Signals) -> Evidence:
    to = "to you alone" if signals.addressed == "alone" else "to you among others"
    weight = 1.0 if signals.addressed == "alone" else 0.7
    return Evidence(
        signal=f"addressed-{signals.addressed}", weight=weight, words=f"{who(message)} wrote {to}"
    )


def _invitation(message: Message) -> Need | None:
    if message.invitation is None or message.invitation.method.upper() not in _CALLS:
        return None
    kind = "cancels" if message.invitation.method.upper() == "CANCEL" else "invites you to"
    words = f"{who(message)} {kind} {plain(message.invitation.summary, 60) or 'an appointment'!r}"
    return Need(category="act", evidence=(Evidence(signal="invitation", weight=2.0, words=words),))


def _alert(message: Message, signals: Signals) -> Need | None:
    local = message.sender.address.partition("@")[0]
    watcher = _WATCHERS.search(local) is not None
    if not signals.trouble or not (watcher or (signals.automatic and not signals.mass)):
        return None
    words = f"{who(message)} reports {signals.trouble!r} and no person wrote it"
    return Need(category="alert", evidence=(Evidence(signal="fault-report", weight=1.5, words=words),))


def _waiting(signals: Signals) -> Need | None:
    asks = signals.asks
    if signals.from_me:
        words = "you wrote it yourself and keep it in the inbox"
        return Need(category="waiting", evidence=(Evidence(signal="from-me", weight=1.0, words=words),))
    if not asks.promise or signals.mass or not (signals.answers or signals.automatic) or asks.question:
        return None
    words = f"it answers you and promises more ({asks.promise!r})"
    return Need(category="waiting", evidence=(Evidence(signal="promise", weight=1.2, words=words),))


def _act(signals: Signals, now: datetime) -> Need | None:
    asks = signals.asks
    if signals.mass or signals.addressed not in ("alone", "to"):
        return None
    if asks.due is None or asks.due < now.date():
        return None
    words = f"it names a deadline, {asks.due:%A} {asks.due.isoformat()} (“{asks.due_words}”)"
    evidence = [Evidence(signal="deadline", weight=1.5, words=words)]
    if asks.question:
        evidence.append(_question(asks.question))
    return Need(category="act", evidence=tuple(evidence))


def _reply(message: Message, signals: Signals) -> Need | None:
    asks = signals.asks
    named = signals.addressed == "cc" and signals.personal and signals.wrote_to > 0
    if not (_direct(signals) or named):
        return None
    if asks.question:
        return Need(category="reply", evidence=(_wrote(message, signals), _question(asks.question)))
    if asks.request and _direct(signals):
        words = f"it asks you for something ({asks.request!r})"
        return Need(
            category="act",
            evidence=(_wrote(message, signals), Evidence(signal="request", weight=1.0, words=words)),
        )
    if signals.addressed == "alone" and signals.personal:
        return Need(category="reply", evidence=(_wrote(message, signals),))
    return None


def _question(sentence: str) -> Evidence:
    return Evidence(
        signal="direct-question", weight=1.0, words=f"it asks a direct question (“{plain(sentence, 75)}”)"
    )
