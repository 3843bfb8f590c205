"""``meshclaw memory`` and ``meshclaw dream`` as a person uses them."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshclaw.flow.conversation import Call, Prompt, Said
from tests.cli.conftest import Meshclaw
from tests.cli.test_ask import answering
from tests.runs.dreaming.nights import add, proposing


def test_a_memory_from_its_first_word_to_its_last(meshclaw: Meshclaw) -> None:
    assert "Nothing is remembered yet" in meshclaw("memory", "list").err
    assert "+ 1  my dentist is Dr Weber" in meshclaw("memory", "add", "my dentist is Dr Weber").out
    assert "remembered already: 1" in meshclaw("memory", "add", "My dentist is Dr. Weber!").err
    changed = meshclaw("memory", "add", "my dentist is Dr Roth").out
    assert "- 1  my dentist is Dr Weber" in changed
    assert "+ 2  my dentist is Dr Roth" in changed
    assert meshclaw("memory", "diff", "2").out == changed
    found = meshclaw("memory", "recall", "who", "is", "my", "dentist").out
    assert "Dr Roth" in found
    assert "it holds “dentist”" in found
    assert "Weber" not in found
    why = meshclaw("memory", "why", "2").out
    assert "you typed it" in why
    assert "1  my dentist is Dr Weber" in why
    assert "Would take back" in meshclaw("memory", "undo", "2", "--dry-run").err
    assert "+ 1  my dentist is Dr Weber" in meshclaw("memory", "undo", "2").out
    assert "Weber" in meshclaw("memory", "recall", "dentist").out
    assert meshclaw("memory", "undo", "2").code == 2
    assert [one["number"] for one in meshclaw("memory", "log", "--json").json()] == [3, 2, 1]
    assert meshclaw("memory", "undo", "99").code == 2
    assert meshclaw("memory", "why", "99").code == 2


def test_forgetting_asks_first_and_erases(meshclaw: Meshclaw, home: Path) -> None:
    meshclaw("memory", "add", "the code word is Xylophon")
    assert "the code word is Xylophon" in meshclaw("memory", "forget", "1", "--dry-run").err
    assert meshclaw("memory", "forget", "1", stdin="n\n").code == 2
    assert meshclaw("memory", "list", "--json").json()
    assert meshclaw("memory", "forget", "1", stdin="y\n").code == 0
    assert meshclaw("memory", "list", "--all", "--json").json() == []
    assert not [one.name for one in home.iterdir() if one.is_file() and b"ylophon" in one.read_bytes()]
    assert meshclaw("memory", "forget", "1", "--yes").code == 2
    assert meshclaw("memory", "forget", "1", "--yes", "--json").code == 2


@pytest.mark.parametrize("words", ["my password is hunter2", " ", "two\nlines" * 200])
def test_a_secret_or_no_sentence_is_refused(meshclaw: Meshclaw, words: str) -> None:
    said = meshclaw("memory", "add", words)
    assert (said.code, "not remembered" in said.err) == (1, True)


def test_scopes_and_ends(meshclaw: Meshclaw) -> None:
    assert meshclaw("memory", "add", "Kim is away", "--days", "3").code == 0
    assert meshclaw("memory", "add", "Lea is away", "--scope", "agent:mail-triage").code == 0
    assert meshclaw("memory", "add", "x y", "--scope", "nobody").code == 2
    kim, lea = meshclaw("memory", "list", "--json").json()
    assert (kim["expires"] > kim["learned"], lea["scope"]) == (True, "agent:mail-triage")
    assert len(meshclaw("memory", "list", "--scope", "person", "--json").json()) == 1
    assert "runs out" in meshclaw("memory", "why", "1").out


def test_a_claw_that_is_asked_to_remember_does_and_dreams_and_tells_in_the_morning(
    connected: Meshclaw, monkeypatch: pytest.MonkeyPatch
) -> None:
    remember = Said(calls=(Call(id="c1", verb="memory.remember", arguments={"text": "I like green tea"}),))
    answering(monkeypatch, remember, "I remembered it.")
    asked = connected("ask", "Remember that I like green tea. Kim Lang is my new boss.")
    assert (asked.code, asked.out) == (0, "I remembered it.\n"), asked.err
    assert "I like green tea" in connected("memory", "list").out
    planned = connected("dream", "run", "--dry-run")
    assert "A model would read 1 request, for at most $0." in planned.err
    answering(monkeypatch, proposing(add("Their new boss is Kim Lang")))
    said = connected("dream", "run")
    assert "Their new boss is Kim Lang  (new)" in said.out, said.err
    assert "Known already: 1" in said.err
    assert "Nothing happened since" in connected("dream", "run").err
    morning = connected("dream", "morning").out
    for words in (
        "ask by claw@1: 1 run",
        "I like green tea",
        "Their new boss is Kim Lang",
        "veto: meshclaw memory undo 2 --fact 2",
    ):
        assert words in morning
    assert (
        connected("dream", "morning", "--json").json()["learned"][1]["text"] == "Their new boss is Kim Lang"
    )
    prompts: list[Prompt] = answering(monkeypatch, "Kim Lang.").prompts
    connected("ask", "who is my boss?")
    assert "- Their new boss is Kim Lang" in prompts[0].turns[0].text  # type: ignore[union-attr]
    [dreamt] = connected("dream", "log", "--json").json()
    assert (dreamt["revision"], dreamt["turns"]) == (2, 1)


def test_without_a_model_it_says_so(meshclaw: Meshclaw, maildir: Path) -> None:
    meshclaw("mail", "connect", f"maildir:{maildir}", "--me", "ada@example.com")
    meshclaw("mail", "triage")
    assert "Nothing happened" in meshclaw("dream", "run", "--no-model").err
    assert meshclaw("dream", "log").err.startswith("No dream yet")


def test_a_stopped_claw_does_not_dream(meshclaw: Meshclaw) -> None:
    meshclaw("stop", "--reason", "odd")
    assert meshclaw("dream", "run", "--no-model").code == 3
