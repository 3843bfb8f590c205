"""The longest files and functions, to think about. It only prints. Run: python tools/lint/sizes.py"""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2] / "src"
SHOWN = 10


def main() -> None:
    files: list[tuple[int, str]] = []
    functions: list[tuple[int, str]] = []
    for path in ROOT.rglob("*.py"):
        text = path.read_text("utf-8")
        files.append((len(text.splitlines()), str(path.relative_to(ROOT))))
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                functions.append((length, f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"))
    for title, found in (("files", files), ("functions", functions)):
        print(f"longest {title}:")
        for length, name in sorted(found, reverse=True)[:SHOWN]:
            print(f"  {length:>5}  {name}")


if __name__ == "__main__":
    main()
