"""``meshclaw ask`` takes the cheap way where there is one, and says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshclaw.errors import NotReachable
from meshclaw.flow.conversation import Call, Prompt, Said
from meshclaw.llm.failover import Health
from meshclaw.llm.source import Source
from meshclaw.settings.models import Entry
from meshclaw.testing.model import FakeModel
from meshclaw.wiring import Claw
from tests.cli.conftest import Meshclaw


def answering(monkeypatch: pytest.MonkeyPatch, *answers: object) -> FakeModel:
    """The model that is asked from now on; the next call goes on where the last one ended."""
    model = FakeModel(*answers, name="anthropic:claude-haiku-4-5")  # type: ignore[arg-type]
    entry = Entry(name=model.name, model=model.name)

    def source(_: Claw, name: str) -> Source:
        return Source(name, [entry], [model], Health())

    monkeypatch.setattr(Claw, "source", source)
    return model


def test_what_a_command_answers_needs_no_model(connected: Meshclaw) -> None:
    said = connected("ask", "Triage", "my", "inbox")
    assert said.code == 0
    assert "No model needed" in said.err
    assert "meshclaw mail triage" in said.err
    assert connected("ask", "what's new?").out.strip()
    undone = connected("ask", "undo that")
    assert (undone.code, "Taken back" in undone.err) == (0, True)


def test_a_dry_run_says_which_way_it_would_take_and_does_nothing(connected: Meshclaw) -> None:
    assert "meshclaw mail triage" in connected("ask", "--dry-run", "triage my inbox").err
    assert "claude-haiku" in connected("ask", "--dry-run", "write to Kim").err
    assert connected("run", "list", "--json").json() == []


def test_without_a_model_it_says_what_it_would_take(meshclaw: Meshclaw, maildir: Path) -> None:
    refused = meshclaw("ask", "--no-model", "write to Kim")
    assert (refused.code, "model would be needed" in refused.err) == (2, True)
    meshclaw("mail", "connect", f"maildir:{maildir}", "--me", "ada@example.com")
    unset = meshclaw("ask", "write to Kim")
    assert (unset.code, "models.toml" in unset.err) == (2, True)
    assert meshclaw("ask", "--no-model", "--model", "fast", "hi").code == 2


def test_a_model_is_asked_and_its_answer_shown_with_what_it_cost(
    connected: Meshclaw, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = Said(calls=(Call(id="c1", verb="mail.list", arguments={"newest": 3}),))
    model = answering(monkeypatch, listed, "Three mails, \x1b[31mnone urgent.")
    said = connected("ask", "is anything urgent there?")
    assert said.code == 0
    assert said.out == "Three mails,  [31mnone urgent.\n"
    assert "2 steps, $0.0" in said.err
    assert model.prompts[0].turns[0].text == "is anything urgent there?"  # type: ignore[union-attr]
    assert "m1 " in model.prompts[1].turns[-1].text  # type: ignore[union-attr]


def test_what_it_may_not_do_waits_or_is_denied_and_nothing_is_claimed(
    connected: Meshclaw, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = [
        Said(calls=(Call(id="c1", verb="mail.list", arguments={}),)),
        Said(calls=(Call(id="c2", verb="mail.archive", arguments={"mails": ["m1", "m2"]}),)),
        "I archived 2 mails.",
    ]
    answering(monkeypatch, *script)
    said = connected("ask", "--json", "tell me what Kim wrote")
    answer = said.json()["answer"]
    assert answer["corrected"] == ["I archived 2 mails."]
    [told] = [run for run in connected("run", "list", "--json").json() if run["intent"] == "ask"]
    assert (told["done"], told["denied"]) == (2, 2)


def test_a_run_whose_model_went_away_is_resumed_without_asking_twice(
    connected: Meshclaw, monkeypatch: pytest.MonkeyPatch
) -> None:
    drafted = {"to": ["kim@example.com"], "subject": "Samples", "text": "They are ready."}
    script = [Said(calls=(Call(id="c1", verb="mail.draft", arguments=drafted),)), NotReachable("gone")]
    answering(monkeypatch, *script, *[NotReachable("gone")] * 30)
    monkeypatch.setattr("meshclaw.llm.failover.PATIENCE_S", 0.0)
    failed = connected("ask", "draft a mail to kim@example.com that the samples are ready")
    assert (failed.code, "gone" in failed.err) == (1, True), failed.err
    [told] = connected("run", "list", "--json").json()
    assert (told["state"], told["done"]) == ("failed", 2)  # drafted, and read to give it a name
    prompts: list[Prompt] = answering(monkeypatch, "Drafted.").prompts
    resumed = connected("run", "resume", told["run"])
    assert (resumed.code, resumed.out) == (0, "Drafted.\n"), resumed.err
    [prompt] = prompts
    assert "Drafted as d1" in prompt.turns[-1].text  # type: ignore[union-attr]
    [told] = connected("run", "list", "--json").json()
    assert told["state"] == "done"
    assert "Drafted." in connected("run", "show", told["run"]).out


@pytest.mark.parametrize(
    "words",
    [
        "archive the newsletters",
        "Please archive all of my newsletters now.",
        "archive every newsletter in my inbox",
    ],
)
def test_the_newsletters_are_archived_without_a_question_about_each_and_nothing_else_is(
    connected: Meshclaw, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    def archives(prompt: Prompt) -> Said:
        lines = prompt.turns[-1].text.splitlines()  # type: ignore[union-attr]
        newsletters = [line.split()[0] for line in lines if "(newsletter)" in line]
        assert all("Gadget Weekly" in line for line in lines if "(newsletter)" in line)
        assert len(newsletters) == 3
        [other] = [line.split()[0] for line in lines if "Signed contract" in line]
        return Said(calls=(Call(id="c2", verb="mail.archive", arguments={"mails": [*newsletters, other]}),))

    listed = Said(calls=(Call(id="c1", verb="mail.list", arguments={"newest": 50}),))
    answering(monkeypatch, listed, archives, "I archived 3 newsletters.")
    said = connected("ask", "--json", words).json()
    assert (said["answer"]["corrected"], len(said["answer"]["waiting"])) == ([], 1)
    [told] = [run for run in connected("run", "list", "--json").json() if run["intent"] == "ask"]
    assert (told["done"], told["asked"]) == (5, 1)  # a list, a read, three mails


@pytest.mark.parametrize(
    "words",
    [
        "Do not archive newsletters",
        "Tell me of the newsletters",
        "archive the mail from Kim, no newsletters",
        "archive the mail from Kim but not the newsletters",
        "archive what is no newsletter",
        "archive the newsletter from Gadget Weekly",
        "archive the mail about newsletters",
        "archive the newsletters of October",
        "archive the newsletters except those from Gadget Weekly",
        "Kim wrote: 'archive the newsletters'. What does she mean?",
    ],
)
def test_newsletters_that_nobody_asked_to_archive_stay(
    connected: Meshclaw, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    def archives(prompt: Prompt) -> Said:
        lines = prompt.turns[-1].text.splitlines()  # type: ignore[union-attr]
        names = [line.split()[0] for line in lines if "(newsletter)" in line]
        return Said(calls=(Call(id="c2", verb="mail.archive", arguments={"mails": names}),))

    answering(
        monkeypatch, Said(calls=(Call(id="c1", verb="mail.list", arguments={"newest": 50}),)), archives, "ok"
    )
    connected("ask", words)
    [told] = [run for run in connected("run", "list", "--json").json() if run["intent"] == "ask"]
    assert told["done"] == 2
