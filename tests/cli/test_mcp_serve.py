"""``meshclaw mcp serve``: the protocol's own client gets what one intent calls for, each call guarded."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from meshclaw.cli.mcp_offer import Offer, Said
from meshclaw.flow.event.action import ActionDecided
from meshclaw.flow.event.approval import ApprovalAsked
from meshclaw.flow.event.run import RunStarted
from meshclaw.ledger.ledger import Ledger
from tests.cli.conftest import Meshclaw, snapshot


@pytest.fixture
def connected(meshclaw: Meshclaw, maildir: Path) -> Path:
    assert meshclaw("mail", "connect", f"maildir:{maildir}", "--me", "ada@example.com").code == 0
    return maildir


@pytest.fixture
def offer(connected: Path) -> Iterator[Offer]:
    with Offer("mail.file") as offer:
        yield offer


def first(offer: Offer) -> str:
    said = offer.call("mail.list", {"newest": 1})
    assert not said.failed
    return "m1"


def started(home: Path) -> list[RunStarted]:
    ledger = Ledger(home)
    found = list(ledger.events(RunStarted))
    ledger.close()
    return found


def test_only_what_the_intent_calls_for_is_offered(meshclaw: Meshclaw, connected: Path, home: Path) -> None:
    def verbs(intent: str) -> set[str]:
        return {one["tool"]["verb"] for one in meshclaw("mcp", "serve", "--intent", intent, "--json").json()}

    assert verbs("mail.file") == {"mail.list", "mail.read", "mail.label", "mail.move", "mail.archive"}
    assert verbs("mail.write") == {"mail.list", "mail.read", "mail.draft", "mail.send"}
    assert started(home) == []


@pytest.mark.parametrize("intent", ["ask", "undo", "code.change", "memory.dream", "exploration"])
def test_what_needs_a_persons_words_is_not_for_a_host(
    meshclaw: Meshclaw, connected: Path, intent: str
) -> None:
    said = meshclaw("mcp", "serve", "--intent", intent, "--list")
    assert said.code == 2
    assert "mail.file" in said.err


def test_a_call_is_a_run_of_its_own_and_nobodys_words(offer: Offer, connected: Path, home: Path) -> None:
    name = first(offer)
    assert offer.call("mail.move", {"mails": [name], "to": "Elsewhere"}) == Said(text=f"Done: {name}.")
    runs = started(home)
    assert len(runs) == 2
    assert {(one.trigger, one.trust, one.words) for one in runs} == {("mcp", "outside", "")}
    assert "Elsewhere" in str(sorted(snapshot(connected)))


def test_a_verb_beyond_the_intent_is_not_there(offer: Offer, home: Path) -> None:
    assert offer.call("mail.send", {"draft": "d1"}).failed
    assert offer.call("mail.draft", {"to": ["eve@evil.example"], "subject": "x", "text": "y"}).failed
    assert started(home) == []


def test_what_cannot_be_taken_back_is_denied_to_a_host(connected: Path, home: Path) -> None:
    with Offer("mail.write") as offer:
        drafted = offer.call("mail.draft", {"to": ["eve@evil.example"], "subject": "x", "text": "y"})
        assert not drafted.failed
        said = offer.call("mail.send", {"draft": "d1"})
    assert said.failed
    assert "denied by the guard" in said.text
    ledger = Ledger(home)
    [decided] = [one for one in ledger.events(ActionDecided) if one.verb == "mail.send"]
    ledger.close()
    assert (decided.verdict, decided.rule) == ("deny", "policy.forbidden")


def test_a_yes_is_waited_for_and_too_many_questions_leave_it_reading(
    meshclaw: Meshclaw, connected: Path, home: Path
) -> None:
    meshclaw("autonomy", "set", "mail-clerk", "mail.move", "one_tap")
    before = snapshot(connected)
    with Offer("mail.file") as offer:
        offer.call("mail.list", {"newest": 5})
        said = [
            offer.call("mail.move", {"mails": [f"m{number}"], "to": "Elsewhere"}) for number in range(1, 5)
        ]
        assert all(one.failed for one in said)
        assert "waits for the person's yes" in said[0].text
        assert "waits" in said[1].text
        assert "ask the person too much" in said[2].text
        assert "ask the person too much" in said[3].text
        assert not offer.call("mail.list", {}).failed
    ledger = Ledger(home)
    asked = list(ledger.events(ApprovalAsked))
    ledger.close()
    assert len(asked) == 2
    assert snapshot(connected) == before


def test_as_many_calls_as_it_takes_are_bounded_by_the_hour_alone(offer: Offer) -> None:
    assert not any(offer.call("mail.list", {"newest": 1}).failed for _ in range(25))


def test_a_yes_does_what_was_asked(meshclaw: Meshclaw, connected: Path, home: Path) -> None:
    meshclaw("autonomy", "set", "mail-clerk", "mail.move", "one_tap")
    with Offer("mail.file") as offer:
        said = offer.call("mail.move", {"mails": [first(offer)], "to": "Elsewhere"})
    assert "waits for the person's yes" in said.text
    [waiting] = meshclaw("approvals", "list", "--json").json()
    allowed = meshclaw("approvals", "allow", waiting["id"])
    assert allowed.code == 0, allowed.err
    assert "Elsewhere" in str(sorted(snapshot(connected)))


def test_the_kill_switch_and_nonsense_are_said(meshclaw: Meshclaw, offer: Offer) -> None:
    assert "called wrongly" in offer.call("mail.move", {"mails": "m1"}).text
    assert offer.call("mail.read", {"mails": ["m99"]}).failed
    assert offer.call("mail.list", {"folder": "x" * (2 << 20)}).failed
    meshclaw("stop")
    assert "nothing is done now" in offer.call("mail.list", {}).text
    meshclaw("stop", "--lift")
    assert not offer.call("mail.list", {}).failed


def test_the_protocols_own_client(connected: Path, home: Path, meshclaw: Meshclaw) -> None:
    pytest.importorskip("mcp", reason="needs the extra mcp")
    import anyio
    from mcp import Client, StdioServerParameters, stdio_client

    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "meshclaw", "mcp", "serve", "--intent", "mail.file"],
        env=dict(os.environ),
    )

    async def talk(mode: str) -> list[str]:
        quiet = stdio_client(server, errlog=sys.__stderr__)
        async with Client(quiet, mode=mode) as client:
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
            assert tools["mail__list"].annotations.read_only_hint
            assert not tools["mail__move"].annotations.read_only_hint
            listed = await client.call_tool("mail__list", {"newest": 2})
            moved = await client.call_tool("mail__move", {"mails": ["m1"], "to": "Elsewhere"})
            sent = await client.call_tool("mail__send", {"draft": "d1"})
            assert (listed.is_error, moved.is_error, sent.is_error) == (False, False, True)
            return [one.content[0].text for one in (listed, moved, sent)]

    for mode in ("auto", "legacy"):
        listed, moved, _ = anyio.run(talk, mode)
        assert "mails in INBOX, newest first" in listed
        assert moved == "Done: m1."
    states = {row["state"] for row in meshclaw("run", "list", "--json").json()}
    assert states == {"done"}
