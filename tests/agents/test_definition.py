"""AGENT.md as hostile text: what it says, and for each mistake the file, the line and what was probably meant."""

from __future__ import annotations

import re
import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshclaw.agents import frontmatter
from meshclaw.agents.definition import read, rights
from meshclaw.errors import UserError
from tests.agents.folders import AGENT, agent

pytest.importorskip("yaml")


def test_what_it_says_is_what_it_means() -> None:
    one, instructions = read(AGENT.encode())
    assert (one.name, one.version, one.owner) == ("reader", "1.10", "Kim (sales)")
    assert (one.budget.run.inference, one.budget.run.reads) == (250_000, 200)
    assert rights(one).verbs == {"mail.list", "mail.read", "mail.label"}
    assert instructions.startswith("List the inbox")


@pytest.mark.parametrize("word", ["no", "null", "1.10", "1e3", "0x10", "12:30:00", "2026-01-01"])
def test_a_plain_value_stays_the_text_it_is(word: str) -> None:
    assert read(agent(owner=word).encode())[0].owner == word


MISTAKES = [
    (agent(purpose="x\npurpse: y"), 6, "there is no field 'purpse' here; did you mean 'purpose'?"),
    (agent(effects="[raed]"), 8, "'raed' is none of admin, .*did you mean 'read'?"),
    (agent(name=""), 2, "the field 'name' is missing"),
    (agent(name="a\nname: b"), 3, "the field 'name' stands here twice"),
    (agent(verbs="'*'"), 9, "expected a list, got a text"),
    (agent(verbs="['*']"), 9, "'\\*' is no verb"),
    (agent(verbs="[mail]"), 9, "'mail' is no verb"),
    (agent(verbs="&all [mail.read]"), 9, "an anchor"),
    (agent(verbs="*all"), 9, "an alias"),
    (agent(owner="!!python/object:os.system x"), 4, "the tag"),
    (agent(owner="! x"), 4, "the tag"),
    (agent(intents="[a, [b, [c, [d, [e, [f, [g, [h, [i, [j]]]]]]]]]]"), 6, "nested deeper than 8"),
    (agent(intents=f"[{', '.join('a' * 1_001)}]"), 6, "more than 1,000 values"),
    (agent(run="{inference: 0.25}"), 11, "inference is in dollars: write \\$0.25"),
    (agent(run="{inference: $0.0000001}"), 11, "in dollars"),
    (agent(run="{reads: -1}"), 11, "expected a number"),
    (agent(run="{reads: many}"), 11, "expected a number, got a text"),
    (agent(run="{raeds: 1}"), 11, "there is no field 'raeds' here; did you mean 'reads'?"),
    (agent(name="Reader"), 2, "'Reader' is no name"),
    (agent(name="re--ader"), 2, "is no name"),
    (agent(name="../reader"), 2, "is no name"),
    (agent(name="r\u0435ader"), 2, "is no name"),  # a Cyrillic letter
    (agent(name="claw"), 2, "comes with MeshClaw"),
    (agent(name="mai1-clerk"), 2, "looks like 'mail-clerk'"),
    (agent(name="x" * 41), 2, "is no name"),
    (agent(version="1 2"), 3, "is no version"),
    (agent(version="1@2"), 3, "is no version"),
    (agent(version="1+2"), 3, "is no version"),
    (agent(owner="meshclaw"), 4, "looks as if it came with MeshClaw"),
    (agent(owner="Mesh Claw"), 4, "looks as if it came with MeshClaw"),
    (agent(owner="m\u0435shclaw"), 4, "looks as if it came with MeshClaw"),
    (agent(purpose='"a\\nb"'), 5, "one line"),
    (agent(purpose="x" * 301), 5, "one line of 1 to 300"),
    (agent(purpose="nice \u202e evil"), 5, "a character that nobody sees \\(RIGHT-TO-LEFT OVERRIDE\\)"),
    (agent(purpose="nice \U000e0041"), 5, "nobody sees"),
    (agent(purpose="zero\u200bwidth"), 5, "nobody sees"),
    (agent(purpose="x\nautonomy: {mail.read: autonmous}"), 6, "did you mean 'autonomous'?"),
    (agent(purpose="x\nautonomy: {mail.*: draft}"), 6, "is no verb"),
    (agent(purpose="x\nmodel: [fast]"), 6, "expected a text, got a list"),
    (agent(purpose="x\nskills: [a, a]"), 6, "stands here twice"),
    (agent(purpose="x\nschedule: [{cron: '* * * *', words: go}]"), 6, "4 fields, not 5"),
    (agent(intents="[]"), 6, "at least one intent"),
    (agent(intents="[Ask me]"), 6, "is no verb"),
    (agent(purpose="x\n? [a]\n: b"), 6, "must be a word"),
    (agent(purpose="x\n\ty: z"), 6, "this is no YAML"),
    (agent(owner='"open'), 4, "this is no YAML"),
    (AGENT.rpartition("---")[0] + "---\n", 0, "it has no instructions"),
    ("just words", 1, "does not begin with front matter"),
    ("---\n- a\n---\nb", 2, "no list of fields"),
    ("---\n---\nb", 2, "no list of fields"),
    (f"---\n{'a' * 17_000}: b\n---\nb", 2, "its front matter has 17,004 characters"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "problem"), MISTAKES)
def test_a_mistake_is_told_with_its_line(text: str, line: int, problem: str) -> None:
    with pytest.raises(UserError) as told:
        read(text.encode())
    where = f"AGENT.md:{line}: " if line else "AGENT.md: "
    assert re.match(re.escape(where), told.value.message), told.value.message
    assert re.search(problem, told.value.message), told.value.message


@pytest.mark.parametrize(
    ("raw", "problem"),
    [(b"---\nname: \xff\n---\n", "no UTF-8"), (AGENT.encode() + b"x" * 70_000, "bytes are more than")],
)
def test_bytes_that_cannot_be_taken_are_told(raw: bytes, problem: str) -> None:
    with pytest.raises(UserError, match=problem):
        read(raw)


def test_a_billion_laughs_are_refused_at_the_first() -> None:
    bomb = "a: &a [x,x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)},*{chr(97 + n)}]\n" for n in range(20)
    )
    started = time.process_time()
    with pytest.raises(UserError, match="an anchor"):
        read(f"---\n{bomb}---\nx".encode())
    assert time.process_time() - started < 1


@pytest.mark.parametrize(
    "text", ["[" * 16_000, "{a: " * 4_000, "- " * 8_000, "? " * 8_000, "'" * 16_000, "a" * 16_000]
)
def test_what_is_made_to_be_slow_is_not(text: str) -> None:
    started = time.process_time()
    with pytest.raises(UserError):
        read(f"---\n{text}\n---\nx".encode())
    assert time.process_time() - started < 2


@given(st.text(max_size=200))
def test_whatever_stands_there_ends_in_a_value_or_in_an_error_of_ours(text: str) -> None:
    with suppress(UserError):
        read(f"---\n{text}\n---\nwork".encode("utf-8", "replace"))


def test_emoji_and_other_scripts_may_stand_where_people_write() -> None:
    body = AGENT + "\nSay \U0001f469\u200d\U0001f680 and \u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645.\n"
    assert read(body.encode())[1].endswith(".")
    assert frontmatter.decoded("Zoë".encode(), "x") == "Zoë"
