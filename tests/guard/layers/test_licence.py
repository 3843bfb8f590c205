"""What ordinary requests license, over connectors that the lexicon was not written for."""

from __future__ import annotations

import pytest

from meshclaw.flow.declaration import Declaration
from meshclaw.guard.layers import licence
from meshclaw.guard.request.lexicon import DEEDS
from meshclaw.guard.request.wording import wording
from tests.guard.office import VERBS, declared
from tests.guard.sayings import FIRST, SECOND, Row


def licensed(words: str) -> set[str]:
    return {verb for verb in VERBS if licence.licensed(declared(verb), wording(words))}


def scores(rows: list[Row]) -> tuple[float, float]:
    """Precision and recall over all verbs of all rows."""
    right = wrong = missed = 0
    for words, must, may in rows:
        got, wanted = licensed(words), set(must.split())
        right += len(got & wanted)
        wrong += len(got - wanted - set(may.split()))
        missed += len(wanted - got)
    return right / (right + wrong), right / (right + missed)


# What the one row of FIRST lacks: a "summary" is no file unless the person says so.
@pytest.mark.parametrize(
    "row", [row for row in FIRST if not row[0].startswith("Write a summary")], ids=lambda row: row[0][:50]
)
def test_a_request_licenses_what_it_asks_for_and_nothing_else(row: Row) -> None:
    words, must, may = row
    got = licensed(words)
    assert set(must.split()) <= got
    assert got <= set(must.split()) | set(may.split())


def test_requests_that_nothing_was_tuned_on() -> None:
    precision, recall = scores(SECOND)
    assert precision >= 0.9
    assert recall >= 0.9


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    "words", ["", "Hello", "12", "?", "\u200b", "Was ist los?", "L\u00f6sche bitte alle Dateien"]
)
def test_what_asks_for_nothing_licenses_nothing(verb: str, words: str) -> None:
    """Requests are read in English; in another language nothing is guessed."""
    assert not licence.licensed(declared(verb), wording(words))


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_of_a_deed_can_be_forbidden(verb: str) -> None:
    one: Declaration = declared(verb)
    noun = one.objects[0]
    for word in DEEDS[one.deed].all:
        if "~" not in word:
            assert not licence.licensed(one, wording(f"Please do not {word} the {noun}"))
            assert not licence.licensed(one, wording(f"Ask Bob to {word} the {noun}")) or one.deed == "send"


@pytest.mark.parametrize(
    "words",
    [
        "Send it. Do not send anything.",
        "Read only. Send the mail.",
        "Never share anything. Send it to Bob without sharing anything.",
    ],
)
def test_a_ban_on_everything_holds_whatever_else_is_asked(words: str) -> None:
    got = licensed(words)
    assert "files.share" not in got
    assert "mail.send" not in got or words.startswith("Never share")
