"""A conversation goes on: after the person's next words, and after their answer to what waited."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from meshclaw.errors import NotReachable
from meshclaw.flow.conversation import Call, Got, Heard, Prompt, Said
from meshclaw.flow.event.action import ActionDecided
from meshclaw.flow.event.model import AnswersTold, ModelAsked
from meshclaw.flow.event.run import PlanFrozen, RunStarted
from meshclaw.ledger.ledger import Ledger
from meshclaw.testing.model import FakeModel
from tests.cli.conftest import Meshclaw
from tests.cli.test_ask import answering

LISTS = Said(calls=(Call(id="c1", verb="mail.list", arguments={"newest": 50}),))


def named(prompt: Prompt, subject: str) -> str:
    """The short name of the mail."""
    lines = [line for turn in prompt.turns if isinstance(turn, Got) for line in turn.text.splitlines()]
    return next(line.split()[0] for line in lines if subject in line)


def archives(*subjects: str, id_: str = "c2") -> Callable[[Prompt], Said]:
    def said(prompt: Prompt) -> Said:
        names = [named(prompt, subject) for subject in subjects]
        return Said(calls=(Call(id=id_, verb="mail.archive", arguments={"mails": names}),))

    return said


def runs(connected: Meshclaw) -> list[dict]:
    return [run for run in connected("run", "list", "--json").json() if run["intent"] == "ask"]


def folder_of(maildir: Path, text: str) -> str:
    [path] = [one for one in maildir.rglob("*") if one.is_file() and text.encode() in one.read_bytes()[:2000]]
    return path.parent.parent.name


# -- after the person's next words -------------------------------------------------------------------


def test_what_was_said_and_shown_before_is_the_beginning_of_the_next_prompt(
    connected: Meshclaw, monkeypatch: pytest.MonkeyPatch, maildir: Path
) -> None:
    model = answering(
        monkeypatch, LISTS, "Three newsletters.", archives("Gadget Weekly 43"), "One is archived."
    )
    connected("ask", "which newsletters are there?")
    said = connected("ask", "--continue", "archive the newsletters")
    assert (said.code, said.out) == (0, "One is archived.\n"), said.err
    assert "after run" in said.err
    before, now = model.prompts[1], model.prompts[2]
    assert now.turns[: len(before.turns)] == before.turns
    assert [turn.text for turn in now.turns if isinstance(turn, Heard)] == [
        "which newsletters are there?",
        "archive the newsletters",
    ]
    assert folder_of(maildir, "Gadget Weekly 43") == ".Archive"
    [last, first] = runs(connected)
    assert (first["done"], last["done"]) == (2, 1)


def test_it_goes_on_with_the_run_that_is_named_and_not_with_one_that_is_not_there(
    connected: Meshclaw, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = answering(monkeypatch, "First.", "Second.", "Third.")
    connected("ask", "tell me something of the first kind")
    [first] = runs(connected)
    connected("ask", "tell me something of the second kind")
    connected("ask", "--continue", first["run"][-8:], "and now?")
    assert [turn.text for turn in model.prompts[2].turns] == [
        "tell me something of the first kind", "First.", "and now?"
    ]  # fmt: skip
    assert connected("ask", "--continue", "12345678", "and now?").code == 2
    assert connected("ask", "--continue").code == 2


def test_there_is_nothing_to_go_on_with(connected: Meshclaw) -> None:
    refused = connected("ask", "--continue", "and", "now?")
    assert (refused.code, "no conversation" in refused.err) == (2, True)


def test_a_deed_that_was_asked_for_before_is_not_asked_for_now(
    connected: Meshclaw, monkeypatch: pytest.MonkeyPatch, maildir: Path
) -> None:
    answering(monkeypatch, LISTS, "They are there.", archives("Gadget Weekly 43"), "I archived it.")
    connected("ask", "list my mails, then archive the newsletters")
    said = connected("ask", "--json", "--continue", "what does Kim want?").json()
    assert said["answer"]["corrected"] == ["I archived it."]
    assert folder_of(maildir, "Gadget Weekly 43") == "Mail"
    assert runs(connected)[0]["denied"] == 1


def test_what_strangers_wrote_before_is_still_theirs(
    connected: Meshclaw, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    """The plan stands before the first action of the run that goes on, for its prompt holds what was read."""
    answering(monkeypatch, LISTS, "They are there.", archives("Gadget Weekly 43"), "ok")
    connected("ask", "list my mails")
    connected("ask", "--continue", "archive the newsletters")
    ledger = Ledger(home)
    second = list(ledger.events(RunStarted))[-1].run
    order = [type(event) for event in ledger.events(run=second)]
    assert order.index(PlanFrozen) < 4
    ledger.close()


def test_after_strangers_were_read_before_it_may_ask_no_more_than_if_it_had_read_them_itself(
    connected: Meshclaw, monkeypatch: pytest.MonkeyPatch
) -> None:
    asks = [archives(one, id_=f"q{n}") for n, one in enumerate(("Lunch", "Signed contract", "Travel budget"))]
    answering(monkeypatch, LISTS, "They are there.", *asks, "ok")
    connected("ask", "list my mails")
    said = connected("ask", "--json", "--continue", "archive the newsletters").json()
    assert said["answer"]["end"] == "frozen"


@pytest.mark.parametrize(
    ("words", "origin"),
    [
        (("draft a mail to kim@partner.test that the samples are ready", "send it"), "person"),
        (("draft a mail about samples", "send it"), "outside"),
        (("draft a mail to kim@partner.test about samples", "send it to Dana"), "outside"),
        (("draft a mail about samples, but not to kim@partner.test", "send it"), "outside"),
    ],
)
def test_whom_they_named_before_counts_where_the_new_words_name_nobody(
    connected: Meshclaw, monkeypatch: pytest.MonkeyPatch, home: Path, words: tuple[str, str], origin: str
) -> None:
    drafted = {"to": ["kim@partner.test"], "subject": "Samples", "text": "They are ready."}
    drafts = Said(calls=(Call(id="c1", verb="mail.draft", arguments=drafted),))
    sends = Said(calls=(Call(id="c2", verb="mail.send", arguments={"draft": "d1"}),))
    answering(monkeypatch, drafts, "Drafted.", sends, "It waits.")
    connected("ask", words[0])
    said = connected("ask", "--json", "--continue", words[1]).json()
    assert len(said["answer"]["waiting"]) == 1
    ledger = Ledger(home)
    [sent] = [event for event in ledger.events(ActionDecided) if event.verb == "mail.send"]
    assert sent.labels["recipients"] == origin
    ledger.close()


def test_a_conversation_of_another_mailbox_does_not_go_on_here(
    connected: Meshclaw, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    answering(monkeypatch, "First.", "Second.")
    connected("ask", "--account", runs_on(connected), "tell me something")
    other = tmp_path / "Other"
    for name in ("cur", "new", "tmp"):
        (other / name).mkdir(parents=True)
    connected("mail", "connect", f"maildir:{other}", "--me", "ada@example.com")
    refused = connected("ask", "--account", f"maildir:{other}", "--continue", "and", "now?")
    assert (refused.code, "mailbox that it began with" in refused.err) == (2, True)
    assert connected("ask", "--continue", "and", "now?").out == "Second.\n"


def runs_on(connected: Meshclaw) -> str:
    return connected("mail", "accounts", "--json").json()[0]["address"]


# -- after their answer ------------------------------------------------------------------------------


def waiting(connected: Meshclaw, monkeypatch: pytest.MonkeyPatch, *more: object) -> FakeModel:
    """A run that ended because two mails wait for a yes; ``more`` is what the model says then."""
    model = answering(
        monkeypatch, LISTS, archives("Signed contract", "Lunch"), "Two mails wait for your yes.", *more
    )
    assert connected("ask", "archive the newsletters").code == 0
    return model


def test_after_the_last_answer_the_run_is_told_and_comes_to_its_end(
    connected: Meshclaw, monkeypatch: pytest.MonkeyPatch, maildir: Path
) -> None:
    model = waiting(connected, monkeypatch, "I archived both.")
    [first, second] = connected("approvals", "list", "--json").json()
    early = connected("approvals", "allow", first["id"])
    assert (early.code, early.out) == (0, "")
    assert len(model.prompts) == 3
    last = connected("approvals", "allow", second["id"])
    assert (last.code, last.out) == (0, "I archived both.\n"), last.err
    told = model.prompts[3].turns[-1]
    assert isinstance(told, Heard)
    assert told.by_claw
    assert told.text.endswith('- mail.archive {"mails":["m14","m3"]}: they said yes, and it is done.')
    [run] = runs(connected)
    assert (run["state"], run["done"]) == ("done", 4)
    assert "I archived both." in connected("run", "show", run["run"]).out
    assert folder_of(maildir, "Signed contract") == ".Archive"


def test_after_a_no_the_model_is_told_too(connected: Meshclaw, monkeypatch: pytest.MonkeyPatch) -> None:
    model = waiting(connected, monkeypatch, "I archived both.")
    [first, second] = connected("approvals", "list", "--json").json()
    connected("approvals", "allow", first["id"])
    said = connected("approvals", "deny", second["id"])
    assert said.out.startswith("[Receipts are there for 1:") or said.out == "I archived both.\n"
    told = model.prompts[3].turns[-1]
    assert isinstance(told, Heard)
    assert "1 of them: they said yes, and it is done" in told.text
    assert "1 of them: they said no" in told.text


def test_what_was_moved_with_their_yes_is_found_where_it_lies(
    connected: Meshclaw, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reads(prompt: Prompt) -> Said:
        return Said(calls=(Call(id="c9", verb="mail.read", arguments={"mails": ["m14"]}),))

    model = waiting(connected, monkeypatch, reads, "It is about a contract.")
    for one in connected("approvals", "list", "--json").json():
        connected("approvals", "allow", one["id"])
    got = model.prompts[4].turns[-1]
    assert isinstance(got, Got)
    assert not got.failed
    assert "Signed contract" in got.text


def test_an_answer_stands_where_the_model_is_away_and_the_run_is_resumed_later(
    connected: Meshclaw, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    monkeypatch.setattr("meshclaw.llm.failover.PATIENCE_S", 0.0)
    waiting(connected, monkeypatch, *[NotReachable("gone")] * 9)
    for one in connected("approvals", "list", "--json").json():
        last = connected("approvals", "allow", one["id"])
    assert (last.code, "could not go on: gone" in last.err) == (0, True), last.err  # pyright: ignore[reportPossiblyUnboundVariable]
    model = answering(monkeypatch, "I archived both.")
    [run] = runs(connected)
    assert run["state"] == "failed"
    assert connected("run", "resume", run["run"]).out == "I archived both.\n"
    assert sum(isinstance(turn, Heard) and turn.by_claw for turn in model.prompts[0].turns) == 1
    ledger = Ledger(home)
    assert len(list(ledger.events(AnswersTold))) == 1
    assert [event.step for event in ledger.events(ModelAsked)] == [1, 2, 3, 4, 4]
    ledger.close()


def test_a_run_that_was_cancelled_does_not_go_on(
    connected: Meshclaw, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = waiting(connected, monkeypatch)
    [run] = runs(connected)
    connected("run", "cancel", run["run"])
    assert connected("approvals", "list", "--json").json() == []
    assert len(model.prompts) == 3
