from __future__ import annotations

from itertools import pairwise

from meshclaw.agents.triage.digest import EXAMPLES, digest
from meshclaw.flow.placement import CATEGORIES
from meshclaw.pages.digest import page
from tests.agents.triage.mails import NOW, mail
from tests.agents.triage.test_digest import placed, sample
from tests.pages.reading import Page, is_harmless

HOSTILE = "<script>alert(1)</script>\"'><img src=http://evil.test/x onerror=y>&amp;"


def test_every_mail_that_needs_the_person_is_named() -> None:
    html = page(sample("Subject of"))
    assert all(f"Subject of {category}" in html for category in CATEGORIES)
    assert "meshclaw run undo 0199-run" in html
    assert "Nothing was deleted" in html


def test_filed_mail_is_counted_and_suspicious_mail_says_why() -> None:
    bulk = [placed(mail(subject=str(number), text=str(number)), "bulk") for number in range(EXAMPLES + 4)]
    prize = placed(mail(subject="Prize"), "suspicious", "Goes to Suspicious: it lies.")
    html = page(digest([*bulk, prize], runs=["r"], made=NOW))
    assert "and 4 more" in html
    assert "It lies." in html
    assert "Nothing needs you" in html


def test_approvals_are_shown_once_and_only_when_there_are_some() -> None:
    assert "Waiting for your approval" not in page(sample())
    assert page(sample(approvals=("Send the draft to Kim",))).count("Send the draft to Kim") == 1


def test_a_hostile_subject_is_text_on_the_page_and_nothing_else() -> None:
    plain, hostile = Page(page(sample("Hello"))), Page(page(sample(HOSTILE, approvals=(HOSTILE,))))
    assert HOSTILE in "".join(hostile.words)
    assert {tag for tag, _ in hostile.tags} == {tag for tag, _ in plain.tags} | {"div"}
    assert is_harmless(page(sample(HOSTILE, approvals=(HOSTILE,))))


def test_the_page_can_be_read_aloud() -> None:
    read = Page(page(sample()))
    assert ("html", {"lang": "en"}) in read.tags
    levels = [int(tag[1]) for tag, _ in read.tags if tag in ("h1", "h2", "h3")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert not read.unclosed
