"""What was taken back and what was mended: by every form of message, by the change itself, by the content."""

from __future__ import annotations

from array import array

import pytest

from meshclaw.code import reverting
from meshclaw.code.commits import Commit, Graph, Identity, graph
from meshclaw.code.history import Batches, Commits, Deaths, Files, History
from meshclaw.code.reverting import DAY, Pair, reverts, says_fix, taken_back

SOMEBODY = Identity(name="Dev One", email="dev@example.org")


def sha(at: int) -> str:
    return f"{at:02x}" * 20


def line(*messages: str, days: float = 1) -> Graph:
    """A straight line of commits, a day apart."""
    return graph(
        [
            Commit(
                sha=sha(at), parents=(sha(at - 1),) if at else (), authored=int(at * days * DAY),
                committed=int(at * days * DAY), author=SOMEBODY, committer=SOMEBODY, message=message,
            )
            for at, message in enumerate(messages)
        ][::-1]
    )  # fmt: skip


def pairs(found: list[Pair]) -> list[tuple[str, str]]:
    return [(pair.of, pair.by) for pair in found]


ADD = "feat: add a cache (#12)\n\nIt keeps the last answer."
FORMS = [
    f'Revert "feat: add a cache (#12)"\n\nThis reverts commit {sha(1)}.',
    f'Revert "feat: add a cache (#12)" (#13)\n\nThis reverts commit {sha(1)[:9]}.',
    'Revert "feat: add a cache (#12)"',
    'Revert "feat: add a cache" (#14)',
    "Revert 'feat: add a cache'",
    "revert: feat: add a cache",
    'revert(core): "feat: add a cache" (#15)',
    'Back out "feat: add a cache"',
    f"Go back to the old way\n\nThis reverts commit {sha(1)}.",
    f"Go back to the old way\n\n* Reverts commit {sha(1).upper()}",
    f"Go back\n\nThis reverts {sha(1)[:10]}.",
    f"Go back\n\nReverted commit {sha(1)[:7]} for now",
    "Turn the cache off\n\nReverts example/project#12",
    "Turn the cache off\n\nReverts #12.",
    "Turn the cache off\n\nThis reverts merge request !12",
    f"Turn it off\n\nThis reverts commit {sha(1)}, reversing\nchanges made to {sha(0)}.",
]


@pytest.mark.parametrize("message", FORMS)
def test_a_message_says_what_it_reverts(message: str) -> None:
    (pair,) = reverts(line("Begin", ADD, "Other work", message))
    assert pair == Pair(of=sha(1), by=sha(3), how="message", after=2 * DAY)


@pytest.mark.parametrize(
    "message",
    [
        'Revert "something that never was"',
        f"This reverts commit {'f' * 40}.",
        "This reverts commit 0909090.\n\nReverts #99",
        "Revert to the old way of writing names",
        "Revert settings",
        "Reverts to how it was with the other client",
        'Say what Revert "feat: add a cache (#12)" did',
        "revertible: feat: add a cache",
        f"This does not revert: commit {sha(1)[:3]}",
        f"See {sha(1)}",
    ],
)
def test_what_names_no_commit_reverts_none(message: str) -> None:
    graph_ = line("Begin", "feat: another (#11)", message)
    assert [pair for pair in reverts(graph_) if pair.by == sha(2)] == []


def test_a_short_id_of_two_commits_names_neither() -> None:
    twins = [
        Commit(sha=one, parents=(parent,) if parent else (), authored=0, committed=0, author=SOMEBODY,
               committer=SOMEBODY, message=message)
        for one, parent, message in (
            ("b" * 40, "abcdef0" + "2" * 33, "Back\n\nThis reverts commit abcdef0."),
            ("abcdef0" + "2" * 33, "abcdef0" + "1" * 33, "Two"),
            ("abcdef0" + "1" * 33, "", "One"),
        )
    ]  # fmt: skip
    assert reverts(graph(twins)) == []


def test_a_message_cannot_revert_what_comes_later() -> None:
    assert reverts(line(f"This reverts commit {sha(1)}.", ADD)) == []


def test_the_nearest_earlier_commit_of_a_subject_is_meant() -> None:
    found = reverts(line("Tidy", "Tidy", 'Revert "Tidy"', "Tidy"))
    assert pairs(found) == [(sha(1), sha(2))]


@pytest.mark.parametrize(
    ("messages", "standing"),
    [
        ([ADD, 'Revert "feat: add a cache (#12)"'], {0: 1}),
        ([ADD, 'Revert "feat: add a cache"', 'Reapply "feat: add a cache"'], {1: 2}),
        ([ADD, 'Revert "feat: add a cache"', 'Revert "Revert "feat: add a cache""'], {1: 2}),
        (
            [
                ADD,
                'Revert "feat: add a cache"',
                'Reapply "feat: add a cache"',
                'Revert "Reapply "feat: add a cache""',
            ],
            {0: 1, 2: 3},
        ),
        ([ADD, 'Revert "feat: add a cache"', "More", f"Again\n\nThis reverts commit {sha(1)}."], {1: 3}),
    ],
)
def test_a_revert_that_was_reverted_takes_nothing_back(messages: list[str], standing: dict[int, int]) -> None:
    found = line(*messages)
    left = taken_back(reverts(found), found.line)
    assert {of: pair.by for of, pair in left.items()} == {sha(of): sha(by) for of, by in standing.items()}


def test_a_long_chain_of_reverts() -> None:
    messages = ["Begin", *(f"Again\n\nThis reverts commit {at:040x}." for at in range(3000))]
    found = graph(
        [
            Commit(sha=f"{at:040x}", parents=(f"{at - 1:040x}",) if at else (), authored=at, committed=at,
                   author=SOMEBODY, committer=SOMEBODY, message=message)
            for at, message in enumerate(messages)
        ][::-1]
    )  # fmt: skip
    assert len(taken_back(reverts(found), found.line)) == 1500


def merged(*inner: str, after: str) -> Graph:
    commits = [
        Commit(
            sha=sha(0), parents=(), authored=0, committed=0, author=SOMEBODY, committer=SOMEBODY, message=""
        )
    ]
    for at, message in enumerate(inner, start=1):
        commits.append(
            Commit(sha=sha(at), parents=(sha(at - 1),), authored=at, committed=at, author=SOMEBODY,
                   committer=SOMEBODY, message=message)
        )  # fmt: skip
    commits.append(
        Commit(sha=sha(50), parents=(sha(0), sha(len(inner))), authored=60, committed=60, author=SOMEBODY,
               committer=SOMEBODY, message="Merge pull request #7 from example/cache\n\nAdd a cache")
    )  # fmt: skip
    commits.append(
        Commit(sha=sha(51), parents=(sha(50),), authored=70, committed=70, author=SOMEBODY, committer=SOMEBODY,
               message=after)
    )  # fmt: skip
    return graph(commits[::-1])


@pytest.mark.parametrize(
    ("inner", "after", "part"),
    [
        (["One"], f"This reverts commit {sha(1)}.", False),
        (["One", "Two"], f"This reverts commit {sha(1)}.", True),
        (["One", "Two"], f"This reverts commit {sha(50)}, reversing\nchanges made to {sha(0)}.", False),
        (["One", "Two"], 'Revert "Two"', True),
        (["One", "Two"], "Reverts #7", False),
        (["One"], f"This partially reverts commit {sha(1)}.", True),
    ],
)
def test_a_revert_of_what_was_merged_is_one_of_the_merge(inner: list[str], after: str, part: bool) -> None:
    found = merged(*inner, after=after)
    (pair,) = reverts(found)
    assert (pair.of, pair.by, pair.part) == (sha(50), sha(51), part)
    assert bool(taken_back([pair], found.line)) is not part


def test_a_revert_within_one_branch_is_nobodys() -> None:
    assert reverts(merged("One", f"This reverts commit {sha(1)}.", after="More")) == []


# -- by the lines ------------------------------------------------------------------------


def columns(*changes: tuple[bytes, bytes, bytes, bytes], days: float = 1) -> Commits:
    """Forward, backward, before, after."""
    return Commits(
        sha=[sha(at) for at in range(len(changes))],
        at=array("q", [int(at * days * DAY) for at in range(len(changes))]),
        forward=[change[0] for change in changes], backward=[change[1] for change in changes],
        before=[change[2] for change in changes], after=[change[3] for change in changes],
    )  # fmt: skip


NOTHING = (b"", b"", b"", b"")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ([(b"+a", b"-a", b"x", b"y"), (b"-a", b"+a", b"y", b"x")], [(0, 1, "change")]),
        ([(b"+a", b"-a", b"x", b"y"), (b"-a", b"+a", b"y2", b"x2")], [(0, 1, "change")]),
        (
            [(b"+a", b"-a", b"x", b"y"), (b"+b", b"-b", b"y", b"z"), (b"-ab", b"+ab", b"z", b"x")],
            [(0, 2, "content")],
        ),
        (
            [(b"+a", b"-a", b"x", b"y"), (b"-a", b"+a", b"y", b"x"), (b"+a", b"-a", b"x", b"y")],
            [(0, 1, "change"), (1, 2, "change")],
        ),
        ([NOTHING, NOTHING], []),
        ([(b"s", b"s", b"x", b"x"), (b"s", b"s", b"x", b"x")], []),
        ([(b"+a", b"-a", b"x", b"y"), (b"+b", b"-b", b"u", b"v")], []),
    ],
)
def test_the_change_and_the_content_tell_reverts_that_no_message_does(
    changes: list[tuple[bytes, bytes, bytes, bytes]], expected: list[tuple[int, int, str]]
) -> None:
    found = reverts(line(*["Work"] * len(changes)), columns(*changes))
    assert [(pair.of, pair.by, pair.how) for pair in found] == [
        (sha(of), sha(by), how) for of, by, how in expected
    ]


@pytest.mark.parametrize(("days", "count"), [(90, 1), (90.1, 0)])
def test_long_after_it_is_a_decision_of_its_own(days: float, count: int) -> None:
    changes = columns((b"+a", b"-a", b"x", b"y"), (b"-a", b"+a", b"y", b"x"), days=days)
    assert len(reverts(line("One", "Two", days=days), changes)) == count


def test_what_the_message_says_goes_before_what_the_lines_say() -> None:
    changes = columns((b"+a", b"-a", b"x", b"y"), (b"-a", b"+a", b"y", b"x"))
    (pair,) = reverts(line("One", 'Revert "One"'), changes)
    assert pair.how == "message"


# -- fixes -------------------------------------------------------------------------------

FIXES = [
    "fix: keep the last answer", "fix(core)!: keep it", "Fix #190: say what is done", "Fixed bug in the cache",
    "bugfix: keep it", "hotfix(api): keep it", "server/order: fix the sum", "[core] Fix the sum", "fixup! Add a cache",
    "Fixes a crash", "Bug fix in the cache", "Merge pull request #3 from example/fix-cache\n\nKeep it",
    "Merge pull request #3 from example/cache\n\nFix the cache", "Merge branch 'hotfix/cache'",
    f"Keep it\n\nFixes: {'a' * 12} (\"Add a cache\")",
]  # fmt: skip
NO_FIXES = [
    "feat: add a fixture", "Add a cache", "Prefix names", "Fix typo", "fix: typos in the guide", "docs: fix the link",
    "style: fix it", "Fix lint", "Fixed formatting", "fix(deps): update a library", "Update the changelog, fixes #3",
    "Add a cache\n\nFixes #12", "Add a cache\n\nIt would fix the bug.", "Merge branch 'main' into cache",
    "Suffix: add one", "refactor: a fixed size", "Fix docstrings",
]  # fmt: skip


@pytest.mark.parametrize(("messages", "expected"), [(FIXES, True), (NO_FIXES, False)])
def test_a_commit_says_that_it_fixes(messages: list[str], expected: bool) -> None:
    assert [message for message in messages if says_fix(message) is not expected] == []


def died(
    *deaths: tuple[int, int, int], messages: list[str], days: float = 1, kind: str = "source"
) -> list[Pair]:
    """Deaths as commit that added, commit that ended, lines."""
    born = sorted({of for of, _, _ in deaths})
    history = History(
        head=sha(len(messages) - 1),
        commits=columns(*[NOTHING] * len(messages), days=days),
        files=Files(path=[b"a.py"], born=array("L", [0]), kind=[kind]),
        batches=Batches(commit=array("L", born), file=array("L", [0] * len(born))),
        deaths=Deaths(
            batch=array("L", [born.index(of) for of, _, _ in deaths]),
            commit=array("L", [by for _, by, _ in deaths]),
            lines=array("L", [lines for _, _, lines in deaths]),
        ),
    )
    return reverting.fixes(line(*messages, days=days), history)


def test_a_fix_of_the_same_lines_within_two_weeks_counts() -> None:
    found = died((0, 1, 3), (0, 1, 4), (0, 2, 9), messages=["Add", "fix: it", "Rework"])
    assert found == [Pair(of=sha(0), by=sha(1), how="lines", after=DAY, lines=7)]


@pytest.mark.parametrize(("days", "count"), [(14, 1), (14.1, 0)])
def test_a_fix_later_than_two_weeks_does_not(days: float, count: int) -> None:
    assert len(died((0, 1, 3), messages=["Add", "fix: it"], days=days)) == count


def test_a_fix_of_a_lock_file_does_not() -> None:
    assert died((0, 1, 3), messages=["Add", "fix: it"], kind="lock") == []


def test_a_fix_that_names_its_commit_counts_without_touching_its_lines() -> None:
    named = died(messages=["Add a cache", "Work", "fixup! Add a cache", f"Mend\n\nFixes: {sha(1)[:12]}"])
    assert pairs(named) == [(sha(0), sha(2)), (sha(1), sha(3))]


def test_the_words_of_the_definitions_say_the_numbers_that_count() -> None:
    rules = reverting.shipped()
    assert f"within {reverting.WITHIN // DAY} days" in rules.words["reverted"]
    assert f"within {reverting.SOON // DAY} days" in rules.words["fixed"]
