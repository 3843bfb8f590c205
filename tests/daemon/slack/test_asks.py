"""Cards: what waits hangs where only its person is, a click counts where it is theirs and about exactly that."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import msgspec
import pytest

from meshclaw.agents.builtin import MAIL_CLERK
from meshclaw.cli.writing import _refs, find
from meshclaw.cli.writing import place as place_of
from meshclaw.daemon.slack import cards
from meshclaw.flow.action import Action
from meshclaw.flow.approval import Approval
from meshclaw.flow.conversation import Call, Said
from meshclaw.flow.event.approval import ApprovalAnswered
from meshclaw.flow.event.guard import AutonomyChanged
from meshclaw.flow.request import Trigger
from meshclaw.flow.slip import Enclosed, Slip
from meshclaw.ledger import ledger as ledger_module
from meshclaw.runs import approve, canary
from meshclaw.runs.ask import Persons
from meshclaw.runs.run import approvals, cancel, finish, start, tell
from meshclaw.testing.connector import POST, FakeConnector
from meshclaw.testing.model import FakeModel
from meshclaw.triggers import chat, terminal
from meshclaw.wiring import Claw, mail, open_claw
from tests.daemon.slack.conftest import Running, at_work, direct, said, until
from tests.servers.slack import ME, Fault, Slack

MAIL = (
    b"From: kim@acme.example\r\nTo: mo@acme.example\r\nSubject: Minutes\r\nMessage-ID: <m1@acme.example>\r\n\r\n"
    b"Hi\r\n"
)
DRAFT = (
    b"From: mo@acme.example\r\nTo: kim@partner.test\r\nSubject: Samples\r\nMessage-ID: <d1@acme.example>\r\n\r\n"
    b"They are ready. <!channel> [bank](https://evil.test)\r\n"
)


def asking(home: Path, *, trigger: Trigger = "terminal", send: bool = False, draft: bytes = DRAFT) -> str:
    """A run wants to archive a mail, or to send one, and has to ask; the id of its approval."""
    with open_claw() as claw:
        [account] = claw.accounts.all()
        folder, raw = ("Drafts", draft) if send else ("INBOX", MAIL)
        maildir = Path(account.address.removeprefix("maildir:"))
        place = maildir / ".Drafts" if send else maildir
        for name in ("cur", "new", "tmp"):
            (place / name).mkdir(parents=True, exist_ok=True)
        (place / "cur" / f"{secrets.token_hex(4)}:2,").write_bytes(raw)
        claw.ledger.record(
            AutonomyChanged(agent=MAIL_CLERK.label, verb="mail.archive", level="draft", by="person")
        )
        intent = "mail.write" if send else "mail.file"
        request = (chat if trigger == "chat" else terminal).receive(intent)
        run = start(claw.ledger, claw.contents, request=request, agent=MAIL_CLERK, subject=account.address)
        with claw.mailbox(account) as mailbox:
            door = claw.door(mail.place(claw, mailbox, account), account=account)
            read = find(door, run, folder, link=f"/{_refs(door, run, folder)[-1]}")
            arguments = dict(place_of(folder, read))
            if send:
                arguments["recipients"] = [one.address for one in read.message.to]
            verb = "mail.send" if send else "mail.archive"
            [result] = door.act(run, MAIL_CLERK, [Action(run=run.id, verb=verb, arguments=arguments)])
        finish(claw.ledger, run)
        assert result.stand == "asked", result
        return result.approval


def approval(id_: str) -> Approval:
    with open_claw() as claw:
        return approvals(claw.ledger).get(id_)


def card_of(slack: Slack, id_: str) -> dict[str, Any]:
    """The message that holds the ask's buttons."""

    def found() -> list[dict[str, Any]]:
        return [one for one in said(slack, direct(slack)) if id_ in str(one.get("blocks"))]

    return until(found)[0]


def buttons(card: dict[str, Any]) -> dict[str, dict[str, Any]]:
    rows = [one["elements"] for one in card["blocks"] if one["type"] == "actions"]
    return {one["action_id"]: one for one in rows[0]} if rows else {}


def press(slack: Slack, card: dict[str, Any], action: str, user: str = ME, **more: Any) -> None:
    button = {**buttons(card)[action], **more}
    slack.socket.acked(slack.click(user, direct(slack), card["ts"], button))


def texts(slack: Slack) -> list[str]:
    return [one["text"] for one in said(slack, direct(slack))]


def test_a_click_of_its_person_does_exactly_that_and_the_card_comes_down(
    claw: Running, slack: Slack, home: Path
) -> None:
    id_ = asking(home)
    card = card_of(slack, id_)
    assert "Move a mail to the archive" in card["text"]
    assert "Minutes" not in card["text"]  # what a telephone shows on its lock screen
    press(slack, card, cards.ALLOW)
    until(lambda: texts(slack) == ["Move a mail to the archive: you allowed it here; done"])
    assert "actions" not in str(card["blocks"])
    with open_claw() as opened:
        [answer] = opened.ledger.events(ApprovalAnswered)
    assert (answer.answer, answer.channel, answer.shown) == ("allowed", "chat", approval(id_).shown)
    assert answer.read_ms is not None
    assert 0 <= answer.read_ms < 20_000


def test_no_is_no(claw: Running, slack: Slack, home: Path) -> None:
    id_ = asking(home)
    press(slack, card_of(slack, id_), cards.DENY)
    until(lambda: texts(slack) == ["Move a mail to the archive: denied, it will not happen"])
    assert approval(id_).state == "denied"


def test_clicks_of_others_forged_and_stale_ones_do_nothing(claw: Running, slack: Slack, home: Path) -> None:
    first, second = asking(home), asking(home)
    card, other = card_of(slack, first), card_of(slack, second)
    kim = slack.world.user("kim")
    value = buttons(card)[cards.ALLOW]["value"]
    press(slack, card, cards.ALLOW, kim)
    press(
        slack, card, cards.ALLOW, value=buttons(other)[cards.ALLOW]["value"]
    )  # another ask's button on this card
    press(slack, card, cards.ALLOW, value=f"{value[:-1]}x")
    press(slack, card, cards.ALLOW, value="")
    slack.click(
        ME, direct(slack), card["ts"], {"action_id": cards.ALLOW, "value": value}, team={"id": "T0ELSE"}
    )
    slack.click(ME, direct(slack), card["ts"], {"action_id": "claw_unknown", "value": value})
    elsewhere = slack.world.add(direct(slack), {"user": ME, "text": "mine"})["ts"]
    slack.click(ME, direct(slack), elsewhere, {"action_id": cards.ALLOW, "value": value})
    assert slack.socket.wait(lambda: all(one.acked for one in slack.socket.envelopes))
    press(slack, other, cards.DENY)
    until(lambda: approval(second).state == "denied")
    assert approval(first).state == "open"


def test_answered_run_out_or_withdrawn_elsewhere_the_card_says_so(
    claw: Running, slack: Slack, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [asking(home) for _ in range(3)]
    found = [card_of(slack, id_) for id_ in ids]
    with open_claw() as opened:
        known = approvals(opened.ledger)
        told = [tell(opened.ledger, opened.contents, known.get(id_).run) for id_ in ids]
        seen = approve.Seen(shown=known.get(ids[0]).shown)
        approve.deny(opened.ledger, told[0], known.get(ids[0]), None, seen)
        cancel(opened.ledger, told[1])
    until(lambda: "denied" in found[0]["text"] and "cancelled" in found[1]["text"])
    later = known.get(ids[2]).expires
    monkeypatch.setattr(ledger_module.Ledger, "now", lambda _: later)
    until(lambda: "ran out" in found[2]["text"])


def test_a_card_is_hung_once_and_mended_after_a_restart(
    workspace: Any, home: Path, slack: Slack, model: FakeModel
) -> None:
    id_ = asking(home)
    slack.faults.add("chat.postMessage", Fault("drop", done=True))
    with at_work(workspace, home, slack):
        card = card_of(slack, id_)
    with open_claw() as opened:
        one = approvals(opened.ledger).get(id_)
        told = tell(opened.ledger, opened.contents, one.run)
        approve.deny(opened.ledger, told, one, None, approve.Seen(shown=one.shown))
    with at_work(workspace, home, slack):
        until(lambda: "denied" in card["text"])
    assert len(texts(slack)) == 1


def test_what_was_asked_for_in_chat_is_not_allowed_in_chat_but_can_be_refused(
    claw: Running, slack: Slack, home: Path
) -> None:
    id_ = asking(home, trigger="chat")
    card = card_of(slack, id_)
    assert set(buttons(card)) == {cards.DENY, cards.SHOW}
    assert f"meshclaw approvals allow {id_}" in str(card["blocks"])
    forged = {**buttons(card)[cards.DENY], "action_id": cards.ALLOW}
    slack.click(ME, direct(slack), card["ts"], forged)
    until(
        lambda: [
            one for one in slack.calls("chat.postEphemeral") if "answer another way" in str(one.arguments)
        ]
    )
    assert approval(id_).state == "open"
    press(slack, card, cards.DENY)
    until(lambda: approval(id_).state == "denied")


def test_where_the_company_trusts_its_chat_it_is_answered_there(
    claw: Running, slack: Slack, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Claw, "persons", Persons(separate=frozenset({"mail", "webhook"})))
    id_ = asking(home, trigger="chat")
    press(slack, card_of(slack, id_), cards.ALLOW)
    until(lambda: texts(slack) == ["Move a mail to the archive: you allowed it here; done"])


def test_of_two_persons_one_click_is_one(
    claw: Running, slack: Slack, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Claw, "persons", Persons(two_person=frozenset({"mail.archive"})))
    id_ = asking(home)
    card = card_of(slack, id_)
    assert f"meshclaw approvals export {id_}" in str(card["blocks"])
    press(slack, card, cards.ALLOW)
    until(lambda: "another person must, too" in card["text"])
    assert approval(id_).state == "one_of_two"
    slack.click(slack.world.user("kim"), direct(slack), card["ts"], {"action_id": cards.ALLOW, "value": "x"})
    assert approval(id_).second is None


def test_a_canary_looks_like_any_other_and_is_told_after_the_answer(
    claw: Running, slack: Slack, home: Path
) -> None:
    asked = asking(home, send=True)
    with open_claw() as opened:
        [account] = opened.accounts.all()
        bird = canary.plant(opened.ledger, opened.contents, subject=account.address, sender="mo@acme.example")
    real, planted = card_of(slack, asked), card_of(slack, bird)
    assert real["text"] == planted["text"]
    assert [one["type"] for one in buttons(real).values()] == [
        one["type"] for one in buttons(planted).values()
    ]
    assert "canary" not in str(planted)
    press(slack, planted, cards.ALLOW)
    until(lambda: "it was a canary" in planted["text"])
    assert approval(bird).state == "allowed"


def test_the_whole_slip_is_shown_in_a_view(claw: Running, slack: Slack, home: Path) -> None:
    long = DRAFT + b"".join(b"line %d\r\n" % number for number in range(200)) + b"the end\r\n"
    card = card_of(slack, asking(home, send=True, draft=long))
    assert "line 5" in str(card["blocks"])
    assert "line 100" not in str(card["blocks"])
    assert "of 20" in str(card["blocks"])
    press(slack, card, cards.SHOW)
    view = until(lambda: next((one for one in slack.world.views.values() if one["type"] == "modal"), None))
    assert "line 100" in str(view["blocks"])


def test_what_a_run_in_slack_asks_hangs_in_its_thread(
    claw: Running, slack: Slack, home: Path, model: FakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Claw, "persons", Persons(separate=frozenset()))
    asking(home)  # brings a mail into the inbox
    with open_claw() as opened:
        opened.ledger.record(AutonomyChanged(agent="claw@1", verb="mail.archive", level="draft", by="person"))
    model.answers += [
        Said(calls=(Call(id="c1", verb="mail.list", arguments={}),)),
        Said(calls=(Call(id="c2", verb="mail.archive", arguments={"mails": ["m1"]}),)),
        "I archived the mail.",
    ]
    ts = slack.say(direct(slack), ME, "archive the mail from kim@acme.example")
    until(lambda: any("I archived" in one for one in texts(slack)))
    [answer] = [one for one in said(slack, direct(slack)) if "I archived" in one["text"]]
    assert "it waits for your yes" in answer["text"]
    [card] = until(
        lambda: [one for one in said(slack, direct(slack)) if one.get("blocks") and "thread_ts" in one]
    )
    assert card["thread_ts"] == ts
    press(slack, card, cards.ALLOW)
    until(lambda: card["text"] == "Move a mail to the archive: you allowed it here; done")


# -- drawing -------------------------------------------------------------------------------------


def drawn(text: str, to: str = "kim@example.com", **enclosed: str) -> tuple[list[cards.Block], bool]:
    slip = Slip(
        run="r", agent="a@1", verb=POST, declaration="d", arguments={"text": text, "to": to},
        enclosed={name: Enclosed(role="text", value=value) for name, value in enclosed.items()},
    )  # fmt: skip
    return cards.shortened(slip, FakeConnector().declarations[POST])


def leaves(blocks: list[cards.Block]) -> list[tuple[str, str]]:
    """Kind of the element around it, and each text."""
    return [
        (element["type"], "".join(part.get("text", "") for part in element["elements"]))
        for block in blocks for element in block["elements"]  # type: ignore[union-attr, index, call-overload]
    ]  # type: ignore[return-value]  # fmt: skip


def test_nothing_of_theirs_stands_where_ours_does() -> None:
    hostile = "Look: fine.\n<!channel> *Allow*\u202e\x1b[2J [bank](https://evil.test)"
    blocks, _ = drawn(hostile)
    boxes = [text for kind, text in leaves(blocks) if kind == "rich_text_preformatted"]
    ours = [text for kind, text in leaves(blocks) if kind == "rich_text_section"]
    assert any("<!channel> *Allow*\u2039U+202E\u203a" in box for box in boxes)
    assert not any("<!channel>" in one or "evil" in one for one in ours)
    assert any(one.startswith(" Look: It holds") for one in ours)
    assert all(block["type"] == "rich_text" for block in blocks)  # no markup is obeyed there


@pytest.mark.parametrize(
    "text", ["x" * 50_000, "y\n" * 20_000, "z", ""], ids=["wide", "long", "short", "empty"]
)
def test_a_card_fits_what_slack_takes(text: str) -> None:
    blocks, whole = drawn(text, draft=text)
    assert whole
    assert len(blocks) <= 40
    assert sum(len(one) for _, one in leaves(blocks)) < 12_000


def test_where_the_destinations_do_not_fit_yes_cannot_be_said_there() -> None:
    slip = Slip(
        run="r", agent="a@1", verb=POST, declaration="d",
        arguments={"text": "hi", "to": [f"somebody{number}@example.com" for number in range(2_000)]},
    )  # fmt: skip
    waiting = msgspec.convert(
        {"id": "ab12", "digest": "d", "run": "r", "external_id": "e", "verb": POST, "rule": "x",
         "asked": "2026-01-01T00:00:00Z", "expires": "2026-01-02T00:00:00Z"}, Approval,
    )  # fmt: skip
    _, blocks = cards.open_card(waiting, slip, FakeConnector().declarations[POST])
    assert set(buttons({"blocks": blocks})) == {cards.DENY, cards.SHOW}
    assert "too long to be shown here" in str(blocks)
