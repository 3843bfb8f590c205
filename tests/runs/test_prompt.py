"""The fixed part of a prompt: the same each time, small, and no tool in it that would be denied anyway."""

from __future__ import annotations

import msgspec
import pytest

from meshclaw.agents.builtin import CLAW
from meshclaw.connectors.mail.manifest import DECLARATIONS
from meshclaw.connectors.mail.tools import MailTools
from meshclaw.flow.agent import Agent, Skill
from meshclaw.flow.grant import Rights
from meshclaw.llm.names import name_of
from meshclaw.runs.prompt import BYTES_OF_A_TOKEN, prompt, sizes, tokens

TOOLS = {"mail": MailTools("")}
READER = msgspec.structs.replace(
    CLAW, name="reader", digest="0" * 64, instructions="Be brief.",
    rights=Rights(effects=frozenset({"read"}), verbs=frozenset({"mail.*"})),
    skills=(Skill(name="weekly", description="How a week\nis summed up"),),
)  # fmt: skip


def test_the_claw_with_mail_stays_below_4000_tokens_whatever_the_tokenizer() -> None:
    """No tokenizer makes more tokens than there are bytes; real ones make a quarter of that (runs/prompt.py)."""
    fixed = prompt(CLAW, TOOLS, DECLARATIONS.get)
    tools = [
        {"name": name_of(one.verb), "description": one.words, "input_schema": one.schema}
        for one in fixed.tools
    ]
    whole = len(fixed.fixed.encode()) + len(msgspec.json.encode(tools))
    assert len(fixed.tools) == 7
    assert whole < 4_000
    assert tokens(sum(sizes(fixed, CLAW).values())) < 4_000 / 3


def test_an_estimate_is_never_below_what_a_real_tokenizer_counted() -> None:
    """Bytes and tokens of the claw's rules and tools by o200k, cl100k and Anthropic's published one, 2026-11."""
    for size, counted in ((674, 167), (794, 195), (2_308, 657), (5_509, 1_457), (10_691, 2_825)):
        assert tokens(size) > counted
    assert BYTES_OF_A_TOKEN == 3


def test_a_tool_to_which_the_agent_has_no_right_is_not_offered() -> None:
    fixed = prompt(READER, TOOLS, DECLARATIONS.get)
    assert [tool.verb for tool in fixed.tools] == ["mail.list", "mail.read"]


def test_instructions_and_skills_stand_in_it_and_no_text_of_a_skill() -> None:
    fixed = prompt(READER, TOOLS, DECLARATIONS.get)
    assert "Be brief." in fixed.fixed
    assert "- weekly: How a week is summed up" in fixed.fixed
    parts = sizes(fixed, READER)
    assert list(parts) == ["rules", "instructions", "skills", "tools"]
    assert sum(parts[name] for name in ("rules", "instructions", "skills")) == len(fixed.fixed) - 2


@pytest.mark.parametrize("agent", [CLAW, READER])
def test_it_is_the_same_every_time(agent: Agent) -> None:
    assert prompt(agent, TOOLS, DECLARATIONS.get) == prompt(
        agent, dict(reversed(TOOLS.items())), DECLARATIONS.get
    )
