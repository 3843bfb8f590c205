"""What the guard says to an action. A denial is a value and an event, never an exception."""

from __future__ import annotations

from typing import Literal

import msgspec

Verdict = Literal["allow", "ask", "deny"]


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    verdict: Verdict
    rule: str
    """Stable label of the deciding rule, as in ``grant.intent``."""
    reason: str
    """One sentence for the person, without content: it stands in the event."""
    question: str = ""
    """The smallest question for the person, or what was wrong. Holds content: for their eyes, never for an event."""
    labels: dict[str, str] = {}
    """By argument, where its value comes from: labels of ``guard.origin``, no content."""
    needs: tuple[str, ...] = ()
    """What would turn an ask into an allow."""
    also: tuple[Decision, ...] = ()
    """The asks of further layers: the person is told all of them."""
    policies: tuple[str, ...] = ()
    """Whose policies decided, as in ``company:freeze``."""


def deny(rule: str, reason: str, *, question: str = "") -> Decision:
    return Decision(verdict="deny", rule=rule, reason=reason, question=question)


def ask(rule: str, reason: str, *needs: str, question: str = "") -> Decision:
    return Decision(verdict="ask", rule=rule, reason=reason, question=question, needs=needs or ("approval",))
