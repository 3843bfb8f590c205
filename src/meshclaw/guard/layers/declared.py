"""The verb is declared, the arguments are those of its declaration, and each destination is one."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator

from meshclaw.flow.action import Action, leaves
from meshclaw.flow.decision import Decision, ask, deny
from meshclaw.flow.declaration import Declaration
from meshclaw.guard.context import Context


def check(action: Action, context: Context) -> Decision | None:
    declaration = context.declaration
    if declaration is None or declaration.verb != action.verb:
        return deny(
            "declaration",
            "no connector declares this verb, so nothing is known about its effect",
            question=f"There is no {action.verb!r}.",
        )
    given = action.arguments.keys()
    if odd := {name for name in declaration.needs if name not in given} | (given - declaration.takes):
        return deny(
            "arguments",
            f"{action.verb} takes {sorted(declaration.takes)}, and this is not what it was given",
            question=f"{sorted(odd)} do not fit its declaration.",
        )
    for leaf in leaves(action.arguments):
        if isinstance(leaf, float) and not math.isfinite(leaf):
            return deny("arguments", f"{action.verb} was given a number that is not one")
        if isinstance(leaf, str) and not _is_text(leaf):
            return deny("arguments", f"{action.verb} was given text that no encoding can carry")
    return next(_odd_destinations(declaration, context), None)


def _odd_destinations(declaration: Declaration, context: Context) -> Iterator[Decision]:
    """What other layers would compare in one form and a connector would read in another; denials first."""
    destinations = declaration.destinations
    found = [
        (path, value, argument.type if argument else "")
        for path, value, argument in context.values
        if path in destinations or path.partition(".")[0] in destinations
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
