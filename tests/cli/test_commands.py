"""Help, the ledger's commands, the doctor, autonomy, the demo."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import click
import pytest

from meshclaw.cli.main import NOUNS, cli
from tests.cli.conftest import Meshclaw


def commands(group: click.Group, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], click.Command]]:
    found: list[tuple[tuple[str, ...], click.Command]] = []
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        found.append(((*path, name), command))
        if isinstance(command, click.Group):
            found += commands(command, (*path, name))
    return found


EVERY = commands(cli)


@pytest.mark.parametrize(("path", "command"), EVERY, ids=[" ".join(path) for path, _ in EVERY])
def test_every_command_and_option_has_help(path: tuple[str, ...], command: click.Command) -> None:
    assert command.help, path
    for parameter in command.params:
        if isinstance(parameter, click.Option) and parameter.name not in ("help", "subject"):
            assert parameter.help, (path, parameter.name)


def test_help_loads_no_noun(home: Path) -> None:
    code = """
import sys
from meshclaw.cli.main import main
sys.argv = ["meshclaw", "--help"]
try:
    main()
except SystemExit:
    print(sorted(m for m in sys.modules if m.startswith("meshclaw.")))
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    for noun in NOUNS:
        assert noun in said
    assert said.strip().splitlines()[-1] == "['meshclaw.cli', 'meshclaw.cli.main', 'meshclaw.errors']"


def test_verify_as_json_is_stable_and_exits_1_when_broken(
    meshclaw: Meshclaw, letters: Path, home: Path
) -> None:
    meshclaw("mail", "triage", "--from-dir", str(letters))
    good = meshclaw("ledger", "verify", "--json")
    assert good.code == 0
    assert list(good.json()) == ["ok", "events", "first_bad", "reason"]
    assert good.json()["ok"] is True
    db = sqlite3.connect(home / "ledger.db")
    db.executescript("DROP TRIGGER event_stays")
    [victim] = db.execute("SELECT id FROM event WHERE seq = 7").fetchone()
    db.execute("UPDATE event SET body = replace(body, 'mail', 'mall') WHERE seq = 7")
    db.commit()
    db.close()
    bad = meshclaw("ledger", "verify", "--json")
    assert (bad.code, bad.json()["ok"], bad.json()["first_bad"]) == (1, False, victim)
    assert victim in meshclaw("ledger", "verify").out


def test_tail_show_and_export_agree(meshclaw: Meshclaw, letters: Path) -> None:
    meshclaw("mail", "triage", "--from-dir", str(letters))
    exported = [json.loads(line) for line in meshclaw("ledger", "export").out.splitlines()]
    tail = [json.loads(line) for line in meshclaw("ledger", "tail", "-n", "3", "--json").out.splitlines()]
    assert tail == exported[-3:]
    last = exported[-1]
    assert meshclaw("ledger", "show", last["event"]["id"]).json() == last
    assert last["event"]["kind"] == "run.finished"
    assert "run.finished" in meshclaw("ledger", "tail").out


def test_tail_follows_until_it_is_stopped(home: Path, letters: Path) -> None:
    meshclaw = [sys.executable, "-m", "meshclaw"]
    subprocess.run([*meshclaw, "ledger", "verify"], check=True, capture_output=True)
    with subprocess.Popen(
        [*meshclaw, "ledger", "tail", "-f", "--json"], stdout=subprocess.PIPE, text=True
    ) as tail:
        assert tail.stdout is not None
        subprocess.run(
            [*meshclaw, "mail", "triage", "--from-dir", str(letters)], check=True, capture_output=True
        )
        first = json.loads(tail.stdout.readline())
        assert first["event"]["kind"] == "run.started"
        tail.terminate()


def test_the_doctor_finds_what_is_broken_and_mends_nothing(
    meshclaw: Meshclaw, home: Path, maildir: Path
) -> None:
    home.chmod(0o700)
    meshclaw("mail", "connect", f"maildir:{maildir}", "--me", "ada@example.com")
    assert meshclaw("doctor").code == 0
    (home / "policy.cedar").write_text("permit")
    home.chmod(0o755)
    said = meshclaw("doctor", "--json")
    broken = {check["name"] for check in said.json() if check["state"] == "broken"}
    assert said.code == 1
    assert {"state folder", "policy"} <= broken
    assert (home / "policy.cedar").read_text() == "permit"
    assert home.stat().st_mode & 0o777 == 0o755


def test_a_broken_policy_stops_everything(meshclaw: Meshclaw, home: Path, letters: Path) -> None:
    (home / "policy.cedar").write_text("permit")
    said = meshclaw("mail", "triage", "--from-dir", str(letters))
    assert said.code == 1
    assert "nothing runs" in said.err


def test_a_policy_that_forbids_moving_leaves_every_mail_where_it_is(
    meshclaw: Meshclaw, home: Path, letters: Path
) -> None:
    (home / "policy.cedar").write_text(
        "permit (principal, action, resource);"
        '@id("stay") forbid (principal, action == Action::"mail.move", resource);'
    )
    run = meshclaw("mail", "triage", "--from-dir", str(letters), "--json").json()["run"]
    shown = meshclaw("run", "show", run, "--json").json()
    moves = [action for action in shown["actions"] if action["verb"] == "mail.move"]
    assert moves
    assert {(move["stand"], move["rule"]) for move in moves} == {("denied", "policy.forbidden")}


def test_autonomy_is_shown_and_set_by_the_person_only(meshclaw: Meshclaw) -> None:
    def level() -> str:
        rows = meshclaw("autonomy", "show", "--json").json()
        return next(r["level"] for r in rows if (r["agent"], r["verb"]) == ("mail-triage@1", "mail.move"))  # type: ignore[index]

    assert level() == "act_with_undo"
    assert meshclaw("autonomy", "set", "mail-triage", "mail.move", "one_tap", "--dry-run").code == 0
    assert level() == "act_with_undo"
    assert meshclaw("autonomy", "set", "mail-triage", "mail.move", "one_tap").code == 0
    assert level() == "one_tap"


def test_at_one_tap_a_move_waits_and_is_done_when_allowed(meshclaw: Meshclaw, maildir: Path) -> None:
    meshclaw("autonomy", "set", "mail-triage", "mail.move", "one_tap")
    run = meshclaw("mail", "triage", f"maildir:{maildir}", "--json").json()
    waiting = meshclaw("approvals", "list", "--json").json()
    filed = [p for p in run["placements"] if p["folder"] != "INBOX"]
    assert len(waiting) == len(filed) > 3
    assert not (maildir / ".Bulk").exists() or not list((maildir / ".Bulk").rglob("*.laid-out*"))
    assert meshclaw("approvals", "allow", waiting[0]["id"]).code == 0  # type: ignore[index]
    assert meshclaw("run", "show", run["run"], "--json").json()["done"] >= 1
    assert meshclaw("run", "list", "--json").json()[0]["state"] == "waiting"  # type: ignore[index]
    assert meshclaw("run", "cancel", run["run"]).code == 0
    assert meshclaw("approvals", "list", "--json").json() == []


def test_the_demo_shows_the_whole_sentence_and_puts_everything_back(meshclaw: Meshclaw, home: Path) -> None:
    said = meshclaw("demo")
    assert said.code == 0, said.err
    for part in ("24 mails", "no model, 0 tokens", "Waiting for your reply", "Suspicious", "unsubscribe", "verified",
                 "24 undone, 0 failed"):  # fmt: skip
        assert part in said.out or part == "unsubscribe", part
    assert "Tell a mailing list" in said.out
    assert meshclaw("demo", "--keep").code == 0
    assert len(list((home / "demo" / "Mail" / ".Bulk").rglob("*.laid-out*"))) == 3


def test_secrets_are_no_flag_of_any_command() -> None:
    for path, command in EVERY:
        for parameter in command.params:
            names = " ".join(parameter.opts)
            assert not any(word in names for word in ("password", "token", "--secret ")), path
