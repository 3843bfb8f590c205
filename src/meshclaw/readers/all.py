"""Every reader of files there is."""

from __future__ import annotations

from meshclaw.readers.anthropic_reports import AnthropicReports
from meshclaw.readers.base import Reader
from meshclaw.readers.claude_code import ClaudeCode
from meshclaw.readers.codex import Codex
from meshclaw.readers.copilot import Copilot
from meshclaw.readers.gemini_cli import GeminiCli
from meshclaw.readers.kiro import Kiro
from meshclaw.readers.litellm import LiteLlm
from meshclaw.readers.openclaw import OpenClaw
from meshclaw.readers.opencode import OpenCode

READERS: tuple[Reader, ...] = (
    ClaudeCode(), Codex(), GeminiCli(), OpenCode(), OpenClaw(), Copilot(), Kiro(), LiteLlm(), AnthropicReports(),
)  # fmt: skip
