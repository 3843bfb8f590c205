from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshclaw.agents.triage.digest import EXAMPLES, Digest, as_text, digest
from meshclaw.agents.triage.judge import FOLDERS
from meshclaw.flow.card import Card
from meshclaw.flow.message import Message
from meshclaw.flow.placement import CATEGORIES, Category, Placement
from tests.agents.triage.mails import NOW, mail


def placed(message: Message, category: Category, why: str = "Goes to X: it says so.") -> Card:
    placement = Placement(
        message=message.id, category=category, folder=FOLDERS[category], confidence=0.9, why=why
    )
    return Card(
        source="INBOX/1", digest=message.digest, message_id="", sender=message.sender, subject=message.subject,
        date=message.date, placement=placement,
    )  # fmt: skip


def sample(subject: str = "Hello", approvals: tuple[str, ...] = ()) -> Digest:
    messages = [mail(subject=f"{subject} {category}", text=category) for category in CATEGORIES]
    judged = [placed(one, category) for one, category in zip(messages, CATEGORIES, strict=True)]
    return digest(judged, runs=["0199-run"], made=NOW, approvals=approvals)


def test_every_mail_that_needs_the_person_is_named():
    text = as_text(sample("Subject of"), 80)
    for category in CATEGORIES:
        assert f"Subject of {category}" in text
    assert "meshclaw run undo 0199-run" in text
    assert "Nothing was deleted" in text


def test_filed_mail_is_counted_and_only_a_few_are_named():
    messages = [mail(subject=f"Issue-{number}-", text=str(number)) for number in range(EXAMPLES + 4)]
    made = digest([placed(one, "bulk") for one in messages], runs=["r"], made=NOW)
    text = as_text(made, 200)
    assert f"{EXAMPLES + 4} mails in Bulk" in text
    assert "and 4 more" in text
    assert sum(f"Issue-{number}-" in text for number in range(EXAMPLES + 4)) == EXAMPLES


def test_suspicious_mail_says_why():
    message = mail(subject="Prize")
    made = digest([placed(message, "suspicious", "Goes to Suspicious: it lies.")], runs=["r"], made=NOW)
    assert "It lies." in as_text(made, 80)


def test_approvals_are_shown_once_and_only_when_there_are_some():
    assert "approval" not in as_text(sample(), 80).lower()
    waiting = sample(approvals=("Send the draft to Kim",))
    assert as_text(waiting, 80).count("Send the draft to Kim") == 1


@settings(max_examples=60, deadline=None)
@given(
    subject=st.text(max_size=120), why=st.text(max_size=200), width=st.integers(min_value=1, max_value=200)
)
def test_no_control_character_of_a_mail_reaches_the_terminal(subject, why, width):
    message = mail(subject=subject)
    made = digest([placed(message, "reply", why)], runs=["r"], made=NOW, approvals=[subject])
    text = as_text(made, width)
    assert all(line.isprintable() for line in text.split("\n"))
    assert all(len(line) <= max(width, 20) for line in text.split("\n") if "meshclaw" not in line)


def test_colour_is_only_used_when_it_is_asked_for():
    made = sample("\x1b[31mred\x1b]0;title\x07")
    assert "\x1b" not in as_text(made, 80)
    coloured = as_text(made, 80, color=True)
    assert "\x1b[1m" in coloured
    assert "\x1b[31m" not in coloured
    assert "\x1b]" not in coloured


def test_one_command_takes_back_several_runs():
    made = digest([placed(mail(), "reply")], runs=["one", "two"], made=NOW)
    assert "meshclaw run undo one two" in as_text(made, 80)


@pytest.mark.parametrize("name", ["judge", "digest"])
def test_importing_triage_does_not_import_the_template_engine(name):
    code = f"import sys, meshclaw.agents.triage.{name}; print('jinja2' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
