"""An mbox on disk: other programs' lines, one rewrite for many moves, crashes half-way."""

from __future__ import annotations

import errno
import mailbox as stdlib
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from meshclaw.connectors.mail.mailbox.base import Mailbox, Relocation
from meshclaw.connectors.mail.mailbox.mbox import file as mbox_file
from meshclaw.connectors.mail.mailbox.mbox.file import MboxFile
from meshclaw.connectors.mail.mailbox.open import open_mailbox
from meshclaw.errors import Busy, NotFound, Operational, Refused, UserError


def mail(number: int) -> bytes:
    head = f"From bob@mesh.test Thu Jan  1 00:00:0{number % 10} 2026\nSubject: mail {number}\n"
    return f"{head}\nbody {number}\n\n".encode()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "mbox"
    path.write_bytes(b"".join(map(mail, range(3))))
    return path


@pytest.fixture
def box(path: Path) -> Iterator[Mailbox]:
    mailbox = open_mailbox(f"mbox:{path}")
    yield mailbox
    mailbox.close()


def refs(box: Mailbox, folder: str = "INBOX") -> list[str]:
    return [entry.ref for entry in box.entries(folder)]


def to(folder: str, refs: list[str]) -> list[Relocation]:
    return [Relocation(folder="INBOX", ref=ref, to=folder) for ref in refs]


def test_lines_that_mail_readers_rewrite_do_not_change_a_ref(path: Path, box: Mailbox) -> None:
    before = refs(box)
    extra = b"Status: RO\nX-Status: AF\nX-Keywords: Junk $Claw.act    \nContent-Length: 7\nX-UID: 12\nX-IMAPbase: 1 2\n"
    path.write_bytes(path.read_bytes().replace(b"Subject: mail 1\n", extra + b"Subject: mail 1\n"))
    assert refs(box) == before
    entry = list(box.entries("INBOX"))[1]
    assert (entry.seen, entry.answered, entry.flagged, entry.labels) == (True, True, True, {"act"})
    assert box.read("INBOX", before[1], 1000) == b"Subject: mail 1\n\nbody 1\n"


def test_a_label_leaves_every_other_byte_alone(path: Path, box: Mailbox) -> None:
    original = path.read_bytes()
    [_, ref, _] = refs(box)
    box.label("INBOX", ref, add=["reply"])
    assert path.read_bytes() == original.replace(
        b"Subject: mail 1\n", b"Subject: mail 1\nX-Keywords: $Claw.reply\n"
    )
    box.label("INBOX", ref, remove=["reply"])
    assert path.read_bytes() == original


def test_the_date_of_the_from_line_is_when_it_was_received(box: Mailbox) -> None:
    assert [entry.received for entry in box.entries("INBOX")] == [1767225600.0, 1767225601.0, 1767225602.0]


def test_500_mails_moved_at_once_rewrite_the_file_once(
    path: Path, box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_bytes(b"".join(map(mail, range(500))))
    rewrites: list[Path] = []
    real = MboxFile.rewrite
    monkeypatch.setattr(
        MboxFile, "rewrite", lambda self, change: (rewrites.append(self.path), real(self, change))[1]
    )
    before = refs(box)
    assert box.move(to("Bulk", before)) == before
    assert rewrites == [path]
    assert path.read_bytes() == b""
    assert refs(box, "Bulk") == before


def test_identical_mails_are_told_apart_and_none_is_lost(path: Path, box: Mailbox) -> None:
    path.write_bytes(mail(1) * 3)
    before = refs(box)
    assert len(set(before)) == 3
    box.move(to("Bulk", before[:2]))
    assert (len(refs(box)), len(refs(box, "Bulk"))) == (1, 2)


def test_a_crash_between_append_and_delete_is_finished_by_the_same_move(path: Path) -> None:
    script = textwrap.dedent(f"""
        import os
        from meshclaw.connectors.mail.mailbox.base import Relocation
        from meshclaw.connectors.mail.mailbox.mbox.file import MboxFile
        from meshclaw.connectors.mail.mailbox.open import open_mailbox
        MboxFile.rewrite = lambda self, change: os._exit(9)
        box = open_mailbox("mbox:{path}")
        box.move([Relocation(folder="INBOX", ref=e.ref, to="Bulk") for e in box.entries("INBOX")])
    """)
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 9
    box = open_mailbox(f"mbox:{path}")
    try:
        before = refs(box)
        assert (len(before), len(refs(box, "Bulk"))) == (3, 3)
        assert box.move(to("Bulk", before)) == before
        assert (refs(box), refs(box, "Bulk")) == ([], before)
    finally:
        box.close()


def test_a_last_mail_without_its_empty_line_keeps_apart_from_the_next(path: Path, box: Mailbox) -> None:
    path.write_bytes(mail(0) + mail(1).rstrip(b"\n"))
    before = refs(box)
    box.move(to("Bulk", before[::-1]))
    box.append("Bulk", b"Subject: third\n\nx")
    assert refs(box, "Bulk")[:2] == before[::-1]
    with closing(stdlib.mbox(path.with_name("mbox.Bulk"), create=False)) as other_program:
        assert len(other_program) == 3


def test_a_rewritten_file_keeps_its_mode_and_owner(path: Path, box: Mailbox) -> None:
    path.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(path, 1999, 1999)
    before = path.stat()
    box.move(to("Bulk", refs(box)[:1]))
    after = path.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert sorted(item.name for item in path.parent.iterdir()) == ["mbox", "mbox.Bulk", "mbox.meshclaw.lock"]


def test_another_programs_lock_is_waited_for_and_then_named(
    path: Path, box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mbox_file, "LOCK_WAIT_S", 0.2)
    path.with_name("mbox.lock").touch()
    with pytest.raises(Busy, match="locked by another mail program") as caught:
        refs(box)
    assert "mbox.lock" in caught.value.fix
    path.with_name("mbox.lock").unlink()
    assert len(refs(box)) == 3


def test_a_lock_left_by_a_crash_is_taken_away(path: Path, box: Mailbox) -> None:
    lock = path.with_name("mbox.lock")
    lock.touch()
    os.utime(lock, (0, 0))
    assert len(refs(box)) == 3
    assert not lock.exists()


def test_a_second_claw_is_told_who_holds_the_mailbox(path: Path, box: Mailbox) -> None:
    with pytest.raises(Busy, match=f"process {os.getpid()}"):
        open_mailbox(f"mbox:{path}")


def test_an_mbox_that_does_not_exist_or_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="does not exist"):
        open_mailbox(f"mbox:{tmp_path}/none")
    with pytest.raises(UserError, match="not a file"):
        open_mailbox(f"mbox:{tmp_path}")
    (tmp_path / "text").write_text("Dear diary\n")
    with pytest.raises(UserError, match="not an mbox"):
        open_mailbox(f"mbox:{tmp_path}/text")
    assert (tmp_path / "text").read_text() == "Dear diary\n"


def test_a_full_disk_leaves_both_files_as_they_were(
    path: Path, box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    box.append("Bulk", b"Subject: there\n\nx\n")
    before = refs(box)
    there = path.with_name("mbox.Bulk").read_bytes()
    here = path.read_bytes()

    def full(fd: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(Operational, match="disk is full"):
            box.move(to("Bulk", before))
    assert (path.read_bytes(), path.with_name("mbox.Bulk").read_bytes()) == (here, there)
    assert box.move(to("Bulk", before)) == before


def test_a_file_we_may_not_replace_is_refused(
    path: Path, box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root ignores modes, so the kernel's answer is played."""
    ref = refs(box)[0]

    def forbidden(self: Path, target: Path) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(target))

    monkeypatch.setattr(Path, "replace", forbidden)
    with pytest.raises(Refused, match="no right to change"):
        box.label("INBOX", ref, add=["reply"])
    assert [entry.labels for entry in box.entries("INBOX")] == [frozenset()] * 3
    assert sorted(item.name for item in path.parent.iterdir()) == ["mbox", "mbox.meshclaw.lock"]
