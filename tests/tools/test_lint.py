"""The checks find what they are there to find, and the tree passes them."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

TOOLS = Path(__file__).parents[2] / "tools" / "lint"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, TOOLS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    package = tmp_path / "meshclaw"
    for room in ("flow", "guard", "ledger", "runs", "cli"):
        (package / room).mkdir(parents=True)
    return package


@pytest.mark.parametrize(
    ("room", "statement"),
    [
        ("flow", "from meshclaw.errors import UserError"),
        ("flow", "import meshclaw.guard"),
        ("guard", "from meshclaw.ledger.ledger import Ledger"),
        ("guard", "from meshclaw import ledger"),
        ("guard", "def f():\n    from meshclaw.runs import act"),
        ("runs", "from meshclaw.cli import main"),
        ("runs", "from meshclaw.wiring import Claw"),
    ],
)
def test_an_arrow_the_wrong_way_is_found(tree: Path, room: str, statement: str) -> None:
    (tree / room / "bad.py").write_text(statement)
    assert len(list(load("arrows").problems(tree.parent))) == 1


@pytest.mark.parametrize(
    ("room", "statement"),
    [
        ("guard", "from meshclaw.flow.action import Action"),
        ("guard", "from meshclaw.errors import UserError"),
        ("runs", "from meshclaw.guard import decide"),
        ("cli", "from meshclaw.wiring import Claw"),
        ("cli", "import json"),
    ],
)
def test_an_arrow_the_right_way_passes(tree: Path, room: str, statement: str) -> None:
    (tree / room / "good.py").write_text(statement)
    assert list(load("arrows").problems(tree.parent)) == []


def test_an_unknown_room_is_found(tree: Path) -> None:
    (tree / "utils").mkdir()
    (tree / "utils" / "x.py").write_text("")
    assert len(list(load("arrows").problems(tree.parent))) == 1


@pytest.mark.parametrize(
    "statement",
    ["connector.perform([a])", "go = connector.perform", "getattr(connector, 'perform')", "c.probe(a)"],
)
def test_a_second_door_is_found(tree: Path, statement: str) -> None:
    (tree / "runs" / "bad.py").write_text(statement)
    one_door = load("one_door")
    assert len(list(one_door.problems(tree.parent))) == 1
    assert list(one_door.problems(tree.parent, tree / "runs" / "bad.py")) == []


@pytest.mark.parametrize(("method", "found"), [("perform", 0), ("probe", 1), ("act", 1)])
def test_only_a_connector_in_the_place_of_another_hands_a_call_on(
    tree: Path, method: str, found: int
) -> None:
    (tree / "runs" / "bad.py").write_text(
        f"class Late:\n    def {method}(self, actions):\n        return self.inner.perform(actions)\n"
    )
    assert len(list(load("one_door").problems(tree.parent))) == found


def test_the_tree_itself_passes() -> None:
    assert list(load("arrows").problems()) == []
    assert list(load("one_door").problems()) == []
