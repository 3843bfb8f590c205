"""AGENT.md: what an agent is for, who answers for it, the rights, autonomy and budget it asks, and its instructions.

---
name: newsletter-reader
version: 1.0
owner: Kim (sales)
purpose: Reads newsletters and tells what is in them.
intents: [ask]
rights:
  effects: [read, label]
  verbs: [mail.list, mail.read, mail.label]
  denied: [mail.send]
autonomy: {mail.label: act_with_undo}
budget:
  run: {inference: $0.25, reads: 200}
skills: [weekly-summary]
model: fast
schedule:
  - {cron: 0 7 * * mon, words: Read last week's newsletters}
---
How the work is done.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import cast

import msgspec

from meshclaw.agents import frontmatter
from meshclaw.agents.builtin import AGENTS
from meshclaw.agents.frontmatter import Front
from meshclaw.agents.schedule import Schedule, problem
from meshclaw.errors import UserError
from meshclaw.flow.autonomy import Level
from meshclaw.flow.declaration import Effect
from meshclaw.flow.grant import Rights
from meshclaw.flow.limits import Limits
from meshclaw.flow.lookalike import alike

FILE = "AGENT.md"
MOST_PURPOSE = 300
MOST_OWNER = 100
NAME = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
MOST_NAME = 40
VERB = re.compile(r"[a-z][a-z0-9_-]*(?:\.[a-z][a-z0-9_-]*)+")
_PATTERN = re.compile(rf"{VERB.pattern}|[a-z][a-z0-9_-]*\.\*")
_VERSION = re.compile(r"[0-9A-Za-z]+(?:[.-][0-9A-Za-z]+)*")
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,79}")
_DOLLARS = re.compile(r"\$([0-9]{1,7}(?:\.[0-9]{1,6})?)")
_MONEY = ("inference", "money")
_OURS = "meshclaw"


class Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rights it asks; what it gets is what ceiling, policy and intent leave of them."""

    effects: frozenset[Effect]
    verbs: frozenset[str]
    denied: frozenset[str] = frozenset()


class Definition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    version: str
    purpose: str
    intents: frozenset[str]
    rights: Asked
    owner: str = ""
    """Who answers for it; without one it is not installed."""
    autonomy: dict[str, Level] = {}
    """By verb, how far it would like to go alone."""
    schedule: tuple[Schedule, ...] = ()
    budget: Limits = Limits()
    skills: tuple[str, ...] = ()
    model: str = ""


def read(raw: bytes, file: str = FILE) -> tuple[Definition, str]:
    """With its instructions. Raises UserError with file and line."""
    front = frontmatter.read(raw, file)
    _in_micro_dollars(front)
    definition = front.into(Definition)
    for path, wrong in _problems(definition):
        if wrong:
            raise front.error(path, wrong)
    if not front.body:
        raise UserError(
            f"{file}: it has no instructions", fix="Write below the front matter how the work is done."
        )
    return definition, front.body


def rights(definition: Definition) -> Rights:
    asked = definition.rights
    return Rights(effects=asked.effects, verbs=asked.verbs, denied=asked.denied)


def _in_micro_dollars(front: Front) -> None:
    """``$0.25`` as everywhere else: 250,000. A bare number of money could mean either, so it is refused."""
    budget = front.values.get("budget")
    for span, window in cast("dict[str, object]", budget).items() if isinstance(budget, dict) else ():
        limits = cast("dict[str, object]", window) if isinstance(window, dict) else {}
        for what in _MONEY:
            if (text := limits.get(what)) is None:
                continue
            found = _DOLLARS.fullmatch(text) if isinstance(text, str) else None
            if found is None:
                raise front.error(f"$.budget.{span}.{what}", f"{what} is in dollars: write $0.25")
            limits[what] = str(int(Decimal(found[1]) * 1_000_000))


def _problems(one: Definition) -> list[tuple[str, str]]:
    """By path; empty texts are no problems."""
    return [
        ("$.name", name_problem(one.name)),
        ("$.version", "" if _VERSION.fullmatch(one.version) and len(one.version) <= 32 else _no_version(one.version)),
        ("$.purpose", _line("purpose", one.purpose, MOST_PURPOSE)),
        ("$.owner", _line("owner", one.owner, MOST_OWNER) if one.owner else ""),
        ("$.owner", f"{one.owner!r} looks as if it came with MeshClaw" if _is_ours(one.owner) else ""),
        ("$.intents", "" if one.intents else "it has to name at least one intent"),
        ("$.model", "" if not one.model or _MODEL.fullmatch(one.model) else f"{one.model!r} is no name of a class"),
        ("$.skills", _twice(one.skills)),
        *(("$.intents", _no_verb(word) if not VERB.fullmatch(word) and not NAME.fullmatch(word) else "")
          for word in sorted(one.intents)),
        *((f"$.rights.{where}", "" if _PATTERN.fullmatch(verb) else _no_verb(verb))
          for where in ("verbs", "denied") for verb in sorted(getattr(one.rights, where))),
        *((f"$.autonomy.{verb}", "" if VERB.fullmatch(verb) else _no_verb(verb)) for verb in one.autonomy),
        *((f"$.schedule[{at}]", problem(entry)) for at, entry in enumerate(one.schedule)),
    ]  # fmt: skip


def name_problem(name: str) -> str:
    """What keeps an agent from being called that; empty where nothing does."""
    if not NAME.fullmatch(name) or len(name) > MOST_NAME:
        return f"{name!r} is no name: up to {MOST_NAME} of a to z and 0 to 9, words joined by single hyphens"
    if name in AGENTS:
        return f"{name!r} comes with MeshClaw; choose another name"
    if twin := next((ours for ours in AGENTS if alike(name, ours)), None):
        return f"{name!r} looks like {twin!r}, which comes with MeshClaw"
    return ""


def _no_verb(word: str) -> str:
    return f"{word!r} is no verb: write connector.verb, as in mail.read, or connector.* in rights"


def _no_version(version: str) -> str:
    return f"{version!r} is no version: up to 32 letters and digits, with single dots or hyphens between"


def _line(what: str, text: str, most: int) -> str:
    if not text.strip() or len(text) > most or not text.isprintable():
        return f"{what} has to be one line of 1 to {most} characters"
    return ""


def _is_ours(owner: str) -> bool:
    """Policies may speak of the owner, and what comes with us is owned by us."""
    word = "".join(owner.lower().split())
    return word == _OURS or alike(word, _OURS)


def _twice(names: tuple[str, ...]) -> str:
    again = next((name for name in names if names.count(name) > 1), "")
    return f"the skill {again!r} stands here twice" if again else ""
