"""The same job against a real server, and the faults that servers have, as a person sees them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from email import message_from_bytes
from pathlib import Path

import pytest

from meshclaw.settings import secrets
from tests.cli.conftest import Meshclaw
from tests.servers.dovecot import (  # noqa: F401 - fixtures
    PASSWORD,
    Dovecot,
    running_dovecot,
    running_expired_dovecot,
)
from tests.servers.fake_imap import DO_THEN_DROP, DROP, FakeImap, running_fake_imap  # noqa: F401 - fixture
from tests.servers.relay import Relay

pytestmark = pytest.mark.dovecot


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text(PASSWORD + "\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def person(dovecot: Dovecot, letters: Path) -> str:
    person = dovecot.person()
    for letter in sorted(letters.iterdir()):
        dovecot.deliver(person, letter.read_bytes())
    return person


@pytest.fixture
def address(dovecot: Dovecot, person: str, meshclaw: Meshclaw, secret: Path) -> str:
    address = dovecot.address(person)
    said = meshclaw("mail", "connect", address, "--me", "ada@example.com", "--secret-file", str(secret))
    assert said.code == 0, said.err
    return address


def mails(dovecot: Dovecot, person: str) -> dict[str, int]:
    counts: dict[str, int] = {}
    with dovecot.client(person) as client:
        for _, _, folder in client.list_folders():
            client.select_folder(folder, readonly=True)
            if found := len(client.search()):
                counts[folder] = found
    return counts


def test_triage_undo_and_outcomes_over_imap(
    dovecot: Dovecot, person: str, address: str, meshclaw: Meshclaw
) -> None:
    said = meshclaw("mail", "triage", "--json").json()
    assert said["messages"] == 24
    placed: dict[str, int] = {}
    for placement in said["placements"]:
        placed[placement["folder"]] = placed.get(placement["folder"], 0) + 1
    assert mails(dovecot, person) == placed
    with dovecot.client(person) as client:  # the person moves the newsletters back and answers a mail
        client.select_folder("Bulk")
        client.move(client.search(), "INBOX")
        client.select_folder("INBOX")
        client.add_flags(client.search(["KEYWORD", "$Claw.reply"])[:1], ["\\Answered"])
    again = meshclaw("mail", "triage", "--json").json()
    assert (again["messages"], again["observed"]) == (0, {"undone": 3, "stood": 1})
    assert (
        meshclaw("run", "undo", said["run"], "--json").json()["failed"] == 3
    )  # those the person moved themselves
    assert mails(dovecot, person) == {"INBOX": 24}
    assert meshclaw("ledger", "verify").code == 0


def test_a_wrong_password_is_a_sign_in_problem(dovecot: Dovecot, meshclaw: Meshclaw, secret: Path) -> None:
    secret.write_text("wrong")
    said = meshclaw("mail", "connect", dovecot.address(dovecot.person()), "--secret-file", str(secret))
    assert said.code == 4
    assert "wrong" not in said.err.replace("wrong password", "")
    assert meshclaw("mail", "accounts", "--json").json() == []


def test_a_password_from_standard_input_is_kept_only_if_it_opens_the_mailbox(
    dovecot: Dovecot, meshclaw: Meshclaw, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: dict[str, str] = {}
    monkeypatch.setattr(secrets, "to_keyring", kept.__setitem__)
    address = dovecot.address(dovecot.person())
    assert meshclaw("mail", "connect", address, "--secret-stdin", stdin="wrong\n").code == 4
    assert (
        meshclaw("mail", "connect", address, "--secret-stdin", "--dry-run", stdin=f"{PASSWORD}\n").code == 0
    )
    assert kept == {}
    assert meshclaw("mail", "connect", address, "--secret-stdin", stdin=f"{PASSWORD}\n").code == 0
    assert kept == {address: PASSWORD}


def test_a_secret_that_others_can_read_is_refused(dovecot: Dovecot, meshclaw: Meshclaw, secret: Path) -> None:
    secret.chmod(0o644)
    said = meshclaw("mail", "connect", dovecot.address(dovecot.person()), "--secret-file", str(secret))
    assert (said.code, "chmod 600" in said.err) == (2, True)


def test_an_expired_certificate_is_told_and_nothing_is_sent_in_the_clear(
    expired_dovecot: Dovecot, meshclaw: Meshclaw, secret: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(expired_dovecot.ca))
    address = expired_dovecot.address(expired_dovecot.person(), tls=True)
    said = meshclaw("mail", "connect", address, "--secret-file", str(secret))
    assert (said.code, "expired" in said.err) == (1, True), said.err


def test_a_server_that_is_not_there_is_told(meshclaw: Meshclaw, secret: Path) -> None:
    said = meshclaw("mail", "triage", "imap://nobody@127.0.0.1:9", "--me", "ada@example.com")
    assert said.code in (1, 4)
    assert "127.0.0.1" in said.err


def test_two_claws_on_one_mailbox_do_nothing_twice(
    dovecot: Dovecot, person: str, address: str, tmp_path: Path, secret: Path
) -> None:
    """Two people's machines, two state folders, one mailbox, at the same moment."""
    homes = [tmp_path / name for name in ("one", "two")]
    root = Path(__file__).parents[2]
    for home in homes:
        home.mkdir()
        subprocess.run(
            [sys.executable, "-m", "meshclaw", "mail", "connect", address, "--secret-file", secret],
            env={**os.environ, "MESHCLAW_HOME": str(home)}, check=True, capture_output=True, cwd=root,
        )  # fmt: skip
    claws = [
        subprocess.Popen(
            [sys.executable, "-m", "meshclaw", "mail", "triage", "--json"],
            env={**os.environ, "MESHCLAW_HOME": str(home)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=root,
        )
        for home in homes
    ]  # fmt: skip
    said = [claw.communicate(timeout=60) for claw in claws]
    assert sum(mails(dovecot, person).values()) == 24
    done = []
    for home in homes:
        export = subprocess.run(
            [sys.executable, "-m", "meshclaw", "ledger", "export"], env={**os.environ, "MESHCLAW_HOME": str(home)},
            capture_output=True, text=True, check=True, cwd=root,
        )  # fmt: skip
        events = [json.loads(line)["event"] for line in export.stdout.splitlines()]
        decided = {e["external_id"]: e for e in events if e["kind"] == "action.decided"}
        performed = [decided[e["external_id"]] for e in events if e["kind"] == "action.performed"]
        done.append({one["arguments"]["message"] for one in performed if one["effect"] != "read"})
    assert not done[0] & done[1], said
    assert len(done[0] | done[1]) == 24


def test_a_locked_maildir_says_who_holds_it(meshclaw: Meshclaw, maildir: Path, tmp_path: Path) -> None:
    code = """
import sys, time
from meshclaw.connectors.mail.mailbox.open import open_mailbox
box = open_mailbox(sys.argv[1])
print("open", flush=True)
time.sleep(60)
"""
    with subprocess.Popen(
        [sys.executable, "-c", code, f"maildir:{maildir}"], stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"open\n"
        said = meshclaw("mail", "triage", f"maildir:{maildir}")
        other.kill()
    assert (said.code, str(other.pid) in said.err) == (1, True), said.err
    assert meshclaw("mail", "triage", f"maildir:{maildir}").code == 0


@pytest.mark.parametrize("fault", [DROP, DO_THEN_DROP, "the disk of the server is full"])
@pytest.mark.parametrize("command", ["UID MOVE", "UID STORE", "UID FETCH"])
def test_a_server_that_fails_in_the_middle_costs_nothing_but_a_second_try(  # noqa: PLR0917
    fake_imap: FakeImap, meshclaw: Meshclaw, secret: Path, letters: Path, fault: str, command: str
) -> None:
    kept = sorted(letter.read_bytes() for letter in sorted(letters.iterdir())[::4])
    for raw in kept:
        fake_imap.add(raw)
    assert meshclaw("mail", "connect", fake_imap.address, "--secret-file", str(secret)).code == 0
    fake_imap.faults = {command: fault}
    first = meshclaw("mail", "triage", "--json")
    assert first.code == 1
    assert "127.0.0.1" in first.err + first.out
    fake_imap.faults = {}
    second = meshclaw("mail", "triage", "--json")
    assert second.code == 0, (first.err, second.err, second.out)
    assert sorted(raw for folder in fake_imap.folders.values() for raw, _ in folder.values()) == kept
    placed = {folder: len(there) for folder, there in fake_imap.folders.items() if there}
    moved = {one["arguments"]["message"]: one["arguments"].get("to", "INBOX") for one in actions(meshclaw)}
    assert len(moved) == len(kept)
    assert placed == {folder: list(moved.values()).count(folder) for folder in set(moved.values())}


DROP_SECOND_COPIES = """
require ["duplicate"];
if duplicate :header "message-id" { discard; }
"""


def test_a_mail_in_doubt_that_is_sent_again_reaches_a_filtering_recipient_once(
    dovecot: Dovecot, meshclaw: Meshclaw, secret: Path
) -> None:
    """The Message-ID is fixed by the draft, so a person who sends it again after an *unknown* does no harm."""
    me, other = dovecot.person(), dovecot.person()
    dovecot.filter(other, DROP_SECOND_COPIES)
    relay = Relay(lmtp=dovecot.lmtp)
    try:
        smtp = f"smtp://127.0.0.1:{relay.port}"
        meshclaw(
            "mail", "connect", dovecot.address(me), "--me", me, "--smtp", smtp, "--secret-file", str(secret)
        )
        draft = meshclaw(
            "mail", "draft", "--to", other, "--subject", "Samples", stdin="Ready.\n"
        ).err.split()[-1]
        relay.fault = "drop after accept"
        for expected in (1, 0):  # in doubt first; sent when the person insists
            assert meshclaw("mail", "send", draft).code == 0
            [waiting] = meshclaw("approvals", "list", "--json").json()
            assert meshclaw("approvals", "allow", waiting["id"]).code == expected  # type: ignore[index]
            relay.fault = ""
        assert len(relay.delivered) == 2
        assert len({message_from_bytes(raw)["Message-ID"] for _, _, raw in relay.delivered}) == 1
    finally:
        relay.stop()
    assert mails(dovecot, other) == {"INBOX": 1}
    assert mails(dovecot, me)["INBOX"] == 2  # no filter here: both copies are seen


def actions(meshclaw: Meshclaw) -> list[dict]:
    """Every action that is known to have been done, of every run."""
    events = [json.loads(line)["event"] for line in meshclaw("ledger", "export").out.splitlines()]
    decided = {event["external_id"]: event for event in events if event["kind"] == "action.decided"}
    done = {event["external_id"] for event in events if event["kind"] == "action.performed"}
    return [decided[id_] for id_ in done if decided[id_]["effect"] != "read"]
