"""Counting alone learns from corrections, and reads nothing that a stranger wrote."""

from __future__ import annotations

from datetime import timedelta

import pytest

from meshclaw.flow.approval import Answer
from meshclaw.flow.event.action import ActionDecided, ActionPerformed
from meshclaw.flow.event.approval import ApprovalAnswered, ApprovalAsked, ApprovalPlanted
from meshclaw.flow.units import new_id
from meshclaw.ledger.content import ContentStore
from meshclaw.ledger.ledger import Ledger, timestamp
from meshclaw.runs.dreaming.corrections import corrections
from tests.runs.dreaming.nights import corrected, say


def learned(ledger: Ledger, contents: ContentStore) -> list[str]:
    return [fact.text for fact in corrections(ledger, contents, ledger.now())]


def test_mails_of_one_sender_moved_to_one_place_make_a_rule(ledger: Ledger, contents: ContentStore) -> None:
    corrected(ledger, contents, "kim@example.com", "INBOX", times=2)
    assert learned(ledger, contents) == []
    corrected(ledger, contents, "kim@example.com", "INBOX")
    corrected(ledger, contents, "lea@example.com", "Clients/Lea", times=4)
    assert learned(ledger, contents) == [
        "Mail from kim@example.com belongs in the inbox",
        "Mail from lea@example.com belongs in the folder Clients/Lea",
    ]
    kim, lea = corrections(ledger, contents, ledger.now())
    assert (kim.trust, kim.subject, kim.source.times) == ("record", "mail:kim@example.com", 3)
    assert len(lea.source.events) == 4


def test_nothing_that_the_sender_wrote_is_in_a_rule(ledger: Ledger, contents: ContentStore) -> None:
    """The display name and the subject of these mails are orders."""
    corrected(ledger, contents, "kim@example.com", "INBOX", times=3)
    [fact] = corrections(ledger, contents, ledger.now())
    assert "gnore" not in str(fact)
    assert "trusted" not in str(fact)


@pytest.mark.parametrize(
    "sender",
    [
        "",
        "not an address",
        "a@b@c.example",
        "x" * 90 + "@example.com",
        '"<b>"@example.com',
        "a\u202eb@c.example",
    ],
)
def test_an_odd_address_makes_no_rule(ledger: Ledger, contents: ContentStore, sender: str) -> None:
    corrected(ledger, contents, sender, "INBOX", times=5)
    assert learned(ledger, contents) == []


def test_corrections_that_disagree_make_no_rule(ledger: Ledger, contents: ContentStore) -> None:
    corrected(ledger, contents, "kim@example.com", "INBOX", times=3)
    corrected(ledger, contents, "kim@example.com", "Bulk", times=3)
    assert learned(ledger, contents) == []
    corrected(ledger, contents, "kim@example.com", "Bulk", times=4)
    assert learned(ledger, contents) == ["Mail from kim@example.com belongs in the folder Bulk"]


def test_a_mail_moved_by_rules_long_ago_or_relabelled_does_not_count(
    ledger: Ledger, contents: ContentStore
) -> None:
    corrected(ledger, contents, "kim@example.com", "INBOX", times=3, evidence="relabelled")
    corrected(ledger, contents, "lea@example.com", "INBOX", times=3)
    assert corrections(ledger, contents, ledger.now() + timedelta(days=100)) == []


def ask(ledger: Ledger, contents: ContentStore, answer: Answer, *, canary: bool = False) -> None:
    run = say(ledger, contents, "send it")
    id_ = new_id()[-8:]
    ledger.record(
        ApprovalAsked(
            **run.named, approval=id_, external_id=id_, digest="d", verb="mail.send", rule="autonomy.draft",
            expires=timestamp(ledger.now() + timedelta(days=1)),
        ),
        *([ApprovalPlanted(approval=id_)] if canary else []),
        ApprovalAnswered(**run.named, approval=id_, answer=answer, after_ms=5_000),
    )  # fmt: skip


def test_asks_that_are_refused_again_and_again_are_learned_from_and_canaries_are_not(
    ledger: Ledger, contents: ContentStore
) -> None:
    for _ in range(5):
        ask(ledger, contents, "denied", canary=True)
    assert learned(ledger, contents) == []
    for _ in range(3):
        ask(ledger, contents, "denied")
    assert learned(ledger, contents) == ["The person refuses when the agent claw asks for mail.send"]
    for _ in range(2):
        ask(ledger, contents, "allowed")
    assert learned(ledger, contents) == []


def test_work_that_is_taken_back_again_and_again_is_learned_from(
    ledger: Ledger, contents: ContentStore
) -> None:
    for _ in range(3):
        run, id_, undoing = say(ledger, contents, "draft it"), new_id(), new_id()
        for external_id, undoes in ((id_, ""), (undoing, id_)):
            decided = ActionDecided(
                **run.named, external_id=external_id, verb="mail.draft", effect="draft", digest="d", arguments={},
                sealed={}, undoes=undoes, verdict="allow", rule="effect.draft",
            )  # fmt: skip
            ledger.record(decided, ActionPerformed(**run.named, external_id=external_id, link="", undo=None))
    assert learned(ledger, contents) == ["The person takes back what the agent claw does with mail.draft"]
