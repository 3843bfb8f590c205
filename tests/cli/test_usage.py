"""``meshclaw usage`` as a person and a program use it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from tests.cli.conftest import Meshclaw
from tests.readers.test_claude_code import line

CLASSES = {
    "calls",
    "input_uncached",
    "cache_read",
    "cache_write_5m",
    "cache_write_1h",
    "output",
    "cost_usd_micros",
}
COST = 5 * 5 + 70 * 25 + 400 * 0.5 + 10 * 6.25 + 20 * 10
"""Micro-dollars of ``line`` at Opus 4.5's prices."""


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The person's home, without any AI tool."""
    folder = tmp_path / "user"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    for name in ("CLAUDE_CONFIG_DIR", "CODEX_HOME", "OPENCODE_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    return folder


def write(user: Path, *lines: dict[str, object]) -> None:
    session = user / ".claude" / "projects" / "repo" / "s.jsonl"
    session.parent.mkdir(parents=True, exist_ok=True)
    session.write_text("".join(json.dumps(one) + "\n" for one in lines), "utf-8")


def test_without_any_tool_it_says_what_it_looked_for(meshclaw: Meshclaw, user: Path) -> None:
    said = meshclaw("usage", "show")
    assert said.code == 0
    assert "No AI tool" in said.out
    assert str(user / ".claude") in said.out
    assert str(user / ".codex") in said.out
    assert meshclaw("usage", "show", "--json").json()["totals"]["calls"] == 0


def test_programs_get_the_stable_shape(meshclaw: Meshclaw, user: Path) -> None:
    write(user, line("m1"), line("m2", usage={"input_tokens": -1}))
    found = meshclaw("usage", "show", "--json").json()
    assert list(found) == ["totals", "by_tool", "by_model", "partition", "sources", "unread"]
    assert set(found["totals"]) == CLASSES
    assert found["totals"] == found["by_tool"]["claude-code"] == found["by_model"]["claude-opus-4-5-20251101"]
    assert found["totals"]["cost_usd_micros"] == round(COST) == sum(found["partition"].values())
    assert set(found["partition"]) == {
        "linked", "reworked", "reverted", "open", "exploration", "abandoned", "unlinked",
    }  # fmt: skip
    assert [(one["line"], one["why"]) for one in found["unread"]] == [(2, "negative")]
    assert found["sources"][0]["found"] == [str(user / ".claude")]


@pytest.mark.parametrize(
    ("by", "name"),
    [
        ("day", "2026-04-01"), ("tool", "claude-code"), ("model", "claude-opus-4-5-20251101"),
        ("intent", "PAY-311"), ("repo", "/work/repo"), ("session", "s1"),
    ],
)  # fmt: skip
def test_every_way_to_break_it_down(meshclaw: Meshclaw, user: Path, by: str, name: str) -> None:
    write(user, line("m1"))
    found = meshclaw("usage", "show", "--by", by, "--json").json()
    assert {name: part["calls"] for name, part in found[f"by_{by}"].items()} == {name: 1}
    shown = meshclaw("usage", "show", "--by", by).out
    assert name in shown
    assert "█" in shown


def test_a_period_is_days_in_utc_both_ends_included(meshclaw: Meshclaw, user: Path) -> None:
    today = datetime.now(UTC)
    times = ["2026-04-01T00:00:00Z", "2026-04-02T23:59:59.999Z", (today - timedelta(days=1)).isoformat()]
    write(user, *(line(f"m{at}", timestamp=time) for at, time in enumerate(times)))

    def calls(*words: str) -> int:
        return meshclaw("usage", "show", "--json", *words).json()["totals"]["calls"]

    assert calls() == 3
    assert calls("--since", "2026-04-02", "--until", "2026-04-02") == 1
    assert calls("--until", "2026-04-01") == 1
    assert (calls("--last", "1d"), calls("--last", "2d"), calls("--last", "2")) == (0, 1, 1)
    assert meshclaw("usage", "show", "--last", "2w").code == 2
    assert meshclaw("usage", "show", "--last", "2d", "--since", "2026-04-01").code == 2


def test_a_root_is_read_instead_and_nothing_is_stored(
    meshclaw: Meshclaw, user: Path, home: Path, tmp_path: Path
) -> None:
    write(user, line("mine"))
    write(tmp_path / "theirs", line("m1"), line("m2"))
    found = meshclaw("usage", "show", "--root", str(tmp_path / "theirs"), "--json").json()
    assert found["totals"]["calls"] == 2
    assert not (home / "usage.db").exists()
    assert not (home / "ledger.db").exists()
    assert meshclaw("usage", "show", "--root", str(tmp_path / "nowhere")).code == 2


def test_a_page_says_what_the_terminal_says_and_leaves_the_json_as_it_was(
    meshclaw: Meshclaw, user: Path, tmp_path: Path
) -> None:
    write(user, line("m1"))
    page = tmp_path / "usage.html"
    said = meshclaw("usage", "show", "--html", str(page))
    assert (said.code, said.out) == (0, "")
    assert f"${round(COST) / 1e6:.6f}" in page.read_text("utf-8")
    assert "~/.claude" in page.read_text("utf-8")
    assert page.stat().st_mode & 0o777 == 0o600
    with_page = meshclaw("usage", "show", "--json", "--html", str(page)).json()
    assert with_page == meshclaw("usage", "show", "--json").json()


def test_a_page_replaces_no_file_that_is_none_of_ours(meshclaw: Meshclaw, user: Path, tmp_path: Path) -> None:
    thesis = tmp_path / "thesis.html"
    thesis.write_text("mine", "utf-8")
    said = meshclaw("usage", "show", "--html", str(thesis))
    assert said.code == 2
    assert "--force" in said.err
    assert thesis.read_text("utf-8") == "mine"
    assert meshclaw("usage", "show", "--html", str(thesis), "--force").code == 0
    assert "No AI tool has left a record here" in thesis.read_text("utf-8")


def test_bars_are_in_proportion_and_fit_the_terminal(meshclaw: Meshclaw, user: Path) -> None:
    write(user, line("m1"), *(line(f"n{at}", timestamp="2026-04-02T09:00:00Z") for at in range(4)))
    bars = [
        row.split("$")[1].split()[1] for row in meshclaw("usage", "show").out.splitlines() if "2026-04" in row
    ]
    assert [len(bar) for bar in bars] == [10, 40]


def test_one_event_an_import_and_none_without_news(meshclaw: Meshclaw, user: Path) -> None:
    write(user, line("m1"))
    assert "1 calls new" in meshclaw("usage", "import").out
    assert meshclaw("usage", "import", "--json").json()["files"] == 0
    write(user, line("m1"), line("m2"))
    meshclaw("usage", "show")
    events = [
        msgspec.json.decode(text)["event"] for text in meshclaw("ledger", "tail", "--json").out.splitlines()
    ]
    assert [(event["kind"], event["files"], event["calls"]) for event in events] == [
        ("usage.imported", 1, 1)
    ] * 2
    assert "/work/repo" not in meshclaw("ledger", "tail", "--json").out


def test_the_doctor_names_what_was_not_understood(meshclaw: Meshclaw, user: Path) -> None:
    write(user, line("m1", usage={"new_tokens": 1}), line("m2", model="nobody-knows-9"))
    said = meshclaw("usage", "doctor")
    assert said.code == 0
    assert "s.jsonl:1: unknown-field new_tokens" in said.out
    assert "nobody-knows-9" in said.out
    found = meshclaw("usage", "doctor", "--json").json()
    assert (found["wrong_sums"], found["not_in_partition"], list(found["guessed"])) == (
        0,
        0,
        ["nobody-knows-9"],
    )


def test_a_named_file_goes_with_the_tool_that_wrote_it(
    meshclaw: Meshclaw, user: Path, tmp_path: Path
) -> None:
    report = tmp_path / "kiro.csv"
    report.write_text("Date,UserId,Client_Type,Credits_Used\n2026-04-01,u1,KIRO_CLI,12.5\n", "utf-8")
    assert meshclaw("usage", "import", "--from", "kiro", str(report)).code == 0
    assert meshclaw("usage", "show", "--json").json()["by_tool"]["kiro"]["calls"] >= 1
    assert meshclaw("usage", "import", str(report)).code == 2
    assert "no reader for 'cairo'" in meshclaw("usage", "import", "--from", "cairo", str(report)).err


def test_sources_say_what_their_numbers_mean(meshclaw: Meshclaw, user: Path) -> None:
    write(user, line("m1"))
    first, *_ = meshclaw("usage", "sources", "--json").json()
    assert (first["tool"], first["files"], first["calls"], first["grain"]) == ("claude-code", 1, 1, "call")
    assert "claude-code" in meshclaw("usage", "sources").out


def test_a_companys_prices_reach_what_was_read_before(meshclaw: Meshclaw, user: Path, home: Path) -> None:
    write(user, line("m1"))
    before = meshclaw("usage", "show", "--json").json()["totals"]["cost_usd_micros"]
    (home / "prices.toml").write_text('[[rate]]\nmodel = "claude-*"\noff = "50"\n', "utf-8")
    after = meshclaw("usage", "show", "--json").json()["totals"]["cost_usd_micros"]
    assert (before, after) == (round(COST), round(COST / 2))
