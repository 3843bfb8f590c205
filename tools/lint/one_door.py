"""Only ``runs/act.py`` may call a connector's ``perform`` or ``probe``. Run: python tools/lint/one_door.py"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2] / "src"
DOOR = ROOT / "meshclaw" / "runs" / "act.py"
GUARDED = {"perform", "probe"}


def problems(root: Path = ROOT, door: Path = DOOR) -> Iterator[str]:
    """Any mention of these attributes counts, not only calls: a method that is handed on is called elsewhere.

    A connector that stands for another one may hand a call on, in its own method of the same name.
    """
    for path in sorted(root.rglob("*.py")):
        if path == door:
            continue
        for line in _mentions(ast.parse(path.read_text("utf-8")), ""):
            yield f"{path}:{line}: only runs/act.py goes through the door; propose an Action instead"


def _mentions(node: ast.AST, method: str) -> Iterator[int]:
    """Lines; ``method``: the guarded one whose body this is."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef) and isinstance(node, ast.ClassDef):
            yield from _mentions(child, child.name)
            continue
        named = isinstance(child, ast.Attribute) and child.attr in GUARDED - {method}
        asked = (
            isinstance(child, ast.Call)
            and isinstance(child.func, ast.Name)
            and child.func.id == "getattr"
            and any(isinstance(arg, ast.Constant) and arg.value in GUARDED for arg in child.args)
        )
        if named or asked:
            yield child.lineno
        yield from _mentions(child, method)


if __name__ == "__main__":
    found = list(problems())
    print("\n".join(found) or "one door: nobody but runs/act.py performs")
    sys.exit(bool(found))
