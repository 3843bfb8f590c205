"""Every page without a script: what it shows is what the ledger has, and what is done there goes through the guard."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import msgspec
import pytest

from meshclaw.connectors.mail.outgoing import Smtp
from meshclaw.errors import NotReachable
from meshclaw.flow.conversation import Call, Said
from meshclaw.flow.event.approval import ApprovalAnswered, ApprovalAsked
from meshclaw.flow.event.run import RunStarted
from meshclaw.guard.layers import stop
from meshclaw.home.pages.all import PAGES
from meshclaw.ledger.ledger import Ledger
from meshclaw.runs.canary import plant
from meshclaw.wiring import Claw
from tests.cli.conftest import snapshot
from tests.home.stage import ASKED, Browser, drafts_and_sends, says, triage, until

MENU = [page.path for page in PAGES]


def ids(browser: Browser, page: str, of: str) -> list[str]:
    return re.findall(rf'href="/{of}/([\w-]+)"', browser.get(page).text)


@pytest.fixture
def asked(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> str:
    """Id of an approval: a run of the page wants to send a mail."""
    says(monkeypatch, *drafts_and_sends())
    browser.submit("/ask", "/ask", words=ASKED)
    until(lambda: ids(browser, "/approvals", "approvals"))
    until(lambda: "waiting" in browser.get("/runs").words)
    return ids(browser, "/approvals", "approvals")[0]


def answers(home: Path) -> list[ApprovalAnswered]:
    ledger = Ledger(home)
    found = list(ledger.events(ApprovalAnswered))
    ledger.close()
    return found


# -- looking ---------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [*MENU, "/spend/tools", "/agents/claw", "/ledger?verify=1"])
def test_every_page_of_an_empty_claw_says_what_to_do(home: Path, browser: Browser, path: str) -> None:
    answer = browser.get(path)
    assert answer.status == 200, answer.words
    assert re.findall(r"<h1>", answer.text) == ["<h1>"]
    for item in MENU:
        assert f'href="{item}"' in answer.text
    assert answer.text.count('aria-current="page"') == 1


def test_today_says_what_needs_the_person(browser: Browser, settled: Path) -> None:
    triage(settled)
    words = browser.get("/").words
    assert "1 approval and 10 mails for you" in words
    assert "Robin Index rebuild tonight" in words
    assert "Kept away from you" in words
    assert "Filed: 6 in Read, 3 in Bulk" in words
    assert "At most $25.00 in 24 hours" in words


def test_a_run_shows_each_decision_with_its_rule_and_is_taken_back(browser: Browser, settled: Path) -> None:
    before = snapshot(settled.parent / "Mail")
    run = triage(settled)
    shown = browser.get(f"/runs/{run}").words
    assert "allow by autonomy.act_with_undo" in shown
    assert "ask by autonomy.draft" in shown
    told = browser.submit(f"/runs/{run}", f"/runs/{run}/undo")
    assert "Could not be: 0." in told.words
    assert snapshot(settled.parent / "Mail") == before
    assert "Take back all" not in told.words


def test_one_action_alone_is_taken_back(browser: Browser, settled: Path) -> None:
    run = triage(settled)
    text = browser.get(f"/runs/{run}").text
    action = re.findall(r'name="action" value="(\w+)"', text)[0]
    assert browser.post(f"/runs/{run}/undo", action=action).status == 303
    words = browser.get(f"/runs/{run}").words
    assert "Taken back: 1. Could not be: 0." in words
    assert words.count("taken back") == 1


def test_the_ledger_is_read_by_kind_and_run_and_verified(browser: Browser, settled: Path) -> None:
    run = triage(settled)
    assert "run.started" in browser.get(f"/ledger?run={run}&kind=run.started").text.partition("<tbody>")[2]
    assert "action.decided" not in browser.get("/ledger?kind=run.started").text.partition("<tbody>")[2]
    assert "all in their place and signed" in browser.get("/ledger?verify=1").words
    older = re.findall(r'href="(/ledger\?[^"]*before=\d+)"', browser.get("/ledger?kind=mail.placed").text)
    assert not older
    for wrong in ("before=x", "before=9999999999999999999", "kind=x", "before=-1"):
        assert browser.get(f"/ledger?{wrong}").status == 200
    assert browser.get("/ledger?run=nobody").status == 404
    [event] = ids(browser, "/ledger?kind=run.started", "ledger")
    assert '"kind": "run.started"' in browser.get(f"/ledger/{event}").words


def test_what_is_not_there_is_told(browser: Browser) -> None:
    for path in ("/runs/nobody", "/approvals/nobody", "/agents/nobody", "/ledger/nobody", "/nothing"):
        answer = browser.get(path)
        assert answer.status == 404
        assert answer.words.endswith(("all", ".", "none", "list", "tail")), answer.words


def test_a_broken_policy_stops_deeds_and_is_told_by_every_page_that_needs_it(
    browser: Browser, settled: Path
) -> None:
    (settled / "policy.cedar").write_text("permit (")
    assert "policy broken" in browser.get("/health").words
    for path in ("/ask", "/agents", "/runs", "/ledger", "/spend"):
        assert browser.get(path).status == 200, path
    browser.post("/ask", words="what did you do?")
    assert "policy.cedar" in browser.get("/ask").words


def test_strangers_text_is_text_wherever_it_stands(
    browser: Browser, settled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nasty = "<img src=x onerror=alert(1)>\"'\x1b]0;x\u202e{{7*7}}"
    listed = Said(text=nasty, calls=(Call(id=nasty, verb="mail.list", arguments={"folder": nasty}),))
    says(monkeypatch, listed, nasty)
    run = browser.post("/ask", words=nasty).headers["location"]
    until(lambda: "Answer" in browser.get(run).words)
    for path in (run, "/", "/ask", "/runs", "/ledger"):
        text = browser.get(path).text
        assert "<img src=x" not in text
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert "onerror=alert(1)&gt;" in text or path == "/ledger"


# -- asking ----------------------------------------------------------------------------------


def test_an_answer_streams_and_then_stands_in_the_run(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()

    def slowly(_: object) -> str:
        go_on.wait(10)
        return "Nothing is urgent."

    says(monkeypatch, slowly)
    run = browser.post("/ask", words="Is anything urgent?").headers["location"]
    page = browser.get(run)
    assert f'data-stream="{run}/answer"' in page.text
    assert "running" in page.words
    go_on.set()
    stream = browser.get(f"{run}/answer").text
    pieces = re.findall(r"event: piece\ndata: \"(.*)\"\n", stream)
    assert "".join(pieces) == "Nothing is urgent."
    assert stream.endswith('event: end\ndata: ""\n\n')
    until(lambda: "Answer Nothing is urgent." in browser.get(run).words)
    assert "data-stream" not in browser.get(run).text


def test_a_request_of_the_page_says_so_in_the_ledger(browser: Browser, settled: Path, asked: str) -> None:
    ledger = Ledger(settled)
    [started] = ledger.events(RunStarted)
    [ask] = ledger.events(ApprovalAsked)
    ledger.close()
    assert (started.trigger, started.trust, ask.channel) == ("page", "person", "page")


@pytest.mark.parametrize(
    ("words", "leads"),
    [
        ("what's new?", "/"), ("what waits for me?", "/approvals"), ("what did you do?", "/runs"),
        ("what did it cost?", "/spend"), ("show my budget", "/spend"), ("sort my inbox", "/runs/"), ("stop", "/"),
    ],
)  # fmt: skip
def test_what_a_page_answers_needs_no_model(browser: Browser, settled: Path, words: str, leads: str) -> None:
    answer = browser.post("/ask", words=words)
    assert answer.headers["location"].startswith(leads)
    assert "No model needed" in browser.get(answer.headers["location"]).words
    assert (stop.read(settled) is not None) == (words == "stop")


def test_what_fails_is_told_and_can_be_gone_on_with(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("meshclaw.llm.failover.PATIENCE_S", 0.0)
    says(monkeypatch, *[NotReachable("gone")] * 20)
    run = browser.post("/ask", words="Is anything urgent?").headers["location"]
    until(lambda: "failed" in browser.get(run).words)
    assert "did not answer (not_reachable)" in browser.get(run).words
    says(monkeypatch, "Nothing is.")
    assert "Answer Nothing is." in browser.submit(run, f"{run}/resume").words


def test_without_a_model_the_page_says_what_still_works(browser: Browser, settled: Path) -> None:
    (settled / "models.toml").unlink()
    assert "No model is set up" in browser.get("/ask").words
    assert browser.post("/ask", words="write a poem").headers["location"] == "/ask"
    assert "names no class" in browser.get("/ask").words
    assert "No run yet" in browser.get("/runs").words


@pytest.mark.parametrize("words", ["", "   ", "x" * 8_001])
def test_saying_nothing_or_too_much_asks_nobody(browser: Browser, words: str) -> None:
    assert browser.post("/ask", words=words).headers["location"] == "/ask"
    assert "Say something" in browser.get("/ask").words


# -- answering -------------------------------------------------------------------------------


def test_the_slip_is_the_terminals(browser: Browser, asked: str) -> None:
    text = browser.get(f"/approvals/{asked}").text
    for line in (
        "Effect: send, cannot be taken back. Verb: mail.send. Agent: claw@1.", "   │ kim@partner.test",
        "   │ They are ready.", "subject (text):",
    ):  # fmt: skip
        assert f'dir="ltr">{line}<' in text, line
    assert text.index("kim@partner.test") < text.index("Allow exactly this")


def test_allowed_it_is_done_exactly_so_and_once(
    browser: Browser, settled: Path, asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[bytes] = []
    monkeypatch.setattr(Smtp, "send", lambda _, raw, *__, **___: sent.append(raw))
    claw = Claw(settled)
    [account] = claw.accounts.all()
    claw.accounts.put(msgspec.structs.replace(account, smtp="smtps://ada@mail.test"))
    claw.close()
    page = browser.get(f"/approvals/{asked}")
    fields = {name: browser.field(page, name) for name in ("shown", "looked")}
    first = browser.post(f"/approvals/{asked}/allow", **fields)
    assert "Done, exactly as it was shown." in browser.get(first.headers["location"]).words
    assert len(sent) == 1
    [answer] = answers(settled)
    assert (answer.answer, answer.channel, answer.shown) == ("allowed", "page", fields["shown"])
    assert answer.read_ms is not None
    again = browser.post(f"/approvals/{asked}/allow", **fields)
    assert again.headers["location"] == f"/approvals/{asked}"
    words = browser.get(again.headers["location"]).words
    assert "is allowed already" in words
    assert "This can no longer be answered. You said yes, and that was used" in words
    assert "Allow exactly this" not in words
    assert len(sent) == 1


def test_denied_it_never_happens(browser: Browser, settled: Path, asked: str) -> None:
    words = browser.submit(f"/approvals/{asked}", f"/approvals/{asked}/deny").words
    assert "Denied; it will not happen." in words
    assert [answer.answer for answer in answers(settled)] == ["denied"]
    assert "refused" in browser.get(f"/approvals/{asked}").words


@pytest.mark.parametrize("field", ["shown", "looked"])
@pytest.mark.parametrize("value", ["", "0" * 64, "1.abc"])
def test_what_was_never_shown_is_not_answered(
    browser: Browser, settled: Path, asked: str, field: str, value: str
) -> None:
    page = browser.get(f"/approvals/{asked}")
    fields = {name: browser.field(page, name) for name in ("shown", "looked")} | {field: value}
    for way in ("allow", "deny"):
        told = browser.post(f"/approvals/{asked}/{way}", **fields)
        assert "is not what stands here now" in browser.get(told.headers["location"]).words
    assert answers(settled) == []


def test_a_draft_that_changed_since_is_denied(browser: Browser, settled: Path, asked: str) -> None:
    maildir = settled.parent / "Mail"
    [draft] = [path for path in (maildir / ".Drafts").rglob("*") if path.parent.name in ("cur", "new")]
    draft.write_bytes(draft.read_bytes().replace(b"ready", b"rotten"))
    words = browser.submit(f"/approvals/{asked}", f"/approvals/{asked}/allow").words
    assert "no longer what you were shown" in words


def test_a_card_that_another_window_answered_is_stale(browser: Browser, asked: str) -> None:
    page = browser.get(f"/approvals/{asked}")
    fields = {name: browser.field(page, name) for name in ("shown", "looked")}
    browser.submit(f"/approvals/{asked}", f"/approvals/{asked}/deny")
    told = browser.post(f"/approvals/{asked}/allow", **fields)
    assert "is denied already" in browser.get(told.headers["location"]).words


def test_while_the_claw_is_stopped_nothing_is_allowed_and_denying_works(
    browser: Browser, settled: Path, asked: str
) -> None:
    assert "Stopped." in browser.submit("/agents", "/stop").words
    told = browser.submit(f"/approvals/{asked}", f"/approvals/{asked}/allow")
    assert "nothing is done now" in told.words.lower()
    assert answers(settled) == []
    browser.submit(f"/approvals/{asked}", f"/approvals/{asked}/deny")
    assert [answer.answer for answer in answers(settled)] == ["denied"]
    assert "The claw may go on." in browser.submit("/agents", "/stop/lift").words


def test_a_canary_looks_like_any_other_ask_and_is_told_afterwards(browser: Browser, settled: Path) -> None:
    claw = Claw(settled)
    id_ = plant(claw.ledger, claw.contents, subject=claw.accounts.only().address, sender="ada@example.com")
    claw.close()
    assert "canary" not in browser.get(f"/approvals/{id_}").text.lower()
    assert "canary" not in browser.get("/approvals").text.lower()
    words = browser.submit(f"/approvals/{id_}", f"/approvals/{id_}/allow").words
    assert "this was a canary" in words


def test_who_asks_by_page_may_answer_by_page_unless_the_company_says_otherwise(
    browser: Browser, settled: Path, asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from meshclaw.runs.ask import Persons

    assert "Answer it elsewhere" not in browser.get(f"/approvals/{asked}").words
    monkeypatch.setattr(Claw, "persons", Persons(separate=frozenset({"page"})))
    page = browser.get(f"/approvals/{asked}")
    assert "Answer it elsewhere" in page.words
    assert "Allow exactly this" not in page.words
    fields = {name: browser.field(page, name) for name in ("shown", "looked")}
    told = browser.post(f"/approvals/{asked}/allow", **fields)
    assert "answer another way" in browser.get(told.headers["location"]).words
    assert answers(settled) == []


def test_a_stop_does_not_wait_for_a_change_that_waits(
    browser: Browser, settled: Path, asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(*_: object) -> object:
        begun.set()
        go_on.wait(20)
        raise NotReachable("no mail server")

    monkeypatch.setattr("meshclaw.home.pages.approvals.act_on", slow)
    page = browser.get(f"/approvals/{asked}")
    fields = {name: browser.field(page, name) for name in ("shown", "looked")}
    sending = threading.Thread(target=browser.post, args=(f"/approvals/{asked}/allow",), kwargs=fields)
    sending.start()
    try:
        assert begun.wait(10)
        browser.post("/stop")
        assert stop.read(settled) is not None
    finally:
        go_on.set()
        sending.join()


# -- memory ----------------------------------------------------------------------------------


def test_what_is_remembered_is_found_taken_back_and_forgotten(browser: Browser) -> None:
    browser.submit("/memory", "/memory", words="My dentist is Dr Weber")
    assert "My dentist is Dr Weber" in browser.get("/memory").words
    assert "Dr Weber" in browser.get("/memory?q=dentist").words.partition("At “dentist”")[2]
    assert "Nothing comes to mind." in browser.get("/memory?q=submarine").words
    words = browser.submit("/memory/revisions/1", "/memory/revisions/1/undo").words
    assert "Taken back; that is revision 2" in words
    assert "Nothing is remembered yet." in words
    browser.submit("/memory/revisions/2", "/memory/revisions/2/undo")
    page = browser.get("/memory/1")
    assert "Forget exactly this" in page.words
    stale = browser.post("/memory/1/forget", these="1,2")
    assert "Other memories would be erased" in browser.get(stale.headers["location"]).words
    assert "Erased for good: 1 memory." in browser.submit("/memory/1", "/memory/1/forget").words
    assert "Weber" not in browser.get("/memory").words + browser.get("/memory/1").words


def test_what_is_no_sentence_is_not_remembered(browser: Browser) -> None:
    for words in ("", "my key is AKIAIOSFODNN7EXAMPLE and wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"):
        browser.post("/memory", words=words)
    assert "Nothing is remembered yet." in browser.get("/memory").words
    for path in ("/memory/99", "/memory/x", "/memory/-1", "/memory/%C2%B2", "/memory/revisions/99"):
        assert browser.get(path).status == 404, path
