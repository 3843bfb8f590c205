"""docs/walkthrough.txt: a claw at work from its first agent to a memory taken back, as the terminal and Slack show it.

``python tools/docs/walkthrough.py`` plays it anew: every command is a process, killed ones are killed. What answers as
the model (aimock), as Slack and as the mail relay are the tests' servers; ``make packages`` and requirements/dev.txt.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from meshclaw.connectors.mail.mailbox.from_dir import lay_out  # noqa: E402
from meshclaw.settings.accounts import Account, Accounts  # noqa: E402
from meshclaw.testing.demo_mail import write_demo  # noqa: E402
from tests.servers.aimock import Aimock  # noqa: E402
from tests.servers.relay import Relay  # noqa: E402
from tests.servers.slack import APP_TOKEN, BOT, BOT_TOKEN, ME, Slack, running  # noqa: E402

TOLD = ROOT / "docs" / "walkthrough.txt"
WIDTH = 100
PATIENCE_S = 60.0
PASSWORD = "of the tests"  # noqa: S105 - of a relay that ends with the play
WRITE = "Write to kim@partner.test that the samples are ready, and send it"
COUNT = "Which of my mails is the newest?"
AGENT = """---
name: postie
version: 1.0
owner: Mo Ashby
purpose: Writes and sends single mails that its person asks for.
intents: [ask]
rights:
  effects: [read, draft, send]
  verbs: [mail.list, mail.read, mail.draft, mail.send]
budget:
  run: {inference: $0.25, recipients: 3}
---
Draft first, then send the draft. Say plainly what still waits.
"""
TEST = """request = "Write to kim@partner.test that the samples are ready"
[[model]]
act = "mail.move"
[expect]
denied = ["mail.move"]
"""


class Stage:
    """A scratch home, and what is told of it."""

    def __init__(self, folder: Path, slack: Slack) -> None:
        self.folder, self.home, self.slack = folder, folder / "home", slack
        self.lines: list[str] = []
        self._environment = {
            **os.environ,
            "MESHCLAW_HOME": str(self.home),
            "PYTHONPATH": str(ROOT / "src"),
            "COLUMNS": "96",
        }
        self._shown = 0

    def note(self, words: str) -> None:
        self.lines += ["", *(f"# {line}" for line in textwrap.wrap(words, WIDTH - 2))]

    def run(self, *words: str, given: str = "", quiet: bool = False) -> str:
        """One command, with what it prints on both streams in their order."""
        done = subprocess.run(
            [sys.executable, "-m", "meshclaw", *words], cwd=self.folder, env=self._environment, input=given, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=120,
        )  # fmt: skip
        if not quiet:
            said = " ".join(f'"{word}"' if " " in word else word for word in words)
            self.lines += ["", f"$ meshclaw {said}", *self.clean(done.stdout)]
        return done.stdout

    def daemon(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", "meshclaw", "daemon", "run", "--no-page"], cwd=self.folder, env=self._environment,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        until(self.slack.socket.connected, "the daemon holds Slack's socket")
        return process

    def clean(self, text: str) -> list[str]:
        text = text.replace(str(self.home / "Mail"), "~/Mail").replace(str(self.folder), "~")
        return [line.rstrip() for line in text.rstrip().splitlines()]

    def tell_slack(self) -> None:
        """What stands in the direct conversation and was not told yet, as it looks now."""
        with self.slack.world.lock:
            messages = list(self.slack.world.messages[self.slack.world.direct(ME)])
        for one in messages[self._shown :]:
            who = "claw" if one["user"] == BOT else "Mo"
            text = re.sub(r"\s+", " ", plain(one))
            self.lines += [f"  [Slack] {line}" if not at else f"          {line}" for at, line in
                           enumerate(textwrap.wrap(f"{who}: {text}", WIDTH - 10))]  # fmt: skip
        self._shown = len(messages)


def plain(message: dict[str, Any]) -> str:
    """What a person reads in it, buttons in brackets."""
    return " ".join(_texts(message["blocks"])) if message.get("blocks") else str(message["text"])


def _texts(thing: object) -> Iterator[str]:
    if isinstance(thing, list):
        for one in thing:
            yield from _texts(one)
    elif isinstance(thing, dict):
        if thing.get("type") == "button":
            yield f"[{thing['text']['text']}]"
        elif isinstance(thing.get("text"), str):
            yield thing["text"]
        else:
            for name in ("text", "fields", "elements"):
                yield from _texts(thing.get(name))


def until(condition: Callable[[], Any], what: str) -> Any:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.05)
    raise SystemExit(f"in {PATIENCE_S:.0f} s it did not come to be that {what}")


def answers(path: Path) -> Path:
    """What the model says; to the last question it takes its time, so that there is something to kill."""

    def one(words: str, turn: int, text: str = "", slow: int = 0, **called: Any) -> dict[str, Any]:
        calls = [
            {"id": f"c{turn}", "name": name.replace("_", "__", 1), "arguments": given}
            for name, given in called.items()
        ]
        response = {"content": text} if text else {"toolCalls": calls}
        timing = {"streamingProfile": {"ttft": slow, "tps": 50}, "latency": slow} if slow else {}
        usage = {"prompt_tokens": 900, "completion_tokens": 40}
        return {
            "match": {"userMessage": words, "turnIndex": turn},
            "response": {**response, "usage": usage},
            **timing,
        }

    draft = {
        "to": ["kim@partner.test"],
        "subject": "Samples",
        "text": "Hello Kim,\n\nthe samples are ready.\n",
    }
    fixtures = [
        one(WRITE, 0, mail_draft=draft),
        one(WRITE, 1, mail_send={"draft": "d1"}),
        one(WRITE, 2, "The mail is drafted. It goes out once you say yes."),
        one("they said yes, and it is done", 3, "It is sent."),
        one(COUNT, 0, mail_list={"newest": 1}),
        one(COUNT, 1, "Your newest mail is the one on top of the list.", slow=4_000),
    ]
    path.write_text(json.dumps({"fixtures": fixtures}))
    return path


def set_up(stage: Stage, model: Aimock, relay: Relay) -> None:
    letters, mailbox = stage.folder / "letters", stage.home / "Mail"
    letters.mkdir()
    stage.home.mkdir()
    write_demo(letters, datetime.now(UTC))
    lay_out(letters, mailbox)
    tokens = stage.folder / "tokens"
    tokens.write_text(f"{BOT_TOKEN}\n{APP_TOKEN}\n")
    tokens.chmod(0o600)
    (stage.home / "models.toml").write_text(
        f'[classes]\nfast = ["demo"]\n[models.demo]\nmodel = "compatible:demo"\nbase_url = "{model.url}/v1"\n'
    )
    price = "".join(
        f'{name} = "0.50"\n' for name in ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output")
    )
    (stage.home / "prices.toml").write_text(f'[[rate]]\nmodel = "demo"\nprovider = "compatible"\n{price}')
    secret = stage.folder / "password"
    secret.write_text(PASSWORD)
    secret.chmod(0o600)
    smtp = f"smtp://mo@127.0.0.1:{relay.port}"
    Accounts(stage.home).put(
        Account(address=f"maildir:{mailbox}", me=("mo@acme.example",), smtp=smtp, secret_file=str(secret))
    )
    api = ("--api", stage.slack.api, "--secret-file", str(tokens))
    stage.run("slack", "connect", "--me", "me@acme.example", *api, quiet=True)


def play(stage: Stage, relay: Relay) -> None:
    write_an_agent(stage)
    daemon = stage.daemon()
    try:
        ask_and_approve(stage, relay)
        daemon = kill_and_finish(stage, daemon)
    finally:
        daemon.terminate()
        daemon.wait(30)
    dream_and_undo(stage)


def write_an_agent(stage: Stage) -> None:
    stage.note("Write an agent. It may draft and send, and its test says what it may not.")
    agent = stage.folder / "postie"
    (agent / "tests").mkdir(parents=True)
    (agent / "AGENT.md").write_text(AGENT)
    (agent / "tests" / "cannot.toml").write_text(TEST)
    stage.lines += ["", "$ cat postie/AGENT.md", *AGENT.splitlines()]
    stage.run("agent", "test", "./postie")
    shown = stage.run("agent", "install", "./postie", "--dry-run", quiet=True)
    digest = re.search(r"sha256:[0-9a-f]{64}", shown)
    stage.run("agent", "install", "./postie", "--yes", digest[0] if digest else "")


def ask_and_approve(stage: Stage, relay: Relay) -> None:
    slack, direct = stage.slack, stage.slack.world.direct(ME)
    stage.note("Watch it ask. Sending leaves the machine, so it waits for a yes; the card comes by Slack.")
    stage.run("agent", "run", "postie", WRITE)
    card = until(
        lambda: next((one for one in messages(slack) if one.get("blocks")), None), "a card hangs in Slack"
    )
    stage.tell_slack()
    button = next(
        one for block in card["blocks"] for one in block.get("elements", [])
        if one.get("type") == "button" and "allow" in one["action_id"]
    )  # fmt: skip
    stage.note("Approve in Slack.")
    stage.lines += ["", f"  [Slack] Mo presses [{button['text']['text']}]"]
    slack.click(ME, direct, card["ts"], {"action_id": button["action_id"], "value": button["value"]})
    until(lambda: relay.delivered, "the mail went out")
    sender, recipients, _ = relay.delivered[0]
    stage.lines += [f"  [relay] one mail from {sender} to {', '.join(recipients)}"]
    until(lambda: rests(stage), "the run that asked is told and ends")


def kill_and_finish(stage: Stage, daemon: subprocess.Popen[bytes]) -> subprocess.Popen[bytes]:
    """The daemon that runs then."""
    slack, before = stage.slack, len(messages(stage.slack))
    stage.note("Kill the daemon in the middle of an answer, start it again, see it finish.")
    slack.say(slack.world.direct(ME), ME, COUNT)
    until(lambda: not rests(stage), "the question is worked on")
    daemon.send_signal(signal.SIGKILL)
    daemon.wait()
    stage.lines += ["", f"  [Slack] Mo: {COUNT}", "$ kill -9 DAEMON"]
    stage.run("run", "list")
    daemon = stage.daemon()
    stage.lines += ["", "$ meshclaw daemon run"]
    until(lambda: answered(slack, before) and rests(stage), "the answer came")
    told = answered(slack, before)
    stage.lines += [f"  [Slack] claw: {told[-1]['text']}", f"# Answers to that question: {len(told)}."]
    stage.run("run", "list")
    return daemon


def dream_and_undo(stage: Stage) -> None:
    stage.note("Dream. What you told it by day is kept by night; without a model here, so nothing is spent.")
    stage.run("memory", "add", "I like short mails")
    stage.run("dream", "run", "--no-model")
    stage.run("dream", "morning")
    stage.note("Undo a memory.")
    stage.run("memory", "list")
    stage.run("memory", "log")
    stage.run("memory", "undo", "1")
    stage.run("memory", "list")
    stage.note("And the record of all of it holds.")
    stage.run("ledger", "verify")


def rests(stage: Stage) -> bool:
    """No run is at work or waits."""
    listed = stage.run("run", "list", quiet=True)
    return not any(f" {state} " in listed for state in ("running", "waiting"))


def answered(slack: Slack, before: int) -> list[dict[str, Any]]:
    return [one for one in messages(slack)[before:] if "newest mail" in one["text"]]


def messages(slack: Slack) -> list[dict[str, Any]]:
    with slack.world.lock:
        return [one for one in slack.world.messages[slack.world.direct(ME)] if one["user"] == BOT]


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch, running(ack_seconds=3.0) as slack:
        folder, relay = Path(scratch), Relay(password=PASSWORD)
        model = Aimock(answers(folder / "answers.json"))
        try:
            stage = Stage(folder, slack)
            set_up(stage, model, relay)
            play(stage, relay)
        finally:
            model.stop()
            relay.stop()
    TOLD.write_text("\n".join(stage.lines).strip() + "\n")
    sys.stdout.write(f"{TOLD}: {len(stage.lines)} lines\n")


if __name__ == "__main__":
    main()
