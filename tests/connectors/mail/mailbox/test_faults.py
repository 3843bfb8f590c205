"""Servers that hang, hang up or say no in the middle, and a disk that is really full."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from meshclaw.connectors.mail.mailbox.base import Mailbox, Relocation
from meshclaw.connectors.mail.mailbox.imap import session as imap_session
from meshclaw.connectors.mail.mailbox.imap import sync as imap_sync
from meshclaw.connectors.mail.mailbox.imap.imap import ImapMailbox
from meshclaw.connectors.mail.mailbox.imap.server import Server
from meshclaw.connectors.mail.mailbox.open import open_mailbox
from meshclaw.errors import (
    MeshClawError,
    NotFound,
    NotReachable,
    Operational,
    Refused,
    SignInNeeded,
    Uncertain,
)
from tests.servers.dovecot import free_ports
from tests.servers.fake_imap import DO_THEN_DROP, DROP, HANG, FakeImap, running_fake_imap  # noqa: F401 (a fixture)

RAW = b"Subject: one\r\nMessage-ID: <one@mesh.test>\r\n\r\nbody\r\n"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imap_session, "BACKOFF_S", 0.01)


@pytest.fixture
def box(fake_imap: FakeImap) -> Iterator[ImapMailbox]:
    fake_imap.add(RAW)
    box = mailbox(fake_imap)
    box.connect()
    yield box
    box.close()


def mailbox(fake: FakeImap) -> ImapMailbox:
    return ImapMailbox(
        Server(
            fake.address,
            "127.0.0.1",
            fake.port,
            "alice",
            lambda: "hunter2",
            encrypted=False,
            connect_s=0.5,
            read_s=0.3,
        )
    )


def refs(box: Mailbox, folder: str = "INBOX") -> list[str]:
    return [entry.ref for entry in box.entries(folder)]


def move(box: Mailbox, ref: str) -> list[str | None]:
    return box.move([Relocation(folder="INBOX", ref=ref, to="Bulk")])


@pytest.mark.parametrize("command", ["greeting", "CAPABILITY", "AUTHENTICATE", "LIST"])
def test_a_server_that_hangs_while_we_sign_in_is_not_reachable(fake_imap: FakeImap, command: str) -> None:
    fake_imap.faults[command] = HANG
    box = mailbox(fake_imap)
    started = time.monotonic()
    with pytest.raises(NotReachable, match="did not answer within") as caught:
        box.connect()
    assert time.monotonic() - started < 3
    assert caught.value.fix
    box.close()


@pytest.mark.parametrize("command", ["greeting", "AUTHENTICATE", "LIST"])
def test_a_server_that_always_hangs_up_is_tried_a_few_times_only(fake_imap: FakeImap, command: str) -> None:
    fake_imap.faults[command] = DROP
    box = mailbox(fake_imap)
    with pytest.raises(NotReachable):
        box.connect()
    assert len(fake_imap._connections) == imap_session.TRIES
    box.close()


@pytest.mark.parametrize("command", ["SELECT", "UID SEARCH", "UID FETCH"])
def test_a_server_that_hangs_while_we_read_is_not_reachable(
    fake_imap: FakeImap, box: ImapMailbox, command: str
) -> None:
    fake_imap.faults[command] = HANG
    with pytest.raises(NotReachable, match="did not answer"):
        refs(box)
    fake_imap.faults.clear()
    assert len(refs(box)) == 1


def test_a_server_that_restarts_between_two_reads_goes_unnoticed(
    fake_imap: FakeImap, box: ImapMailbox
) -> None:
    [ref] = refs(box)
    fake_imap.hang_up()
    assert box.read("INBOX", ref, 1000) == RAW
    assert fake_imap.logins == 2


def test_a_connection_that_died_overnight_is_made_anew_before_a_move(
    fake_imap: FakeImap, box: ImapMailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    [ref] = refs(box)
    fake_imap.hang_up()
    monkeypatch.setattr(imap_session, "_TRUST_S", 0.0)
    [moved] = move(box, ref)
    assert moved
    assert [raw for raw, _ in fake_imap.folders["Bulk"].values()] == [RAW]


@pytest.mark.parametrize("fault", [HANG, DROP, DO_THEN_DROP])
def test_a_move_that_was_on_the_wire_is_uncertain_and_never_repeated(
    fake_imap: FakeImap, box: ImapMailbox, fault: str
) -> None:
    [ref] = refs(box)
    fake_imap.folders["Bulk"] = {}
    fake_imap.faults["UID MOVE"] = fault
    with pytest.raises(Uncertain, match="may have happened") as caught:
        move(box, ref)
    assert "before you repeat" in caught.value.fix
    assert sum(command.startswith("UID MOVE") for command in fake_imap.commands) == 1
    fake_imap.faults.clear()
    left = refs(box)
    assert (left, len(refs(box, "Bulk"))) == (([], 1) if fault == DO_THEN_DROP else ([ref], 0))


@pytest.mark.parametrize("command", ["UID COPY", "UID STORE", "UID EXPUNGE"])
def test_a_drop_anywhere_in_copy_and_delete_is_uncertain_and_loses_nothing(
    fake_imap: FakeImap, command: str
) -> None:
    fake_imap.capabilities = "IMAP4rev1 UIDPLUS AUTH=PLAIN"
    fake_imap.folders["Bulk"] = {}
    fake_imap.add(RAW)
    box = mailbox(fake_imap)
    [ref] = refs(box)
    fake_imap.faults[command] = DROP
    with pytest.raises(Uncertain):
        move(box, ref)
    everywhere = [raw for folder in fake_imap.folders.values() for raw, _ in folder.values()]
    assert RAW in everywhere
    box.close()


def test_a_server_that_hangs_up_while_we_wait_is_not_asked_for_ever(fake_imap: FakeImap) -> None:
    fake_imap.capabilities += " IDLE"
    fake_imap.faults["IDLE"] = DROP
    box = mailbox(fake_imap)
    refs(box)
    with pytest.raises(NotReachable):
        box.wait("INBOX", 30)
    assert fake_imap.commands.count("IDLE") == imap_session.TRIES
    box.close()


def test_without_idle_the_folder_is_looked_at_from_time_to_time(
    fake_imap: FakeImap, box: ImapMailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imap_sync, "POLL_S", 0.01)
    refs(box)
    assert box.wait("INBOX", 0.05) is False
    fake_imap.add(RAW)
    assert box.wait("INBOX", 5) is True


def test_claims_are_refused_where_the_server_cannot_keep_two_claws_apart(box: ImapMailbox) -> None:
    with pytest.raises(Refused, match="CONDSTORE"):
        box.claim("INBOX", refs(box), by="one")


def test_a_lost_label_is_uncertain(fake_imap: FakeImap, box: ImapMailbox) -> None:
    [ref] = refs(box)
    fake_imap.faults["UID STORE"] = DROP
    with pytest.raises(Uncertain, match="labels"):
        box.label("INBOX", ref, add=["reply"])


def test_a_server_without_uidplus_moves_nothing(fake_imap: FakeImap) -> None:
    fake_imap.capabilities = "IMAP4rev1 MOVE AUTH=PLAIN"
    fake_imap.add(RAW)
    box = mailbox(fake_imap)
    [ref] = refs(box)
    with pytest.raises(Refused, match="UIDPLUS"):
        move(box, ref)
    assert len(refs(box)) == 1
    box.close()


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        ("[OVERQUOTA] no space", Refused, "mailbox is full"),
        ("[NOPERM] not yours", Refused, "read-only"),
        ("[SERVERBUG] oops", Refused, "oops"),
    ],
)
def test_a_move_the_server_refuses_says_why_and_leaves_the_mail(
    fake_imap: FakeImap, box: ImapMailbox, answer: str, error: type[MeshClawError], words: str
) -> None:
    [ref] = refs(box)
    fake_imap.faults["UID MOVE"] = answer
    with pytest.raises(error, match=words) as caught:
        move(box, ref)
    assert caught.value.fix
    assert refs(box) == [ref]


def test_a_folder_that_opens_read_only_can_be_read_but_not_changed(
    fake_imap: FakeImap, box: ImapMailbox
) -> None:
    fake_imap.read_only = True
    [ref] = refs(box)
    assert box.read("INBOX", ref, 1000) == RAW
    with pytest.raises(Refused, match="read-only") as caught:
        box.label("INBOX", ref, add=["reply"])
    assert "right" in caught.value.fix


@pytest.mark.parametrize(
    ("answer", "error"),
    [("[AUTHENTICATIONFAILED] hunter2 is wrong", SignInNeeded), ("[UNAVAILABLE] later", NotReachable)],
)
def test_a_refused_sign_in_never_repeats_what_the_server_says(
    fake_imap: FakeImap, answer: str, error: type[MeshClawError]
) -> None:
    fake_imap.faults["AUTHENTICATE"] = answer
    with pytest.raises(error) as caught:
        mailbox(fake_imap).connect()
    assert "hunter2" not in f"{caught.value}{caught.value.fix}{caught.value.__cause__}"


def test_a_renumbered_folder_makes_old_refs_unknown(fake_imap: FakeImap, box: ImapMailbox) -> None:
    [ref] = refs(box)
    fake_imap.uid_validity = 8
    assert refs(box) != [ref]
    with pytest.raises(MeshClawError, match="UIDVALIDITY 7, now 8"):
        box.read("INBOX", ref, 100)


def test_a_folder_renumbered_during_a_restart_is_never_read_by_old_numbers(
    fake_imap: FakeImap, box: ImapMailbox
) -> None:
    [ref] = refs(box)
    fake_imap.hang_up()
    fake_imap.uid_validity = 8
    with pytest.raises(NotFound, match="UIDVALIDITY 7, now 8"):
        box.read("INBOX", ref, 100)


def test_a_port_where_nobody_listens_is_not_reachable() -> None:
    [port] = free_ports(1)
    with pytest.raises(NotReachable, match=f"port {port}") as caught:
        open_mailbox(f"imap://alice@127.0.0.1:{port}", secret=lambda: "x")
    assert "network" in caught.value.fix


def test_a_server_without_tls_is_never_talked_to_in_plain(fake_imap: FakeImap) -> None:
    with pytest.raises(NotReachable, match="does not speak TLS"):
        open_mailbox(f"imaps://alice@127.0.0.1:{fake_imap.port}", secret=lambda: "hunter2")
    assert fake_imap.logins == 0
    assert not any("hunter2" in command for command in fake_imap.commands)


def test_a_host_that_no_name_server_knows_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*args: object, **kwargs: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(NotReachable, match=r"mail\.invalid"):
        open_mailbox("imaps://alice@mail.invalid", secret=lambda: "x")


def test_certificates_are_checked_by_default() -> None:
    """What the whole of imap_server and smtp rests on."""
    context = ssl.create_default_context()
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """128 KiB that really are all there is."""
    top = tmp_path / "small"
    top.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(top)]
    if os.geteuid() != 0 or not sys.platform.startswith("linux"):
        pytest.skip("only root on Linux can mount a small disk")
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let us mount a small disk")
    try:
        yield top
    finally:
        subprocess.run(["umount", str(top)], check=True)


@pytest.mark.parametrize("kind", ["maildir", "mbox"])
def test_a_disk_that_is_really_full_keeps_every_mail_that_was_there(small_disk: Path, kind: str) -> None:
    path = small_disk / "mail"
    if kind == "maildir":
        for place in ("cur", "new", "tmp"):
            (path / place).mkdir(parents=True)
    else:
        path.touch()
    box = open_mailbox(f"{kind}:{path}")
    try:
        kept = box.append("INBOX", b"Subject: small\n\nx\n")
        for _ in range(3):
            with pytest.raises(Operational, match="disk is full") as caught:
                box.append("INBOX", b"Subject: large\n\n" + b"x" * 200_000)
            assert "space" in caught.value.fix
        assert refs(box) == [kept]
        assert box.read("INBOX", kept, 1000) == b"Subject: small\n\nx\n"
        assert box.append("INBOX", b"Subject: small too\n\nx\n")
    finally:
        box.close()
