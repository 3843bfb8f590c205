"""What every mailbox must do, on a Maildir, an mbox and a real Dovecot."""

from __future__ import annotations

import mailbox as stdlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from meshclaw.connectors.mail.mailbox.base import Entry, Labelling, Mailbox, Relocation
from meshclaw.connectors.mail.mailbox.open import open_mailbox
from meshclaw.errors import NotFound, UserError
from meshclaw.flow.units import sha256_hex
from tests.servers.dovecot import PASSWORD, Dovecot, running_dovecot  # noqa: F401 (a fixture)


class Place:
    """A mailbox, and somebody else who delivers into its inbox."""

    def __init__(self, address: str, deliver: Callable[[bytes], object]) -> None:
        self.address = address
        self.deliver = deliver
        self._opened: list[Mailbox] = []

    def open(self, **options: bool) -> Mailbox:
        mailbox = open_mailbox(self.address, secret=lambda: PASSWORD, **options)
        self._opened.append(mailbox)
        return mailbox

    def close(self) -> None:
        for mailbox in self._opened:
            mailbox.close()


def maildir(tmp_path: Path) -> Place:
    box = stdlib.Maildir(tmp_path / "Maildir", create=True)
    return Place(f"maildir:{tmp_path}/Maildir", box.add)


def mbox(tmp_path: Path) -> Place:
    path = tmp_path / "mbox"
    path.touch()

    def deliver(raw: bytes) -> None:
        box = stdlib.mbox(path)
        box.lock()
        box.add(raw)
        box.close()

    return Place(f"mbox:{path}", deliver)


@pytest.fixture(params=["maildir", "mbox", pytest.param("imap", marks=pytest.mark.dovecot)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    if request.param == "imap":
        server: Dovecot = request.getfixturevalue("dovecot")
        person = server.person()
        place = Place(server.address(person), lambda raw: append_by_imap(server, person, raw))
    else:
        place = {"maildir": maildir, "mbox": mbox}[request.param](tmp_path)
    yield place
    place.close()


@pytest.fixture
def box(place: Place) -> Mailbox:
    return place.open()


def append_by_imap(server: Dovecot, person: str, raw: bytes) -> None:
    with server.client(person) as client:
        client.append("INBOX", raw)


def mail(number: int, body: str = "Hello") -> bytes:
    head = f"From: bob@mesh.test\nTo: alice@mesh.test\nSubject: mail {number}\nMessage-ID: <m{number}@mesh.test>\n"
    return f"{head}\n{body} {number}\n".encode()


def listed(box: Mailbox, folder: str = "INBOX") -> list[Entry]:
    return list(box.entries(folder))


def refs(box: Mailbox, folder: str = "INBOX") -> list[str]:
    return [entry.ref for entry in box.entries(folder)]


def text(raw: bytes) -> bytes:
    return raw.replace(b"\r\n", b"\n")


def to(folder: str, refs: list[str], source: str = "INBOX") -> list[Relocation]:
    return [Relocation(folder=source, ref=ref, to=folder) for ref in refs]


def test_a_delivered_mail_is_listed_unseen_and_read_whole(place: Place, box: Mailbox) -> None:
    place.deliver(mail(1))
    [entry] = listed(box)
    assert (entry.folder, entry.seen, entry.labels) == ("INBOX", False, frozenset())
    assert abs(entry.received - time.time()) < 120
    assert entry.size >= len(mail(1))
    assert text(box.read("INBOX", entry.ref, 10_000)) == mail(1)


def test_reading_stops_at_the_limit_and_marks_nothing_seen(place: Place, box: Mailbox) -> None:
    place.deliver(mail(1))
    [ref] = refs(box)
    assert box.read("INBOX", ref, 15) == mail(1)[:15]
    assert [entry.seen for entry in listed(box)] == [False]


def test_many_are_read_in_one_stream_and_a_vanished_one_is_left_out(place: Place, box: Mailbox) -> None:
    for number in range(5):
        place.deliver(mail(number))
    all_refs = refs(box)
    [moved] = box.move(to("Bulk", all_refs[:1]))
    found = dict(box.read_many("INBOX", all_refs, 10_000))
    assert moved
    assert set(found) == set(all_refs[1:])
    assert all(b"Subject: mail" in raw for raw in found.values())


def test_a_mail_that_is_gone_is_not_found(place: Place, box: Mailbox) -> None:
    place.deliver(mail(1))
    [ref] = refs(box)
    box.move(to("Bulk", [ref]))
    with pytest.raises(NotFound, match="INBOX") as caught:
        box.read("INBOX", ref, 100)
    assert caught.value.fix
    with pytest.raises(NotFound):
        box.label("INBOX", ref, add=["reply"])


def test_labels_come_and_go_without_marking_a_mail_seen(place: Place, box: Mailbox) -> None:
    place.deliver(mail(1))
    [ref] = refs(box)
    box.label("INBOX", ref, add=["reply", "act"])
    [entry] = listed(box)
    assert (entry.ref, entry.labels, entry.seen) == (ref, {"reply", "act"}, False)
    box.label("INBOX", ref, remove=["act"])
    assert listed(place_again(place, box))[0].labels == {"reply"}
    assert text(box_read(place, ref)) == mail(1)


def place_again(place: Place, box: Mailbox) -> Mailbox:
    """What another process sees."""
    box.close()
    return place.open()


def box_read(place: Place, ref: str) -> bytes:
    return place.open(changing=False).read("INBOX", ref, 10_000)


def test_many_labels_say_which_mails_were_there(place: Place, box: Mailbox) -> None:
    for number in range(3):
        place.deliver(mail(number))
    first, second, third = refs(box)
    box.move(to("Bulk", [second]))
    changes = [Labelling(folder="INBOX", ref=ref, add=("read",)) for ref in (first, second, third)]
    assert box.label_many(changes) == [True, False, True]
    assert {entry.labels for entry in listed(box)} == {frozenset({"read"})}


def test_a_label_no_server_could_keep_is_refused(place: Place, box: Mailbox) -> None:
    place.deliver(mail(1))
    with pytest.raises(UserError, match="two words"):
        box.label("INBOX", refs(box)[0], add=["two words"])


def test_moved_mails_arrive_with_their_labels_and_bytes(place: Place, box: Mailbox) -> None:
    for number in range(4):
        place.deliver(mail(number))
    before = {text(raw): ref for ref, raw in box.read_many("INBOX", refs(box), 10_000)}
    leaving = [before[mail(1)], before[mail(2)]]
    box.label("INBOX", leaving[0], add=["bulk"])
    # Another keyword first, so that the same one has another letter in the other Maildir folder.
    box.append("Bulk", mail(9))
    box.label("Bulk", refs(box, "Bulk")[0], add=["other"])
    after = box.move(to("Bulk", leaving))
    assert set(refs(box)) == {before[mail(0)], before[mail(3)]}
    assert "Bulk" in box.folders()
    arrived = {entry.ref: entry.labels for entry in listed(box, "Bulk")}
    assert [arrived[ref] for ref in after] == [{"bulk"}, frozenset()]
    assert [text(box.read("Bulk", ref, 10_000)) for ref in after] == [mail(1), mail(2)]


def test_a_mail_goes_there_and_back_again(place: Place, box: Mailbox) -> None:
    place.deliver(mail(1))
    [there] = box.move(to("Bulk", refs(box)))
    [back] = box.move(to("INBOX", [there], source="Bulk"))
    assert refs(box) == [back]
    assert refs(box, "Bulk") == []


def test_a_move_done_twice_leaves_one_mail(place: Place, box: Mailbox) -> None:
    place.deliver(mail(1))
    moves = to("Bulk", refs(box))
    [first] = box.move(moves)
    [again] = box.move(moves)
    assert again in {first, None}
    assert refs(box, "Bulk") == [first]


def test_a_move_of_a_mail_that_never_was_is_none(place: Place, box: Mailbox) -> None:
    place.deliver(mail(1))
    [ref] = refs(box)
    [moved] = box.move(to("Bulk", [ref]))
    box.move(to("Elsewhere", [moved], source="Bulk"))
    assert box.move(to("Bulk", [ref])) == [None]


def test_a_move_into_the_same_folder_changes_nothing(place: Place, box: Mailbox) -> None:
    place.deliver(mail(1))
    [ref] = refs(box)
    assert box.move(to("INBOX", [ref])) == [ref]
    assert refs(box) == [ref]


def test_a_folder_is_not_created_where_that_is_forbidden(place: Place) -> None:
    box = place.open(create_folders=False)
    place.deliver(mail(1))
    [ref] = refs(box)
    with pytest.raises(NotFound, match="Bulk"):
        box.move(to("Bulk", [ref]))
    assert refs(box) == [ref]


def test_folder_names_beyond_ascii_survive(place: Place, box: Mailbox) -> None:
    place.deliver(mail(1))
    [ref] = box.move(to("Später lesen & mehr", refs(box)))
    assert "Später lesen & mehr" in box.folders()
    assert text(box.read("Später lesen & mehr", ref, 10_000)) == mail(1)


@pytest.mark.parametrize("name", ["", "a//b", "/etc", "../../etc", "a\r\nb", "a\x00b"])
def test_a_folder_name_that_leads_elsewhere_is_refused(place: Place, box: Mailbox, name: str) -> None:
    place.deliver(mail(1))
    if place.address.startswith("imap") and name == "../../etc":
        pytest.skip("an IMAP server looks after its own files")
    [ref] = refs(box)
    with pytest.raises(UserError):
        box.move(to(name, [ref]))
    assert refs(box) == [ref]


def test_an_appended_draft_is_found_by_its_id_and_proved_by_its_bytes(box: Mailbox) -> None:
    ref = box.append("Drafts", mail(7, "From here on"), draft=True)
    [entry] = listed(box, "Drafts")
    assert (entry.ref, entry.draft, entry.seen) == (ref, True, True)
    digest = sha256_hex(mail(7, "From here on"))
    assert box.find("Drafts", message_id="<m7@mesh.test>", digest=digest) == ref
    assert box.find("Drafts", message_id="", digest=digest) == ref
    assert box.find("Drafts", message_id="<m7@mesh.test>", digest="") == ref
    assert box.find("Drafts", message_id="<m7@mesh.test>", digest=sha256_hex(b"else")) is None
    assert box.find("Drafts", message_id="<m8@mesh.test>", digest=digest) is None


def test_a_body_line_that_starts_with_from_comes_back_unchanged(box: Mailbox) -> None:
    raw = mail(1, "first\n\nFrom there to here\n>From quoted\nlast")
    ref = box.append("Drafts", raw)
    assert text(box.read("Drafts", ref, 10_000)) == raw


def test_claims_return_what_is_there(place: Place, box: Mailbox) -> None:
    for number in range(2):
        place.deliver(mail(number))
    both = refs(box)
    assert box.claim("INBOX", both, by="one") == tuple(both)
    assert [entry.labels for entry in listed(box)] == [frozenset(), frozenset()]


def test_changes_name_new_and_vanished_mails(place: Place, box: Mailbox) -> None:
    for number in range(3):
        place.deliver(mail(number))
    start = box.changes("INBOX", "")
    assert (len(start.entries), start.complete) == (3, True)
    box.move(to("Bulk", [start.entries[0].ref]))
    place.deliver(mail(3))
    after = place_again(place, box).changes("INBOX", start.state)
    known = {entry.ref for entry in start.entries}
    left = {entry.ref for entry in after.entries}
    now = left if after.complete else (known | left) - set(after.vanished)
    assert start.entries[0].ref not in now
    assert len(now) == 3


def test_waiting_ends_with_the_time_where_nothing_happens(place: Place, box: Mailbox) -> None:
    place.deliver(mail(1))
    settle(box)
    assert box.wait("INBOX", 0.2) is False


def test_waiting_ends_when_a_mail_arrives(
    place: Place, box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("maildir", "mbox"):
        monkeypatch.setattr(f"meshclaw.connectors.mail.mailbox.{module}.{module}.POLL_S", 0.05)
    place.deliver(mail(1))
    settle(box)
    later = threading.Timer(0.2, place.deliver, [mail(2)])
    later.start()
    assert box.wait("INBOX", 20) is True
    later.join()
    assert len(refs(box)) == 2


def settle(box: Mailbox) -> None:
    """List until the mailbox is sure that it has seen everything."""
    deadline = time.monotonic() + 5
    refs(box)
    while box.wait("INBOX", 0):
        assert time.monotonic() < deadline
        time.sleep(0.01)
        refs(box)


def test_a_mailbox_opened_for_reading_changes_nothing(place: Place, box: Mailbox) -> None:
    place.deliver(mail(1))
    looking = place.open(changing=False)
    [ref] = refs(looking)
    with pytest.raises(UserError, match="reading"):
        looking.label("INBOX", ref, add=["reply"])
    with pytest.raises(UserError, match="reading"):
        looking.move(to("Bulk", [ref]))
    with pytest.raises(UserError, match="reading"):
        looking.append("Drafts", mail(2))
    assert refs(box) == [ref]
