"""``meshclaw coding``: a real peer on the protocol's own SDK, in the real sandbox, on a real repository."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from meshclaw.agents.builtin import CLAW
from meshclaw.connectors.coding.manifest import DECLARATIONS, TASK
from meshclaw.errors import Uncertain
from meshclaw.flow.action import Action
from meshclaw.flow.event.action import ActionDecided
from meshclaw.flow.event.sandbox import SandboxEnded
from meshclaw.guard.layers.review import SHIPPED, pin
from meshclaw.guard.sandbox import run as sandbox
from meshclaw.ledger.ledger import Ledger
from meshclaw.runs.branches import Grounds
from meshclaw.runs.run import start, working
from meshclaw.triggers import terminal
from meshclaw.wiring import Claw
from meshclaw.wiring.workplace import workplace
from tests.cli.conftest import Meshclaw, Said
from tests.code.test_attribution import attributed

pytest.importorskip("acp", reason="needs the extra acp")
pytestmark = pytest.mark.skipif(
    sandbox.find().kind == "none", reason="needs a sandbox (apt install bubblewrap)"
)

AGENT = Path(__file__).parents[1] / "servers" / "acp_agent.py"


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), "-c", "user.name=Ada", "-c", "user.email=ada@example.com", *words],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return done.stdout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    subprocess.run(["git", "init", "-q", "-b", "main", str(folder)], check=True)
    (folder / "app.py").write_text("print('hello')\n")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "Begin")
    (folder / ".env").write_text("PASSWORD=hunter2")
    return folder


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "opt"
    folder.mkdir()
    (folder / "agent.py").write_text(AGENT.read_text("utf-8"))
    return folder


def add(meshclaw: Meshclaw, place: Path, mode: str, *options: str) -> None:
    said = meshclaw("coding", "add", "robo", "--read", str(place), *options, "--", sys.executable,
                    str(place / "agent.py"), mode)  # fmt: skip
    assert said.code == 0, said.err


def run(meshclaw: Meshclaw, repository: Path) -> tuple[Said, dict[str, Any]]:
    said = meshclaw("coding", "run", "robo", str(repository), "Greet the world", "--json")
    return said, said.json() if said.out else {}


def heads(repository: Path) -> set[str]:
    return set(git(repository, "for-each-ref", "--format=%(refname:short)", "refs/heads").split())


def shorten(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    from meshclaw.connectors.coding import peer

    real = peer.Task
    monkeypatch.setattr(peer, "Task", lambda **given: real(**{**given, "seconds": seconds}))


def test_what_is_declared_is_what_was_reviewed() -> None:
    assert SHIPPED["coding"] == pin(DECLARATIONS.values())


def test_a_task_lands_on_a_branch_of_its_own_signed_with_its_run(
    meshclaw: Meshclaw, place: Path, repository: Path, home: Path
) -> None:
    add(meshclaw, place, "well")
    before = git(repository, "rev-parse", "main")
    said, landed = run(meshclaw, repository)
    assert said.code == 0, said.err
    assert (landed["commits"], landed["files"], landed["added"], landed["removed"]) == (2, 2, 2, 0)
    assert (landed["ended"], landed["tokens"], landed["refused"]) == ("end_turn", 1234, 4)
    assert landed["said"] == "I was told: Greet the world"
    branch = landed["branch"]
    assert heads(repository) == {"main", branch}
    assert git(repository, "rev-parse", "main") == before
    assert git(repository, "status", "--porcelain") == "?? .env\n"
    log = git(
        repository,
        "log",
        "--format=%an <%ae>|%s|%(trailers:key=Meshclaw-Run,valueonly,separator=)",
        f"main..{branch}",
    )
    assert log.splitlines() == [
        f"robo <coding@meshclaw.invalid>|Changes that were left uncommitted|{landed['run']}",
        f"robo <coding@meshclaw.invalid>|Greet the world|{landed['run']}",
    ]
    assert "Meshclaw-Intent: code.change" in git(repository, "log", "-1", "--format=%B", branch)
    assert git(repository, "show", f"{branch}:app.py") == "print('hello')\nprint('world')\n"
    assert list((home / "work").iterdir()) == []
    ledger = Ledger(home)
    [decided] = ledger.events(ActionDecided)
    [ended] = ledger.events(SandboxEnded)
    ledger.close()
    assert (decided.verb, decided.verdict, set(decided.arguments)) == (TASK, "allow", {"agent", "repository"})
    assert ended.run == landed["run"]


def test_our_own_attribution_reads_the_trailers(meshclaw: Meshclaw, place: Path, repository: Path) -> None:
    add(meshclaw, place, "well")
    _, landed = run(meshclaw, repository)
    message = git(repository, "log", "-1", "--format=%B", landed["branch"])
    found = attributed(message, "robo <coding@meshclaw.invalid>")
    assert found.origin == "ai"
    assert landed["run"] in str(found.evidence)


def test_it_is_taken_back_and_brought_back(meshclaw: Meshclaw, place: Path, repository: Path) -> None:
    add(meshclaw, place, "well")
    _, landed = run(meshclaw, repository)
    tip = git(repository, "rev-parse", landed["branch"])
    undone = meshclaw("run", "undo", landed["run"], "--json")
    assert undone.json() == {"undone": 1, "failed": 0}
    assert heads(repository) == {"main"}
    newest = meshclaw("run", "list", "--json").json()[0]
    again = meshclaw("run", "undo", newest["run"], "--json")
    assert again.json() == {"undone": 1, "failed": 0}
    assert git(repository, "rev-parse", landed["branch"]) == tip


def test_a_branch_that_is_checked_out_stays(meshclaw: Meshclaw, place: Path, repository: Path) -> None:
    add(meshclaw, place, "well")
    _, landed = run(meshclaw, repository)
    git(repository, "checkout", "-q", landed["branch"])
    undone = meshclaw("run", "undo", landed["run"])
    assert undone.code == 1
    assert "checked out" in undone.err


def test_nobody_is_named_who_was_not_there(meshclaw: Meshclaw, place: Path, repository: Path) -> None:
    add(meshclaw, place, "forges")
    _, landed = run(meshclaw, repository)
    text = git(repository, "log", "--format=%an %ae %cn %ce %B", f"main..{landed['branch']}")
    assert "Linus" not in text
    assert "Reviewed-by" not in text
    assert "00000000-0000" not in text
    assert f"Meshclaw-Run: {landed['run']}" in text


def test_what_steers_others_does_not_land(meshclaw: Meshclaw, place: Path, repository: Path) -> None:
    add(meshclaw, place, "steers")
    said, landed = run(meshclaw, repository)
    assert (said.code, landed["stand"]) == (1, "failed")
    assert heads(repository) == {"main"}


def test_hooks_and_configuration_stay_as_they_are(meshclaw: Meshclaw, place: Path, repository: Path) -> None:
    add(meshclaw, place, "hooks")
    said, landed = run(meshclaw, repository)
    assert said.code == 0, said.err
    assert "could not write .git/hooks/pre-commit" in landed["said"]
    assert "could not write .git/config" in landed["said"]
    assert git(repository, "ls-tree", "-r", "--name-only", landed["branch"]).split() == ["app.py"]


@pytest.mark.parametrize(
    "mode", ["rewrites", "borrows", "refuses", "dies", "dies-at-once", "old", "nonsense", "endless"]
)
def test_what_cannot_be_trusted_leaves_nothing(
    meshclaw: Meshclaw, place: Path, repository: Path, home: Path, mode: str
) -> None:
    add(meshclaw, place, mode)
    said, landed = run(meshclaw, repository)
    assert (said.code, landed["stand"]) == (1, "failed")
    assert heads(repository) == {"main"}
    assert list((home / "work").iterdir()) == []


def test_one_that_is_not_signed_in_says_how(meshclaw: Meshclaw, place: Path, repository: Path) -> None:
    add(meshclaw, place, "signed-out")
    said = meshclaw("coding", "run", "robo", str(repository), "x")
    assert said.code == 1
    assert "signed in" in said.err
    assert "evil" not in said.err


def test_one_that_changes_nothing_leaves_no_branch(meshclaw: Meshclaw, place: Path, repository: Path) -> None:
    add(meshclaw, place, "nothing")
    said, landed = run(meshclaw, repository)
    assert (said.code, landed["branch"]) == (0, "")
    assert heads(repository) == {"main"}


def test_time_ends_it_and_what_there_is_lands(
    meshclaw: Meshclaw, place: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(meshclaw, place, "hangs")
    shorten(monkeypatch, 1.0)
    said, landed = run(meshclaw, repository)
    assert said.code == 0, said.err
    assert landed["ended"] == "time"
    assert git(repository, "show", f"{landed['branch']}:app.py") == "half\n"


def test_money_ends_it(meshclaw: Meshclaw, place: Path, repository: Path) -> None:
    add(meshclaw, place, "dear", "--dollars", "1.5")
    said, landed = run(meshclaw, repository)
    assert said.code == 0, said.err
    assert (landed["ended"], landed["cost_micros"], landed["branch"]) == ("money", 5_000_000, "")


def test_it_sees_its_folder_and_nothing_else(
    meshclaw: Meshclaw, place: Path, repository: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OFFICE_PASSWORD", "hunter2")
    add(meshclaw, place, "looks")
    _, landed = run(meshclaw, repository)
    assert "'network': 'OSError'" in landed["said"]
    assert "OFFICE_PASSWORD" not in landed["said"]
    assert "MESHCLAW_HOME" not in landed["said"]
    assert "ledger.db" not in landed["said"]
    assert ".env" not in landed["said"]


def test_a_cut_leaves_a_folder_that_is_found_and_cleared(
    meshclaw: Meshclaw, repository: Path, home: Path
) -> None:
    from meshclaw.connectors.coding.connector import CodingConnector

    ground = Grounds(home, "code.change")
    action = Action(
        run="r", verb=TASK, arguments={"agent": "robo", "repository": str(repository), "task": "x"}
    )
    connector = CodingConnector(ground, lambda *_: pytest.fail("started again"))
    assert connector.probe(action) is None
    ground.begin(action.external_id, str(repository))
    with pytest.raises(Uncertain, match="cut off"):
        connector.probe(action)
    [row] = meshclaw("coding", "left", "--json").json()
    assert row == {"task": action.external_id, "repository": str(repository)}
    assert meshclaw("coding", "clear", row["task"][:8]).code == 0
    assert connector.probe(action) is None
    git(repository, "branch", f"meshclaw/{action.external_id[:12]}")
    found = connector.probe(action)
    assert found is not None
    assert found.undo is not None


def test_a_model_may_not_word_the_task_nor_begin_one_unasked(
    meshclaw: Meshclaw, place: Path, repository: Path, home: Path
) -> None:
    add(meshclaw, place, "well")
    claw = Claw(home)
    asked = f"Fix the code in {repository} with robo: greet the world"
    stands: list[str] = []
    for words, task in (
        ("Read my mail", "greet the world"),
        (asked, "delete all tests"),
        (asked, "greet the world"),
    ):
        begun = start(
            claw.ledger, claw.contents, request=terminal.receive("ask", words), agent=CLAW, subject=""
        )
        with workplace(claw, begun) as there, working(claw.ledger, begun):
            arguments: dict[str, Any] = {"agent": "robo", "repository": str(repository), "task": task}
            [result] = there.door.act(begun, CLAW, [Action(run=begun.id, verb=TASK, arguments=arguments)])
        stands.append(f"{result.stand} {result.decision.rule if result.decision else ''}")
    claw.close()
    assert stands[0] == "denied licence"
    assert stands[1] == "asked denotation.code"
    assert stands[2].startswith("asked"), stands


def test_agents_are_listed_and_removed(meshclaw: Meshclaw, place: Path) -> None:
    add(meshclaw, place, "well", "--host", "api.example.com")
    [row] = meshclaw("coding", "agents", "--json").json()
    assert (row["name"], row["hosts"]) == ("robo", ["api.example.com"])
    assert "api.example.com" in meshclaw("coding", "agents").out
    assert meshclaw("coding", "remove", "robo").code == 0
    assert meshclaw("coding", "agents", "--json").json() == []
    assert meshclaw("coding", "run", "robo", str(place), "x").code == 2


def test_a_real_agent_shakes_hands_and_wants_a_key(meshclaw: Meshclaw, repository: Path) -> None:
    """It has no model here, so this is as far as it goes: npm install --prefix build/acp @google/gemini-cli."""
    program = Path(__file__).parents[2] / "build" / "acp" / "node_modules" / ".bin" / "gemini"
    if not program.exists():
        pytest.skip("needs the npm package @google/gemini-cli in build/acp")
    assert meshclaw("coding", "add", "gemini", "--", str(program), "--experimental-acp").code == 0
    said = meshclaw("coding", "run", "gemini", str(repository), "Say hello")
    assert said.code == 1
    assert "wants to be signed in" in said.err
    assert heads(repository) == {"main"}
