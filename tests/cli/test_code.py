"""``meshclaw code`` on repositories made for it."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.cli.conftest import Meshclaw
from tests.readers.test_claude_code import line

DAY = 86_400
START = 1_767_225_600
"""2026-01-01."""
CLAUDE = "Co-Authored-By: Claude <noreply@anthropic.com>"


class Repo:
    """Made commit by commit, each at a day of the test's own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str, at: float = 0) -> str:
        when = f"{START + round(at * DAY)} +0000"
        environment = {
            "PATH": os.environ["PATH"], "HOME": str(self.folder), "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_DATE": when,
            "GIT_COMMITTER_DATE": when, "GIT_AUTHOR_NAME": "Anna Schmidt", "GIT_AUTHOR_EMAIL": "anna@corp.example",
            "GIT_COMMITTER_NAME": "Anna Schmidt", "GIT_COMMITTER_EMAIL": "anna@corp.example",
        }  # fmt: skip
        command = ["git", *arguments]
        return subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=True
        ).stdout.strip()

    def commit(self, at: float, message: str, **files: list[str]) -> str:
        for name, lines in files.items():
            (self.folder / f"{name}.py").write_text("".join(f"{text}\n" for text in lines))
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message, at=at)
        return self.git("rev-parse", "HEAD")


def lines(word: str, count: int) -> list[str]:
    return [f"{word} {number}" for number in range(count)]


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "user"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    for name in ("CLAUDE_CONFIG_DIR", "CODEX_HOME", "OPENCODE_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """20 human lines, of which 5 die on day 5; 10 AI lines, of which 4 die on day 40; 100 days."""
    made = Repo(tmp_path / "repos" / "shop")
    made.commit(0, "Start", a=lines("one", 20))
    made.commit(2, f"Add b\n\n{CLAUDE}", b=lines("two", 10))
    made.commit(5, "Shorter", a=lines("one", 15))
    made.commit(42, "Shorter b", b=lines("two", 6))
    made.commit(102, "Last")
    return made


def test_programs_get_the_stable_shape_with_exact_numbers(meshclaw: Meshclaw, repo: Repo) -> None:
    found = meshclaw("code", "report", str(repo.folder), "--json").json()
    assert (found["head"], found["commits"]) == (repo.git("rev-parse", "HEAD"), 5)
    assert found["lines"] == {"added": 30, "died": 9, "alive": 21}
    human, claude = found["by_origin"]["human"], found["by_origin"]["ai"]
    assert {name: human[name] for name in ("commits", "added", "alive", "reverts")} == {
        "commits": 4, "added": 20, "alive": 15, "reverts": 0,
    }  # fmt: skip
    assert (human["s14"], human["s90"], human["rework14"]) == (0.75, 0.75, 0.25)
    assert (claude["s14"], claude["s90"], claude["rework14"]) == (1.0, 0.6, 0.0)
    assert found["by_tool"]["claude-code"] == claude
    assert found["caveats"]
    assert found["excluded"] == {}


def test_a_person_sees_what_could_not_be_known_first(meshclaw: Meshclaw, repo: Repo) -> None:
    said = meshclaw("code", "report", str(repo.folder))
    assert said.code == 0
    assert said.out.startswith("shop: 5 commits on main, 2026-01-01 to 2026-04-13")
    assert said.out.index("What could not be known") < said.out.index("MADE BY")
    assert said.err == "", "silent in a pipe"


def test_no_name_or_address_of_a_person_is_anywhere(meshclaw: Meshclaw, repo: Repo, home: Path) -> None:
    said = (
        meshclaw("code", "report", str(repo.folder)),
        meshclaw("code", "report", str(repo.folder), "--json"),
    )
    blamed = meshclaw("code", "blame", str(repo.folder), "a.py", "--json")
    for text in (*(one.out for one in said), blamed.out):
        assert "anna" not in text.lower()
        assert "schmidt" not in text.lower()
    for path in home.rglob("*"):
        assert path.is_dir() or b"anna@" not in path.read_bytes()


def test_since_and_every_count_what_they_say(meshclaw: Meshclaw, repo: Repo) -> None:
    (repo.folder / "uv.lock").write_text("x\n" * 50)
    repo.commit(103, "Lock")
    folder = str(repo.folder)
    assert meshclaw("code", "report", folder, "--json").json()["excluded"]["lock"]["files"] == 1
    assert meshclaw("code", "report", folder, "--every", "--json").json()["lines"]["added"] == 80
    found = meshclaw("code", "report", folder, "--since", "2026-01-02", "--json").json()
    assert found["lines"] == {"added": 10, "died": 4, "alive": 6}
    assert found["by_origin"]["human"]["commits"] == 4


def test_a_second_report_reads_what_was_kept_until_the_head_moves(
    meshclaw: Meshclaw, repo: Repo, home: Path
) -> None:
    folder = str(repo.folder)
    first = meshclaw("code", "report", folder, "--json").out
    [kept] = (home / "code" / "samples").iterdir()
    before = kept.stat().st_mtime_ns
    assert meshclaw("code", "report", folder, "--json").out == first
    assert kept.stat().st_mtime_ns == before
    assert meshclaw("code", "report", folder, "--json", "--fresh").out == first
    assert kept.stat().st_mtime_ns > before
    kept.write_bytes(b"torn")
    assert meshclaw("code", "report", folder, "--json").out == first
    repo.commit(110, "More", c=lines("three", 3))
    assert meshclaw("code", "report", folder, "--json").json()["lines"]["added"] == 33
    assert [path.name for path in (home / "code" / "samples").iterdir()] == [kept.name]


def test_several_are_read_and_one_that_cannot_be_is_named(
    meshclaw: Meshclaw, repo: Repo, tmp_path: Path
) -> None:
    other = Repo(tmp_path / "repos" / "desk")
    other.commit(0, "Start", a=lines("x", 7))
    Repo(tmp_path / "repos" / "empty")
    said = meshclaw("code", "report", "--all-under", str(tmp_path / "repos"), "--jobs", "2", "--json")
    assert said.code == 1
    found = said.json()
    assert [one["names"] for one in found["repositories"]] == [["desk"], ["shop"]]
    assert found["together"]["lines"]["added"] == 37
    assert "empty" in said.err
    assert [Path(one["path"]).name for one in found["failed"]] == ["empty"]
    shown = meshclaw("code", "report", str(repo.folder), str(other.folder))
    assert shown.code == 0
    assert "2 repositories" in shown.out


@pytest.mark.usefixtures("repo", "user")
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["report"], "Name a repository"),
        (["report", "{}/nothing"], "nothing"),
        (["report", "--all-under", "{}/user"], "no git repository under"),
        (["blame", "{}/repos/shop", "nothing.py"], "nothing.py"),
    ],
)
def test_what_cannot_be_read_is_said(
    meshclaw: Meshclaw, tmp_path: Path, arguments: list[str], says: str
) -> None:
    said = meshclaw("code", *(argument.format(tmp_path) for argument in arguments))
    assert said.code == 2
    assert says in said.err


def test_blame_says_whose_every_line_is(meshclaw: Meshclaw, repo: Repo) -> None:
    shas = repo.git("log", "--reverse", "--format=%H").split()
    (repo.folder / "b.py").write_text("mine\n" + (repo.folder / "b.py").read_text())
    last = repo.commit(104, "Mine")
    found = meshclaw("code", "blame", str(repo.folder), "b.py", "--json").json()
    assert [(one["line"], one["commit"], one["origin"], one["tool"]) for one in found["lines"]] == [
        (1, last, "human", ""), *((number, shas[1], "ai", "claude-code") for number in range(2, 8)),
    ]  # fmt: skip
    shown = meshclaw("code", "blame", str(repo.folder), "b.py").out
    assert "2-7" in shown
    assert "ai claude-code" in shown


def test_a_session_is_linked_to_the_commit_it_made_and_its_cost_to_what_became_of_it(
    meshclaw: Meshclaw, repo: Repo, user: Path
) -> None:
    """One session made a commit that stands, one a commit that was taken back, one nothing."""

    def at(day: float) -> str:
        return datetime.fromtimestamp(START + day * DAY, UTC).isoformat().replace("+00:00", "Z")

    repo.commit(110, "Stand", c=lines("c", 5))
    repo.commit(112, "Fall", d=lines("d", 5))
    repo.git("revert", "--no-edit", "HEAD", at=113)
    folder = user / ".claude" / "projects" / "repo"
    folder.mkdir(parents=True)
    where = {"cwd": str(repo.folder / "src"), "gitBranch": ""}
    for session, day in (("s1", 109.99), ("s2", 111.99), ("s3", 200)):
        call = line(f"m-{session}", f"r-{session}", sessionId=session, timestamp=at(day), **where)
        (folder / f"{session}.jsonl").write_text(json.dumps(call) + "\n")
    before = meshclaw("usage", "show", "--json").json()
    assert before["partition"]["unlinked"] == before["totals"]["cost_usd_micros"] > 0
    found = meshclaw("code", "report", str(repo.folder), "--json").json()
    assert found["spend"]["sessions"] == {"linked": 1, "reverted": 1}
    assert found["spend"]["standing"] == 1
    after = meshclaw("usage", "show", "--json").json()
    each = after["totals"]["cost_usd_micros"] / 3
    assert after["totals"] == before["totals"]
    assert sum(after["partition"].values()) == after["totals"]["cost_usd_micros"]
    assert {cell: round(micros / each) for cell, micros in after["partition"].items() if micros} == {
        "linked": 1, "reverted": 1, "unlinked": 1,
    }  # fmt: skip


@pytest.mark.parametrize(("days_ago", "cell"), [(1, "open"), (60, "abandoned")])
def test_work_on_a_branch_is_open_until_nobody_works_on_it(
    meshclaw: Meshclaw, repo: Repo, user: Path, days_ago: int, cell: str
) -> None:
    now = datetime.now(UTC).timestamp() - days_ago * DAY
    at = (now - START) / DAY
    repo.git("checkout", "-q", "-b", "side")
    repo.commit(at, "Try", e=lines("e", 5))
    repo.git("checkout", "-q", "main")
    folder = user / ".claude" / "projects" / "repo"
    folder.mkdir(parents=True)
    moment = datetime.fromtimestamp(now - 60, UTC).isoformat().replace("+00:00", "Z")
    for session, branch in (("s1", "side"), ("s2", "main")):
        call = line(
            f"m-{session}",
            f"r-{session}",
            sessionId=session,
            timestamp=moment,
            cwd=str(repo.folder),
            gitBranch=branch,
        )
        (folder / f"{session}.jsonl").write_text(json.dumps(call) + "\n")
    meshclaw("usage", "show")
    assert meshclaw("code", "report", str(repo.folder), "--json").json()["spend"]["sessions"] == {cell: 1}


def test_what_a_session_made_is_known_after_git_forgot_it(meshclaw: Meshclaw, repo: Repo, user: Path) -> None:
    repo.commit(110, "Stand", c=lines("c", 5))
    folder = user / ".claude" / "projects" / "repo"
    folder.mkdir(parents=True)
    moment = datetime.fromtimestamp(START + 109.99 * DAY, UTC).isoformat().replace("+00:00", "Z")
    call = line("m", "r", sessionId="s1", timestamp=moment, cwd=str(repo.folder), gitBranch="")
    (folder / "s1.jsonl").write_text(json.dumps(call) + "\n")
    meshclaw("usage", "show")
    assert meshclaw("code", "report", str(repo.folder), "--json").json()["spend"]["sessions"] == {"linked": 1}
    (repo.folder / ".git" / "logs" / "HEAD").unlink()
    repo.git("revert", "--no-edit", "HEAD", at=111)
    (repo.folder / ".git" / "logs" / "HEAD").unlink()
    assert meshclaw("code", "report", str(repo.folder), "--json").json()["spend"]["sessions"] == {
        "reverted": 1
    }


def test_a_usage_store_that_cannot_be_read_takes_only_the_costs_with_it(
    meshclaw: Meshclaw, repo: Repo, home: Path
) -> None:
    (home / "usage.db").write_bytes(b"no database at all" * 100)
    said = meshclaw("code", "report", str(repo.folder), "--json")
    assert said.code == 0
    assert said.json()["lines"]["added"] == 30
    assert said.json()["spend"] is None
    assert "is damaged" in said.err
