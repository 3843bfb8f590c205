"""Which session made which commit, and where its cost belongs."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import msgspec
import pytest

from meshclaw.changes.landing import Landing, digest, landing, plain
from meshclaw.changes.reflog import Made, made_here, work_trees
from meshclaw.changes.spend import AFTER_MS, CELLS, link
from meshclaw.code.commits import Commit, Graph, Identity
from meshclaw.flow.attribution import Attribution, Evidence
from meshclaw.flow.usage import Link, Usage
from meshclaw.ledger.usage.store import Moment, UsageStore
from meshclaw.readers.all import READERS
from meshclaw.usage.labels import judge_of, placed, version
from meshclaw.usage.report import report
from tests.changes.histories import START, Making, ai

HOUR = 3600
NOBODY = Identity(name="", email="")


def moment(
    at: float, session: str = "s1", *, folder: str = "/w/repo", branch: str = "", tool: str = "claude-code"
) -> Moment:
    return Moment(round((START + at) * 1000), tool, session, folder, branch)


def made(at: int, sha: str = "a", **more: str) -> Made:
    return Made(sha=sha, at=START + at, **more)


def landing_of(**fates: str) -> Landing:
    """Commits of the line by name, each of ten lines."""
    return Landing(
        line=list(fates), fates=list(fates.values()), lines=[10] * len(fates),  # type: ignore[arg-type]
        commits={sha: number for number, sha in enumerate(fates)}, authored={}, subjects={}, sessions={},
        tools={}, times={},
    )  # fmt: skip


def cells(links: list[Link]) -> dict[str, str]:
    return {one.session: one.cell for one in links}


def linked(
    moments: list[Moment],
    commits: list[Made],
    where: Landing,
    *,
    lives: bool = False,
    before: tuple[Link, ...] = (),
) -> dict[str, str]:
    return cells(link(moments, commits, where, lambda _sha: lives, before, repository="r"))


# -- whose a commit is -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("calls", "commit", "whose"),
    [
        ([moment(0)], made(60), "s1"),
        ([moment(0)], made(0), "s1"),
        ([moment(0)], made(AFTER_MS // 1000), "s1"),
        ([moment(0)], made(AFTER_MS // 1000 + 1), None),
        ([moment(61)], made(60), None),
        ([moment(0, "old"), moment(50, "new")], made(60), "new"),
        ([moment(0, "old"), moment(50, "new", branch="other")], made(60, branch="feat"), "old"),
        ([moment(0, branch="feat")], made(60, branch="feat"), "s1"),
        ([moment(0, branch="feat")], made(60, branch="main"), None),
        ([moment(0, branch="feat")], made(60), "s1"),
        ([moment(0, folder="/w/repo/src/deep")], made(60, folder="/w/repo"), "s1"),
        ([moment(0, folder="/w/repository")], made(60, folder="/w/repo"), None),
        ([moment(0, folder="/w/other")], made(60, folder="/w/repo"), None),
    ],
)  # fmt: skip
def test_a_commit_is_of_the_session_whose_call_was_the_last_before_it(
    calls: list[Moment], commit: Made, whose: str | None
) -> None:
    assert linked(calls, [commit], landing_of(a="linked")) == ({whose: "linked"} if whose else {})


def test_what_the_commit_says_itself_holds_at_any_time() -> None:
    where = msgspec.structs.replace(landing_of(a="reverted"), sessions={"s1": [0], "elsewhere": [0]})
    assert linked([moment(900 * HOUR)], [made(0, "z")], where) == {"s1": "reverted"}


def test_a_clone_without_a_diary_goes_by_what_a_tool_signed() -> None:
    where = msgspec.structs.replace(landing_of(a="linked"), tools={0: "codex"}, times={0: START + 60})
    calls = [moment(0, "claude"), moment(10, "codex", tool="codex"), moment(20, "cursor", tool="cursor")]
    assert linked(calls, [], where) == {"codex": "linked"}
    assert linked(calls, [made(10_000, "z")], where) == {}


# -- where its cost belongs --------------------------------------------------------------


@pytest.mark.parametrize(
    ("fates", "cell"),
    [
        (["linked"], "linked"), (["reworked"], "reworked"), (["reverted"], "reverted"),
        (["linked", "linked", "reworked"], "linked"), (["reworked", "reworked", "linked"], "reworked"),
        (["linked", "reverted"], "linked"),
    ],
)  # fmt: skip
def test_a_session_is_where_most_of_its_lines_are(fates: list[str], cell: str) -> None:
    names = [f"c{number}" for number in range(len(fates))]
    commits = [made(60 + number, name) for number, name in enumerate(names)]
    assert linked([moment(0)], commits, landing_of(**dict(zip(names, fates, strict=True)))) == {"s1": cell}


def test_what_has_not_landed_is_open_or_abandoned() -> None:
    assert linked([moment(0)], [made(60, "b")], landing_of(a="linked"), lives=True) == {"s1": "open"}
    assert linked([moment(0)], [made(60, "b")], landing_of(a="linked"), lives=False) == {"s1": "abandoned"}


def test_what_landed_counts_before_what_did_not() -> None:
    assert linked([moment(0)], [made(60, "a"), made(61, "b")], landing_of(a="linked"), lives=True) == {
        "s1": "linked"
    }


def test_amended_rebased_and_squashed_commits_are_found_where_they_landed() -> None:
    where = msgspec.structs.replace(
        landing_of(a="linked", b="reworked"),
        authored={START + 60: 0},
        subjects={digest("Round half to even"): 1},
    )
    assert linked([moment(0)], [made(60, "gone")], where) == {"s1": "linked"}
    assert linked([moment(0)], [made(70, "gone", subject="Round half to even")], where) == {"s1": "reworked"}
    assert linked([moment(0)], [made(70, "gone", subject="Round")], where) == {"s1": "abandoned"}


def test_what_git_forgot_is_remembered_under_the_name_it_landed_with() -> None:
    where = msgspec.structs.replace(landing_of(a="linked"), authored={START + 60: 0})
    first = link([moment(0)], [made(60, "gone")], where, lambda _sha: False, repository="r")
    assert [one.commits for one in first] == [["a"]]
    assert linked([moment(0)], [], where, before=tuple(first)) == {"s1": "linked"}
    later = msgspec.structs.replace(where, fates=["reverted"])
    assert linked([moment(0)], [], later, before=tuple(first)) == {"s1": "reverted"}


# -- landing -----------------------------------------------------------------------------


def commit(sha: str, *parents: str, authored: int = 0, message: str = "") -> Commit:
    return Commit(
        sha=sha, parents=parents, authored=authored, committed=authored, author=NOBODY, committer=NOBODY,
        message=message
    )  # fmt: skip


def test_a_commit_is_reworked_when_half_of_its_lines_were_changed_within_14_days() -> None:
    making = Making()
    batches = [making.add(making.commit(number, ai()), 10) for number in range(3)]
    making.end(batches[0], making.commit(10), 5)
    making.end(batches[1], making.commit(12), 4)
    making.end(batches[2], making.commit(16 + 1 / 24), 10)
    shas = making.history.commits.sha
    graph = Graph(commits={sha: commit(sha) for sha in shas}, line=shas, landed={})
    found = landing(making.history, graph, making.attributions, {shas[1]})
    assert found.fates == ["reworked", "reverted", "linked", "linked", "linked", "linked"]
    assert found.lines == [10, 10, 10, 0, 0, 0]
    assert found.tools == {0: "claude-code", 1: "claude-code", 2: "claude-code"}


def test_a_landing_knows_what_a_merge_brought_in_and_a_squash_lists() -> None:
    making = Making()
    first, merge = making.commit(0), making.commit(1)
    shas = making.history.commits.sha
    evidence = Evidence(
        source="trailer", rule="claude", confidence="certain", origin="ai", session="session_1"
    )
    making.attributions[shas[merge]] = Attribution(origin="ai", tool="claude-code", evidence=(evidence,))
    listing = "Merge branch 'x' (#7)\n\n* Teach the parser tabs\n* wip\n- Teach the lexer tabs\n"
    graph = Graph(
        commits={
            shas[first]: commit(shas[first], authored=5, message="wip"), "inner": commit("inner", authored=6,
            message="A long subject (#12)"),
            shas[merge]: commit(shas[merge], shas[first], "inner", authored=5, message=listing),
        },
        line=shas, landed={shas[merge]: ("inner",)},
    )  # fmt: skip
    found = landing(making.history, graph, making.attributions, ())
    assert found.commits == {shas[0]: 0, shas[1]: 1, "inner": 1}
    assert found.authored == {6: 1}, "two were made in second 5"
    assert set(found.subjects) == {
        digest(subject) for subject in ("Merge branch 'x'", "Teach the parser tabs", "Teach the lexer tabs",
        "A long subject")
    }  # fmt: skip
    assert found.sessions == {"session_1": [1]}
    assert b"parser" not in msgspec.json.encode(found)


def test_a_subject_is_compared_without_its_number() -> None:
    assert plain("  Round   half to even (#123)") == "Round half to even"


# -- the diary ---------------------------------------------------------------------------


def git(folder: Path, *arguments: str) -> str:
    environment = {
        "PATH": "/usr/bin:/bin:/usr/local/bin", "HOME": str(folder), "GIT_AUTHOR_NAME": "a",
        "GIT_AUTHOR_EMAIL": "a@b.example",
        "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b.example", "GIT_CONFIG_NOSYSTEM": "1",
    }  # fmt: skip
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_the_diary_tells_what_was_made_here_and_on_which_branch(tmp_path: Path) -> None:
    repo = tmp_path / "repo"
    repo.mkdir()
    git(repo, "init", "-q", "-b", "main")
    git(repo, "commit", "-q", "--allow-empty", "-m", "First: a colon")
    git(repo, "checkout", "-q", "-b", "feat/x")
    git(repo, "commit", "-q", "--allow-empty", "-m", "Second")
    git(repo, "commit", "-q", "--amend", "--allow-empty", "-m", "Second, amended")
    amended = git(repo, "rev-parse", "HEAD")
    git(repo, "checkout", "-q", "main")
    git(repo, "merge", "-q", "--no-ff", "-m", "Merge it", "feat/x")
    git(repo, "worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
    git(tmp_path / "side", "commit", "-q", "--allow-empty", "-m", "Aside")
    common = bytes(repo / ".git")
    assert [folder for folder, _ in work_trees(common)] == [str(repo), str(tmp_path / "side")]
    found = {one.subject: (one.branch, one.folder) for one in made_here(common)}
    assert found == {
        "First: a colon": ("", str(repo)), "Second": ("feat/x", str(repo)), "Second, amended": ("feat/x", str(repo)),
        "Aside": ("", str(tmp_path / "side")),
    }  # fmt: skip
    assert amended in {one.sha for one in made_here(common)}


@pytest.mark.parametrize("diary", [b"", b"\0\n\xff\xfe", b"x y a <b> 1 +0000\tcommit: z", b"0" * 200])
def test_a_diary_of_nonsense_tells_nothing(tmp_path: Path, diary: bytes) -> None:
    folder = tmp_path / "repo" / ".git" / "logs"
    folder.mkdir(parents=True)
    (folder / "HEAD").write_bytes(diary)
    assert made_here(bytes(folder.parent)) == []
    assert made_here(bytes(tmp_path / "none" / ".git")) == []


def test_a_work_tree_that_does_not_lead_back_is_none_of_its_own(tmp_path: Path) -> None:
    """Else a repository from elsewhere could claim the sessions of any folder."""
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    for folder in (mine, theirs):
        folder.mkdir()
        git(folder, "init", "-q")
    claim = theirs / ".git" / "worktrees" / "x"
    claim.mkdir(parents=True)
    for said in (f"{mine}/.git\n", "/.git\n", "\0", ""):
        (claim / "gitdir").write_text(said)
        assert [folder for folder, _ in work_trees(bytes(theirs / ".git"))] == [str(theirs)]


def test_a_diary_that_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    folder = tmp_path / "repo" / ".git" / "logs"
    folder.mkdir(parents=True)
    os.mkfifo(folder / "HEAD")
    assert made_here(bytes(folder.parent)) == []


# -- the store ---------------------------------------------------------------------------


def usage(session: str, number: int, *, declared: str = "", repo: str = "/w/repo") -> Usage:
    return Usage(
        tool="claude-code", evidence="transcript", key=f"{session}{number}", at=START * 1000 + number,
        model="claude-opus-4-5",
        session=session, repo=repo, branch="feat", reported_micros=None, declared=declared,
    )  # fmt: skip


def test_every_cost_is_in_one_cell_and_the_cells_add_up_to_the_total() -> None:
    """One session in each cell, one of declared exploration, and one that nobody knows anything of."""
    store = UsageStore()
    names = [*CELLS, "exploration", "lost"]
    calls = [
        msgspec.structs.replace(
            usage(name, number, declared="env:exploration" if name == "exploration" else ""),
            tokens=msgspec.structs.replace(usage(name, 0).tokens, output=3 + 7 * number),
        )
        for name in names
        for number in range(3)
    ]
    judge = judge_of(READERS, None)
    with store.writing():
        for call in calls:
            store.add(call, judge)
        store.flush(judge)
        store.set("judged", version(None))
    links = [
        Link(tool="claude-code", session=name, cell=cell, commits=["a"], repository="r")
        for name, cell in [*zip(CELLS, CELLS, strict=True), ("exploration", "linked")]
    ]  # fmt: skip
    store.link(links)
    found = placed(store.links())
    store.judge_again(version(None, found), judge_of(READERS, None, found))
    said = report(store)
    assert sum(said.partition.values()) == said.totals.cost_usd_micros > 0
    by_session = {name: amounts.nanos for name, amounts in store.by("session").items()}
    by_cell = {name: amounts.nanos for name, amounts in store.by("cell").items()}
    assert by_cell == {"unlinked" if name == "lost" else name: nanos for name, nanos in by_session.items()}
    assert store.check() == 0


def test_moments_are_of_the_folders_that_were_asked_for() -> None:
    store = UsageStore()
    judge = judge_of(READERS, None)
    with store.writing():
        for call in (usage("s2", 2), usage("s1", 1), usage("", 3), usage("s3", 4, repo="/elsewhere")):
            store.add(call, judge)
        store.flush(judge)
    found = store.moments(lambda folder: folder.startswith("/w"))
    assert [(one.at - START * 1000, one.session, one.folder, one.branch) for one in found] == [
        (1, "s1", "/w/repo", "feat"), (2, "s2", "/w/repo", "feat"),
    ]  # fmt: skip
