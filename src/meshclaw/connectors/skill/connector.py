"""The skills of one agent: their texts as they were taken in, and their scripts, which somebody else runs boxed in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from meshclaw.connectors.base import Performed
from meshclaw.connectors.plain import PlainTools
from meshclaw.connectors.skill.manifest import DECLARATIONS, READ
from meshclaw.errors import MeshClawError, NotFound, Refused
from meshclaw.flow.action import Action, Value
from meshclaw.flow.declaration import Declaration
from meshclaw.flow.receipt import Receipt
from meshclaw.flow.slip import Enclosed

Execute = Callable[[Action], str]
"""Runs the script behind an action in a sandbox; what it printed. Raises where it failed or was stopped."""

ENTRY = "SKILL.md"


class SkillConnector:
    """``texts``: the files of each skill by path, ``SKILL.md`` without its front matter."""

    def __init__(
        self, texts: Mapping[str, Mapping[str, bytes]], scripts: Sequence[Declaration], execute: Execute
    ) -> None:
        self.declarations = {**DECLARATIONS, **{one.verb: one for one in scripts}}
        self._texts = texts
        self._execute = execute

    def perform(self, actions: Sequence[Action]) -> Iterator[Performed | MeshClawError]:
        for action in actions:
            try:
                value = self._read(action) if action.verb == READ else self._execute(action)
            except MeshClawError as error:
                yield error
            else:
                yield Performed(receipt=Receipt(external_id=action.external_id), value=value)

    def _read(self, action: Action) -> str:
        skill, file = str(action.arguments["skill"]), str(action.arguments.get("file") or ENTRY)
        if skill not in self._texts:
            raise NotFound(f"there is no skill {skill!r}; there are: {', '.join(self._texts) or 'none'}")
        files = self._texts[skill]
        if file not in files:
            raise NotFound(
                f"there is no file {file!r} in the skill {skill!r}; there are: {', '.join(sorted(files))}"
            )
        try:
            return files[file].decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise Refused(f"the file {file!r} of the skill {skill!r} is no text") from error

    def enclose(self, action: Action, /) -> Mapping[str, Enclosed]:  # noqa: ARG002
        """Nothing: its actions say all there is to see."""
        return {}

    def probe(self, action: Action) -> Receipt | None:  # noqa: ARG002
        """Nothing outlives a read or a boxed script, so either may be done again."""
        return None


def tools(declarations: Mapping[str, Declaration], skills: Sequence[str]) -> PlainTools:
    """As a model sees them."""
    text: dict[str, Value] = {"type": "string"}
    read: dict[str, Value] = {
        "type": "object", "required": ["skill"], "additionalProperties": False,
        "properties": {
            "skill": {"type": "string", "enum": list(skills)},
            "file": {**text, "description": "a file that it names; else the skill itself"},
        },
    }  # fmt: skip
    return PlainTools(declarations, {READ: read})
