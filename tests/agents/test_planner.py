"""What is answered without a model, and what is not."""

from __future__ import annotations

import pytest

from meshclaw.agents.planner import plan


@pytest.mark.parametrize(
    ("words", "skill"),
    [
        ("Triage my inbox", "triage"),
        ("please sort my new mails, thanks", "triage"),
        ("Could you tidy up the inbox for me?", "triage"),
        ("What's new?", "digest"),
        ("What\u2019s new", "digest"),
        ("Which of my mails need an answer today?", "digest"),
        ("what is waiting for my approval?", "approvals"),
        ("What did you do last night?", "runs"),
        ("undo that", "undo"),
        ("How much did you cost this week?", "cost"),
        ("show me my budget", "budget"),
        ("STOP!", "stop"),
        ("stop everything now", "stop"),
    ],
)
def test_a_request_that_a_command_answers_whole_needs_no_model(words: str, skill: str) -> None:
    planned = plan(words)
    assert planned is not None
    assert planned.skill == skill
    assert planned.command.startswith("meshclaw ")


@pytest.mark.parametrize(
    "words",
    [
        "",
        "Triage my inbox and tell Kim that I am late",
        "Sort the mails from Bo by date and send me a table",
        "What's new in the contract that Kim sent?",
        "Undo the change in the contract",
        "Stop the newsletter",
        "How much did the laptop cost?",
        "Summarise what I missed in #launch",
        "triage my inbox " * 20,
    ],
)
def test_a_request_with_more_in_it_does(words: str) -> None:
    assert plan(words) is None
