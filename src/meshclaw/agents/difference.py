"""What an update changes: each field before and after, each file, and the words themselves line by line."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

from meshclaw.agents.definition import Definition
from meshclaw.agents.package import READ_BY_PEOPLE, Package
from meshclaw.flow.limits import SPANS, UNLIMITED

How = Literal["new", "changed", "gone"]


class Change(msgspec.Struct, frozen=True, kw_only=True):
    what: str
    """As in ``rights.verbs``."""
    before: str
    after: str


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    fields: tuple[Change, ...]
    files: dict[str, How]
    text: str
    """A unified diff of all that people can read."""


def difference(before: Package, after: Package) -> Difference:
    old, new = _fields(before.definition), _fields(after.definition)
    names = dict.fromkeys((*old, *new))
    return Difference(
        fields=tuple(
            Change(what=name, before=old.get(name, ""), after=new.get(name, ""))
            for name in names if old.get(name, "") != new.get(name, "")
        ),
        files=dict(_files(before.files, after.files)),
        text="".join(_text(before.files, after.files)),
    )  # fmt: skip


def _fields(one: Definition) -> dict[str, str]:
    """Every field as one line; sets in order, so that only what differs differs."""
    plain = {name: getattr(one, name) for name in ("version", "purpose", "owner", "model")}
    limits = {
        f"budget.{span}.{what}": f"{number:,}"
        for span in SPANS
        for what, number in msgspec.structs.asdict(one.budget.of(span)).items()
        if number != UNLIMITED
    }
    return {
        **plain,
        "intents": ", ".join(sorted(one.intents)),
        "rights.effects": ", ".join(sorted(one.rights.effects)),
        "rights.verbs": ", ".join(sorted(one.rights.verbs)),
        "rights.denied": ", ".join(sorted(one.rights.denied)),
        **{f"autonomy.{verb}": level for verb, level in sorted(one.autonomy.items())},
        **limits,
        "skills": ", ".join(one.skills),
        **{
            f"schedule[{at}]": " ".join((entry.cron or entry.every or entry.at, entry.words))
            for at, entry in enumerate(one.schedule)
        },
    }


def _files(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> Iterator[tuple[str, How]]:
    for path in sorted(before.keys() | after.keys()):
        if path not in before:
            yield path, "new"
        elif path not in after:
            yield path, "gone"
        elif before[path] != after[path]:
            yield path, "changed"


def _text(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> Iterator[str]:
    for path, _ in _files(before, after):
        if path.endswith(READ_BY_PEOPLE):
            old, new = (_lines(files.get(path, b"")) for files in (before, after))
            yield from difflib.unified_diff(old, new, f"before/{path}", f"after/{path}")


def _lines(content: bytes) -> list[str]:
    text = content.decode("utf-8")
    return (text if text.endswith("\n") or not text else f"{text}\n").splitlines(keepends=True)
