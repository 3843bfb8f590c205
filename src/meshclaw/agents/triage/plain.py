"""Text of strangers, made fit for a terminal line and a sentence."""

from __future__ import annotations


def plain(text: str, limit: int = 80) -> str:
    """One line of printable characters: no controls, escapes, bidirectional or zero-width marks."""
    kept = text[: 4 * limit]
    if not kept.isprintable():
        kept = "".join(letter if letter.isprintable() else " " for letter in kept)
    kept = " ".join(kept.split())
    return kept if len(kept) <= limit else kept[: limit - 1].rstrip() + "…"
