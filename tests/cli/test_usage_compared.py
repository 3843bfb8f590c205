"""Receiving, reconciling and intents as a person runs them: real processes, real files, the real store."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cli.conftest import Meshclaw

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(autouse=True)
def person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder without any AI tool."""
    folder = tmp_path / "person"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    for name in ("CLAUDE_CONFIG_DIR", "CODEX_HOME", "OPENCODE_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    return folder


def answer(
    number: int, *, output: int = 5, branch: str = "main", tool: str = "Edit", at: datetime = NOW
) -> str:
    used = {"input_tokens": 10, "output_tokens": output, "cache_read_input_tokens": 100}
    block = {"type": "tool_use", "name": tool, "input": {"file_path": "/r/a.py"}}
    message = {"id": f"msg_{number}", "model": "claude-opus-4-5", "usage": used, "content": [block]}
    return json.dumps({
        "type": "assistant", "timestamp": at.isoformat(), "sessionId": "s1", "requestId": f"req_{number}",
        "gitBranch": branch, "cwd": "/r", "message": message,
    })  # fmt: skip


def write_transcript(person: Path, *lines: str) -> None:
    path = person / ".claude" / "projects" / "-r" / "s1.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))


def event(number: int, *, output: int = 5, session: str = "s1") -> dict[str, object]:
    fields = {
        "event.name": "api_request", "session.id": session, "model": "claude-opus-4-5", "input_tokens": "10",
        "output_tokens": str(output), "cache_read_tokens": "100", "request_id": f"req_{number}",
    }  # fmt: skip
    return {
        "timeUnixNano": str(int(NOW.timestamp()) * 10**9), "body": {"stringValue": "claude_code.api_request"},
        "attributes": [{"key": key, "value": {"stringValue": value}} for key, value in fields.items()],
    }  # fmt: skip


Send = Callable[..., None]


@contextmanager
def receiving(home: Path) -> Iterator[tuple[Send, Callable[[], dict[str, int]]]]:
    """``send`` events to a real ``meshclaw usage receive``; ``stop`` it and get what it says at the end."""
    command = [sys.executable, "-m", "meshclaw", "usage", "receive", "--port", "0", "--json"]
    environment = os.environ | {"MESHCLAW_HOME": str(home)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as process:
        assert process.stdout
        url = json.loads(process.stdout.readline())["url"]

        def send(*events: dict[str, object]) -> None:
            body = {"resourceLogs": [{"scopeLogs": [{"logRecords": events}]}]}
            request = urllib.request.Request(
                f"{url}/v1/logs", json.dumps(body).encode(), {"Content-Type": "application/json"}
            )
            with urllib.request.urlopen(request, timeout=30) as answered:
                assert answered.status == 200

        def stop() -> dict[str, int]:
            process.send_signal(signal.SIGTERM)
            out, _ = process.communicate(timeout=30)
            assert process.returncode == 0
            return json.loads(out.splitlines()[-1])

        try:
            yield send, stop
        finally:
            process.kill()


def test_what_two_sources_saw_counts_once_whichever_came_first(
    meshclaw: Meshclaw, home: Path, person: Path
) -> None:
    write_transcript(person, answer(1), answer(2, output=7))
    with receiving(home) as (send, stop):
        send(event(1), event(3))
        first = meshclaw("usage", "show", "--json").json()["totals"]
        assert (first["calls"], first["output"]) == (3, 17)  # while it still receives
        send(event(1), event(2), event(4), event(5, session="s2"))
        write_transcript(person, answer(1), answer(2, output=7), answer(4, output=6))
        assert stop() == {"requests": 2, "usages": 6, "unread": 0}
    shown = meshclaw("usage", "show", "--json").json()
    assert (shown["totals"]["calls"], shown["totals"]["output"]) == (5, 5 + 7 + 5 + 6 + 5)
    assert sum(shown["partition"].values()) == shown["totals"]["cost_usd_micros"]
    assert meshclaw("usage", "doctor").code == 0
    compared = meshclaw("usage", "reconcile", "--json").json()
    assert compared["calls"] == {"transcript+telemetry": 3, "telemetry": 2}
    assert [(one["key"], one["differs"]) for one in compared["differing"]] == [
        ("req_2", ["output"]), ("req_4", ["output"]),
    ]  # fmt: skip
    (line,) = compared["days"]
    assert (line["by"]["transcript"]["output"], line["by"]["telemetry"]["output"]) == (18, 25)
    assert line["is_flagged"]
    assert "differ in output" in meshclaw("usage", "reconcile").out


def test_the_sources_say_who_sent_how_much_and_when_last(
    meshclaw: Meshclaw, home: Path, person: Path
) -> None:
    assert "so far nothing" in meshclaw("usage", "sources").out
    assert "Nothing was received by OTLP" in meshclaw("usage", "show").out
    before = datetime.now(UTC).timestamp() * 1000
    with receiving(home) as (send, stop):
        send(event(1), event(2), event(1))
        stop()
    *_, last = meshclaw("usage", "sources", "--json").json()
    assert (last["tool"], last["calls"], last["heard"]["claude-code"]["usages"]) == ("otlp", 3, 3)
    assert last["heard"]["claude-code"]["last_ms"] >= int(before)
    assert "claude-code (3, last " in meshclaw("usage", "sources").out
    shown = meshclaw("usage", "show").out
    assert "Received by OTLP: claude-code 3" in shown
    assert "Read: " not in shown
    assert meshclaw("usage", "show", "--root", str(person), "--json").json()["sources"][-1]["calls"] == 0


def test_what_was_answered_is_stored_though_the_receiver_is_killed(
    meshclaw: Meshclaw, home: Path, person: Path
) -> None:
    with receiving(home) as (send, _):
        send(event(1))
    assert meshclaw("usage", "show", "--json").json()["totals"]["calls"] == 1
    tail = meshclaw("ledger", "export").out
    assert tail.count("usage.imported") == 1
    assert not list(person.iterdir())


def test_a_port_that_is_taken_is_named(meshclaw: Meshclaw) -> None:
    from meshclaw.cli.receiving import Receiver

    with Receiver(list, port=0) as receiver:
        said = meshclaw("usage", "receive", "--port", str(receiver.server_port))
    assert said.code == 2
    assert str(receiver.server_port) in said.err


def test_intents_are_declared_and_inferred_and_their_agreement_is_told(
    meshclaw: Meshclaw, person: Path
) -> None:
    write_transcript(
        person,
        *(answer(number, branch="fix/PAY-311") for number in range(6)),
        *(answer(number, branch="docs/guide", tool="Edit") for number in range(6, 8)),
        *(answer(number, branch="fix/PAY-312", tool="Bash") for number in range(8, 10)),
        answer(10, branch="spike/x"),
        answer(11, branch="main"),
        answer(12, branch="PAY-9", at=NOW - timedelta(days=40)),
    )
    found = meshclaw("usage", "intents", "--json").json()
    assert {one["name"]: (one["calls"], one["evidence"]) for one in found["declared"]} == {
        "PAY-311": (6, ["branch"]), "docs.write": (2, ["branch"]), "PAY-312": (2, ["branch"]),
        "exploration": (1, ["branch"]), "undeclared": (1, []),
    }  # fmt: skip
    assert {one["name"]: one["evidence"] for one in found["inferred"]} == {
        "code.change": ["edit .py"], "command.run": ["bash"],
    }  # fmt: skip
    costs = [sum(one["cost_usd_micros"] for one in found[side]) for side in ("declared", "inferred")]
    assert costs[0] == costs[1] > 0
    assert (found["agreement"]["compared"], found["agreement"]["agreeing"]) == (10, 6)
    assert found["agreement"]["kappa"] == pytest.approx((0.6 - 0.64) / (1 - 0.64))
    said = meshclaw("usage", "intents").out
    assert "PAY-311" in said
    assert "kappa -0.11" in said


def test_nothing_to_compare_is_said(meshclaw: Meshclaw) -> None:
    assert "Nothing of the last 7 days" in meshclaw("usage", "reconcile", "--last", "7").err
    assert "nothing to compare" in meshclaw("usage", "intents").out
