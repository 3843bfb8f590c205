"""Files of programs that run in a sandbox, one each, ``FOLDER/NAME.toml``: what they have in common."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Generic, TypeVar, cast

import msgspec

from meshclaw.errors import NotFound, UserError

_NAME = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_LONGEST = 30
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Named(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str = ""
    """Set from the name of the file."""


Kind = TypeVar("Kind", bound=Named)


class Files(Generic[Kind]):
    """``check`` raises UserError for what cannot be meant; each struct has a ``name``, set from that of its file."""

    def __init__(
        self, folder: Path, kind: type[Kind], check: Callable[[Kind], Kind], *, what: str, noun: str
    ) -> None:
        """``what`` they are, as in ``MCP server``; ``noun`` of their commands and their page."""
        self.folder = folder
        self._kind = kind
        self._check = check
        self._what = what
        self._noun = noun

    def names(self) -> list[str]:
        return sorted(path.stem for path in self.folder.glob("*.toml"))

    def all(self) -> list[Kind]:
        return [self.get(name) for name in self.names()]

    def get(self, name: str) -> Kind:
        """NotFound where there is none; UserError where its file cannot be understood."""
        path = self.folder / f"{name}.toml"
        try:
            found = msgspec.convert(tomllib.loads(path.read_text("utf-8")), self._kind)
            return self._check(msgspec.structs.replace(found, name=name))
        except FileNotFoundError as error:
            known = ", ".join(self.names()) or "none"
            raise NotFound(
                f"there is no {self._what} {name!r}; known: {known}",
                fix=f"Add it: meshclaw {self._noun} add NAME -- COMMAND",
            ) from error
        except (OSError, ValueError, UserError) as error:
            raise UserError(
                f"{str(path)!r} cannot be understood ({error})",
                fix=f"Mend it; what may stand in it: docs/{self._noun}.md",
            ) from error

    def put(self, one: Kind) -> Path:
        self._check(one)
        self.folder.mkdir(mode=0o700, exist_ok=True)
        path = self.folder / f"{one.name}.toml"
        partial = path.with_suffix(".part")
        partial.write_text(_toml(one), "utf-8")
        partial.replace(path)
        return path

    def remove(self, name: str) -> None:
        self.get(name)
        (self.folder / f"{name}.toml").unlink()


def check_name(name: str) -> None:
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        raise UserError(f"{name!r} is no name", fix="Lower case letters, digits and single hyphens.")


def check_program(paths: Sequence[str], env: Mapping[str, str], secrets: Mapping[str, str]) -> None:
    for path in paths:
        if not Path(path).is_absolute():
            raise UserError(f"{path!r} is no absolute path", fix="Write the whole path, from / on.")
    for variable in (*env, *secrets):
        if not is_variable(variable):
            raise UserError(f"{variable!r} is no name for a variable")
    if both := env.keys() & secrets.keys():
        raise UserError(f"{sorted(both)} are both plain and secret", fix="Take them out of [env].")


def is_variable(name: str) -> bool:
    return bool(_VARIABLE.fullmatch(name))


def _toml(one: msgspec.Struct) -> str:
    """JSON's strings and lists are TOML's as well."""
    lines: list[str] = []
    tables: list[str] = []
    for name, value in msgspec.structs.asdict(one).items():
        if name == "name" or not value:
            continue
        if isinstance(value, dict):
            rows = cast("dict[str, str]", value).items()
            tables += [f"\n[{name}]", *(f"{key} = {json.dumps(text)}" for key, text in rows)]
        else:
            lines.append(f"{name} = {json.dumps(value)}")
    return "\n".join((*lines, *tables, ""))
