"""Of each call one recording counts, in the store as by the rule."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from meshclaw.flow.usage import Tokens, Usage
from meshclaw.ledger.usage.contexts import Labels, Tariff
from meshclaw.ledger.usage.store import UsageStore
from meshclaw.usage.reconcile import reconcile, recount

AT = 1_780_308_000_000
DAY = 86_400_000
ALWAYS = -(2**62), 2**62


class Judging:
    def label(self, usage: Usage) -> Labels:
        return Labels("undeclared", "talk", "", "unlinked")

    def tariff(self, usage: Usage) -> Tariff:
        return lambda usage: (usage.tokens.output, True)


judge = Judging()


CALLS = st.builds(
    Usage,
    tool=st.sampled_from(["claude-code", "litellm"]),
    evidence=st.sampled_from(["transcript", "telemetry"]),
    key=st.sampled_from("abc"),
    message=st.sampled_from(["", "a", "m"]),
    session=st.sampled_from(["", "s"]),
    model=st.just("m"),
    at=st.builds(
        lambda day, ms: AT + day * DAY + ms, st.sampled_from([0, 0, 0, 1, 40]), st.integers(0, 300_000)
    ),
    until=st.sampled_from([0, 0, 0, AT + 50 * DAY]),
    tokens=st.builds(Tokens, output=st.integers(0, 3)),
)


@settings(deadline=None)
@given(batches=st.lists(st.lists(CALLS, max_size=5), max_size=5))
def test_after_any_imports_the_sums_are_those_of_the_recordings_that_count(
    batches: list[list[Usage]],
) -> None:
    store = UsageStore()
    try:
        for batch in batches:
            with store.writing():
                for usage in batch:
                    store.add(usage, judge)
                store.flush(judge)
            recount(store)
            assert store.touched is None
        stored = dict(store.calls(*ALWAYS))
        found = reconcile(stored)
        counting = [*(seen.best for seen in found.calls), *found.sums]
        assert {usage for usage, is_counted in stored.items() if is_counted} == set(counting)
        assert store.total().calls == len(counting)
        assert store.total().output == sum(usage.tokens.output for usage in counting)
        assert store.check() == 0
    finally:
        store.close()


def test_new_prices_do_not_count_a_call_twice() -> None:
    store = UsageStore()
    given = {"tool": "claude-code", "key": "req_1", "at": AT, "model": "m", "tokens": Tokens(output=5)}
    with store.writing():
        for evidence in ("transcript", "telemetry"):
            store.add(Usage(evidence=evidence, **given), judge)  # type: ignore[arg-type]
        store.flush(judge)
    recount(store)
    store.judge_again("other prices", judge)
    recount(store)
    assert store.total().calls == 1
    assert store.check() == 0
    store.close()
