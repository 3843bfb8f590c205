"""A manifest to begin with: every tool *admin*, and so denied, until a person says what it does.

Roles are guessed from names alone. What a server says of a tool stands in comments, made harmless.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from meshclaw.connectors.mcp.definition import Tool, plain_name

MOST_SHOWN = 400
"""Characters of a description."""
_HEAD = """\
# What the tools of {name} do. Nothing here is used before you have read it and said yes: meshclaw mcp review {name}
# Every effect is admin, which is denied, until you write what it really is:
#   read, draft, label, write, send, deploy, spend. See docs/manifests.md for roles, fields and deeds.
connector = "{name}"
"""
_ROLES: Sequence[tuple[str, str, str]] = (
    (r"(?:e?mails?|to|cc|bcc|recipients?|address(?:es)?|attendees|participants|invitees?)", "destination", "address"),
    (r"(?:urls?|uris?|links?|hosts?|hostname|endpoint|webhook|remote)", "destination", "url"),
    (r"(?:channels?|rooms?|chats?|users?|usernames?|assignees?|members?|environments?)", "destination", ""),
    (r"(?:passwords?|secrets?|tokens?|api_?keys?|credentials?|private_?key)", "secret", ""),
    (r"(?:commands?|cmd|code|scripts?|sql|shell|expression|program)", "code", ""),
    (r"(?:amounts?|prices?|sum|cost|total)", "amount", ""),
    (r"(?:times?|dates?|start|end|deadline|due|when|timestamps?|since|until|.*_(?:time|date|at))", "time", ""),
    (r"(?:paths?|files?|folders?|director(?:y|ies)|filenames?|repo|.*_(?:path|file|files|dir))", "reference", "path"),
)  # fmt: skip
_DEEDS = {
    "create": "create", "add": "create", "new": "create", "make": "create", "update": "change", "edit": "change",
    "set": "change", "delete": "delete", "remove": "delete", "send": "send", "post": "publish", "share": "share",
    "move": "move", "run": "run", "execute": "run", "get": "read", "list": "read", "read": "read", "search": "read",
    "find": "read", "fetch": "fetch", "pay": "pay", "invite": "invite", "cancel": "cancel", "deploy": "deploy",
}  # fmt: skip


def draft(name: str, tools: Iterable[Tool]) -> str:
    """TOML, with what could not be a verb named at its end."""
    every = list(tools)
    parts = [_HEAD.format(name=name), *("\n".join(_verb(tool)) for tool in every if plain_name(tool))]
    if odd := [shown(tool.name, 60) for tool in every if not plain_name(tool)]:
        parts.append(f"# No verb can be called so, and they are left out: {', '.join(odd)}")
    return "\n".join((*parts, ""))


def _verb(tool: Tool) -> Iterator[str]:
    words = tool.name.replace("_", " ").replace("-", " ").strip()
    yield f"[verbs.{tool.name}]"
    if tool.description:
        yield f"# it says: {shown(tool.description, MOST_SHOWN)}"
    if tool.hints.get("readOnlyHint") is True:
        yield "# it says that it only reads; that is its own word"
    yield f"words = {json.dumps(words[:1].upper() + words[1:])}"
    yield 'effect = "admin"'
    yield "reversible = false"
    yield f"deed = {json.dumps(_deed(tool.name))}"
    yield f"objects = {json.dumps(_objects(tool.name))}"
    properties = tool.takes.get("properties")
    required = tool.takes.get("required")
    needed = list(required) if isinstance(required, list | tuple) else []
    for argument in properties if isinstance(properties, dict) else ():
        yield _argument(str(argument), needed=argument in needed)
    yield ""


def _argument(name: str, *, needed: bool) -> str:
    role, type_ = guess(name)
    parts = [f"role = {json.dumps(role)}", *([f"type = {json.dumps(type_)}"] if type_ else [])]
    parts += [] if needed else ["required = false"]
    key = name if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name) else json.dumps(shown(name, 64))
    return f"arguments.{key} = {{ {', '.join(parts)} }}"


def guess(name: str) -> tuple[str, str]:
    """Role and type that the name of an argument suggests."""
    plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().replace("-", "_")
    for pattern, role, type_ in _ROLES:
        if re.fullmatch(pattern, plain):
            return role, type_
    if plain == "id" or plain.endswith(("_id", "_ids", "_ref")):
        thing = re.sub(r"_?(?:ids?|ref)$", "", plain) or "record"
        return "reference", f"{thing}.id"
    return "text", ""


def _deed(tool: str) -> str:
    words = re.split(r"[_-]", tool.lower())
    return next((_DEEDS[word] for word in words if word in _DEEDS), "run")


def _objects(tool: str) -> list[str]:
    """What is left of its name without the deed."""
    words = [word for word in re.split(r"[_-]", tool.lower()) if word and word not in _DEEDS]
    return words[-1:]


def shown(text: str, most: int) -> str:
    """One line of what a stranger wrote: nothing that steers a terminal, ends a comment or cannot be seen."""
    plain = " ".join(text.split())
    seen = "".join(
        char if char.isprintable() else f"<{unicodedata.name(char, f'U+{ord(char):04X}').lower()}>"
        for char in plain
    )
    return seen if len(seen) <= most else f"{seen[:most]}… ({len(seen) - most:,} characters more)"


def hidden(text: str) -> bool:
    """Whether it holds characters that nobody sees and a model reads."""
    return any(not char.isprintable() and char not in "\n\t\r" for char in text)
