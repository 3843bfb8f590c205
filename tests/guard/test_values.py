# ruff: noqa: E501 - a table reads best with a case in each line

from typing import Any

import pytest

from meshclaw.flow.action import Action
from meshclaw.flow.declaration import Argument, Declaration
from meshclaw.guard.values import values_of


@pytest.mark.parametrize(
    ("arguments", "values"),
    [
        ({"to": "a"}, [("to", "a")]),
        ({"to": ["a", ["b"]]}, [("to", "a"), ("to", "b")]),
        (
            {"files": [{"id": 1, "evil": {"k": True}}]},
            [("files.id", "1"), ("files", "evil"), ("files", "k"), ("files", "True")],
        ),
        ({"to": None, "cc": ""}, []),
    ],
)
def test_no_value_hides_in_a_nesting(arguments: dict[str, Any], values: list[tuple[str, str]]) -> None:
    declaration = Declaration(
        verb="x.y", effect="send", reversible=False, words="", arguments={"to": Argument("destination"), "files.id": Argument("reference")}
    )  # fmt: skip
    action = Action(run="r", verb="x.y", arguments=arguments)
    found = list(values_of(action, declaration))
    assert [(one.path, one.text) for one in found] == values
    assert all(one.argument is declaration.argument(one.path) for one in found)
