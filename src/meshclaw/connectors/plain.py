"""Tools as they are: one verb, one tool, its arguments as declared. For connectors that have no short names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from meshclaw.connectors.base import Shelf, Use
from meshclaw.errors import UserError
from meshclaw.flow.action import Action, Value
from meshclaw.flow.conversation import Call, Tool
from meshclaw.flow.declaration import Declaration


class PlainTools:
    """``schemas``: JSON Schema of the arguments by verb, as the tool's server gives it; else all that is declared."""

    def __init__(
        self, declarations: Mapping[str, Declaration], schemas: Mapping[str, dict[str, Value]] | None = None
    ) -> None:
        given = schemas or {}
        self._declared = declarations
        self.tools: Sequence[Tool] = tuple(
            Tool(verb=verb, words=declared.words, schema=given.get(verb) or _schema(declared))
            for verb, declared in sorted(declarations.items())
        )

    def use(self, call: Call, run: str, shelf: Shelf) -> Use:  # noqa: ARG002  nothing has a short name here
        declared = self._declared[call.verb].arguments
        required = [name for name, one in declared.items() if one.required and "." not in name]
        missing = [name for name in required if name not in call.arguments]
        if missing:
            raise UserError(f"{call.verb} needs {', '.join(missing)}")
        return self._use(call, run)

    @staticmethod
    def _use(call: Call, run: str) -> Use:
        [value] = yield [Action(run=run, verb=call.verb, arguments=call.arguments)]
        if value is None:
            return ""
        return value if isinstance(value, str) and value else msgspec.json.encode(value or "done").decode()


def _schema(declared: Declaration) -> dict[str, Value]:
    """Any JSON under the declared names: the connector itself knows what it takes."""
    names = {name.partition(".")[0]: one for name, one in reversed(declared.arguments.items())}
    return {
        "type": "object", "properties": {name: {} for name in reversed(names)},
        "required": [name for name in reversed(names) if names[name].required], "additionalProperties": False,
    }  # fmt: skip
