"""What each declared purpose calls for. An intent that is not here calls for nothing."""

from __future__ import annotations

from meshclaw.flow.grant import Rights

INTENTS: dict[str, Rights] = {
    "mail.triage": Rights(
        effects=frozenset({"read", "label", "write", "send"}),
        # It may propose to leave a list; the ladder makes that an ask.
        verbs=frozenset({"mail.list", "mail.read", "mail.label", "mail.move", "mail.unsubscribe"}),
    ),
    "mail.file": Rights(
        effects=frozenset({"read", "label", "write"}),
        verbs=frozenset({"mail.list", "mail.read", "mail.label", "mail.move", "mail.archive", "skill.*"}),
    ),
    "mail.write": Rights(
        effects=frozenset({"read", "draft", "send"}),
        verbs=frozenset({"mail.list", "mail.read", "mail.draft", "mail.send", "skill.*"}),
    ),
    "mail.unsubscribe": Rights(
        effects=frozenset({"read", "send"}),
        verbs=frozenset({"mail.list", "mail.read", "mail.unsubscribe"}),
    ),
    # What a person asks for in words: the words themselves are the licence.
    "ask": Rights(
        effects=frozenset({"read", "draft", "label", "write", "send"}),
        verbs=frozenset(
            {"mail.*", "memory.recall", "memory.remember", "skill.*", "slack.*", "mcp.*", "coding.*"}
        ),
    ),
    # A dream changes the memory and reaches nothing else: it has no verb at all.
    "memory.dream": Rights(),
    # One task for a coding agent, as a person typed it; what it makes lands on a branch of its own.
    "code.change": Rights(effects=frozenset({"write"}), verbs=frozenset({"coding.*"})),
    "undo": Rights(
        effects=frozenset({"label", "write"}),
        verbs=frozenset(
            {
                "mail.label",
                "mail.move",
                "memory.drop",
                "slack.delete",
                "slack.unreact",
                "slack.remove",
                "mcp.*",
                "coding.*",
            }
        ),
    ),
}

NOTHING = Rights()
