"""The person's own words must ask for this kind of deed. Without licence: deny, told, not asked.

The words are read before anything else is, so nothing read later can widen them. Where a run has no words but a
declared intent, the intent's rights are the licence (``granted``).
"""

from __future__ import annotations

from meshclaw.flow.action import Action
from meshclaw.flow.decision import Decision, deny
from meshclaw.flow.declaration import Declaration
from meshclaw.guard.context import Context
from meshclaw.guard.request.lexicon import DEEDS, Verbs
from meshclaw.guard.request.wording import Wording, wording


def check(_: Action, context: Context) -> Decision | None:
    declaration, words = context.declaration, context.request.words
    if declaration is None or not words or not needs_licence(declaration):
        return None
    if context.request.trust == "outside":
        return deny("licence.outside", "it was not your person who asked")
    asked = wording(words)
    if is_forbidden(declaration, asked):
        return deny("licence.forbidden", f"you said not to: {declaration.words.lower()}")
    if is_licensed(declaration, asked) or _is_a_look_at_their_link(declaration, context):
        return None
    return deny("licence", f"nothing in what you asked calls for this: {declaration.words.lower()}")


def needs_licence(declaration: Declaration) -> bool:
    """Reading and drafting in one's own place needs none; a read that carries a destination does."""
    if declaration.effect not in ("read", "draft"):
        return True
    return any(argument.role == "destination" for argument in declaration.arguments.values())


def is_forbidden(declaration: Declaration, asked: Wording) -> bool:
    changes = declaration.effect not in ("read", "draft")
    verbs = DEEDS.get(declaration.deed, Verbs())
    return (changes and asked.hands_off) or asked.forbids(verbs, declaration.objects)


def is_licensed(declaration: Declaration, asked: Wording) -> bool:
    return asked.asks(DEEDS.get(declaration.deed, Verbs()), declaration.objects)


def licensed(declaration: Declaration, asked: Wording) -> bool:
    return is_licensed(declaration, asked) and not is_forbidden(declaration, asked)


def _is_a_look_at_their_link(declaration: Declaration, context: Context) -> bool:
    """A link that the person wrote is there to be opened."""
    return declaration.effect == "read" and all(one.label == "person" for one in context.origins)
