"""``meshclaw ask`` over the wire, killed at every moment: no answer is asked for twice, nothing is done twice."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from meshclaw.connectors.mail.mailbox.from_dir import lay_out
from meshclaw.flow.event.action import ActionDecided, ActionPerformed
from meshclaw.flow.event.model import ModelAnswered
from meshclaw.flow.event.run import RunStarted
from meshclaw.ledger.ledger import Ledger
from meshclaw.settings.accounts import Account, Accounts
from tests.runs.crashing import OVER
from tests.runs.zygote import ROOT, Done, Zygote
from tests.servers.aimock import PROGRAM, Aimock

pytestmark = pytest.mark.timeout(600)

ASKED = "Archive all mails of my inbox that are old"
LONG = "Look around in my inbox"
SAID = "Three mails are archived."
CALLS: list[list[tuple[str, dict[str, Any]]]] = [
    [("mail.list", {"newest": 4})],
    [("mail.read", {"mails": ["m1", "m2"]}), ("mail.archive", {"mails": ["m1", "m2"]})],
    [("mail.archive", {"mails": ["m3"]})],
]
STEPS = 200


def fixture(words: str, turn: int, calls: list[tuple[str, dict[str, Any]]], text: str = "") -> dict[str, Any]:
    called = [
        {"id": f"call_{turn}_{number}", "name": verb.replace(".", "__"), "arguments": arguments}
        for number, (verb, arguments) in enumerate(calls)
    ]
    response = {"content": text} if text else {"toolCalls": called}
    usage = {"prompt_tokens": 500, "completion_tokens": 20}
    return {"match": {"userMessage": words, "turnIndex": turn}, "response": {**response, "usage": usage}}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aimock]:
    if not PROGRAM.exists():
        pytest.skip("aimock is not installed: make packages")
    pairs = list(permutations((f"m{number}" for number in range(1, 9)), 2))
    looks = [[("mail.list", {"newest": 8})]]
    looks += [[("mail.read", {"mails": list(pairs[turn % len(pairs)])})] for turn in range(STEPS - 2)]
    fixtures = [fixture(ASKED, turn, calls) for turn, calls in enumerate(CALLS)]
    fixtures += [fixture(ASKED, len(CALLS), [], SAID)]
    fixtures += [fixture(LONG, turn, calls) for turn, calls in enumerate(looks)]
    fixtures += [fixture(LONG, STEPS - 1, [], "I looked around.")]
    path = tmp_path_factory.mktemp("aimock") / "answers.json"
    path.write_text(json.dumps({"fixtures": fixtures}))
    server = Aimock(path)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    zygote = Zygote()
    yield zygote
    zygote.stop()


def claw(home: Path, letters: Path, server: Aimock) -> None:
    """A claw with a mailbox and a model, as a person would have set it up."""
    home.mkdir()
    lay_out(letters, home / "Mail")
    Accounts(home).put(Account(address=f"maildir:{home / 'Mail'}", me=("ada@example.com",)))
    (home / "models.toml").write_text(
        f'[classes]\nfast = ["m"]\n[models.m]\nmodel = "compatible:m"\nbase_url = "{server.url}/v1"\n'
    )
    (home / "prices.toml").write_text(
        '[[rate]]\nmodel = "m"\nprovider = "compatible"\ninput = "0"\ncache_read = "0"\ncache_write_5m = "0"\n'
        'cache_write_1h = "0"\noutput = "0"\n'
    )


@pytest.fixture
def letters(tmp_path: Path) -> Path:
    """Eight short mails."""
    folder = tmp_path / "letters"
    folder.mkdir()
    for number in range(8):
        head = (
            f"From: Kim <kim@partner.test>\nSubject: Sample {number}\nMessage-ID: <{number}@partner.test>\n"
        )
        (folder / f"{number}.eml").write_text(
            f"{head}Date: Sat, 21 Nov 2026 1{number}:00:00 +0000\n\nReady.\n"
        )
    return folder


def mails(home: Path) -> Counter[str]:
    """By folder."""
    found = [
        path for path in (home / "Mail").rglob("*") if path.parent.name in ("cur", "new") and path.is_file()
    ]
    return Counter(path.parent.parent.name.lstrip(".") for path in found)


def answered(home: Path) -> tuple[str, int]:
    """The run's id, and how many answers are on disk."""
    if not (home / "ledger.db").exists():
        return "", 0
    ledger = Ledger(home)
    try:
        run = next((event.run for event in ledger.events(RunStarted)), "")
        return run, sum(1 for _ in ledger.events(ModelAnswered))
    finally:
        ledger.close()


def check(home: Path, server: Aimock, kept: int, moment: int) -> None:
    ledger = Ledger(home)
    try:
        assert ledger.verify().ok, moment
        decided = {event.external_id for event in ledger.events(ActionDecided) if event.effect != "read"}
        receipts = Counter(event.external_id for event in ledger.events(ActionPerformed))
        assert [receipts[id_] for id_ in decided] == [1, 1, 1], moment
        steps = [event.step for event in ledger.events(ModelAnswered)]
        assert steps == [1, 2, 3, 4], (moment, steps)
    finally:
        ledger.close()
    assert mails(home) == {"Mail": 5, "Archive": 3}, moment
    asked = Counter(server.steps())
    assert all(asked[step] == 1 for step in range(kept)), (moment, kept, asked)
    assert set(asked) == set(range(4)), (moment, asked)
    assert sum(asked.values()) <= 5, (moment, asked)


def killed_and_resumed(zygote: Zygote, server: Aimock, home: Path, moment: int) -> Done:
    server.forget()
    killed = zygote.run(("ask", ASKED), home, kill_at=moment)
    if killed.code == OVER:
        check(home, server, 4, moment)
        return killed
    assert killed.code == -9, (moment, killed)
    run, kept = answered(home)
    again = zygote.run(("run", "resume", run) if run else ("ask", ASKED), home)
    if again.code == 2:  # killed when all was done and told
        assert "nothing to resume" in again.err, (moment, again)
        again = zygote.run(("run", "show", run), home)
    assert (again.code, SAID in again.out) == (0, True), (moment, again)
    check(home, server, kept, moment)
    return killed


def test_killed_at_every_moment(zygote: Zygote, server: Aimock, letters: Path, tmp_path: Path) -> None:
    for moment in range(1, 1000):
        home = tmp_path / str(moment)
        claw(home, letters, server)
        if killed_and_resumed(zygote, server, home, moment).code == OVER:
            assert moment > 40
            return
    raise AssertionError("the command never ended")


def test_a_run_of_200_steps_is_resumed_at_once(
    zygote: Zygote, server: Aimock, letters: Path, tmp_path: Path
) -> None:
    """Over the real command line, twice: with its last answer still to come, and with all said but its end."""
    home, later = tmp_path / "home", tmp_path / "later"
    claw(home, letters, server)
    server.forget()
    killed = zygote.run(("ask", LONG), home, kill_in="meshclaw.llm.adapter.Adapter.ask", kill_at=STEPS)
    assert killed.code == -9, killed
    run, kept = answered(home)
    assert (kept, sorted(server.steps())) == (STEPS - 1, list(range(STEPS - 1)))
    shutil.copytree(home, later)  # the mailbox of both is the first one's
    server.forget()
    assert command(("run", "resume", run), home)[:2] == (0, "I looked around.\n")
    assert server.steps() == [STEPS - 1]
    killed = zygote.run(("run", "resume", run), later, kill_in="meshclaw.runs.run.finish", kill_at=1)
    assert (killed.code, answered(later)) == (-9, (run, STEPS))
    server.forget()
    code, said, cpu_s = command(("run", "resume", run), later)
    assert (code, said, server.steps()) == (0, "I looked around.\n", [])
    assert cpu_s < 1.0  # what speaks to models is loaded only where one has to be asked


def command(words: Sequence[str], home: Path) -> tuple[int, str, float]:
    """Exit code, what it said, and seconds of CPU."""
    process = subprocess.Popen(
        [sys.executable, "-m", "meshclaw", *words], stdout=subprocess.PIPE, text=True, cwd=ROOT,
        env={**os.environ, "MESHCLAW_HOME": str(home), "PYTHONPATH": str(ROOT / "src")},
    )  # fmt: skip
    assert process.stdout
    with process.stdout as out:
        said = out.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, said, used.ru_utime + used.ru_stime
