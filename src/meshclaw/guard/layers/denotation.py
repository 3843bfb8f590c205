"""Every target must be denoted by the person; where it is not, they are asked the smallest question."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from meshclaw.flow.action import Action
from meshclaw.flow.decision import Decision, ask, deny
from meshclaw.flow.declaration import TARGETS, Argument, Declaration
from meshclaw.flow.request import Request
from meshclaw.guard import text
from meshclaw.guard.context import Context
from meshclaw.guard.origin import Label, Origin, Search, nouns_of, origin, words
from meshclaw.guard.request.wording import wording

_WHY: dict[Label, str] = {
    "left-out": "you said not this one",
    "ambiguous": "two things bear the name you wrote",
    "look-alike": "it looks like one you know and is another",
    "structured": "it stands in a record you did not speak of",
    "member": "it comes from a colleague's text, not from you",
    "outside": "it comes from text that outsiders can write, not from you",
    "pasted": "it stands in text that you pasted or quoted, not in your own words",
    "nowhere": "it stands in nothing you wrote and in nothing that was read",
}
FACT = "fact"
"""The type of a sentence that is to be remembered: what steers later runs is held to what the person said."""
_SHOWN = 120
"""Characters of a value that a question shows."""


def origins(verb: str, context: Context) -> tuple[Origin, ...]:
    """One for each value that decides whom or what the action reaches."""
    declaration = context.declaration
    if declaration is None or not context.request.words:
        return ()
    asked = wording(context.request.words)
    searches = (
        Search(
            verb=verb, path=path, value=value, argument=argument, asked=asked,
            nouns=nouns_of(declaration, argument), deed=declaration.deed, objects=declaration.objects,
            looking=declaration.effect == "read", history=context.history, directory=context.directory,
            found=context.history.holding(argument.type, value),
        )
        for path, value, argument in _targets(declaration, context)
    )  # fmt: skip
    return tuple(_origin(search, context.request) for search in searches)


def _origin(search: Search, request: Request) -> Origin:
    """Where the new words name nobody and nothing, as in "send it", those before them in the conversation do."""
    found, asked = origin(search), search.asked
    names = asked.addresses | asked.links | asked.proper | asked.quoted
    if found.denoted or found.like or not request.earlier or names or asked.left_out:
        return found
    before = msgspec.structs.replace(search, asked=wording("\n\n".join(request.earlier)))
    is_written = words.disguised(before) is None and words.written(before) == "person"
    return (
        msgspec.structs.replace(found, label="person") if is_written and not before.asked.left_out else found
    )


def _targets(declaration: Declaration, context: Context) -> Iterator[tuple[str, str, Argument]]:
    for path, value, argument in context.values:
        if argument is not None and _must_be_denoted(declaration, argument.role):
            yield path, value, argument
    filled = {one.path.partition(".")[0] for one in context.values}
    for name in declaration.needs:  # nothing at all may mean everything
        argument = declaration.arguments[name]
        if name not in filled and _must_be_denoted(declaration, argument.role):
            yield name, "", argument


def _must_be_denoted(declaration: Declaration, role: str) -> bool:
    """A read reaches nobody but its destination; looking at one's own things needs no name for each."""
    return role == "destination" if declaration.effect == "read" else role in TARGETS


def check(_: Action, context: Context) -> Decision | None:
    declaration = context.declaration
    if declaration is None or not context.request.words:
        return None
    if problem := _secret_or_code(context):
        return problem
    odd = [one for one in context.origins if not one.denoted]
    if not odd:
        return None
    questions = [f"{one.path} {_shown(one)}: {_why(one)}" for one in odd]
    return ask(
        f"denotation.{odd[0].label}",
        f"{odd[0].path}: {_WHY[odd[0].label]}",
        question=f"{declaration.words}? " + "; ".join(questions),
    )


def _why(one: Origin) -> str:
    return f"it looks like {one.like!r} and is another" if one.like else _WHY[one.label]


def _shown(one: Origin) -> str:
    """As it is, odd characters spelled out; never so long that it hides the question."""
    value = one.value
    seen = ascii(value) if one.label == "look-alike" or text.legible(value) != value else repr(value)
    return seen if len(seen) <= _SHOWN else f"{seen[:_SHOWN]}… ({len(value)} characters)"


def _secret_or_code(context: Context) -> Decision | None:
    """A new password or a command that the person did not write is never the agent's to choose."""
    asked = wording(context.request.words)
    for path, value, argument in context.values:
        if argument is not None and argument.type == FACT and asked.tells(value):
            continue
        if argument is not None and argument.role in ("secret", "code") and not asked.gives(value):
            if argument.role == "secret":
                return deny("denotation.secret", f"{path}: a secret that you did not write yourself")
            what = "a memory" if argument.type == FACT else "code"
            return ask("denotation.code", f"{path}: {what} that you did not write yourself")
    return None
