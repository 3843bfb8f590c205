"""IMAP beyond the contract: claims, resync, batches, TLS, and the scripted server held to a real one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from meshclaw.connectors.mail.mailbox.base import Labelling, Mailbox, Relocation
from meshclaw.connectors.mail.mailbox.imap import session as imap_session
from meshclaw.connectors.mail.mailbox.imap.imap import ImapMailbox
from meshclaw.connectors.mail.mailbox.imap.wire import expand, uid_set
from meshclaw.connectors.mail.mailbox.open import open_mailbox, parse_imap
from meshclaw.errors import NotFound, NotReachable, Refused, SignInNeeded, UserError
from tests.servers.dovecot import (
    PASSWORD,
    Dovecot,
    running_dovecot,  # noqa: F401 (a fixture)
    running_expired_dovecot,  # noqa: F401 (a fixture)
)
from tests.servers.fake_imap import FakeImap, running_fake_imap  # noqa: F401 (a fixture)

Opening = Callable[[str], Mailbox]


def raw(number: int) -> bytes:
    return f"Subject: mail {number}\r\nMessage-ID: <m{number}@mesh.test>\r\n\r\nbody {number}\r\n".encode()


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[Opening]:
    monkeypatch.setattr(imap_session, "BACKOFF_S", 0.01)
    mailboxes: list[Mailbox] = []

    def open_(address: str) -> Mailbox:
        mailboxes.append(open_mailbox(address, secret=lambda: PASSWORD))
        return mailboxes[-1]

    yield open_
    for mailbox in mailboxes:
        mailbox.close()


def fill(server: Dovecot, person: str, count: int) -> None:
    with server.client(person) as client:
        for number in range(count):
            client.append("INBOX", raw(number))


def refs(box: Mailbox, folder: str = "INBOX") -> list[str]:
    return [entry.ref for entry in box.entries(folder)]


@pytest.mark.dovecot
def test_of_two_claws_that_claim_the_same_mails_each_mail_has_one(dovecot: Dovecot, opened: Opening) -> None:
    person = dovecot.person()
    fill(dovecot, person, 20)
    claws = {name: opened(dovecot.address(person)) for name in ("home", "work")}
    start = threading.Barrier(2)
    got: dict[str, tuple[str, ...]] = {}

    def claim(name: str) -> None:
        wanted = refs(claws[name])
        start.wait(5)
        got[name] = claws[name].claim("INBOX", wanted, by=name)

    threads = [threading.Thread(target=claim, args=(name,)) for name in claws]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert set(got["home"]).isdisjoint(got["work"])
    assert len(got["home"]) + len(got["work"]) == 20
    # A restart finds its own claims again, and the other's still refused.
    everything = refs(claws["home"])
    assert claws["home"].claim("INBOX", everything, by="home") == got["home"]


@pytest.mark.dovecot
def test_a_claim_is_judged_by_what_the_server_did_not_change(dovecot: Dovecot, opened: Opening) -> None:
    """The tagged answer is OK for both claws; the first flags the mail between the other's look and mark."""
    person = dovecot.person()
    fill(dovecot, person, 2)
    box = opened(dovecot.address(person))
    first, second = refs(box)
    session = box._session()
    real = session.changing

    def late(what: str, work: object) -> object:
        session.changing = real
        with dovecot.client(person) as client:
            client.select_folder("INBOX")
            client.add_flags([int(first.partition(":")[2])], ["$ClawBy.other"])
        return real(what, work)

    session.changing = late
    assert box.claim("INBOX", [first, second], by="mine") == (second,)


@pytest.mark.dovecot
def test_a_restart_is_told_exactly_what_changed(dovecot: Dovecot, opened: Opening) -> None:
    person = dovecot.person()
    fill(dovecot, person, 6)
    before = opened(dovecot.address(person)).changes("INBOX", "")
    with dovecot.client(person) as client:
        client.select_folder("INBOX")
        client.move([1, 2, 5], "Other") if client.folder_exists("Other") else client.create_folder("Other")
        client.move([1, 2, 5], "Other")
        client.add_flags([3], [r"\Seen"])
        client.append("INBOX", raw(9))
    after = opened(dovecot.address(person)).changes("INBOX", before.state)
    validity = before.state.partition(":")[0]
    assert not after.complete
    assert set(after.vanished) == {f"{validity}:{uid}" for uid in (1, 2, 5)}
    assert {entry.ref: entry.seen for entry in after.entries} == {
        f"{validity}:3": True,
        f"{validity}:7": False,
    }


@pytest.mark.dovecot
def test_a_folder_that_was_made_anew_makes_its_old_refs_unknown(dovecot: Dovecot, opened: Opening) -> None:
    person = dovecot.person()
    fill(dovecot, person, 1)
    box = opened(dovecot.address(person))
    [old] = box.move([Relocation(folder="INBOX", ref=refs(box)[0], to="Bulk")])
    with dovecot.client(person) as client:
        client.delete_folder("Bulk")
        client.create_folder("Bulk")
        client.append("Bulk", raw(2))
    again = opened(dovecot.address(person))
    with pytest.raises(NotFound, match="UIDVALIDITY"):
        again.read("Bulk", old, 100)
    with pytest.raises(NotFound, match="UIDVALIDITY"):
        again.move([Relocation(folder="Bulk", ref=old, to="INBOX")])


@pytest.mark.dovecot
def test_without_move_the_mail_is_copied_and_only_it_is_expunged(
    dovecot: Dovecot, opened: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = dovecot.person()
    fill(dovecot, person, 3)
    with dovecot.client(person) as client:
        client.select_folder("INBOX")
        client.add_flags([3], [r"\Deleted"])
    box = opened(dovecot.address(person))
    first, second, third = refs(box)
    wire = box._session()._wire
    monkeypatch.setattr(wire, "capabilities", wire.capabilities - {"MOVE"})
    [arrived] = box.move([Relocation(folder="INBOX", ref=second, to="Bulk")])
    assert box.read("Bulk", arrived, 1000) == raw(1)
    assert refs(box) == [first, third]


@pytest.mark.dovecot
def test_500_mails_are_moved_by_one_command(dovecot: Dovecot, opened: Opening) -> None:
    person = dovecot.person()
    fill(dovecot, person, 500)
    box = opened(dovecot.address(person))
    before = refs(box)
    assert len(list(box.read_many("INBOX", before, 10_000))) == 500
    box.label_many([Labelling(folder="INBOX", ref=ref, add=("bulk",)) for ref in before])
    wire = box._session()._wire
    sent: list[str] = []
    real = wire.uid
    wire.uid = lambda command, *args: (sent.append(command), real(command, *args))[1]
    after = box.move([Relocation(folder="INBOX", ref=ref, to="Bulk") for ref in before])
    assert sent.count("MOVE") == 1
    assert len({ref for ref in after if ref}) == 500
    assert all(entry.labels == {"bulk"} and not entry.seen for entry in box.entries("Bulk"))


@pytest.mark.dovecot
def test_every_thread_has_its_own_connection(dovecot: Dovecot, opened: Opening) -> None:
    person = dovecot.person()
    fill(dovecot, person, 30)
    box = opened(dovecot.address(person))
    results: list[int] = []
    threads = [
        threading.Thread(target=lambda: results.append(len(list(box.read_many("INBOX", refs(box), 99)))))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert results == [30] * 4
    assert isinstance(box, ImapMailbox)
    assert len(box._sessions) == 5


@pytest.mark.dovecot
def test_tls_is_checked_against_the_authorities_of_the_machine(
    dovecot: Dovecot, opened: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = dovecot.person()
    with pytest.raises(NotReachable, match=r"not valid: .*certificate") as caught:
        opened(dovecot.address(person, tls=True))
    assert "no unencrypted connection" in caught.value.fix
    monkeypatch.setenv("SSL_CERT_FILE", str(dovecot.ca))
    assert "INBOX" in opened(dovecot.address(person, tls=True)).folders()


@pytest.mark.dovecot
def test_an_expired_certificate_is_named_with_its_date(
    expired_dovecot: Dovecot, opened: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(expired_dovecot.ca))
    person = expired_dovecot.person()
    with pytest.raises(NotReachable, match="expired on 2024-02-29"):
        opened(expired_dovecot.address(person, tls=True))
    log = (expired_dovecot.top / "dovecot.log").read_text()
    assert f"user=<{person}>" not in log, "a password was sent"


@pytest.mark.dovecot
def test_a_wrong_password_needs_a_new_one_and_is_not_repeated_in_the_error(dovecot: Dovecot) -> None:
    address = dovecot.address(dovecot.person())
    with pytest.raises(SignInNeeded, match="refused the password") as caught:
        open_mailbox(address, secret=lambda: "hunter2")
    assert "hunter2" not in f"{caught.value}{caught.value.fix}{caught.value.__cause__}"
    with pytest.raises(SignInNeeded, match="no password"):
        open_mailbox(address)


@pytest.mark.dovecot
def test_a_full_mailbox_refuses_and_changes_nothing(dovecot: Dovecot, opened: Opening) -> None:
    person = dovecot.person(quota="10K")
    box = opened(dovecot.address(person))
    box.append("INBOX", raw(1))
    with pytest.raises(Refused, match="mailbox is full") as caught:
        box.append("Drafts", b"Subject: large\r\n\r\n" + b"x" * 20_000)
    assert "space" in caught.value.fix
    assert refs(box, "Drafts") == []


@pytest.mark.dovecot
def test_a_read_only_folder_can_be_read_and_not_changed(dovecot: Dovecot, opened: Opening) -> None:
    person = dovecot.person()
    box = opened(dovecot.address(person))
    with dovecot.client(person) as client:
        client.create_folder("Locked")
    assert refs(box, "Locked") == []
    with pytest.raises(Refused, match=r"read-only|refused"):
        box.append("Locked", raw(1))
    with pytest.raises(Refused, match="read-only"):
        box.label_many([Labelling(folder="Locked", ref="1:1", add=("reply",))])


@pytest.mark.dovecot
def test_a_folder_that_does_not_exist_is_named_with_those_that_do(dovecot: Dovecot, opened: Opening) -> None:
    box = opened(dovecot.address(dovecot.person()))
    with pytest.raises(NotFound, match="'Nowhere'") as caught:
        refs(box, "Nowhere")
    assert "INBOX" in caught.value.fix


@pytest.mark.parametrize("kind", ["scripted", pytest.param("dovecot", marks=pytest.mark.dovecot)])
def test_the_scripted_server_answers_as_dovecot_does(
    kind: str, request: pytest.FixtureRequest, opened: Opening
) -> None:
    """What the fault tests rest on: the same session has the same outcome on both."""
    if kind == "scripted":
        fake: FakeImap = request.getfixturevalue("fake_imap")
        for number in range(4):
            fake.add(raw(number))
        box = opened(fake.address)
    else:
        real: Dovecot = request.getfixturevalue("dovecot")
        person = real.person()
        fill(real, person, 4)
        box = opened(real.address(person))
    before = refs(box)
    assert [text for _, text in box.read_many("INBOX", before, 10_000)] == [raw(n) for n in range(4)]
    assert [text for _, text in box.read_many("INBOX", before[:1], 9)] == [raw(0)[:9]]
    box.label("INBOX", before[1], add=["reply"])
    assert [sorted(entry.labels) for entry in box.entries("INBOX")] == [[], ["reply"], [], []]
    after = box.move([Relocation(folder="INBOX", ref=ref, to="Bulk") for ref in before[1:3]])
    assert refs(box) == [before[0], before[3]]
    assert [box.read("Bulk", str(ref), 10_000) for ref in after] == [raw(1), raw(2)]
    assert box.move([Relocation(folder="INBOX", ref=before[1], to="Bulk")]) == [None]
    assert box.folders() == ("INBOX", "Bulk")


@pytest.mark.parametrize(
    "address",
    [
        "",
        "imap",
        "pop3://a@b",
        "maildir:",
        "imaps://host",
        "imaps://@host",
        "imaps://a@",
        "imaps://a@h/INBOX",
    ],
)
def test_an_address_that_names_no_mailbox_is_explained(address: str) -> None:
    with pytest.raises(UserError, match="does not name a mailbox") as caught:
        open_mailbox(address)
    assert "imaps://user@host" in caught.value.fix


def test_a_port_that_is_none_is_refused() -> None:
    with pytest.raises(UserError, match="no valid port: '99999'"):
        open_mailbox("imaps://alice@mail.example:99999")


@pytest.mark.parametrize("host", ["mail.example", "127.0.0.1.example", "10.0.0.1"])
def test_an_unencrypted_server_elsewhere_is_refused_before_anything_is_sent(host: str) -> None:
    with pytest.raises(UserError, match="not encrypted") as caught:
        open_mailbox(f"imap://alice@{host}")
    assert f"imaps://alice@{host}" in caught.value.fix


def test_a_password_in_an_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(UserError, match="contains a password") as caught:
        open_mailbox("imaps://alice:hunter2@mail.example")
    assert "hunter2" not in f"{caught.value}{caught.value.fix}"


def test_user_names_with_an_at_and_bracketed_hosts_are_understood() -> None:
    assert parse_imap("imaps://alice@mesh.test@mail.example")[1:] == ("alice@mesh.test", "mail.example", 993)
    assert parse_imap("imap://a%20b@[::1]:1143")[1:] == ("a b", "::1", 1143)


def test_uid_sets_fold_runs_and_unfold_them_within_bounds() -> None:
    assert uid_set([5, 3, 4, 9, 9]) == "3:5,9"
    assert expand("3:5,9,8:7", 10) == [3, 4, 5, 9, 8, 7]
    with pytest.raises(ValueError, match="more than 10"):
        expand("1:4000000000", 10)
