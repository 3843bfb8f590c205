"""The issue: the process is killed with SIGKILL at every step of ``act`` (before and after each write, each network
send); after each restart the mailbox and the relay hold exactly one effect, or an honest *unknown* that the probe
then settles."""

from __future__ import annotations

import json
import mailbox as stdlib
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email import message_from_bytes
from pathlib import Path

import pytest

from meshclaw.connectors.mail.mailbox.from_dir import lay_out
from meshclaw.flow.event.action import ActionDecided, ActionPerformed
from meshclaw.ledger.ledger import Ledger
from meshclaw.runs.run import tell_last
from meshclaw.testing.demo_mail import write_demo
from tests.servers.dovecot import PASSWORD, Dovecot, running_dovecot, wait_until  # noqa: F401
from tests.servers.relay import Relay

pytestmark = pytest.mark.timeout(900)

Where = Callable[[], list[tuple[str, str]]]
"""Lists (folder, Message-ID) of every mail there is."""


def run(words: tuple[str, ...], home: Path, *, kill_at: int = 0) -> subprocess.CompletedProcess[str]:
    entry = ["-m", "tests.runs.crashing", str(kill_at)] if kill_at else ["-m", "meshclaw"]
    return subprocess.run(
        [sys.executable, *entry, *words], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
        env={**os.environ, "MESHCLAW_HOME": str(home)}, cwd=Path(__file__).parents[2], timeout=60,
    )  # fmt: skip


@pytest.fixture
def few(tmp_path: Path) -> list[bytes]:
    """A handful of mails that are labelled, filed and set aside."""
    write_demo(tmp_path / "letters", datetime.now(UTC))
    files = sorted((tmp_path / "letters").iterdir())
    return [path.read_bytes() for path in files][::6]


def message_ids(raws: list[bytes]) -> list[str]:
    return [message_from_bytes(raw)["Message-ID"] for raw in raws]


def moments(home: Path) -> Iterator[tuple[int, Path]]:
    for number in range(1, 1000):
        folder = home / str(number)
        folder.mkdir(parents=True)
        yield number, folder


def check_after(home: Path, words: tuple[str, ...], where: Where, ids: list[str], moment: int) -> None:
    """One restart, and everything is as if nothing had happened."""
    again = run(words, home)
    assert again.returncode == 0, (moment, again.stderr)
    ledger = Ledger(home)
    try:
        assert ledger.verify().ok, moment
        receipts = Counter(event.external_id for event in ledger.events(ActionPerformed))
        decided = {e.external_id: e for e in ledger.events(ActionDecided) if e.effect != "read"}
        assert all(receipts[id_] == 1 for id_ in decided), (moment, receipts)
        assert len(decided) == len(ids), moment
        assert {told.state for told in tell_last(ledger, ledger.contents, 10)} == {"done"}, moment
    finally:
        ledger.close()
    mails = where()
    assert sorted(id_ for _, id_ in mails) == sorted(ids), (moment, mails)
    filed = Counter(folder for folder, _ in mails)
    targets = Counter(str(e.arguments.get("to", "INBOX")) for e in decided.values())
    assert filed == targets, (moment, filed, targets)


def kill_everywhere(words: tuple[str, ...], home: Path, prepare: Callable[[Path], tuple[tuple[str, ...], Where]],
                    ids: list[str]) -> int:  # fmt: skip
    """Kill at each moment in turn until the command ends before the next one; returns how many kills there were."""
    for moment, folder in moments(home):
        where_words, where = prepare(folder)
        killed = run((*words, *where_words), folder, kill_at=moment)
        if killed.returncode == 99:
            return moment - 1
        assert killed.returncode == -9, (moment, killed.stderr)
        check_after(folder, (*words, *where_words), where, ids, moment)
    raise AssertionError("the command never ended")


def test_triage_of_a_maildir_killed_at_every_moment(few: list[bytes], tmp_path: Path) -> None:
    letters = tmp_path / "few"
    letters.mkdir()
    for number, raw in enumerate(few):
        (letters / f"{number}.eml").write_bytes(raw)

    def prepare(folder: Path) -> tuple[tuple[str, ...], Where]:
        maildir = folder / "Mail"
        lay_out(letters, maildir)
        return (f"maildir:{maildir}",), lambda: maildir_mails(maildir)

    kills = kill_everywhere(("mail", "triage"), tmp_path / "homes", prepare, message_ids(few))
    assert kills > 20


def maildir_mails(maildir: Path) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for path in maildir.rglob("*"):
        if path.parent.name in ("cur", "new") and path.is_file():
            folder = path.parent.parent.name.lstrip(".") if path.parent.parent != maildir else "INBOX"
            found.append((folder, message_from_bytes(path.read_bytes())["Message-ID"]))
    return found


def test_triage_of_an_mbox_killed_at_every_moment(few: list[bytes], tmp_path: Path) -> None:
    def prepare(folder: Path) -> tuple[tuple[str, ...], Where]:
        path = folder / "inbox"
        box = stdlib.mbox(path)
        for raw in few:
            box.add(raw)
        box.close()
        return (f"mbox:{path}",), lambda: mbox_mails(path)

    kills = kill_everywhere(("mail", "triage"), tmp_path / "homes", prepare, message_ids(few))
    assert kills > 20


def mbox_mails(inbox: Path) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for path in inbox.parent.glob("inbox*"):
        if path.suffix == ".lock" or path.name.endswith("meshclaw.lock"):
            continue
        box = stdlib.mbox(path, create=False)
        folder = path.name.removeprefix("inbox").lstrip(".") or "INBOX"
        found += [(folder, message["Message-ID"]) for message in box]
        box.close()
    return found


@pytest.mark.dovecot
def test_triage_over_imap_killed_at_every_moment(few: list[bytes], tmp_path: Path, dovecot: Dovecot) -> None:
    def prepare(folder: Path) -> tuple[tuple[str, ...], Where]:
        person = dovecot.person()
        for raw in few:
            dovecot.deliver(person, raw)
        address = connect(folder, dovecot, person)
        return (address,), lambda: imap_mails(dovecot, person)

    kills = kill_everywhere(("mail", "triage"), tmp_path / "homes", prepare, message_ids(few))
    assert kills > 40


def connect(home: Path, dovecot: Dovecot, person: str, *more: str) -> str:
    secret = home / "secret"
    secret.write_text(PASSWORD)
    secret.chmod(0o600)
    address = dovecot.address(person)
    done = run(("mail", "connect", address, "--me", person, "--secret-file", str(secret), *more), home)
    assert done.returncode == 0, done.stderr
    return address


def imap_mails(dovecot: Dovecot, person: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    with dovecot.client(person) as client:
        for _, _, folder in client.list_folders():
            client.select_folder(folder, readonly=True)
            uids = client.search()
            mails = client.fetch(uids, ["BODY.PEEK[]"]).values() if uids else ()
            found += [(folder, message_from_bytes(data[b"BODY[]"])["Message-ID"]) for data in mails]
    return found


@pytest.mark.dovecot
def test_a_send_killed_at_every_moment_goes_out_at_most_once_and_is_never_lied_about(
    tmp_path: Path, dovecot: Dovecot
) -> None:
    relay = Relay(lmtp=dovecot.lmtp)
    try:
        stands = Counter(
            send_and_kill(dovecot, relay, folder, moment) for moment, folder in until_over(tmp_path / "homes")
        )
    finally:
        relay.stop()
    assert stands.pop("over") == 1
    assert stands["done"] > 10
    assert set(stands) <= {"done", "unknown"}


OVER: list[bool] = []


def until_over(home: Path) -> Iterator[tuple[int, Path]]:
    OVER.clear()
    for moment, folder in moments(home):
        yield moment, folder
        if OVER:
            return


def send_and_kill(dovecot: Dovecot, relay: Relay, home: Path, moment: int) -> str:
    """What the run says in the end about the one mail, having been killed and resumed."""
    me, other = dovecot.person(), dovecot.person()
    connect(home, dovecot, me, "--smtp", f"smtp://127.0.0.1:{relay.port}")
    drafted = subprocess.run(
        [sys.executable, "-m", "meshclaw", "mail", "draft", "--to", other, "--subject", "Samples"],
        input="They are ready.\n", env={**os.environ, "MESHCLAW_HOME": str(home)}, capture_output=True, text=True,
        check=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert run(("mail", "send", drafted.stderr.split()[-1]), home).returncode == 0
    [waiting] = json.loads(run(("approvals", "list", "--json"), home).stdout)
    before = len(relay.delivered)
    killed = run(("approvals", "allow", waiting["id"]), home, kill_at=moment)
    if killed.returncode == 99:
        OVER.append(True)
        assert len(relay.delivered) == before + 1
        return "over"
    assert killed.returncode == -9, (moment, killed.stderr)
    if len(relay.delivered) > before:
        wait_until(lambda: folders_of(dovecot, me, "INBOX"), "the journal copy arrives")
    shown = json.loads(run(("run", "show", waiting["run"], "--json"), home).stdout)
    if shown["state"] == "running":
        resumed = run(("run", "resume", waiting["run"], "--json"), home)
        assert resumed.returncode in (0, 1), (moment, resumed.stderr)
        assert resumed.stdout, (moment, resumed.stderr)
        shown = json.loads(run(("run", "show", waiting["run"], "--json"), home).stdout)
    elif shown["state"] == "waiting":  # killed before the yes was on record: the person says it again
        assert run(("approvals", "allow", waiting["id"]), home).returncode == 0
        shown = json.loads(run(("run", "show", waiting["run"], "--json"), home).stdout)
    sent = relay.delivered[before:]
    [action] = [one for one in shown["actions"] if one["verb"] == "mail.send"]
    assert len(sent) <= 1, moment
    assert len(folders_of(dovecot, other, "INBOX")) == len(sent), moment
    assert (action["stand"] == "done") == (len(sent) == 1), (moment, action["stand"], len(sent))
    assert run(("ledger", "verify"), home).returncode == 0
    return str(action["stand"])


def folders_of(dovecot: Dovecot, person: str, folder: str) -> list[str]:
    return [id_ for name, id_ in imap_mails(dovecot, person) if name == folder]
