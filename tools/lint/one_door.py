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
    """Any mention of these attributes counts, not only calls: a method that is handed on is called elsewhere."""
    for path in sorted(root.rglob("*.py")):
        if path == door:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            named = isinstance(node, ast.Attribute) and node.attr in GUARDED
            asked = (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id == "getattr"
                and any(isinstance(arg, ast.Constant) and arg.value in GUARDED for arg in node.args)
            )
            if named or asked:
                yield f"{path}:{node.lineno}: only runs/act.py goes through the door; propose an Action instead"


if __name__ == "__main__":
    found = list(problems())
    print("\n".join(found) or "one door: nobody but runs/act.py performs")
    sys.exit(bool(found))
