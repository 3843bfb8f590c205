"""The rates of the commonest models, compiled, so that a first run need not import the whole list.

Run after an update of genai-prices: python tools/docs/prices.py
"""

from __future__ import annotations

from meshclaw.llm.pricelist import SHIPPED, PriceList

CLAUDE = (
    "claude-opus-4-5-20251101 claude-opus-4-5 claude-opus-4-6 claude-opus-4-7 claude-opus-4-8 claude-opus-5 "
    "claude-opus-5-5 claude-opus-4-1-20250805 claude-opus-4-20250514 claude-sonnet-4-5-20250929 claude-sonnet-4-5 "
    "claude-sonnet-4-6 claude-sonnet-5 claude-sonnet-5-5 claude-sonnet-4-20250514 claude-haiku-4-5-20251001 "
    "claude-haiku-4-5 claude-haiku-5-5 claude-3-7-sonnet-20250219 claude-3-5-sonnet-20241022 "
    "claude-3-5-haiku-20241022"
)
OPENAI = (
    "gpt-5 gpt-5-mini gpt-5-codex gpt-5.1 gpt-5.1-codex gpt-5.1-codex-mini gpt-5.2 gpt-5.2-codex gpt-5.3-codex gpt-5.4 "
    "gpt-5.4-mini gpt-5.5"
)
GOOGLE = "gemini-2.5-pro gemini-2.5-flash gemini-2.5-flash-lite gemini-3-pro-preview gemini-3-flash-preview"
NAMES = [
    (provider, model)
    for provider, models in (("anthropic", CLAUDE), ("openai", OPENAI), ("google", GOOGLE))
    for model in models.split()
]


def content() -> bytes:
    return PriceList(None).compiled(NAMES) + b"\n"


if __name__ == "__main__":
    SHIPPED.write_bytes(content())
    print(f"{SHIPPED} written, {len(NAMES)} models")
