"""``meshclaw ask`` over the wire while its model misbehaves: each fault ends in a state that one can go on from."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meshclaw.agents.builtin import CLAW
from meshclaw.errors import Cut
from meshclaw.flow.event.model import ModelAnswered, ModelAsked, ModelFailed
from meshclaw.ledger.ledger import Ledger
from meshclaw.runs.run import start, tell
from meshclaw.triggers import terminal
from meshclaw.wiring import Claw
from meshclaw.wiring.working import converse
from tests.cli.conftest import Meshclaw
from tests.servers.aimock import PROGRAM, Aimock

USAGE = {"prompt_tokens": 500, "completion_tokens": 20}


def says(words: str, response: dict[str, Any], *, turn: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "match": {"userMessage": words, "turnIndex": turn},
        "response": {"usage": USAGE, **response},
        **more,
    }


def calls(name: str, arguments: str) -> dict[str, Any]:
    return {"toolCalls": [{"id": "c1", "name": name, "arguments": arguments}]}


FIXTURES = [
    says("tell me something", {"content": "All is well."}),
    says("be slow", {"content": "Too late."}, chaos={"latencyMs": 5000}),
    says("refuse this", {"content": "", "finishReason": "content_filter"}),
    says("hang up on me", {"content": "x"}, chaos={"disconnectRate": 1}),
    says("talk nonsense", {"content": "x"}, chaos={"malformedRate": 1}),
    says("be another model", {"content": "I am somebody else.", "model": "mystery-9000"}),
    says("call wrongly", calls("mail__read", '{"mails": ["m1"'), turn=0),
    says("call wrongly", calls("mail__read", '{"mail": "m1"}'), turn=1),
    says("call wrongly", calls("disk__wipe", "{}"), turn=2),
    says("call wrongly", calls("mail__read", '{"mails": ["m99"]}'), turn=3),
    says("call wrongly", {"content": "I could not."}, turn=4),
    says(
        "break off", {"content": "This is cut before its end, and nobody will know how it was meant to go on."},
        chunkSize=5, truncateAfterChunks=8, streamingProfile={"ttft": 5, "tps": 100},
    ),
]  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aimock]:
    if not PROGRAM.exists():
        pytest.skip("aimock is not installed: make packages")
    path = tmp_path_factory.mktemp("aimock") / "answers.json"
    path.write_text(json.dumps({"fixtures": FIXTURES}))
    server = Aimock(path)
    yield server
    server.stop()


@pytest.fixture
def asking(connected: Meshclaw, home: Path, server: Aimock, monkeypatch: pytest.MonkeyPatch) -> Meshclaw:
    monkeypatch.setattr("meshclaw.llm.failover.PATIENCE_S", 0.0)
    models(home, f"{server.url}/v1")
    return connected


def models(home: Path, *urls: str, model: str = "compatible:house-model") -> None:
    names = [f"m{number}" for number, _ in enumerate(urls)]
    tables = [
        f'[models.{name}]\nmodel = "{model}"\nbase_url = "{url}"\ntimeout = 1\nlimit = 500\n'
        for name, url in zip(names, urls, strict=True)
    ]
    (home / "models.toml").write_text("\n".join([f"[classes]\nfast = {json.dumps(names)}", *tables]))
    (home / "prices.toml").write_text(
        '[[rate]]\nmodel = "house-model"\nprovider = "compatible"\ninput = "1"\ncache_read = "1"\n'
        'cache_write_5m = "1"\ncache_write_1h = "1"\noutput = "1"\n'
    )


def nobody() -> str:
    """An address where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/v1"


def state(asking: Meshclaw) -> str:
    [run] = [run for run in asking("run", "list", "--json").json() if run["intent"] == "ask"]
    return run["state"]


def resumed(asking: Meshclaw) -> str:
    [run] = [run for run in asking("run", "list", "--json").json() if run["intent"] == "ask"]
    return asking("run", "resume", run["run"]).out


def failures(home: Path) -> list[tuple[str, bool, bool]]:
    """Of each failed question: why, whether it may be billed, and whether it was the last model."""
    ledger = Ledger(home)
    try:
        return [(one.error, one.kept_micros > 0, one.last) for one in ledger.events(ModelFailed)]
    finally:
        ledger.close()


def spent(asking: Meshclaw) -> int:
    """Micro-dollars for models in the last day."""
    rows = asking("budget", "--json").json()["limits"]
    return next(row["used"] for row in rows if (row["span"], row["what"]) == ("day", "inference"))


def test_a_model_that_is_down_costs_nothing_and_is_asked_again_when_it_is_back(
    asking: Meshclaw, home: Path, server: Aimock
) -> None:
    models(home, nobody())
    failed = asking("ask", "tell me something")
    assert failed.code == 1
    assert "Traceback" not in failed.err
    assert (state(asking), failures(home), spent(asking)) == ("failed", [("not_reachable", False, True)], 0)
    models(home, f"{server.url}/v1")
    assert resumed(asking) == "All is well.\n"
    assert state(asking) == "done"


def test_where_one_is_down_the_next_of_its_class_answers(
    asking: Meshclaw, home: Path, server: Aimock
) -> None:
    models(home, nobody(), f"{server.url}/v1")
    said = asking("ask", "tell me something")
    assert (said.code, said.out) == (0, "All is well.\n")
    assert failures(home) == [("not_reachable", False, False)]


@pytest.mark.parametrize(
    ("words", "code"), [("be slow", "cut"), ("hang up on me", "cut"), ("talk nonsense", "garbled")]
)
def test_an_answer_that_was_lost_on_the_way_may_be_billed_and_says_so(
    asking: Meshclaw, home: Path, server: Aimock, words: str, code: str
) -> None:
    server.forget()
    failed = asking("ask", words)
    assert failed.code == 1
    assert "Traceback" not in failed.err
    assert (state(asking), failures(home)) == ("failed", [(code, True, True)])
    assert server.asked() <= 1  # what nobody waited for, aimock does not note
    assert spent(asking) > 0


def test_a_model_that_declines_ends_the_run_and_is_paid(asking: Meshclaw, home: Path) -> None:
    said = asking("ask", "--json", "refuse this")
    assert (said.code, said.json()["answer"]["end"]) == (1, "declined")
    assert (state(asking), failures(home)) == ("done", [])
    assert spent(asking) > 0


def test_calls_that_make_no_sense_are_told_to_the_model_and_nothing_is_guessed(
    asking: Meshclaw, home: Path
) -> None:
    said = asking("ask", "call wrongly")
    assert (said.code, said.out) == (0, "I could not.\n"), said.err
    ledger = Ledger(home)
    answered = list(ledger.events(ModelAnswered))
    assert [one.calls for one in answered] == [1, 1, 1, 1, 0]
    told = asking("run", "list", "--json").json()[0]
    assert (told["done"], told["denied"], told["failed"]) == (0, 0, 0)
    ledger.close()


def test_an_answer_that_breaks_off_while_it_is_heard_is_no_answer(asking: Meshclaw, home: Path) -> None:
    heard: list[str] = []
    claw = Claw(home)
    mine = claw.account(None)
    request = terminal.receive("ask", "break off")
    run = start(claw.ledger, claw.contents, request=request, agent=CLAW, subject=mine.address, model="fast")
    with pytest.raises(Cut):
        converse(claw, run, "fast", heard.append)
    assert "".join(heard).startswith("This is")
    assert tell(claw.ledger, claw.contents, run.id).state == "failed"
    claw.close()
    assert failures(home) == [("cut", True, True)]


def test_a_model_that_no_list_knows_is_booked_as_the_dearest_and_stopped_by_the_budget(
    asking: Meshclaw, home: Path
) -> None:
    assert asking("ask", "be another model").out == "I am somebody else.\n"
    ledger = Ledger(home)
    [asked], [answered] = list(ledger.events(ModelAsked)), list(ledger.events(ModelAnswered))
    ledger.close()
    assert (answered.model, answered.guessed) == ("mystery-9000", True)
    assert answered.cost_micros > 500
    assert spent(asking) == answered.cost_micros
    (home / "limits.toml").write_text(
        f"[limits.day]\ninference = {answered.cost_micros + asked.reserved_micros - 1}\n"
    )
    stopped = asking("ask", "tell me something")
    assert (stopped.code, "for answers of models per day" in stopped.out) == (3, True), stopped
