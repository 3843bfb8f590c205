"""A skill in the open AgentSkills format: a folder with SKILL.md, and whatever that refers to.

Its scripts run only where ``scripts.toml`` beside SKILL.md declares them, and only in the sandbox:

[tally]                                # scripts/tally.py or scripts/tally.sh
words = "Count who wrote how often"    # shown to people
effect = "read"
arguments.mails = { role = "text" }    # JSON on its standard input
seconds = 20
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Annotated

import msgspec

from meshclaw.agents import frontmatter
from meshclaw.agents.definition import NAME
from meshclaw.errors import UserError
from meshclaw.flow.declaration import Argument, Declaration, Effect
from meshclaw.flow.units import sha256_hex

FILE = "SKILL.md"
SCRIPTS = "scripts.toml"
MOST_NAME, MOST_DESCRIPTION, MOST_COMPATIBILITY = 64, 1_024, 500
"""Characters, as the format has it."""
SUFFIXES = (".py", ".sh")
_SCRIPT = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*")


class SkillFront(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    rename={"allowed_tools": "allowed-tools"},
):
    """The fields of the format, and no others."""

    name: str
    description: str
    license: str = ""
    compatibility: str = ""
    metadata: dict[str, str] = {}
    allowed_tools: str = ""
    """Names between spaces; here they grant nothing."""


class _Script(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    words: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    effect: Effect
    deed: str = ""
    objects: tuple[str, ...] = ()
    arguments: dict[str, Argument] = {}
    seconds: Annotated[int, msgspec.Meta(ge=1, le=300)] = 30


class Script(msgspec.Struct, frozen=True, kw_only=True):
    file: str
    """Within the skill's folder."""
    seconds: int
    declaration: Declaration


class SkillFolder(msgspec.Struct, frozen=True, kw_only=True):
    front: SkillFront
    body: str
    files: Mapping[str, bytes]
    """By path within its folder."""
    scripts: tuple[Script, ...] = ()

    @property
    def name(self) -> str:
        return self.front.name


def read(folder: str, files: Mapping[str, bytes]) -> SkillFolder:
    """``folder`` is what errors call it, as in ``skills/weekly``; its last part must be the skill's name."""
    if FILE not in files:
        raise UserError(f"{folder}: there is no {FILE} in it", fix="A skill is a folder with a SKILL.md.")
    front = frontmatter.read(files[FILE], f"{folder}/{FILE}")
    fields = front.into(SkillFront)
    for path, wrong in (
        ("$.name", _name(fields.name, folder.rpartition("/")[2])),
        ("$.description", _length("description", fields.description, 1, MOST_DESCRIPTION)),
        ("$.compatibility", _length("compatibility", fields.compatibility, 0, MOST_COMPATIBILITY)),
    ):
        if wrong:
            raise front.error(path, wrong)
    scripts = _scripts(f"{folder}/{SCRIPTS}", fields.name, files)
    return SkillFolder(front=fields, body=front.body, files=files, scripts=scripts)


def _name(name: str, folder: str) -> str:
    if not NAME.fullmatch(name) or len(name) > MOST_NAME:
        return f"{name!r} is no name of a skill: a to z and 0 to 9, words joined by single hyphens"
    return (
        ""
        if name == folder
        else f"the skill {name!r} lies in the folder {folder!r}; they must be called the same"
    )


def _length(what: str, text: str, least: int, most: int) -> str:
    return "" if least <= len(text.strip()) <= most else f"{what} has to have {least} to {most:,} characters"


def _scripts(file: str, skill: str, files: Mapping[str, bytes]) -> tuple[Script, ...]:
    if SCRIPTS not in files:
        return ()
    try:
        table = tomllib.loads(frontmatter.decoded(files[SCRIPTS], file))
        declared = msgspec.convert(table, dict[str, _Script])
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise UserError(f"{file}: {error}", fix="What may stand in it: docs/agents.md") from error
    return tuple(_script(file, skill, name, one, files) for name, one in sorted(declared.items()))


def _script(file: str, skill: str, name: str, one: _Script, files: Mapping[str, bytes]) -> Script:
    if not _SCRIPT.fullmatch(name):
        raise UserError(
            f"{file}: {name!r} is no name of a script: a to z and 0 to 9, joined by single - or _"
        )
    found = [path for suffix in SUFFIXES if (path := f"scripts/{name}{suffix}") in files]
    if len(found) != 1:
        either = " or ".join(f"scripts/{name}{suffix}" for suffix in SUFFIXES)
        raise UserError(
            f"{file}: for [{name}] there has to be one of {either}; there {'are two' if found else 'is none'}"
        )
    declaration = Declaration(
        verb=f"skill.{skill}.{name}", effect=one.effect, reversible=one.effect in ("read", "draft"),
        words=one.words, deed=one.deed, objects=one.objects, arguments=one.arguments,
        definition=sha256_hex(files[found[0]]),
    )  # fmt: skip
    return Script(file=found[0], seconds=one.seconds, declaration=declaration)
