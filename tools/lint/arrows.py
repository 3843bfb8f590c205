"""The architecture in four lines, checked.

flow imports nothing of ours · steps import flow, errors, sqlite, settings · joins import steps too ·
faces import anything, and nobody imports faces. ``wiring`` is for faces; ``testing`` for tests and faces.
Run: python tools/lint/arrows.py
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2] / "src"

STEPS = {"triggers", "agents", "llm", "guard", "connectors", "readers", "code", "ledger"}
JOINS = {"runs", "outcomes", "metrics", "usage", "changes", "mesh"}
FACES = {"cli", "daemon", "home", "hub", "pages", "wiring", "testing", "__main__"}
BASE = {"flow", "errors", "sqlite", "settings", ""}  # "" is the package itself: its version


def allowed(room: str) -> set[str]:
    """The rooms that code in ``room`` may import; its own is always among them."""
    if room in ("flow", "errors"):
        return {room}
    if room == "sqlite":
        return {"errors", "sqlite"}
    if room == "settings":
        return {"flow", "errors", "settings"}
    if room in STEPS:
        return BASE | {room}
    if room in JOINS:
        return BASE | STEPS | {room}
    return BASE | STEPS | JOINS | FACES


def room_of(module: str) -> str:
    """``meshclaw.guard.policy`` lives in ``guard``."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and module of every import of ours, lazy and type-only ones too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = (
                [f"{node.module}.{alias.name}" for alias in node.names]
                if node.module == "meshclaw"
                else [node.module]
            )
        else:
            continue
        yield from ((node.lineno, name) for name in names if name.split(".")[0] == "meshclaw")


def problems(root: Path = ROOT) -> Iterator[str]:
    for path in sorted(root.rglob("*.py")):
        module = ".".join(path.relative_to(root).with_suffix("").parts)
        room = room_of(module.removesuffix(".__init__"))
        known = STEPS | JOINS | FACES | BASE
        if room not in known:
            yield f"{path}: the room {room!r} has no place in the house; name it in tools/lint/arrows.py"
        for line, imported in imports(ast.parse(path.read_text("utf-8"))):
            target = room_of(imported)
            if imported == "meshclaw.__version__":
                continue
            if target not in allowed(room):
                yield f"{path}:{line}: {room!r} may not import {target!r} ({imported})"


if __name__ == "__main__":
    found = list(problems())
    print("\n".join(found) or "arrows: every import goes the right way")
    sys.exit(bool(found))
