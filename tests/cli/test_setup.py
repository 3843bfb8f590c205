"""``meshclaw setup``: what is set up is told by the machine itself; each step is proved, skipped or done again."""

from __future__ import annotations

import os
import pty
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import Popen

import pytest

from tests.cli.conftest import Meshclaw, snapshot

STEPS = ["folder", "sandbox", "mailbox", "model", "slack", "rights", "service", "ask"]
Talk = Callable[..., str]


@pytest.fixture
def talk(home: Path, tmp_path: Path) -> Talk:
    """Runs ``meshclaw`` on a terminal, with a person who answers what is asked: the first word that fits, in turn."""

    def run(*words: str, answers: list[tuple[str, str]]) -> str:
        environment = {
            **os.environ, "MESHCLAW_HOME": str(home), "TERM": "dumb", "XDG_CONFIG_HOME": str(tmp_path / "config"),
        }  # fmt: skip
        main, other = pty.openpty()
        shown, at = "", 0
        command = [sys.executable, "-m", "meshclaw", *words]
        with Popen(command, stdin=other, stdout=other, stderr=other, env=environment):
            os.close(other)
            while True:
                try:
                    piece = os.read(main, 4096).decode("utf-8", "replace")
                except OSError:  # it has ended
                    break
                shown += piece
                if answers and answers[0][0] in shown[at:]:
                    at = len(shown)
                    os.write(main, f"{answers.pop(0)[1]}\n".encode())
        os.close(main)
        assert not answers, (answers, shown)
        return shown

    return run


def test_a_program_is_told_what_is_set_up_and_what_is_not(
    meshclaw: Meshclaw, home: Path, maildir: Path
) -> None:
    home.chmod(0o700)
    told = meshclaw("setup", "--json").json()
    assert list(told["steps"]) == STEPS
    states = {name: one["state"] for name, one in told["steps"].items()}
    assert states["folder"] == "done"
    assert {states[name] for name in ("mailbox", "model", "slack", "rights", "ask")} == {"open"}
    assert told["complete"] is False
    meshclaw("mail", "connect", f"maildir:{maildir}", "--me", "ada@example.com")
    assert meshclaw("setup", "mailbox", "--json").json()["steps"]["mailbox"]["state"] == "done"
    assert "mailbox" in meshclaw("setup").out
    assert meshclaw("setup", "nonsense").code == 2


def test_what_is_broken_says_so(meshclaw: Meshclaw, home: Path) -> None:
    home.chmod(0o755)
    said = meshclaw("setup", "folder", "--json")
    assert (said.code, said.json()["steps"]["folder"]["state"]) == (1, "broken")
    home.chmod(0o700)
    (home / "models.toml").write_text("[[")
    assert meshclaw("setup", "model", "--json").json()["steps"]["model"]["state"] == "broken"


def test_it_changes_and_installs_nothing_when_nobody_is_there(meshclaw: Meshclaw, home: Path) -> None:
    home.chmod(0o700)
    meshclaw("setup")
    assert not (home / "setup.json").exists()
    assert not (home / "accounts.json").exists()


def test_a_person_is_led_through_it_and_goes_on_where_they_stopped(
    talk: Talk, meshclaw: Meshclaw, home: Path, maildir: Path
) -> None:
    home.chmod(0o700)
    before = snapshot(maildir)
    shown = talk(
        "setup",
        answers=[
            ("Do it now?", "y"), ("Which one?", f"maildir:{maildir}"), ("Your own mail address", "ada@example.com"),
            ("Do it now?", "n"), ("Do it now?", "n"), ("Do it now?", "y"), ("Do it now?", "n"), ("Do it now?", "n"),
        ],
    )  # fmt: skip
    assert "What it would do with your inbox; nothing is changed:" in shown
    assert "Would place 24 new mails; no model, 0 tokens." in shown
    assert "Asks you each time" in shown
    assert "Whatever is not named here is denied" in shown
    assert snapshot(maildir) == before
    states = {name: one["state"] for name, one in meshclaw("setup", "--json").json()["steps"].items()}
    assert (states["mailbox"], states["rights"]) == ("done", "done")
    assert {states[name] for name in ("model", "slack", "ask")} == {"skipped"}
    again = talk("setup", answers=[])
    assert "All set." in again
    assert "Do it now?" in talk("setup", "model", answers=[("Do it now?", "n")])


def test_what_does_not_work_is_told_and_can_be_tried_again(talk: Talk, home: Path, maildir: Path) -> None:
    home.chmod(0o700)
    shown = talk(
        "setup", "mailbox",
        answers=[
            ("Do it now?", "y"), ("Which one?", f"maildir:{maildir}-gone"),
            ("Your own mail address", "ada@example.com"),
            ("Try again?", "y"), ("Which one?", f"maildir:{maildir}"),
            ("Your own mail address", "ada@example.com"),
        ],
    )  # fmt: skip
    assert "Not yet:" in shown
    assert "done" in shown.splitlines()[-3] + shown.splitlines()[-2] + shown.splitlines()[-1]
