from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshclaw.flow.usage import Usage
from meshclaw.usage.intents import KINDS, Declared, agreement, declared, inferred, of_trailer

UNDECLARED = Declared("undeclared", "", "")


def usage(**changes: object) -> Usage:
    return Usage(tool="codex", evidence="transcript", key="k", at=0, model="m", **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("branch", "expected"),
    [
        ("PAY-311", Declared("PAY-311", "", "branch")),
        ("feat/PAY-311-card", Declared("PAY-311", "code.change", "branch")),
        ("fix/PROJ-12", Declared("PROJ-12", "code.change", "branch")),
        ("anna/docs/OPS-4_runbook", Declared("OPS-4", "docs.write", "branch")),
        ("fix/x-17", Declared("code.change", "code.change", "branch")),
        ("issue-42", Declared("#42", "", "branch")),
        ("42-rounding", Declared("#42", "", "branch")),
        ("gh/42", Declared("#42", "", "branch")),
        ("spike/new-parser", Declared("exploration", "", "branch")),
        ("docs/readme", Declared("docs.write", "docs.write", "branch")),
        ("main", UNDECLARED),
        ("", UNDECLARED),
        ("release", UNDECLARED),
        ("utf-8", UNDECLARED),
        ("feature", UNDECLARED),
        ("PAY-0", UNDECLARED),
        ("xPAY-311", UNDECLARED),
        ("v1.2.3", UNDECLARED),
    ],
)
def test_a_branch_declares_a_ticket_a_kind_or_nothing(branch: str, expected: Declared) -> None:
    assert declared(usage(branch=branch)) == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("env:mail.triage", Declared("mail.triage", "mail.work", "env")),
        ("tag:exploration", Declared("exploration", "", "tag")),
        ("env:code.change", Declared("code.change", "code.change", "env")),
        ("env:code.review", Declared("code.review", "", "env")),
        ("command:release-notes", Declared("release-notes", "", "command")),
        ("env:", Declared("PAY-311", "", "branch")),
        ("", Declared("PAY-311", "", "branch")),
    ],
)
def test_what_a_source_carries_is_surer_than_the_branch(said: str, expected: Declared) -> None:
    assert declared(usage(declared=said, branch="PAY-311")) == expected


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Round cards\n\nIntent: code.change\nSigned-off-by: x", "trailer:code.change"),
        ("Round cards\n\nIntent: a\n\nIntent: docs.write\n", "trailer:docs.write"),
        ("Intent: in the text\n\nRefs: 5", ""),
        ("", ""),
        ("Fix\n\nMeshclaw-Run: 1b4e28ba\nMeshclaw-Intent: code.change\n", "trailer:code.change"),
    ],
)
def test_a_commits_trailer_declares(message: str, expected: str) -> None:
    assert of_trailer(message) == expected


@pytest.mark.parametrize(
    ("did", "files", "kind"),
    [
        (["Edit"], ["py"], "code.change"),
        (["Edit", "Read", "Bash"], ["py", "md"], "code.change"),
        (["Write"], [], "code.change"),
        (["apply_patch"], ["md"], "docs.write"),
        (["write_file"], ["tf"], "infra.change"),
        (["NotebookEdit"], ["ipynb"], "data.work"),
        (["Edit"], ["css", "svg"], "design.work"),
        (["Edit"], ["toml", "yaml"], "config.change"),
        (["Edit"], ["toml", "md"], "config.change"),
        (["mcp__gmail__send"], [], "mail.work"),
        (["mcp__slack__post", "Read"], [], "chat.work"),
        (["mcp__jira__get_issue"], [], "ticket.work"),
        (["mcp__playwright__click"], [], "web.operate"),
        (["Task", "Read"], [], "delegate"),
        (["WebSearch", "Read"], [], "web.research"),
        (["Bash", "Read"], [], "command.run"),
        (["local_shell_call"], [], "command.run"),
        (["Read", "Grep"], ["py"], "code.read"),
        (["TodoWrite"], [], "plan"),
        (["TodoWrite", "Read"], [], "code.read"),
        ([], [], "talk"),
        ([], ["py"], "talk"),
        (["mcp__weather__today"], [], "other"),
        (["Email"], [], "other"),
    ],
)
def test_a_kind_is_inferred_from_tools_and_files(did: list[str], files: list[str], kind: str) -> None:
    found = inferred(did, files)
    assert found.kind == kind
    assert found.kind in KINDS
    assert found.evidence


def test_what_it_went_by_is_told() -> None:
    assert inferred(["Edit", "Read"], ["py"]).evidence == "edit .py"


NAMES = st.lists(
    st.sampled_from(["Edit", "Read", "Bash", "WebFetch", "mcp__slack__post", "TodoWrite", "Odd"])
)
FILES = st.lists(st.sampled_from(["py", "md", "tf", "csv", "css", "yaml"]))


@given(did=NAMES, files=FILES, data=st.data())
def test_neither_order_nor_repetition_changes_what_is_inferred(
    did: list[str], files: list[str], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(did + did)), data.draw(st.permutations(files + files))
    assert inferred(*shuffled) == inferred(did, files)


@pytest.mark.parametrize(
    ("pairs", "compared", "agreeing", "kappa"),
    [
        # Cohen's own kind of table: 20 yes/yes, 5 yes/no, 10 no/yes, 15 no/no
        ([("y", "y", 20), ("y", "n", 5), ("n", "y", 10), ("n", "n", 15)], 50, 35, 0.4),
        ([("a", "a", 3), ("b", "b", 2)], 5, 5, 1.0),
        ([("a", "b", 1), ("b", "a", 1)], 2, 0, -1.0),
        ([("a", "a", 9)], 9, 9, None),
        ([], 0, 0, None),
    ],
)
def test_agreement_is_cohens_kappa(
    pairs: list[tuple[str, str, int]], compared: int, agreeing: int, kappa: float | None
) -> None:
    found = agreement(pairs)
    assert (found.compared, found.agreeing) == (compared, agreeing)
    assert found.kappa == (None if kappa is None else pytest.approx(kappa))


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc"), st.integers(0, 50))))
def test_kappa_is_never_over_1_and_is_the_same_both_ways(pairs: list[tuple[str, str, int]]) -> None:
    one, other = agreement(pairs), agreement([(b, a, count) for a, b, count in pairs])
    assert one == other
    assert one.kappa is None or -1 <= one.kappa <= 1
