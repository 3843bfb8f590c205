"""A call is never dearer than what was reserved for it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meshclaw.flow.conversation import Call, Got, Heard, Prompt, Reply, Said, Tool
from meshclaw.flow.usage import Tokens
from meshclaw.llm.booked import cost_of, most_cost, most_input
from meshclaw.llm.sheet import load
from meshclaw.settings.models import Entry

AT = 1_795_000_000_000
ENTRIES = [
    Entry(name=model, model=model)
    for model in (
        "anthropic:claude-opus-4-8", "anthropic:claude-sonnet-4-5-20250929", "openai:gpt-5", "openai-chat:gpt-4o",
        "google:gemini-2.5-pro", "bedrock:global.anthropic.claude-opus-4-5-20251101-v1:0", "compatible:nobody-knows",
    )
]  # fmt: skip
READ = Tool(verb="mail.read", words="Read.", schema={"type": "object"})


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    entry=st.sampled_from(ENTRIES), split=st.lists(st.integers(0, 300_000), min_size=4, max_size=4),
    output=st.integers(0, 20_000), data=st.data(),
)  # fmt: skip
def test_no_call_within_its_bounds_costs_more_than_was_reserved(
    home: Path, entry: Entry, split: list[int], output: int, data: st.DataObject
) -> None:
    tokens = Tokens(
        input_uncached=split[0], cache_read=split[1], cache_write_5m=split[2], cache_write_1h=split[3], output=output,
        reasoning=data.draw(st.integers(0, output)),
    )  # fmt: skip
    reply = Reply(said=Said(), tokens=tokens, model=entry.priced[1], provider=entry.priced[0])
    assert cost_of(reply, entry, AT).micros <= most_cost([entry], AT, tokens=sum(split), limit=output)


def test_the_dearest_model_that_may_answer_is_reserved(home: Path) -> None:
    each = [most_cost([entry], AT, tokens=1000, limit=1000) for entry in ENTRIES]
    assert most_cost(ENTRIES, AT, tokens=1000, limit=1000) == max(each)
    assert each[-1] == max(each) > 100_000  # of a model that nobody knows


def test_a_price_sheet_has_the_say_and_a_model_may_be_priced_as_another(home: Path) -> None:
    path = home / "prices.toml"
    classes = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output")
    path.write_text('[[rate]]\nmodel = "house"\n' + "".join(f'{name} = "0"\n' for name in classes))
    free = Entry(name="local", model="ollama:qwen3", priced_as="ollama:house")
    reply = Reply(said=Said(), tokens=Tokens(input_uncached=10**6), model="qwen3", provider="ollama")
    assert most_cost([free], AT, tokens=10**6, limit=10**6, sheet=load(path)) == 0
    price = cost_of(reply, free, AT, load(path))
    assert (price.micros, price.known) == (0, True)
    assert cost_of(reply, Entry(name="m", model="compatible:nobody-knows"), AT).micros > 0


TEXT = st.text(max_size=60)
TURNS = st.one_of(
    st.builds(Heard, text=TEXT),
    st.builds(
        Said, text=TEXT, calls=st.tuples(st.builds(Call, id=TEXT, verb=TEXT, arguments=st.just({"a": 1})))
    ),
    st.builds(Got, call=TEXT, verb=TEXT, text=TEXT),
)


@given(fixed=TEXT, turns=st.lists(TURNS, max_size=4))
def test_the_estimate_is_never_under_the_bytes_that_are_sent(
    fixed: str, turns: list[Heard | Said | Got]
) -> None:
    prompt = Prompt(fixed=fixed, tools=(READ,), turns=tuple(turns))
    texts = [fixed, *(turn.text for turn in turns)]
    assert most_input(prompt) > sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)


def test_what_the_server_counted_already_is_not_estimated_again() -> None:
    before = Prompt(fixed="f" * 10_000, tools=(READ,), turns=(Heard(text="a" * 10_000),))
    after = msgspec.structs.replace(before, turns=(*before.turns, Said(text="b" * 10), Heard(text="c" * 10)))
    assert 5_000 < most_input(after, before=before, counted=5_000) < 5_100
    for other in (
        msgspec.structs.replace(after, fixed="g"), msgspec.structs.replace(after, tools=()),
        msgspec.structs.replace(after, turns=(Heard(text="x"), *after.turns)),
    ):  # fmt: skip
        assert most_input(other, before=before, counted=5_000) == most_input(other)


@pytest.mark.parametrize("turn", [Said(text="", kept="k" * 5_000), Got(call="c", verb="v", text="t" * 5_000)])
def test_what_is_kept_for_a_vendor_and_what_came_back_count_too(turn: Said | Got) -> None:
    assert most_input(Prompt(fixed="", turns=(turn,))) > 5_000
