from __future__ import annotations

import subprocess
import sys
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshclaw.agents.triage.digest import EXAMPLES, Digest, as_html, as_text, digest
from meshclaw.agents.triage.judge import FOLDERS
from meshclaw.flow.card import Card
from meshclaw.flow.message import Message
from meshclaw.flow.placement import CATEGORIES, Category, Placement
from tests.agents.triage.mails import NOW, mail

HOSTILE = "<script>alert(1)</script>\"'><img src=http://evil.test/x onerror=y>&amp;"


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


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)


def test_every_mail_that_needs_the_person_is_named_in_both_forms():
    made = sample("Subject of")
    for text in (as_text(made, 80), as_html(made)):
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
    assert "Nothing needs you" in as_html(made)


def test_suspicious_mail_says_why():
    message = mail(subject="Prize")
    made = digest([placed(message, "suspicious", "Goes to Suspicious: it lies.")], runs=["r"], made=NOW)
    assert "It lies." in as_text(made, 80)
    assert "It lies." in as_html(made)


def test_approvals_are_shown_once_and_only_when_there_are_some():
    assert "approval" not in as_text(sample(), 80).lower()
    assert "Waiting for your approval" not in as_html(sample())
    waiting = sample(approvals=("Send the draft to Kim",))
    assert as_text(waiting, 80).count("Send the draft to Kim") == 1
    assert as_html(waiting).count("Send the draft to Kim") == 1


def test_a_hostile_subject_is_text_on_the_page_and_nothing_else():
    plain, hostile = Page(as_html(sample("Hello"))), Page(as_html(sample(HOSTILE, approvals=(HOSTILE,))))
    tags = {tag for tag, _ in hostile.tags}
    assert HOSTILE in "".join(hostile.words)
    assert tags == {tag for tag, _ in plain.tags} | {"div"}
    assert not tags & {"script", "img", "iframe", "link", "object"}


def test_the_page_loads_nothing_and_can_be_read_aloud():
    page = Page(as_html(sample()))
    attributes = [name for _, attrs in page.tags for name in attrs]
    assert not {"src", "href", "onclick", "action"} & set(attributes)
    assert "url(" not in as_html(sample())
    assert ("html", {"lang": "en"}) in page.tags
    levels = [int(tag[1]) for tag, _ in page.tags if tag in ("h1", "h2", "h3")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


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
    assert "meshclaw run undo one two" in as_html(made)


@pytest.mark.parametrize("name", ["judge", "digest"])
def test_importing_triage_does_not_import_the_template_engine(name):
    code = f"import sys, meshclaw.agents.triage.{name}; print('jinja2' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
