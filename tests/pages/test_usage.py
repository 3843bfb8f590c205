"""The page about the use of AI tools: what it says and plots is what the store holds."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshclaw.flow.usage import Tokens, Unread, Usage
from meshclaw.ledger.usage.store import FileState, UsageStore
from meshclaw.pages.plot import HEIGHT
from meshclaw.pages.scale import ticks
from meshclaw.pages.usage import page
from meshclaw.readers.all import READERS
from meshclaw.usage.labels import judge_of
from meshclaw.usage.overview import Looked, Overview, overview
from meshclaw.usage.report import ALL_TIME, Period
from tests.pages.reading import Page, fills, is_harmless, part, plots

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
APRIL = int(datetime(2026, 4, 1, 12, tzinfo=UTC).timestamp() * 1000)
DAY = 86_400_000
HOME = Path("/home/kim")
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=y>&amp;</title></svg>\u202e\x1b[31m"


def call(key: str, **said: object) -> Usage:
    fields: dict[str, object] = {
        "tool": "claude-code", "evidence": "transcript", "key": key, "at": APRIL, "model": "claude-opus-4-5",
        "provider": "anthropic", "tokens": Tokens(input_uncached=1_000, output=2_000),
    }  # fmt: skip
    return Usage(**(fields | said))  # type: ignore[arg-type]


def seen(calls: Iterable[Usage], unread: Iterable[Unread] = (), period: Period = ALL_TIME) -> Overview:
    judge = judge_of(READERS, None)
    store = UsageStore()
    with store.writing():
        for one in calls:
            store.add(one, judge)
        state = FileState("claude-code", 1, 2, 3, 4, 5, b"", b"")
        for one in unread:
            store.keep_file(one.path, state, [one], fresh=True)
        store.flush(judge)
        store.set("judged", "prices 9")
    looked = [
        Looked(
            tool=tool, evidence="transcript", folders=["/home/kim/.x"], found=["/home/kim/.x"], files=1,
            calls=amounts.calls, grain="call", confidence="exact", includes="",
        )
        for tool, amounts in store.by("tool").items()
    ]  # fmt: skip
    try:
        return overview(store, period, looked, NOW)
    finally:
        store.close()


def test_the_head_says_five_numbers_and_how_each_was_made() -> None:
    calls = [
        call("a"),
        call("b", branch="fix/PAY-311"),
        call("c", model="nobody-knows-9", declared="env:mail.triage"),
    ]
    found = seen(calls, [Unread(path="/home/kim/.x/s.jsonl", line=7, why="truncated")])
    html = page(found, HOME)
    values = re.findall(r'<span class="value">(.*?)</span> <span class="label">(.*?)</span>', html)
    totals, guessed = found.report.totals, found.report.guessed_usd_micros
    assert [label for _, label in values] == [
        "what it cost", "calls of a model", "of the cost has a declared purpose", "of the cost has a guessed price",
        "place could not be read",
    ]  # fmt: skip
    assert values[0][0] == f"${totals.cost_usd_micros / 1e6:.2f}"
    assert (values[1][0], values[4][0]) == ("3", "1")
    assert values[3][0] == f"{100 * guessed / totals.cost_usd_micros:.0f}\u00a0%"
    said = Page(html).text
    assert f"{totals.cost_usd_micros:,} micro-dollars, the sum of 3 calls" in said
    assert "prices 9" in said
    assert "2 of 3 calls" in said
    assert "~/.x/s.jsonl, line 7" in said
    assert "/home/kim" not in html


@given(
    st.lists(
        st.tuples(st.integers(0, 29), st.sampled_from("abcdefghi"), st.integers(0, 10**6)),
        min_size=1,
        max_size=40,
    )
)
@settings(max_examples=25, deadline=None)
def test_columns_are_the_cost_of_their_day_and_tool(made: list[tuple[int, str, int]]) -> None:
    found = seen(
        call(f"k{at}", at=APRIL + day * DAY, tool=tool, tokens=Tokens(output=output))
        for at, (day, tool, output) in enumerate(made)
    )
    assert sum(sum(costs.values()) for costs in found.days.values()) == found.report.totals.cost_usd_micros
    html = page(found, HOME)
    if not found.report.totals.cost_usd_micros:
        assert "by-day" not in plots(html)
        return
    svg = plots(html)["by-day"]
    top = ticks(max(sum(costs.values()) for costs in found.days.values()))[-1]
    plotted = sum(float(rect.get("height") or 0) for rect in fills(svg)) * top / HEIGHT
    assert plotted == pytest.approx(found.report.totals.cost_usd_micros, rel=1e-3)


def test_bars_of_a_breakdown_add_up_to_the_total() -> None:
    found = seen(call(f"k{at}", model=f"model-{at}", tokens=Tokens(output=at * 1000)) for at in range(1, 31))
    rects = fills(plots(page(found, HOME))["by-model"])
    most = max(part.totals.cost_usd_micros for part in found.report.by_model.values())
    others = found.report.totals.cost_usd_micros - sum(
        part.totals.cost_usd_micros for part in list(found.report.by_model.values())[:10]
    )
    assert len(rects) == 11
    longest = max(most, others)
    assert sum(part(rect.get("width")) for rect in rects) * longest == pytest.approx(
        found.report.totals.cost_usd_micros, rel=1e-5
    )


def test_the_partition_is_one_bar_that_is_all_of_the_cost() -> None:
    found = seen([call("a"), call("b", branch="spike/x")])
    svg = plots(page(found, HOME))["partition"]
    assert sum(part(rect.get("width")) for rect in fills(svg)) == pytest.approx(1)
    assert "declared exploration: " in (svg.findtext("g/title") or "")
    assert "together they are the total to the micro-dollar" in page(found, HOME)


def test_kinds_of_tokens_are_never_added_to_one_number() -> None:
    amounts = Tokens(
        input_uncached=11, cache_read=1_300, cache_write_5m=17_000, cache_write_1h=190_000, output=2_300_000
    )
    html = page(seen([call("a", tokens=amounts), call("b", tool="codex", tokens=amounts)]), HOME)
    said = Page(html).text
    for one in (11, 1_300, 17_000, 190_000, 2_300_000):
        assert f"{one:,}" in said
    assert f"{2 * (11 + 1_300 + 17_000 + 190_000 + 2_300_000):,}" not in said
    assert f"{11 + 1_300 + 17_000 + 190_000 + 2_300_000:,}" not in said
    assert {id_ for id_ in plots(html) if id_.startswith("tokens-")} == {
        f"tokens-{name}"
        for name in ("input_uncached", "cache_read", "cache_write_5m", "cache_write_1h", "output")
    }


def test_credits_are_neither_tokens_nor_dollars() -> None:
    found = seen([call("a", tool="kiro", tokens=Tokens(), credits_milli=12_500, model="kiro")])
    assert "kiro bills 12.50 credits, which are neither tokens nor dollars" in Page(page(found, HOME)).text


def test_agreement_is_told_and_so_is_that_nothing_can_be_compared() -> None:
    assert "cannot be compared" in page(seen([call("a")]), HOME)
    agreeing = seen([
        call("a", branch="feat/x", did=("Edit",), files=("py",)), call("b", branch="docs/x", did=("Read",)),
    ])  # fmt: skip
    assert "they agree in 1 of 2 calls" in Page(page(agreeing, HOME)).text


def test_a_wrong_clock_counts_and_does_not_stretch_the_plot() -> None:
    found = seen([call("a"), call("b", at=-1), call("c", at=123_456 * DAY), call("d", at=2**60)])
    assert (found.report.totals.calls, found.odd_calls, list(found.days)) == (4, 3, [date(2026, 4, 1)])
    assert (
        found.odd_usd_micros + sum(found.days[date(2026, 4, 1)].values())
        == found.report.totals.cost_usd_micros
    )
    html = page(found, HOME)
    assert "3 calls for" in html
    assert "have a time that cannot be right" in html
    assert len(fills(plots(html)["by-day"])) == 1


def test_only_wrong_clocks_still_make_a_page() -> None:
    html = page(seen([call("b", at=-1)]), HOME)
    assert "No day of the calendar cost anything" in html
    assert "by-day" not in plots(html)


@pytest.mark.parametrize(
    ("calls", "said"),
    [
        ([], "No AI tool has left a record here"),
        ([call("a", tokens=Tokens())], "Nothing cost anything"),
        ([call("a")], "All of it on one day, Wed 1 April 2026."),
    ],
)
def test_few_or_no_data_have_their_own_words(calls: list[Usage], said: str) -> None:
    html = page(seen(calls), HOME)
    assert said in html
    assert not Page(html).unclosed


def test_a_period_without_use_says_that_there_are_other_times() -> None:
    html = page(seen([call("a")], period=Period(since=date(2025, 1, 1), until=date(2025, 1, 31))), HOME)
    assert "there are records of other times" in html
    assert "1 January 2025 to 31 January 2025; days are UTC" in html


def test_no_name_gets_out_of_its_place() -> None:
    found = seen(
        [
            call(
                "a",
                tool=HOSTILE,
                model=HOSTILE,
                declared=f"env:{HOSTILE}",
                repo=HOSTILE,
                did=(HOSTILE,),
                session=HOSTILE,
            )
        ],
        [Unread(path=f"/home/kim/{HOSTILE}", line=1, why="unknown-field", what=HOSTILE)],
    )
    html, harmless = page(found, HOME), page(seen([call("a")]), HOME)
    assert is_harmless(html)
    assert not Page(html).unclosed
    assert {tag for tag, _ in Page(html).tags} <= {tag for tag, _ in Page(harmless).tags} | {"li", "ul"}
    assert "\u202e" not in html
    assert "\x1b" not in html
    assert "<script>alert(1)</script>" in "".join(Page(html).words)


@given(st.text(max_size=30), st.text(max_size=30))
@settings(max_examples=40, deadline=None)
def test_any_name_leaves_a_page_that_can_be_read(tool: str, model: str) -> None:
    html = page(seen([call("a", tool=f"t{tool}", model=model, branch=model)]), HOME)
    assert plots(html)
    assert is_harmless(html)
    html.encode("utf-8")


def test_ten_thousand_models_and_tools_are_a_small_page() -> None:
    html = page(seen(call(f"k{at}", model=f"m{at}", tool=f"t{at}") for at in range(10_000)), HOME)
    assert len(html) < 400_000
    assert "9,990 others" in html
    assert "9,995 other tools" in html
    assert "9,800 more lines" in html


def test_nobody_is_named_or_ranked() -> None:
    html = page(seen([call("a", session="session-of-kim", agent="kims-agent")]), HOME)
    assert "session-of-kim" not in html
    assert "kims-agent" not in html
    assert "nobody is counted here" in html
