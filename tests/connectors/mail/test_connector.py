"""Mail as a connector: what it declares is what it does, and what it cannot prove it does not claim."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import get_args

import pytest

from meshclaw.connectors.base import Performed
from meshclaw.connectors.mail.connector import ARCHIVE, DRAFTS, SENT, TRASH, MailConnector
from meshclaw.connectors.mail.mailbox.from_dir import lay_out
from meshclaw.connectors.mail.mailbox.maildir.maildir import Maildir
from meshclaw.connectors.mail.manifest import DECLARATIONS
from meshclaw.connectors.mail.message.parse import parse
from meshclaw.errors import Busy, MeshClawError, Refused, Uncertain
from meshclaw.flow.action import Action, Value
from meshclaw.flow.declaration import Role
from meshclaw.testing.demo_mail import SERVER, write_demo


class Outbox:
    """Records what would be sent; fails as it is told to."""

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, list[str]]] = []
        self.error: MeshClawError | None = None

    def send(self, raw: bytes, recipients: list[str]) -> None:
        if self.error is not None and not isinstance(self.error, Uncertain):
            raise self.error
        self.sent.append((raw, list(recipients)))
        if self.error is not None:
            raise self.error


@pytest.fixture
def maildir(tmp_path: Path) -> Iterator[Maildir]:
    write_demo(tmp_path / "letters", datetime.now(UTC))
    lay_out(tmp_path / "letters", tmp_path / "Mail")
    box = Maildir(tmp_path / "Mail")
    yield box
    box.close()


@pytest.fixture
def outbox() -> Outbox:
    return Outbox()


@pytest.fixture
def mail(maildir: Maildir, outbox: Outbox) -> MailConnector:
    return MailConnector(
        maildir, claw="c1", parse=lambda raw: parse(raw, trusted_host=SERVER), outgoing=outbox
    )


def one(mail: MailConnector, verb: str, **arguments: Value) -> Performed | MeshClawError:
    [result] = mail.perform([Action(run="r", verb=verb, arguments=arguments)])
    return result


def done(mail: MailConnector, verb: str, **arguments: Value) -> Performed:
    result = one(mail, verb, **arguments)
    assert isinstance(result, Performed), result
    return result


def place(maildir: Maildir, containing: bytes, folder: str = "INBOX") -> dict[str, Value]:
    for entry in maildir.entries(folder):
        raw = maildir.read(folder, entry.ref, 1 << 20)
        if containing in raw:
            message = parse(raw)
            return {
                "folder": folder,
                "ref": entry.ref,
                "message": message.digest,
                "message_id": message.message_id,
            }
    raise AssertionError(containing)


def letter(to: str = "kim@partner.test") -> str:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "ada@example.com", to, "Samples"
    message["Message-ID"] = "<claw.1@example.com>"
    message.set_content("They are ready.\n")
    return message.as_string()


def drafted(mail: MailConnector, maildir: Maildir, to: str = "kim@partner.test") -> dict[str, Value]:
    done(mail, "mail.draft", raw=letter(to))
    return place(maildir, b"They are ready", DRAFTS)


@pytest.mark.parametrize("verb", sorted(DECLARATIONS))
def test_every_declared_verb_is_performed_and_every_role_is_known(mail: MailConnector, verb: str) -> None:
    declaration = DECLARATIONS[verb]
    assert declaration.verb == verb
    assert {argument.role for argument in declaration.arguments.values()} <= set(get_args(Role))
    # Arguments of no use: what counts is that the verb is known and says what is wrong with them.
    [result] = mail.perform([Action(run="r", verb=verb, arguments=dict.fromkeys(declaration.arguments, 0))])
    assert isinstance(result, MeshClawError)


def test_arguments_of_the_wrong_shape_take_no_other_action_down(
    mail: MailConnector, maildir: Maildir
) -> None:
    there = place(maildir, b"Gadget Weekly")
    bad = Action(run="r", verb="mail.move", arguments={**there, "to": ["Bulk"]})
    good = Action(run="r", verb="mail.move", arguments={**there, "to": "Bulk"})
    refused, moved = mail.perform([bad, good])
    assert isinstance(refused, Refused)
    assert isinstance(moved, Performed)


@pytest.mark.parametrize(("verb", "to"), [("mail.move", "Bulk"), ("mail.archive", ARCHIVE)])
def test_a_move_and_its_undo_leave_no_trace(
    mail: MailConnector, maildir: Maildir, verb: str, to: str
) -> None:
    there = place(maildir, b"Gadget Weekly")
    before = sorted(entry.ref for entry in maildir.entries("INBOX"))
    receipt = done(mail, verb, **there, **({"to": to} if verb == "mail.move" else {})).receipt
    assert [entry.ref for entry in maildir.entries(to)] == [there["ref"]]
    assert receipt.undo is not None
    done(mail, receipt.undo.verb, **receipt.undo.arguments)
    assert sorted(entry.ref for entry in maildir.entries("INBOX")) == before


def test_a_label_and_its_undo_leave_no_trace(mail: MailConnector, maildir: Maildir) -> None:
    there = place(maildir, b"Gadget Weekly")
    receipt = done(mail, "mail.label", **there, add=["act"], remove=[]).receipt
    labels = {entry.ref: entry.labels for entry in maildir.entries("INBOX")}
    assert labels[str(there["ref"])] == {"act"}
    assert receipt.undo is not None
    done(mail, receipt.undo.verb, **receipt.undo.arguments)
    assert all(not entry.labels for entry in maildir.entries("INBOX"))


def test_a_mail_that_somebody_moved_on_is_left_alone_and_told(mail: MailConnector, maildir: Maildir) -> None:
    there = place(maildir, b"Gadget Weekly")
    done(mail, "mail.move", **there, to="Mine")
    result = one(mail, "mail.move", **there, to="Bulk")
    assert isinstance(result, Busy)
    assert [entry.ref for entry in maildir.entries("Mine")] == [there["ref"]]


def test_a_draft_is_unsent_and_can_be_binned(mail: MailConnector, maildir: Maildir, outbox: Outbox) -> None:
    receipt = done(mail, "mail.draft", raw=letter()).receipt
    [entry] = maildir.entries(DRAFTS)
    assert entry.draft
    assert outbox.sent == []
    assert receipt.undo is not None
    done(mail, receipt.undo.verb, **receipt.undo.arguments)
    assert (len(list(maildir.entries(DRAFTS))), len(list(maildir.entries(TRASH)))) == (0, 1)


def test_a_draft_is_sent_as_it_is_and_filed_among_the_sent(
    mail: MailConnector, maildir: Maildir, outbox: Outbox
) -> None:
    there = drafted(mail, maildir)
    raw = maildir.read(DRAFTS, str(there["ref"]), 1 << 20)
    done(mail, "mail.send", **there, recipients=["kim@partner.test"])
    assert outbox.sent == [(raw, ["kim@partner.test"])]
    assert (len(list(maildir.entries(DRAFTS))), len(list(maildir.entries(SENT)))) == (0, 1)


def test_a_draft_that_changed_since_the_yes_is_not_sent(
    mail: MailConnector, maildir: Maildir, outbox: Outbox
) -> None:
    there = drafted(mail, maildir)
    result = one(mail, "mail.send", **{**there, "message": "0" * 64}, recipients=["kim@partner.test"])
    assert isinstance(result, Refused)
    assert "changed" in str(result)
    assert outbox.sent == []


def test_recipients_other_than_the_draft_s_own_are_refused(
    mail: MailConnector, maildir: Maildir, outbox: Outbox
) -> None:
    """An approval shows the recipients; the mail must not go to others than it names."""
    there = drafted(mail, maildir)
    result = one(mail, "mail.send", **there, recipients=["kim@partner.test", "eve@evil.test"])
    assert isinstance(result, Refused)
    assert outbox.sent == []


def test_a_definite_no_leaves_the_draft_where_it_is(
    mail: MailConnector, maildir: Maildir, outbox: Outbox
) -> None:
    there = drafted(mail, maildir)
    outbox.error = Refused("554 no")
    assert isinstance(one(mail, "mail.send", **there, recipients=["kim@partner.test"]), Refused)
    assert len(list(maildir.entries(DRAFTS))) == 1


def test_a_lost_answer_is_settled_by_the_copy_that_came_back(
    mail: MailConnector, maildir: Maildir, outbox: Outbox
) -> None:
    there = drafted(mail, maildir)
    outbox.error = Uncertain("the answer was lost")
    action = Action(run="r", verb="mail.send", arguments={**there, "recipients": ["kim@partner.test"]})
    [result] = mail.perform([action])
    assert isinstance(result, Uncertain)
    with pytest.raises(Uncertain, match="no copy"):
        mail.probe(action)
    maildir.append("INBOX", b"Received: from relay\r\n" + outbox.sent[0][0], seen=False)
    receipt = mail.probe(action)
    assert receipt is not None
    assert receipt.external_id == action.external_id


def test_a_move_is_probed_by_where_the_mail_is(mail: MailConnector, maildir: Maildir) -> None:
    there = place(maildir, b"Gadget Weekly")
    action = Action(run="r", verb="mail.move", arguments={**there, "to": "Bulk"})
    assert mail.probe(action) is None
    done(mail, "mail.move", **there, to="Bulk")
    receipt = mail.probe(action)
    assert receipt is not None
    assert receipt.undo is not None
    assert receipt.undo.arguments["folder"] == "Bulk"
    done(mail, "mail.move", **{**there, "folder": "Bulk"}, to="Elsewhere")
    with pytest.raises(Uncertain, match="somebody moved it on"):
        mail.probe(action)


def test_leaving_a_list_needs_the_signed_header_and_the_very_address(
    mail: MailConnector, maildir: Maildir
) -> None:
    other = place(maildir, b"Minutes of the storage meeting")
    assert isinstance(one(mail, "mail.unsubscribe", **other, url="https://gadgets.test/x"), Refused)
    gadget = place(maildir, b"Gadget Weekly")
    result = one(mail, "mail.unsubscribe", **gadget, url="https://evil.test/x")
    assert isinstance(result, Refused)
    assert "not the one that was approved" in str(result)


def test_without_a_way_to_send_it_says_how_to_get_one(maildir: Maildir) -> None:
    mail = MailConnector(maildir, claw="c1", parse=parse)
    there = drafted(mail, maildir)
    result = one(mail, "mail.send", **there, recipients=["kim@partner.test"])
    assert isinstance(result, Refused)
    assert "--smtp" in result.fix
