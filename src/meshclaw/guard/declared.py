"""First layer: the verb is declared, the arguments are those of its declaration, and each destination is one."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator

from meshclaw.flow.action import Action, leaves
from meshclaw.flow.decision import Decision, ask, deny
from meshclaw.flow.declaration import Declaration
from meshclaw.guard.context import Context
from meshclaw.guard.history import named_leaves


def check(action: Action, context: Context) -> Decision | None:
    declaration = context.declaration
    if declaration is None or declaration.verb != action.verb:
        return deny(
            "declaration",
            "no connector declares this verb, so nothing is known about its effect",
            question=f"There is no {action.verb!r}.",
        )
    takes = sorted({name.partition(".")[0] for name in declaration.arguments})
    missing = {
        name
        for name, argument in declaration.arguments.items()
        if argument.required and "." not in name and name not in action.arguments
    }
    if odd := missing | (action.arguments.keys() - set(takes)):
        return deny(
            "arguments",
            f"{action.verb} takes {takes}, and this is not what it was given",
            question=f"{sorted(odd)} do not fit its declaration.",
        )
    if any(isinstance(leaf, float) and not math.isfinite(leaf) for leaf in leaves(action.arguments)):
        return deny("arguments", f"{action.verb} was given a number that is not one")
    if any(isinstance(leaf, str) and not _is_text(leaf) for leaf in leaves(action.arguments)):
        return deny("arguments", f"{action.verb} was given text that no encoding can carry")
    return next(_odd_destinations(action, declaration), None)


def _odd_destinations(action: Action, declaration: Declaration) -> Iterator[Decision]:
    """What other layers would compare in one form and a connector would read in another; denials first."""
    found = [
        (path, value, argument.type)
        for path, value in named_leaves(action.arguments)
        if (argument := declaration.argument(path)) is not None and argument.role == "destination"
    ]
    for path, value, type_ in found:
        if not value.isprintable() and any(
            unicodedata.category(char) in ("Cc", "Zl", "Zp") for char in value
        ):
            yield deny(
                "arguments", f"{path}: a destination with a line break or another control character in it"
            )
        if type_ == "address" and "@" in value.rpartition("<")[0]:
            yield deny("arguments", f"{path}: an address that is written as the name of another one")
    for path, value, _ in found:
        if not value.isprintable():
            yield ask(
                "arguments.hidden", f"{path}: a destination with characters that nobody sees",
                question=f"{declaration.words}? {path} {value!a}: it holds characters that nobody sees",
            )  # fmt: skip


def _is_text(value: str) -> bool:
    return value.isascii() or not any("\ud800" <= char <= "\udfff" for char in value)
