"""A claw with something in every page, and its page on a real socket of this process."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from html import unescape
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec

from meshclaw.connectors.mail.mailbox.from_dir import lay_out
from meshclaw.daemon.desk import Desk
from meshclaw.flow.conversation import Call, Said
from meshclaw.home.keys import FILE
from meshclaw.home.serve import HomePage
from meshclaw.llm.failover import Health
from meshclaw.llm.source import Source
from meshclaw.settings.accounts import Account
from meshclaw.settings.models import Entry
from meshclaw.testing.demo_mail import SERVER, write_demo
from meshclaw.testing.model import FakeModel
from meshclaw.wiring import Claw
from meshclaw.wiring.working import triage_mailbox

MODELS = '[classes]\nfast = ["anthropic:claude-haiku-4-5"]\n'
ENTRY = Entry(name="anthropic:claude-haiku-4-5", model="anthropic:claude-haiku-4-5")


def settle(home: Path) -> None:
    """A connected mailbox with the demo's mails, and a model that is named."""
    home.chmod(0o700)
    letters, maildir = home.parent / "letters", home.parent / "Mail"
    write_demo(letters, datetime.now(UTC))
    lay_out(letters, maildir)
    claw = Claw(home)
    claw.accounts.put(Account(address=f"maildir:{maildir}", me=("ada@example.com",), trusted_host=SERVER))
    claw.close()
    (home / "models.toml").write_text(MODELS)


def triage(home: Path) -> str:
    """The id of the run."""
    claw = Claw(home)
    account = claw.accounts.only()
    with claw.mailbox(account) as mailbox:
        run = triage_mailbox(claw, account, mailbox).report.run
    claw.close()
    return run


def says(monkeypatch: Any, *answers: Any) -> FakeModel:
    """The model that every run asks from now on."""
    model = FakeModel(*answers, name=ENTRY.name)
    monkeypatch.setattr(Claw, "source", lambda _, name: Source(name, [ENTRY], [model], Health()))
    return model


def drafts_and_sends(to: str = "kim@partner.test", text: str = "They are ready.\n") -> list[Said | str]:
    """What a model says that drafts a mail and sends it: the send waits for the person, and then it goes on."""
    drafted = {"to": [to], "subject": "Samples", "text": text}
    return [
        Said(text="I will draft it first.", calls=(Call(id="c1", verb="mail.draft", arguments=drafted),)),
        Said(calls=(Call(id="c2", verb="mail.send", arguments={"draft": "d1"}),)),
        "The mail is drafted. It goes out once you say yes.",
        "I heard your answer.",
    ]


ASKED = 'Send a mail to kim@partner.test with the subject "Samples" that says "They are ready."'


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    status: int
    headers: dict[str, str]
    text: str

    @property
    def words(self) -> str:
        """What a person reads of it."""
        return " ".join(unescape(re.sub(r"<[^>]+>", " ", self.text)).split())


class Browser:
    """A browser without scripts: it keeps the cookie and fills in forms."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port, self.cookie = folder, port, ""

    @property
    def token(self) -> str:
        return msgspec.json.decode((self.folder / FILE).read_bytes())["token"]

    def sign_in(self) -> Answer:
        answer = self.get(f"/?token={self.token}")
        self.cookie = answer.headers["set-cookie"].partition(";")[0]
        return answer

    def get(self, path: str, **headers: str) -> Answer:
        return self.send("GET", path, None, headers)

    def post(self, path: str, **fields: str) -> Answer:
        """As a form of the page itself would send it."""
        origin = {"origin": f"http://127.0.0.1:{self.port}"}
        return self.send("POST", path, urlencode({"csrf": self.csrf(), **fields}), origin)

    def csrf(self) -> str:
        return self.field(self.get("/agents"), "csrf")

    def submit(self, page: str, action: str, **fields: str) -> Answer:
        """Load ``page``, fill in its form that leads to ``action`` and send it; then where it leads to."""
        text = self.get(page).text
        form, *_ = re.findall(
            rf'<form method="post" action="{re.escape(action)}"[^>]*>(.*?)</form>', text, re.DOTALL
        )
        hidden = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))
        answer = self.post(action, **{**hidden, **fields})
        assert answer.status == 303, answer.words
        return self.get(answer.headers["location"])

    @staticmethod
    def field(answer: Answer, name: str) -> str:
        found = re.search(rf'name="{name}" value="([^"]*)"', answer.text)
        assert found is not None, answer.words
        return found[1]

    def send(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> Answer:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=20)
        kept = {"host": f"127.0.0.1:{self.port}"} | ({"cookie": self.cookie} if self.cookie else {})
        if body is not None:
            kept["content-type"] = "application/x-www-form-urlencoded"
        try:
            connection.request(method, path, body, kept | headers)
            answer = connection.getresponse()
            told = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(status=answer.status, headers=told, text=answer.read().decode())
        finally:
            connection.close()


@contextmanager
def served(home: Path, port: int = 0) -> Iterator[Browser]:
    """The service as the daemon runs it; a browser that is not signed in."""
    page, stop, ready = HomePage(home, Desk(), port), threading.Event(), threading.Event()
    thread = threading.Thread(target=page.run, args=(stop, ready.set))
    thread.start()
    try:
        assert ready.wait(10)
        yield Browser(home, int(page.address.rstrip("/").rpartition(":")[2]))
    finally:
        stop.set()
        thread.join(10)
    assert not thread.is_alive()


def until(holds: Any, seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.05)
