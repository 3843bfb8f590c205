"""Every source there is: the readers of files, and what is received."""

from __future__ import annotations

from meshclaw.readers.anthropic_reports import AnthropicReports
from meshclaw.readers.base import Reader, Source
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

OTLP = Source(
    tool="otlp",
    evidence="telemetry",
    grain="call",
    includes="calls by event or span; counters as sums, for sessions of which no calls are known",
)
"""Tools send it; the tool is that of each usage, and this only says what telemetry is."""
