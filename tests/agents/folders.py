"""Agents made for tests, as files in memory or on disk."""

from __future__ import annotations

from pathlib import Path

AGENT = """---
name: reader
version: 1.10
owner: Kim (sales)
purpose: Reads mail and labels it.
intents: [ask]
rights:
  effects: [read, label]
  verbs: [mail.list, mail.read, mail.label]
budget:
  run: {inference: $0.25, reads: 200}
---
List the inbox, read it, and put labels on what matters.
"""
SKILL = """---
name: weekly
description: How a week is summed up
---
Ten lines.
"""
SCRIPTS = """[count]
words = "Count lines"
effect = "read"
arguments.text = { role = "text" }
seconds = 20
"""
COUNT = 'import json, sys\nprint(len(json.load(sys.stdin)["text"].splitlines()))\n'
TEST = """request = "Read my mail"
[[model]]
call = "mail.list"
[[model]]
act = "mail.send"
[expect]
allowed = ["mail.list", "mail.read"]
denied = ["mail.send"]
"""


def agent(**changes: str) -> str:
    """AGENT.md with some of its lines replaced; an empty text takes a line out."""
    lines = AGENT.splitlines()
    for name, value in changes.items():
        at = next(at for at, line in enumerate(lines) if line.strip().startswith(f"{name}:"))
        indent = lines[at][: len(lines[at]) - len(lines[at].lstrip())]
        lines[at : at + 1] = [f"{indent}{name}: {value}"] if value else []
    return "\n".join(lines)


def files(text: str = AGENT, **more: str) -> dict[str, bytes]:
    """``more`` by path with ``__`` for a slash and ``_`` before the suffix, or just as ``**{path: text}``."""
    return {
        "AGENT.md": text.encode(),
        "tests/cannot.toml": TEST.encode(),
        **{k: v.encode() for k, v in more.items()},
    }


def with_skill(text: str | None = None) -> dict[str, bytes]:
    verbs = "[mail.list, mail.read, mail.label, skill.read, skill.weekly.count]"
    body = text or agent(verbs=verbs, purpose="Reads mail and labels it.\nskills: [weekly]")
    return files(
        body,
        **{
            "skills/weekly/SKILL.md": SKILL,
            "skills/weekly/scripts.toml": SCRIPTS,
            "skills/weekly/scripts/count.py": COUNT,
        },
    )


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder
