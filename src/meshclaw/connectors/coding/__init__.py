"""Coding agents of others (Claude Code, Codex, Gemini CLI, Kiro), started for one task over the Agent Client Protocol.

``connector`` is the entry; ``peer`` speaks the protocol. What they make lands on a branch of its own, and nowhere else.
"""
