"""Another host (an editor, a chat program) that uses our verbs over MCP. Its words are nobody's."""

from __future__ import annotations

from meshclaw.flow.request import Request


def receive(intent: str) -> Request:
    """``intent`` is the person's word, said when they let the host in; nothing that the host says is one of theirs."""
    return Request(intent=intent, trigger="mcp", trust="outside")
