from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshclaw.flow.usage import Evidence, Tokens, Usage
from meshclaw.usage.reconcile import Line, Part, days, plain, reconcile

AT = 1_780_308_000_000
DAY = 86_400_000


def call(evidence: Evidence, key: str = "req_1", **changes: object) -> Usage:
    given = {
        "tool": "claude-code", "at": AT, "model": "claude-opus-4-5", "session": "s",
        "tokens": Tokens(input_uncached=10, cache_read=100, output=5),
    } | changes  # fmt: skip
    return Usage(evidence=evidence, key=key, **given)  # type: ignore[arg-type]


def total(evidence: Evidence, key: str = "sum", **changes: object) -> Usage:
    return call(evidence, key, **({"until": AT + DAY} | changes))


def price(usage: Usage) -> int:
    """A micro-dollar a token, two for what is written for an hour."""
    tokens = usage.tokens
    return (
        tokens.input_uncached
        + tokens.cache_read
        + tokens.output
        + tokens.cache_write_5m
        + 2 * tokens.cache_write_1h
    )


def test_one_call_in_three_sources_is_one_record() -> None:
    transcript = call("transcript", message="msg_1")
    event = call("telemetry", at=AT + 900)
    proxy = call("telemetry", "msg_1", tool="litellm")
    found = reconcile([proxy, event, transcript])
    (seen,) = found.calls
    assert seen.best is transcript
    assert seen.others == [proxy, event]
    assert (seen.evidence, seen.differs) == (("transcript", "telemetry"), ())


@pytest.mark.parametrize(
    ("changes", "differs"),
    [
        ({"tokens": Tokens(input_uncached=10, cache_read=100, output=6)}, ("output",)),
        ({"tokens": Tokens(input_uncached=11, cache_read=99, output=5)}, ("input_uncached", "cache_read")),
        ({"model": "claude-haiku-4-5"}, ("model",)),
        ({"model": "anthropic/claude-opus-4-5-20251101[1m]"}, ()),
        ({"at": AT + 10 * DAY}, ()),
        ({"reported_micros": 5}, ()),
    ],
)
def test_where_sources_differ_it_is_shown_and_the_transcript_counts(
    changes: dict[str, object], differs: tuple[str, ...]
) -> None:
    (seen,) = reconcile([call("transcript"), call("telemetry", **changes)]).calls
    assert seen.differs == differs
    assert seen.best.evidence == "transcript"
    assert seen.best.tokens.output == 5


def test_without_a_common_id_the_same_session_model_and_counts_close_in_time_are_one_call() -> None:
    events = [call("telemetry", f"e{at}", at=AT + at * 60_000) for at in (0, 1, 5)]
    found = reconcile([call("transcript", "t0"), call("transcript", "t1", at=AT + 60_500), *events])
    assert [len(seen.others) for seen in found.calls] == [1, 1, 0]
    assert found.calls[2].best.key == "e5"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {"session": "other"}),
        ({"session": ""}, {"session": ""}),
        ({}, {"model": "claude-haiku-4-5"}),
        ({}, {"at": AT + 3_600_000}),
        ({}, {"tokens": Tokens(output=6)}),
    ],
)
def test_without_a_common_id_anything_else_is_another_call(
    one: dict[str, object], other: dict[str, object]
) -> None:
    assert len(reconcile([call("transcript", "t", **one), call("telemetry", "e", **other)]).calls) == 2


def test_two_calls_of_one_source_are_never_made_one() -> None:
    found = reconcile(
        [call("transcript", "a", message="m"), call("transcript", "b", message="m"), call("telemetry", "b")]
    )
    assert [len(seen.others) for seen in found.calls] == [0, 1]


def test_transcripts_of_two_tools_are_two_calls() -> None:
    assert len(reconcile([call("transcript"), call("transcript", tool="opencode")]).calls) == 2


@pytest.mark.parametrize("at", [-(10**15), 10**15])
def test_a_day_that_no_calendar_has_is_still_a_day(at: int) -> None:
    (line,) = days(reconcile([call("transcript", at=at)]), price)
    assert line.day == f"day {at // DAY}"


def test_sums_count_only_where_no_call_is_known() -> None:
    known, unknown = total("telemetry"), total("telemetry", "other", session="s2")
    bill, only_bill = total("invoice", session=""), total("invoice", tool="kiro", session="", credits_milli=5)
    account = total("invoice", tool="anthropic-api", session="")
    found = reconcile([call("transcript"), known, unknown, bill, only_bill, account])
    assert found.sums == [unknown, only_bill]
    assert set(found.checks) == {known, bill, account}


def test_days_are_compared_by_model_and_more_than_2_percent_is_flagged() -> None:
    tokens = Tokens(input_uncached=1_000)
    usages = [
        call("transcript", "1", tokens=tokens), call("telemetry", "1", tokens=tokens),
        call("transcript", "2", tokens=tokens, at=AT + DAY),
        call("telemetry", "2", tokens=Tokens(input_uncached=970), at=AT + DAY),
        call("transcript", "3", tokens=tokens, at=AT + 2 * DAY),
        total("invoice", at=AT + 2 * DAY, until=AT + 3 * DAY, tokens=Tokens(), reported_micros=981, session=""),
        call("transcript", "4", tokens=tokens, model="claude-haiku-4-5"),
    ]  # fmt: skip
    lines = days(reconcile(usages), price)
    assert [(line.day, line.model, line.difference, line.is_flagged) for line in lines] == [
        ("2026-06-01", "claude-haiku-4-5", None, False),
        ("2026-06-01", "claude-opus-4-5", 0, False),
        ("2026-06-02", "claude-opus-4-5", pytest.approx(0.03), True),
        ("2026-06-03", "claude-opus-4-5", pytest.approx(0.019), False),
    ]  # fmt: skip
    assert lines[3].by == {
        "transcript": Part(calls=1, input_uncached=1_000, list_micros=1_000),
        "invoice": Part(reported_micros=981),
    }


def test_a_call_that_two_kinds_of_telemetry_saw_is_added_once() -> None:
    (line,) = days(reconcile([call("telemetry", message="m"), call("telemetry", "m", tool="litellm")]), price)
    assert line.by["telemetry"].calls == 1


def test_what_telemetry_cannot_tell_of_cache_writes_is_no_difference() -> None:
    usages = [
        call("transcript", tokens=Tokens(cache_write_1h=100)),
        call("telemetry", tokens=Tokens(cache_write_5m=100)),
    ]
    (line,) = days(reconcile(usages), price)
    assert line == Line(
        day="2026-06-01", model="claude-opus-4-5", difference=0.0, is_flagged=False,
        by={
            "transcript": Part(calls=1, cache_write=100, list_micros=200),
            "telemetry": Part(calls=1, cache_write=100, list_micros=200),
        },
    )  # fmt: skip


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("claude-opus-4-5-20251101", "claude-opus-4-5"), ("claude-opus-5[1m]", "claude-opus-5"),
        ("openai/GPT-5-2025-08-07", "gpt-5"), ("gemini-2.5-pro", "gemini-2.5-pro"), ("", ""),
    ],
)  # fmt: skip
def test_models_are_compared_by_their_plain_names(model: str, name: str) -> None:
    assert plain(model) == name


USAGES = st.lists(
    st.builds(
        call, st.sampled_from(["transcript", "telemetry", "invoice"]), st.sampled_from("abcd"),
        message=st.sampled_from(["", "a", "m"]), session=st.sampled_from(["", "s"]),
        tool=st.sampled_from(["claude-code", "litellm"]), at=st.integers(AT, AT + 300_000),
        until=st.sampled_from([0, 0, 0, AT + DAY]),
    ),
    max_size=12,
    unique_by=lambda usage: (usage.tool, usage.evidence, usage.message, usage.key),
)  # fmt: skip


@given(usages=USAGES, data=st.data())
def test_every_usage_stands_in_exactly_one_place_in_whatever_order_they_come(
    usages: list[Usage], data: st.DataObject
) -> None:
    found = reconcile(usages)
    everywhere = (
        [usage for seen in found.calls for usage in (seen.best, *seen.others)] + found.sums + found.checks
    )
    assert Counter(everywhere) == Counter(usages)
    assert reconcile(data.draw(st.permutations(usages))) == found
