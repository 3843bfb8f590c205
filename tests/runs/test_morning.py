"""The morning message: what ran, what was learned with its veto, what waits, what it cost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from meshclaw.agents.memory.store import Memory
from meshclaw.connectors.mail.manifest import DECLARATIONS
from meshclaw.flow.event.approval import ApprovalAsked
from meshclaw.ledger.content import ContentStore
from meshclaw.ledger.ledger import Ledger, timestamp
from meshclaw.runs import revising
from meshclaw.runs.dream import NOT_SET_UP, dream
from meshclaw.runs.morning import Morning, morning
from tests.agents.memory.facts import keep
from tests.runs.dreaming.nights import add, corrected, parts_of, proposing, say, source


@pytest.fixture
def memory(home: Path) -> Iterator[Memory]:
    memory = Memory.open(home / "memory.db")
    yield memory
    memory.close()


def told(ledger: Ledger, memory: Memory, hours: int = 24) -> Morning:
    return morning(ledger, memory, since=ledger.now() - timedelta(hours=hours), declared=DECLARATIONS.get)


def test_a_whole_night(ledger: Ledger, contents: ContentStore, memory: Memory) -> None:
    keep(memory, "Kim files it herself", subject="mail:kim@example.com", attribute="folder", at=1)
    run = say(ledger, contents, "Kim Lang is my new boss. Remember that I like tea")
    corrected(ledger, contents, "kim@example.com", "Clients", times=3)
    ledger.record(
        ApprovalAsked(
            **run.named, approval="ab12cd34", external_id="x", digest="d", verb="mail.send", rule="autonomy.draft",
            expires=timestamp(ledger.now() + timedelta(days=1)),
        )
    )  # fmt: skip
    asked, _ = source(proposing(add("Their new boss is Kim Lang"), add("The mail server is broken")))
    dream(parts_of(ledger, contents), memory, ledger.now(), source=asked)
    made = told(ledger, memory)
    assert [(one.intent, one.runs, one.unfinished) for one in made.ran] == [
        ("ask", 1, 0), ("mail.triage", 1, 0), ("memory.dream", 1, 0),
    ]  # fmt: skip
    assert [(one.text, one.what, one.times) for one in made.learned] == [
        ("I like tea", "new", 1), ("Mail from kim@example.com belongs in the folder Clients", "new", 3),
        ("Their new boss is Kim Lang", "new", 1),
    ]  # fmt: skip
    [conflict] = made.conflicts
    assert (conflict.older_text, conflict.newer_text) == (
        "Kim files it herself",
        "Mail from kim@example.com belongs in the folder Clients",
    )
    assert [(one.reason, one.count) for one in made.refused] == [("environment", 1)]
    assert [(one.approval, one.words) for one in made.waits] == [("ab12cd34", "Send a draft to other people")]
    assert made.cost.micros == made.cost.dream_micros > 0
    assert (made.dreamt, made.model, made.without) == (True, "fast", "")
    assert msgspec.json.decode(msgspec.json.encode(made), type=Morning) == made


def test_a_veto_is_a_command_that_works_and_what_was_vetoed_is_not_told_again(
    ledger: Ledger, contents: ContentStore, memory: Memory
) -> None:
    say(ledger, contents, "Remember that I like tea. Remember that I like cake")
    dream(parts_of(ledger, contents), memory, ledger.now(), without=NOT_SET_UP)
    one, other = told(ledger, memory).learned
    assert one.veto == f"meshclaw memory undo {one.revision} --fact {one.fact}"
    revising.undo(memory, ledger, one.revision, fact=one.fact)
    assert [left.fact for left in told(ledger, memory).learned] == [other.fact]
    assert told(ledger, memory).without_words == "no model is set up (models.toml)"


def test_a_quiet_day_says_so(ledger: Ledger, memory: Memory) -> None:
    made = told(ledger, memory)
    assert (made.dreamt, made.ran, made.learned, made.waits) == (False, (), (), ())


def test_only_what_is_of_that_time(ledger: Ledger, contents: ContentStore, memory: Memory) -> None:
    say(ledger, contents, "Remember that I like tea")
    dream(parts_of(ledger, contents), memory, ledger.now())
    later = morning(ledger, memory, since=ledger.now() + timedelta(seconds=1), declared=DECLARATIONS.get)
    assert (later.ran, later.learned, later.dreamt) == ((), (), False)
