from __future__ import annotations

import importlib.util
import subprocess
import sys
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path

import genai_prices
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meshclaw.errors import UserError
from meshclaw.flow.usage import Tokens, Usage
from meshclaw.llm.pricelist import SHIPPED, PriceList
from meshclaw.llm.prices import Price, Prices
from meshclaw.llm.sheet import Sheet, load

ROOT = Path(__file__).parents[2]
MODELS = [
    ("anthropic", "claude-sonnet-4-5-20250929"),  # dearer over 200,000 tokens
    ("anthropic", "claude-opus-4-6"),  # likewise, until a day in March 2026
    ("anthropic", "claude-haiku-4-5-20251001"),
    ("anthropic", "claude-3-haiku-20240307"),
    ("openai", "gpt-5"),
    ("openai", "gpt-5.4-pro"),
    ("google", "gemini-2.5-pro"),
    ("deepseek", "deepseek-chat"),  # dearer at some hours of the day
    ("perplexity", "sonar-deep-research"),  # reasoning apart
]
COUNTS = st.integers(0, 400_000)
MILLION = Tokens(input_uncached=1_000_000)


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def call(model: str, tokens: Tokens, provider: str = "", day: str = "2026-06-01", **more: object) -> Usage:
    return Usage(
        tool="claude-code", evidence="transcript", key="k", at=at(day), model=model, provider=provider,
        tokens=tokens, **more,  # type: ignore[arg-type]
    )  # fmt: skip


@pytest.fixture(scope="module")
def prices() -> Prices:
    return Prices(PriceList(None))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    which=st.sampled_from(MODELS), ms=st.integers(at("2024-01-01"), at("2027-01-01")),
    fresh=COUNTS, read=COUNTS, short=COUNTS, long=COUNTS, output=COUNTS, data=st.data(),
)  # fmt: skip
def test_a_call_costs_to_the_micro_dollar_what_the_list_itself_calculates(
    prices: Prices, *, which: tuple[str, str], ms: int, fresh: int, read: int, short: int, long: int, output: int,
    data: st.DataObject,
) -> None:  # fmt: skip
    provider, model = which
    reasoning = data.draw(st.integers(0, output))
    theirs = genai_prices.calc_price(
        genai_prices.Usage(
            input_tokens=fresh + read + short + long, cache_read_tokens=read, cache_write_tokens=short + long,
            cache_write_5m_tokens=short, cache_write_1h_tokens=long, output_tokens=output,
            output_reasoning_tokens=reasoning,
        ),
        model, provider_id=provider, genai_request_timestamp=datetime.fromtimestamp(ms / 1000, UTC),
    )  # fmt: skip
    usage = Usage(
        tool="t", evidence="transcript", key="k", at=ms, model=model, provider=provider,
        tokens=Tokens(
            input_uncached=fresh, cache_read=read, cache_write_5m=short, cache_write_1h=long, output=output,
            reasoning=reasoning,
        ),
    )  # fmt: skip
    found = prices.of(usage)
    micros, nanos = (
        int((theirs.total_price * unit).quantize(Decimal(1), ROUND_HALF_EVEN)) for unit in (10**6, 10**9)
    )
    assert (found.micros, found.nanos, found.known) == (micros, nanos, True)
    assert prices.tariff(usage)(usage) == (nanos, True)


@pytest.mark.parametrize(
    ("usage", "micros"),
    [
        (call("claude-opus-4-5", Tokens(cache_write_5m=1_000_000)), 6_250_000),
        (call("claude-opus-4-5", Tokens(cache_write_1h=1_000_000)), 10_000_000),
        (call("claude-sonnet-4-5", Tokens(input_uncached=200_000)), 600_000),
        (call("claude-sonnet-4-5", Tokens(input_uncached=200_001)), 1_200_006),
        # a day's sum is no long call
        (call("claude-sonnet-4-5", Tokens(input_uncached=200_001), until=at("2026-06-02")), 600_003),
        (call("claude-sonnet-4-5", MILLION, until=at("2026-06-02"), service_tier="standard+200k"), 6_000_000),
        (
            call(
                "claude-sonnet-4-5",
                MILLION,
                day="2026-11-01",
                until=at("2026-11-02"),
                service_tier="batch+200k",
            ),
            3_000_000,
        ),
        (call("claude-opus-4-5", MILLION, until=at("2026-06-02"), service_tier="+200k"), 5_000_000),
        (call("claude-sonnet-4-5", Tokens(tool=3)), 30_000),
        (call("claude-opus-4-6", Tokens(input_uncached=300_000), day="2026-03-12"), 3_000_000),
        (call("claude-opus-4-6", Tokens(input_uncached=300_000), day="2026-03-13"), 1_500_000),
        (call("claude-opus-4-8", MILLION, speed="fast"), 10_000_000),
        (call("claude-haiku-4-5", MILLION, "anthropic", "2026-11-01", service_tier="batch"), 500_000),
        (call("claude-haiku-4-5", MILLION, "anthropic", "2026-11-01", service_tier="standard"), 1_000_000),
        # as tools write models: a window, a provider in front, a proxy that nobody lists
        (call("claude-opus-4-5[1m]", MILLION), 5_000_000),
        (call("anthropic/claude-opus-4-5", MILLION), 5_000_000),
        (call("global.anthropic.claude-opus-4-5-20251101-v1:0", MILLION, "bedrock"), 5_000_000),
        (call("us.anthropic.claude-opus-4-5-20251101-v1:0", MILLION, "bedrock"), 5_500_000),
        (call("claude-opus-4-5", MILLION, "our-own-proxy"), 5_000_000),
        # halves go to the even micro-dollar: 0.5 is 0, 1.5 is 2
        (call("claude-opus-4-5", Tokens(cache_read=1)), 0),
        (call("claude-opus-4-5", Tokens(cache_read=3)), 2),
    ],
)
def test_what_a_known_model_costs(prices: Prices, usage: Usage, micros: int) -> None:
    price = prices.of(usage)
    assert (price.micros, price.known) == (micros, True)
    assert prices.tariff(usage)(usage) == (price.nanos, True)
    assert price.table == f"genai-prices {genai_prices.__version__}"


@pytest.mark.parametrize(
    "model", ["", "claude", "nobody-knows-9", "x" * 100_000, "gpt-5\nanthropic", "../etc"]
)
def test_an_unknown_model_costs_as_much_as_the_dearest_known_one_and_says_so(
    prices: Prices, model: str
) -> None:
    price = prices.of(call(model, MILLION, "nobody"))
    dearest = prices.of(call("o1-pro", MILLION, "openai"))
    assert dearest.known
    assert not price.known
    assert price.micros >= dearest.micros > 0
    usage = call(model, MILLION, "nobody")
    assert prices.tariff(usage)(usage) == (price.nanos, False)


def test_nothing_used_costs_nothing_whatever_the_model(prices: Prices) -> None:
    table = f"genai-prices {genai_prices.__version__}"
    assert prices.of(call("<synthetic>", Tokens())) == Price(micros=0, nanos=0, table=table, known=True)


def test_a_fast_call_of_a_model_without_a_listed_multiple_is_never_cheaper_than_the_dearest_one(
    prices: Prices,
) -> None:
    price = prices.of(call("claude-opus-4-6", MILLION, speed="fast"))
    assert (price.micros, price.known) == (30_000_000, False)


def test_a_search_that_the_list_does_not_price_is_not_free(prices: Prices) -> None:
    usage = call("claude-3-haiku-20240307", Tokens(tool=1))
    price = prices.of(usage)
    assert price.micros > 0
    assert not price.known
    assert prices.tariff(usage)(usage) == (price.nanos, False)


def test_the_rates_are_kept_and_a_torn_file_is_made_again(tmp_path: Path) -> None:
    path = tmp_path / "prices.json"
    usage = call("claude-opus-4-5", MILLION)
    first = Prices(PriceList(path)).of(usage)
    kept = path.read_bytes()
    assert b"claude-opus-4-5" in kept
    assert Prices(PriceList(path)).of(usage) == first
    path.write_bytes(kept[:100])
    assert Prices(PriceList(path)).of(usage) == first
    assert path.read_bytes() == kept


def test_prices_kept_from_another_version_of_the_list_are_not_used(tmp_path: Path) -> None:
    path = tmp_path / "prices.json"
    usage = call("claude-opus-4-5", MILLION)
    Prices(PriceList(path)).of(usage)
    old = path.read_bytes().replace(b'"source":[', b'"source":[1').replace(b":5000000", b":9000000")
    path.write_bytes(old)
    assert Prices(PriceList(path)).of(usage).micros == 5_000_000


def test_a_folder_that_cannot_be_written_changes_no_price(tmp_path: Path) -> None:
    assert (
        Prices(PriceList(tmp_path / "absent" / "prices.json")).of(call("gpt-5", MILLION)).micros == 1_250_000
    )


SHEET = """
name = "contract 2026"
[[rate]]
model = "claude-*"
from = 2026-07-01
off = "15"
[[rate]]
model = "claude-*"
from = 2026-10-01
off = 12.5
[[rate]]
model = "house-*"
input = 0.8
output = "4"
fast = 2
[[rate]]
model = "claude-3-haiku*"
search = "10"
[[credit]]
tool = "kiro"
price = "0.02"
[[credit]]
tool = "kiro"
from = 2026-07-01
price = "0.03"
"""


@pytest.fixture
def sheet(tmp_path: Path) -> Sheet:
    path = tmp_path / "prices.toml"
    path.write_text(SHEET)
    sheet = load(path)
    assert sheet is not None
    return sheet


@pytest.mark.parametrize(
    ("usage", "micros", "known", "is_sheet"),
    [
        (call("claude-opus-4-5", MILLION, day="2026-06-30"), 5_000_000, True, False),
        (call("claude-opus-4-5", MILLION, day="2026-07-01"), 4_250_000, True, True),
        (call("claude-opus-4-5", MILLION, day="2026-10-01"), 4_375_000, True, True),
        # the long context stays dearer under a discount
        (call("claude-sonnet-4-5", Tokens(input_uncached=300_000), day="2026-07-01"), 1_530_000, True, True),
        (call("house-model", MILLION), 800_000, True, True),
        (call("house-model", MILLION, speed="fast"), 1_600_000, True, True),
        (call("house-model", Tokens(output=10, reasoning=4)), 40, True, True),
        # what the sheet leaves out of a model that nobody lists is as dear as can be, never zero
        (call("house-model", Tokens(cache_read=10)), 1_500, True, True),
        (call("claude-3-haiku-20240307", Tokens(tool=2), day="2026-06-30"), 20_000, True, True),
        (call("gpt-5", MILLION), 1_250_000, True, False),
    ],
)
def test_a_company_sheet_is_over_the_list(
    prices: Prices, sheet: Sheet, *, usage: Usage, micros: int, known: bool, is_sheet: bool
) -> None:
    price = prices.of(usage, sheet)
    assert (price.micros, price.known) == (micros, known)
    assert ("contract 2026 " in price.table) == is_sheet


@pytest.mark.parametrize(
    ("day", "tool", "micros", "known"),
    [
        ("2026-06-30", "kiro", 30_000, True),
        ("2026-07-01", "kiro", 45_000, True),
        ("2026-07-01", "other", 60_000, False),
        ("2026-07-01", "copilot", 15_000, True),
    ],
)
def test_credits_are_priced_by_the_sheet_and_else_as_the_dearest_known_ones(
    prices: Prices, sheet: Sheet, *, day: str, tool: str, micros: int, known: bool
) -> None:
    usage = Usage(tool=tool, evidence="invoice", key="k", at=at(day), model="auto", credits_milli=1_500)
    price = prices.of(usage, sheet)
    assert (price.micros, price.known) == (micros, known)


def test_an_edited_sheet_is_another_version(tmp_path: Path, sheet: Sheet) -> None:
    path = tmp_path / "prices.toml"
    path.write_text(SHEET + "# signed again\n")
    changed = load(path)
    assert changed is not None
    assert changed.version != sheet.version


@pytest.mark.parametrize(
    "text",
    [
        "name = ",
        '[[rate]]\nmodel = "x"',
        '[[rate]]\nmodel = "x"\ninput = "-1"',
        '[[rate]]\nmodel = "x"\ninput = "NaN"',
        '[[rate]]\nmodel = "x"\ninput = "1e999999"',
        '[[rate]]\nmodel = "x"\noff = "101"',
        '[[rate]]\nmodel = "x"\ninputs = "1"',
        '[[credit]]\ntool = "kiro"\nprice = "-0.04"',
        "\x00",
    ],
)
def test_a_broken_sheet_is_refused_by_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "prices.toml"
    path.write_text(text)
    with pytest.raises(UserError, match=r"prices\.toml"):
        load(path)


def test_no_sheet_is_no_error(tmp_path: Path) -> None:
    assert load(tmp_path / "prices.toml") is None


def test_the_shipped_rates_are_those_of_the_installed_list() -> None:
    spec = importlib.util.spec_from_file_location("prices_tool", ROOT / "tools" / "docs" / "prices.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.content() == SHIPPED.read_bytes(), "run: python tools/docs/prices.py"


def test_a_first_run_prices_common_models_without_the_whole_list(tmp_path: Path) -> None:
    code = (
        "import sys; from meshclaw.llm.pricelist import PriceList; from pathlib import Path;"
        "found = PriceList(Path(sys.argv[1])).find('anthropic', 'claude-opus-4-5-20251101', '');"
        "assert found; assert 'genai_prices' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "prices.json")], check=True)
