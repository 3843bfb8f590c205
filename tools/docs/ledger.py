"""Writes docs/ledger.md from the event types: ``python tools/docs/ledger.py`` (a test compares the two)."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import msgspec

from meshclaw.flow.event.base import Event
from meshclaw.flow.event.union import AnyEvent

PAGE = Path(__file__).parents[2] / "docs" / "ledger.md"

HEAD = """\
# The ledger

One SQLite file in WAL mode, `ledger.db` in the state folder. Table `event` is append-only: number, id, kind and run
beside the stored bytes and their hash. The bytes of an event are JSON without white space, fields in the order below,
keys of maps sorted. They are written once and never encoded again, and the chain is over exactly these bytes:

    hash = SHA-256(hash of the event before || bytes)        the first one follows 32 zero bytes

At the end of each run the device signs the chain's end (Ed25519) over
`{"seq", "event", "hash", "ts", "device", "signature": ""}`. Signed heads are in table `head`; the newest also stands in
`ledger.head` beside the database. `meshclaw ledger verify` walks every event once and names the first one that was
changed, removed, moved or put in, and sees a cut-off end.

What it does not stop: somebody who holds this device's key can write another history. That takes a countersignature
elsewhere; the hub will give it.

Content (mail text, subjects, addresses, Message-IDs) is never in an event. It lies in table `content` by its
digest, is stored with the event that names it, stays on this machine, and can be forgotten without breaking the chain.

This page is written from the types by `tools/docs/ledger.py`; a test compares the two.
"""


def page() -> str:
    kinds = sorted(get_args(AnyEvent), key=lambda kind: str(kind.__struct_config__.tag))
    parts = [HEAD, _section("Every event", Event)]
    parts += [_section(f"`{kind.__struct_config__.tag}`", kind) for kind in kinds]
    return "\n".join(parts)


def _section(title: str, kind: type[msgspec.Struct]) -> str:
    words = dict(_words(kind))
    own = [name for name in words if name in kind.__struct_fields__]
    rows = [f"| `{name}` | {_type(kind, name)} | {words[name]} |" for name in own]
    told = inspect.cleandoc(kind.__doc__ or "")
    table = ["| field | type | meaning |", "|---|---|---|", *rows] if rows else ["No fields of its own."]
    return "\n".join([f"## {title}", "", *([told, ""] if told else []), *table, ""])


def _words(kind: type) -> Iterator[tuple[str, str]]:
    """Each field of the class body with the text below it."""
    [body] = ast.parse(inspect.getsource(kind)).body
    if not isinstance(body, ast.ClassDef):
        raise TypeError(f"{kind} is not a class")
    for node, after in zip(body.body, [*body.body[1:], None], strict=True):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            told = after.value.value if _is_text(after) else ""
            yield node.target.id, " ".join(str(told).split())


def _is_text(node: ast.stmt | None) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _type(kind: type[msgspec.Struct], name: str) -> str:
    field = next(one for one in msgspec.structs.fields(kind) if one.name == name)
    text = inspect.formatannotation(field.type).replace("typing.", "").replace("|", "or")
    return f"`{text.rpartition('.')[2] if text.startswith('meshclaw') else text}`"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
    sys.stdout.write(f"{PAGE} written\n")
