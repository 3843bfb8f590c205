"""Transcripts, telemetry, a proxy's log and an invoice of the same calls, through the command line alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from meshclaw.testing.otlp_tree import Sent
from meshclaw.testing.witnesses import Witnesses
from tests.cli.conftest import Meshclaw
from tests.servers.otel import send


@pytest.fixture
def person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "person"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    for name in ("CLAUDE_CONFIG_DIR", "CODEX_HOME", "OPENCODE_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    return folder


def send_events(home: Path, sent: Sent, seed: int) -> None:
    """To a real receiver, by the real SDK."""
    command = [sys.executable, "-m", "meshclaw", "usage", "receive", "--port", "0", "--json"]
    environment = os.environ | {"MESHCLAW_HOME": str(home)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as process:
        assert process.stdout
        try:
            send(sent, json.loads(process.stdout.readline())["url"], way="gzip", is_delta=True, seed=seed)
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)
        assert process.returncode == 0


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("order", ["tlpi", "iplt"])
def test_every_call_is_one_record_and_every_disagreement_is_shown(
    meshclaw: Meshclaw, home: Path, person: Path, tmp_path: Path, *, seed: int, order: str
) -> None:
    work = Witnesses(datetime.now(UTC), seed=seed)
    spend, bill = tmp_path / "spend.jsonl", tmp_path / "bill.json"
    work.write_spend_log(spend)
    work.write_report(bill)
    steps: dict[str, Callable[[], object]] = {
        "t": lambda: work.write_transcripts(person),
        "l": lambda: send_events(home, Sent(logs=work.events()), seed),
        "p": lambda: meshclaw("usage", "import", "--from", "litellm", str(spend)),
        "i": lambda: meshclaw("usage", "import", "--from", "anthropic-api", str(bill)),
    }
    for step in order:
        steps[step]()

    shown = meshclaw("usage", "show", "--json").json()
    assert {name: shown["totals"][name] for name in work.totals} == work.totals
    assert shown["totals"]["cost_usd_micros"] == work.micros
    known = sum(
        call.micros for call in work.calls if call.seen != "telemetry"
    )  # else nobody said what it was for
    cells = shown["partition"]
    assert abs(cells["exploration"] - known) <= 1
    assert cells["exploration"] + cells["unlinked"] == sum(cells.values()) == work.micros
    assert set(shown["by_tool"]) == {"claude-code"}
    assert shown["unread"] == []

    compared = meshclaw("usage", "reconcile", "--last", "30", "--json").json()
    assert compared["calls"] == work.seen
    assert {one["key"]: one["differs"] for one in compared["differing"]} == {
        key: ["output"] for key in work.differing
    }
    for one in compared["differing"]:
        assert one["sources"] == ["transcript of claude-code", "telemetry of claude-code"]
    days = {(line["day"], line["model"]): line for line in compared["days"]}
    expected = work.days()
    assert {key: set(line["by"]) for key, line in days.items()} == {
        key: set(by) for key, by in expected.items()
    }
    for key, line in days.items():
        for evidence, part in line["by"].items():
            said = part["reported_micros"] if evidence == "invoice" else part["list_micros"]
            assert abs(said - expected[key][evidence]) <= len(work.calls)  # each call is rounded once
    assert {key for key, line in days.items() if line["is_flagged"]} == work.flagged()
    assert compared["flagged"] == len(work.flagged()) > 0
    told = meshclaw("usage", "reconcile", "--last", "30").out
    assert "differ in output" in told
    assert told.count("!") == len(work.flagged())
    assert meshclaw("usage", "doctor").code == 0
