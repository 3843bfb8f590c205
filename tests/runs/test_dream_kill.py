"""SIGKILL at statements all over a dream: no revision or a whole one, and the next dream ends what that one began."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from meshclaw.agents.memory.store import Memory
from meshclaw.flow.event.memory import DreamEnded, MemoryRevised
from meshclaw.flow.event.model import ModelAnswered
from meshclaw.flow.event.run import RunFinished
from meshclaw.ledger.ledger import Ledger
from tests.agents.memory.facts import texts
from tests.runs.dreaming.nights import corrected, say

EXPECTED = [
    "I like tea",
    "Mail from lea@example.com belongs in the folder Clients",
    "Their new boss is Kim Lang",
]
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder after a day on which something was said and corrected."""
    folder = tmp_path_factory.mktemp("day")
    ledger = Ledger(folder)
    contents = ledger.contents
    say(ledger, contents, "Kim Lang is my new boss. Remember that I like tea")
    corrected(ledger, contents, "lea@example.com", "Clients", times=3)
    Memory.open(folder / "memory.db").close()
    for part in (ledger,):
        part.close()
    return folder


def run(folder: Path, moment: int) -> int:
    code = [sys.executable, "-m", "tests.runs.dreaming_killed", str(folder), str(moment)]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))),
    }
    return subprocess.run(code, check=False, cwd=ROOT, env=environment).returncode


@pytest.mark.parametrize("moment", [3, 21, 30, 57, 64, 80, 105, 125, 130, 138, 145, 152])
def test_a_dream_that_is_killed_is_ended_by_the_next_one(day: Path, tmp_path: Path, moment: int) -> None:
    folder = tmp_path / "home"
    shutil.copytree(day, folder)
    assert run(folder, moment) == -9
    memory = Memory.open(folder / "memory.db")
    assert [len(memory.steps(one.number)) for one in memory.revisions()] in ([], [3])
    assert sorted(texts(memory)) in ([], EXPECTED)
    memory.close()
    assert run(folder, 0) == 99
    memory, ledger = Memory.open(folder / "memory.db"), Ledger(folder)
    assert sorted(texts(memory)) == EXPECTED
    assert len(memory.revisions()) == len(list(ledger.events(MemoryRevised))) == 1
    assert len(list(ledger.events(DreamEnded))) == len(list(ledger.events(ModelAnswered))) == 1
    assert ledger.verify().ok
    [finished] = ledger.events(RunFinished, run=next(ledger.events(DreamEnded)).run)
    assert (finished.done, finished.failed) == (0, 0)
    memory.close()
    ledger.close()
