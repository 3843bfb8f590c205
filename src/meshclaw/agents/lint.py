"""What an author had better mend: rights wider than the work, intents that nobody knows, nobody who answers for it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import msgspec

from meshclaw.agents.package import Package
from meshclaw.flow.declaration import Declaration
from meshclaw.flow.grant import Rights

MOST_TOKENS = 4_000
"""Of the fixed part of a prompt, which every answer costs."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    level: Literal["error", "warning"]
    """With an error it is not installed."""
    what: str
    fix: str = ""


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What this machine knows, to hold an agent against."""

    intents: Mapping[str, Rights]
    declarations: Sequence[Declaration]
    asking: Mapping[str, Sequence[str]]
    """By deed, the words by which people ask for it."""


def lint(package: Package, known: Known) -> list[Finding]:
    declarations = [*known.declarations, *package.declarations]
    return [
        *_standing(package, known), *_unused(package, known, declarations), *_unsaid(package, known, declarations),
        *_skills(package, declarations), *_limits(package),
    ]  # fmt: skip


def _standing(package: Package, known: Known) -> Iterator[Finding]:
    one = package.definition
    if not one.owner:
        yield Finding(
            level="error", what="nobody answers for it", fix="Name a person or a team: owner: Kim (sales)"
        )
    if "admin" in one.rights.effects:
        yield Finding(
            level="error", what="it asks for the effect admin, by which the guard itself could be changed",
            fix="No agent has that: leave it out.",
        )  # fmt: skip
    for intent in sorted(one.intents - known.intents.keys()):
        yield Finding(
            level="error", what=f"the intent {intent!r} calls for nothing: nobody knows it",
            fix=f"Known: {', '.join(sorted(known.intents))}",
        )  # fmt: skip


def _unused(package: Package, known: Known, declarations: Sequence[Declaration]) -> Iterator[Finding]:
    """Rights that do nothing here."""
    rights = package.agent.rights
    for pattern in sorted(rights.verbs):
        matching = [one for one in declarations if pattern in (one.verb, f"{one.connector}.*")]
        if not matching:
            yield Finding(
                level="warning", what=f"no connector here offers {pattern}", fix="Is it spelt right?"
            )
        elif pattern.endswith(".*") and pattern != "skill.*":
            names = ", ".join(one.verb for one in matching)
            yield Finding(
                level="warning", what=f"{pattern} asks for all of {names}", fix="Name those it needs."
            )
        for one in matching:
            if one.effect not in rights.effects and not pattern.endswith(".*"):
                yield Finding(
                    level="warning", what=f"{one.verb} is asked for without its effect, {one.effect}, so it is denied",
                    fix="Add the effect, or leave the verb out.",
                )  # fmt: skip
    allowed = [one for one in declarations if rights.allow(one)]
    for effect in sorted(rights.effects - {one.effect for one in allowed}):
        yield Finding(
            level="warning", what=f"the effect {effect} is asked for and no verb has it", fix="Leave it out."
        )
    for one in allowed:
        if not any(
            known.intents[intent].allow(one) for intent in package.definition.intents & known.intents.keys()
        ):
            yield Finding(
                level="warning", what=f"{one.verb} is asked for and none of its intents calls for it",
                fix="Leave it out, or name the intent that does.",
            )  # fmt: skip
    for verb in sorted(package.definition.autonomy.keys() - {one.verb for one in allowed}):
        yield Finding(
            level="warning", what=f"autonomy for {verb}, to which it has no right", fix="Leave it out."
        )


def _unsaid(package: Package, known: Known, declarations: Sequence[Declaration]) -> Iterator[Finding]:
    """Rights to change something of which its words do not speak."""
    said = " ".join(
        (package.definition.purpose, package.instructions, *(skill.body for skill in package.skills))
    ).lower()
    for one in declarations:
        if one.effect in ("read", "admin") or one.connector == "skill" or not package.agent.rights.allow(one):
            continue
        words = {one.verb.rpartition(".")[2], one.deed, one.effect, *known.asking.get(one.deed, ())} - {
            "",
            *one.objects,
        }
        if not any(_speaks(word, said) for word in words):
            yield Finding(
                level="warning", what=f"{one.verb} ({one.effect}) is asked for, and its words do not speak of it",
                fix="Leave the right out, or say when it is used.",
            )  # fmt: skip


def _speaks(word: str, said: str) -> bool:
    """``label`` is spoken of by "labels" and "labelled", too."""
    plain = re.escape(word.replace("~", "").strip())
    return re.search(rf"\b{plain}", said) is not None


def _skills(package: Package, declarations: Sequence[Declaration]) -> Iterator[Finding]:
    for name in package.unnamed:
        yield Finding(
            level="warning", what=f"the skill {name!r} lies there and is not named", fix="Add it to skills."
        )
    verbs = {one.verb for one in declarations if package.agent.rights.allow(one)}
    for one in package.declarations:
        if one.verb not in verbs:
            yield Finding(
                level="warning",
                what=f"it has no right to its own script {one.verb}",
                fix="Add it to rights: verbs.",
            )
    reads = any(one.verb == "skill.read" for one in declarations if one.verb in verbs)
    if package.skills and not reads:
        yield Finding(
            level="warning", what="it has skills and no right to skill.read", fix="Add it to rights: verbs."
        )


def _limits(package: Package) -> Iterator[Finding]:
    if package.definition.budget.run.inference == type(package.definition.budget.run)().inference:
        yield Finding(
            level="warning", what="it sets no limit to what its answers may cost",
            fix="budget: {run: {inference: $0.50}}",
        )  # fmt: skip
    if not any(path.startswith("tests/") and path.endswith(".toml") for path in package.files):
        yield Finding(
            level="warning", what="no test proves what it cannot do", fix="Write one: tests/cannot.toml"
        )
