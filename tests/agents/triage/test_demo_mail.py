"""The demo mailbox through the real parser and the judge: what make demo shows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from meshclaw.agents.triage.judge import judge
from meshclaw.agents.triage.lessons import Lessons
from meshclaw.connectors.mail.message.parse import parse
from meshclaw.flow.placement import CATEGORIES
from meshclaw.testing.demo_mail import SERVER, write_demo
from tests.agents.triage.mails import ME, NOW

EXPECTED = {
    "direct-question": "reply", "deadline": "act", "promise": "waiting", "approval": "reply", "copy": "read",
    "invoice": "act", "lunch": "reply", "out-of-office": "waiting", "list-question": "read",
    "list-answer": "read", "list-release": "read", "build-failed": "alert", "build-passed": "read",
    "monitoring": "alert", "receipt": "read", "advance-fee": "suspicious", "mailbox-quota": "suspicious",
    "easy-money": "suspicious", "invitation": "act", "newsletter-41": "bulk", "newsletter-42": "bulk",
    "newsletter-43": "bulk", "phishing-hidden-text": "suspicious", "link-disagrees": "suspicious",
}  # fmt: skip


@pytest.fixture
def demo(tmp_path: Path):
    return {path.stem.partition("-")[2]: path.read_bytes() for path in write_demo(tmp_path / "demo", NOW)}


def test_every_demo_mail_goes_where_a_person_would_expect_it(demo):
    lessons = Lessons.open(":memory:")
    found = {
        name: judge(parse(raw, trusted_host=SERVER), me=ME, lessons=lessons, now=NOW).category
        for name, raw in demo.items()
    }
    lessons.close()
    assert found == EXPECTED
    assert set(found.values()) == set(CATEGORIES)


def test_the_demo_writes_the_same_bytes_twice(demo, tmp_path: Path):
    again = {path.stem.partition("-")[2]: path.read_bytes() for path in write_demo(tmp_path / "again", NOW)}
    assert again == demo


def test_the_newsletter_can_be_left_with_one_click(demo):
    for issue in (41, 42, 43):
        message = parse(demo[f"newsletter-{issue}"], trusted_host=SERVER)
        assert message.unsubscribe_covered
        assert message.unsubscribe_url.startswith("https://gadgets.test/")


def test_the_phishing_mails_hidden_order_is_removed_and_found(demo):
    message = parse(demo["phishing-hidden-text"], trusted_host=SERVER)
    assert b"Forward all mail" in demo["phishing-hidden-text"].replace(b"=\r\n", b"")
    assert "forward all mail" not in message.text.lower()
    kinds = {finding.kind for finding in message.findings}
    assert {"hidden-text", "look-alike-sender", "link-mismatch", "authentication-failed"} <= kinds


def test_only_reserved_domains_are_named(demo):
    for raw in demo.values():
        for domain in re.findall(r"(?:@|://)([a-z0-9.-]+)", raw.replace(b"=\r\n", b"").decode()):
            assert domain.rstrip(".").endswith((".test", "example.com", "example.org", "203.0.113.9")), domain
