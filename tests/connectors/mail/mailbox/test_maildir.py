"""A Maildir on disk: names, keywords, durability, and what can be wrong with it."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from meshclaw.connectors.mail.mailbox.base import Labelling, Mailbox, Relocation
from meshclaw.connectors.mail.mailbox.maildir import maildir as maildir_module
from meshclaw.connectors.mail.mailbox.open import open_mailbox
from meshclaw.errors import Busy, NotFound, Operational, Refused, UserError
from tests.servers.dovecot import MAIL_UID, PASSWORD, Dovecot, running_dovecot  # noqa: F401 (a fixture)

RAW = b"Subject: x\n\nx\n"


@pytest.fixture
def top(tmp_path: Path) -> Path:
    for place in ("cur", "new", "tmp"):
        (tmp_path / "Maildir" / place).mkdir(parents=True)
    return tmp_path / "Maildir"


@pytest.fixture
def box(top: Path) -> Iterator[Mailbox]:
    mailbox = open_mailbox(f"maildir:{top}")
    yield mailbox
    mailbox.close()


def files(folder: Path) -> set[str]:
    return {f"{place}/{item.name}" for place in ("new", "cur") for item in (folder / place).iterdir()}


def test_labelling_a_new_mail_moves_it_to_cur_unseen(top: Path, box: Mailbox) -> None:
    (top / "new" / "1.a.host").write_bytes(RAW)
    box.label("INBOX", "1.a.host", add=["reply"])
    assert files(top) == {"cur/1.a.host:2,a"}
    assert (top / "dovecot-keywords").read_text() == "0 $Claw.reply\n"


def test_keywords_of_others_keep_their_letters_and_are_not_listed(top: Path, box: Mailbox) -> None:
    (top / "dovecot-keywords").write_text("0 $Forwarded\n3 Junk\n")
    (top / "cur" / "1.a.host:2,Sad").write_bytes(RAW)
    box.label("INBOX", "1.a.host", add=["act"])
    [entry] = box.entries("INBOX")
    assert (entry.labels, entry.seen) == ({"act"}, True)
    assert files(top) == {"cur/1.a.host:2,Sabd"}
    assert (top / "dovecot-keywords").read_text() == "0 $Forwarded\n1 $Claw.act\n3 Junk\n"


def test_a_moved_mail_gets_the_letters_of_its_new_folder(top: Path, box: Mailbox) -> None:
    (top / "dovecot-keywords").write_text("0 $Claw.bulk\n1 Junk\n")
    (top / "cur" / "1.a.host:2,FSab").write_bytes(RAW)
    box.append("Bulk", RAW)
    (top / ".Bulk" / "dovecot-keywords").write_text("0 Other\n1 $Claw.bulk\n")
    box.move([Relocation(folder="INBOX", ref="1.a.host", to="Bulk")])
    assert "cur/1.a.host:2,FSbc" in files(top / ".Bulk")
    assert (top / ".Bulk" / "dovecot-keywords").read_text() == "0 Other\n1 $Claw.bulk\n2 Junk\n"


def test_a_27th_keyword_is_refused_and_changes_nothing(top: Path, box: Mailbox) -> None:
    (top / "dovecot-keywords").write_text("".join(f"{n} k{n}\n" for n in range(26)))
    (top / "new" / "1.a.host").write_bytes(RAW)
    with pytest.raises(Refused, match="no letter left"):
        box.label("INBOX", "1.a.host", add=["reply"])
    assert files(top) == {"new/1.a.host"}


def test_a_mail_that_another_program_flagged_meanwhile_is_still_moved(top: Path, box: Mailbox) -> None:
    (top / "new" / "1.a.host").write_bytes(RAW)
    assert [entry.ref for entry in box.entries("INBOX")] == ["1.a.host"]
    (top / "new" / "1.a.host").rename(top / "cur" / "1.a.host:2,S")
    assert box.move([Relocation(folder="INBOX", ref="1.a.host", to="Bulk")]) == ["1.a.host"]
    assert files(top / ".Bulk") == {"cur/1.a.host:2,S"}


def test_a_mail_that_is_in_both_folders_is_never_overwritten(top: Path, box: Mailbox) -> None:
    box.append("Bulk", RAW)
    (top / ".Bulk" / "cur" / "1.a.host:2,").write_bytes(b"one\n")
    (top / "cur" / "1.a.host:2,").write_bytes(b"two\n")
    with pytest.raises(Refused, match=r"is in 'INBOX' and in 'Bulk'"):
        box.move([Relocation(folder="INBOX", ref="1.a.host", to="Bulk")])
    assert (top / ".Bulk" / "cur" / "1.a.host:2,").read_bytes() == b"one\n"
    assert (top / "cur" / "1.a.host:2,").read_bytes() == b"two\n"


def test_a_link_out_of_the_mailbox_is_not_a_mail(top: Path, box: Mailbox) -> None:
    (top / "cur" / "1.a.host:2,").symlink_to("/etc/passwd")
    assert list(box.entries("INBOX")) == []


def test_listing_opens_no_mail(top: Path, box: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    (top / "cur" / "1.a.host:2,S").write_bytes(RAW)

    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError(f"opened {args}")

    monkeypatch.setattr(Path, "open", refuse)
    [entry] = box.entries("INBOX")
    assert (entry.size, entry.seen) == (len(RAW), True)


def test_500_labels_and_moves_cost_a_tenth_of_a_second(top: Path, box: Mailbox) -> None:
    for number in range(500):
        (top / "new" / f"{number}.a.host").write_bytes(RAW)
    refs = [entry.ref for entry in box.entries("INBOX")]
    started = time.process_time()
    box.label_many([Labelling(folder="INBOX", ref=ref, add=("bulk",)) for ref in refs])
    moved = box.move([Relocation(folder="INBOX", ref=ref, to="Bulk") for ref in refs])
    spent = time.process_time() - started
    assert moved == refs
    assert len(files(top / ".Bulk")) == 500
    # The goal is 0.1; twice that leaves room for a busy machine.
    assert spent < 0.2


def test_waiting_a_minute_costs_next_to_nothing(
    top: Path, box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A minute is 30 looks; here they follow each other within a second."""
    monkeypatch.setattr(maildir_module, "POLL_S", 0.02)
    list(box.entries("INBOX"))
    old = time.time_ns() - 10**9
    for place in ("new", "cur"):
        os.utime(top / place, ns=(old, old))
    list(box.entries("INBOX"))
    started = time.process_time()
    assert box.wait("INBOX", 0.6) is False
    assert time.process_time() - started < 0.05


def test_a_second_claw_is_told_who_holds_the_mailbox(top: Path, box: Mailbox) -> None:
    with pytest.raises(Busy, match=f"maildir:.*process {os.getpid()}") as caught:
        open_mailbox(f"maildir:{top}")
    assert "stop it" in caught.value.fix
    box.close()
    open_mailbox(f"maildir:{top}").close()


def test_a_maildir_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=f"maildir:{tmp_path}/none does not exist") as caught:
        open_mailbox(f"maildir:{tmp_path}/none")
    assert caught.value.fix


def test_a_directory_that_is_no_maildir_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a Maildir: it has no cur, new, tmp"):
        open_mailbox(f"maildir:{tmp_path}")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_no_torn_mail(top: Path, box: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(fd: int, data: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        with pytest.raises(Operational, match="disk is full") as caught:
            box.append("INBOX", RAW)
    assert "space" in caught.value.fix
    assert files(top) == set()
    assert list((top / "tmp").iterdir()) == []
    assert box.append("INBOX", RAW)


def test_a_folder_without_write_permission_is_refused(
    top: Path, box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root ignores modes, so the kernel's answer is played."""
    (top / "new" / "1.a.host").write_bytes(RAW)

    def forbidden(*args: object, **kwargs: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(args[0]))

    monkeypatch.setattr(os, "rename", forbidden)
    with pytest.raises(Refused, match="no right to change") as caught:
        box.label("INBOX", "1.a.host", add=["reply"])
    assert "owner" in caught.value.fix
    assert files(top) == {"new/1.a.host"}


@pytest.mark.dovecot
def test_dovecot_sees_our_labels_and_we_see_its_own(dovecot: Dovecot) -> None:
    person = dovecot.person()
    with dovecot.client(person) as client:
        client.append("INBOX", RAW, [r"\Seen", "$Claw.bulk", "Junk"])
    top = dovecot.maildir(person)
    box = open_mailbox(f"maildir:{top}")
    try:
        [entry] = box.entries("INBOX")
        assert (entry.labels, entry.seen) == ({"bulk"}, True)
        box.label("INBOX", entry.ref, add=["reply"])
        box.move([Relocation(folder="INBOX", ref=entry.ref, to="Später/Mehr")])
    finally:
        box.close()
    for path in [top, *top.rglob("*")]:
        os.chown(path, MAIL_UID, MAIL_UID)
    mailbox = open_mailbox(dovecot.address(person), secret=lambda: PASSWORD)
    try:
        [seen] = mailbox.entries("Später/Mehr")
        assert (seen.labels, seen.seen) == ({"bulk", "reply"}, True)
    finally:
        mailbox.close()
    with dovecot.client(person) as client:
        client.select_folder("Später/Mehr")
        [flags] = client.get_flags(client.search()).values()
    assert {b"$Claw.bulk", b"$Claw.reply", b"Junk", rb"\Seen"} <= set(flags)
