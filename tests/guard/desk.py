"""One run at a desk: what was asked, what was read, and what the guard says to the next action."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, get_args

from meshclaw.flow.action import Action
from meshclaw.flow.decision import Decision
from meshclaw.flow.declaration import Argument, Declaration, Effect, Field
from meshclaw.flow.grant import Grant, Rights
from meshclaw.flow.request import Request
from meshclaw.guard import Context, decide
from meshclaw.guard.directory import Directory, Entry
from meshclaw.guard.history import History
from meshclaw.guard.manifest import read
from meshclaw.testing.policies import permit_all

MANIFESTS = Path(__file__).parents[2] / "benchmarks" / "guard" / "manifests"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ME = "kim@bluesparrow.example"
BOOK = Directory(
    own=frozenset({ME}),
    entries=(
        Entry("address", "bob@acme.example", "Bob Stone"),
        Entry("address", "sarah.connor@acme.example", "Sarah Connor"),
        Entry("address", "dana@bluesparrow.example", "Dana Reed"),
    ),
)

PAY = Declaration(
    verb="bank.pay", effect="spend", reversible=False, words="Pay", deed="pay",
    objects=("payment", "money", "invoice", "bill", "rent"),
    arguments={
        "account": Argument("destination", type="account"), "amount": Argument("amount", type="usd"),
        "subject": Argument("text", required=False), "when": Argument("time", required=False),
    },
)  # fmt: skip
SECRET = Declaration(
    verb="vault.set", effect="admin", reversible=False, words="Set a password", deed="set_secret",
    objects=("password",), arguments={"value": Argument("secret")},
)  # fmt: skip
CODES = Declaration(
    verb="vault.read", effect="read", reversible=True, words="Read a secret", deed="read", arguments={},
    results={"": Field("structured", type="secret", writer="system", secrecy="secret")},
)  # fmt: skip
RUN = Declaration(
    verb="shell.run", effect="deploy", reversible=False, words="Run a command", deed="run",
    objects=("command", "script"), arguments={"command": Argument("code")},
)  # fmt: skip


@cache
def verbs() -> dict[str, Declaration]:
    found = {one.verb: one for path in MANIFESTS.glob("*.toml") for one in read(path).values()}
    return found | {one.verb: one for one in (PAY, SECRET, CODES, RUN)}


EVERYTHING = Rights(
    effects=frozenset(get_args(Effect)),
    verbs=frozenset(
        f"{c}.*" for c in ("mail", "chat", "files", "calendar", "web", "bank", "vault", "shell", "office")
    ),
)
GRANT = Grant(ceiling=EVERYTHING, agent=EVERYTHING, intent=EVERYTHING)
POLICIES = permit_all(verbs().values())


class Desk:
    """Autonomous and with every right: what stops an action is its words, its targets or its content."""

    def __init__(self, words: str, directory: Directory = BOOK) -> None:
        self.words = words
        self.directory = directory
        self.history = History()

    def read(self, verb: str, result: object, **arguments: Any) -> Desk:
        self.history.add(Action(run="r", verb=verb, arguments=arguments), verbs()[verb], result)
        return self

    def decide(self, verb: str, **arguments: Any) -> Decision:
        return decide(Action(run="r", verb=verb, arguments=arguments), self.context(verbs()[verb]))

    def context(self, declaration: Declaration) -> Context:
        return Context(
            declaration=declaration, reviewed=True, grant=GRANT, policies=POLICIES, two_person=frozenset(),
            level="autonomous", now=NOW, history=self.history,
            request=Request(intent="", trigger="terminal", trust="person", words=self.words),
            directory=self.directory,
        )  # fmt: skip


def mail(id_: str, sender: str, subject: str, body: str = "", **more: Any) -> dict[str, Any]:
    return {"id_": id_, "sender": sender, "recipients": [ME], "subject": subject, "body": body, **more}


def file(id_: str, filename: str, content: str = "", **more: Any) -> dict[str, Any]:
    return {"id_": id_, "filename": filename, "content": content, "owner": ME, "size": 10, **more}


def event(id_: str, title: str, participants: list[str], start: str = "2026-11-23 10:00") -> dict[str, Any]:
    return {"id_": id_, "title": title, "participants": participants, "start_time": start}


def said(sender: str, channel: str, body: str) -> dict[str, Any]:
    return {"sender": sender, "recipient": channel, "body": body}
