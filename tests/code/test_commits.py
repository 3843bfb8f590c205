"""Commits as they stand in the repository, whatever their names hold; and what each merge brought in."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshclaw.code import commits
from meshclaw.code.commits import Commit, Graph, Identity, graph
from meshclaw.code.git import opened
from meshclaw.errors import UserError
from tests.code.repository import NOW, Repository


def read(path: Path) -> Graph:
    with opened(path) as repository:
        return commits.read(repository)


def added(path: Path, shas: list[str]) -> dict[str, int]:
    with opened(path) as repository:
        return commits.added(repository, shas)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def test_a_commit_says_who_when_and_what(repository: Repository) -> None:
    first = repository.commit(b"Begin\n", at=NOW)
    sha = repository.commit(b"Add a cache\n\nBody.\n", parents=[first], at=NOW + 5, committed=NOW + 9)
    repository.main(sha)
    found = read(repository.path)
    assert found.line == [first, sha]
    assert found.commits[sha] == Commit(
        sha=sha, parents=(first,), authored=NOW + 5, committed=NOW + 9,
        author=Identity(name="Dev One", email="dev@example.org"),
        committer=Identity(name="Dev Two", email="dev2@example.org"), message="Add a cache\n\nBody.\n",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("author", "headers", "name"),
    [
        (b"D\xff\xfev <dev@example.org>", b"", "D��v"),
        (b"J\xe9r <dev@example.org>", b"encoding ISO-8859-1\n", "Jér"),
        ("Юля <dev@example.org>".encode(), b"", "Юля"),
        (b"<dev@example.org>", b"", ""),
    ],
)
def test_names_in_any_encoding(repository: Repository, author: bytes, headers: bytes, name: str) -> None:
    repository.main(repository.commit(b"Begin\n", author=author, headers=headers))
    (found,) = read(repository.path).commits.values()
    assert (found.author.name, found.author.email) == (name, "dev@example.org")


def test_a_mailmap_does_not_rename_who_signed(repository: Repository) -> None:
    (repository.path / ".mailmap").write_text("Other <other@example.org> <dev@example.org>\n")
    repository.main(repository.commit(b"Begin\n"))
    (found,) = read(repository.path).commits.values()
    assert found.author.email == "dev@example.org"


def test_what_the_repository_configures_is_not_run(repository: Repository) -> None:
    touched = repository.path / "touched"
    program = repository.path / "program"
    program.write_text(f"#!/bin/sh\ntouch {touched}\n")
    program.chmod(0o755)
    for key in ("gpg.program", "core.fsmonitor", "core.pager", "diff.external"):
        repository.git("config", key, str(program))
    repository.git("config", "log.showSignature", "true")
    signed = b"gpgsig -----BEGIN PGP SIGNATURE-----\n \n x\n -----END PGP SIGNATURE-----\n"
    sha = repository.commit(b"Begin\n", headers=signed, files={b"a": b"1\n"})
    repository.main(sha)
    assert read(repository.path).line == [sha]
    assert added(repository.path, [sha]) == {sha: 1}
    assert not touched.exists()


def test_an_empty_repository_and_none_are_told_apart_from_a_history(tmp_path: Path) -> None:
    for path in (Repository(tmp_path).path, Path("/proc/self")):
        with pytest.raises(UserError):
            read(path)


def test_an_octopus_and_a_second_root_are_landed_once(repository: Repository) -> None:
    root = repository.commit(b"Begin\n")
    one = repository.commit(b"One\n", parents=[root], at=NOW + 1)
    two = repository.commit(b"Two\n", parents=[root], at=NOW + 2)
    other_root = repository.commit(b"Elsewhere\n", at=NOW + 3)
    other = repository.commit(b"Elsewhere too\n", parents=[other_root, one], at=NOW + 4)
    head = repository.commit(b"Merge three\n", parents=[root, one, two, other], at=NOW + 5)
    repository.main(head)
    found = read(repository.path)
    assert found.line == [root, head]
    assert sorted(found.landed[head]) == sorted([one, two, other_root, other])
    assert sorted(found.works(head)) == sorted([one, two, other_root])


def test_a_cycle_is_from_a_branchs_first_commit_to_its_merge(repository: Repository) -> None:
    root = repository.commit(b"Begin\n")
    one = repository.commit(b"One\n", parents=[root], at=NOW + 100)
    two = repository.commit(b"Two\n", parents=[one], at=NOW + 200)
    merge = repository.commit(b"Merge\n", parents=[root, two], at=NOW + 1000)
    late = repository.commit(b"From the future\n", parents=[merge], at=NOW + 9_999)
    last = repository.commit(b"Merge\n", parents=[merge, late], at=NOW + 2000)
    repository.main(last)
    assert commits.cycles(read(repository.path)) == {merge: 900}


def test_added_lines_are_of_text_against_the_first_parent(repository: Repository) -> None:
    root = repository.commit(b"Begin\n", files={b"a": b"1\n2\n", b"b\nc": b"\0\1"})
    sha = repository.commit(b"More\n", parents=[root], files={b"a": b"1\n3\n4\n", b"n\new": b"x\n"})
    repository.main(sha)
    assert added(repository.path, [root, sha]) == {root: 2, sha: 3}
    assert added(repository.path, []) == {}


def test_a_missing_object_takes_only_its_own_commit(repository: Repository) -> None:
    root = repository.commit(b"Begin\n", files={b"a": b"1\n"})
    sha = repository.commit(b"More\n", parents=[root], files={b"a": b"1\n2\n"})
    repository.main(sha)
    blob = repository.git("rev-parse", f"{sha}:a")
    (repository.path / ".git/objects" / blob[:2] / blob[2:]).unlink()
    assert added(repository.path, [root, sha]) == {root: 1}


@given(st.lists(st.lists(st.integers(0, 30), max_size=3), max_size=30))
def test_landed_is_what_the_first_parent_does_not_reach(choices: list[list[int]]) -> None:
    """Against the definition, on any graph: reachable from the merge and not from its first parent."""
    somebody = Identity(name="", email="")
    made: list[Commit] = []
    for at, chosen in enumerate([[], *choices]):
        parents = tuple(dict.fromkeys(str(number % at) for number in chosen)) if at else ()
        made.append(
            Commit(
                sha=str(at),
                parents=parents,
                authored=0,
                committed=0,
                author=somebody,
                committer=somebody,
                message="",
            )
        )
    known = {one.sha: one for one in made}

    reached: dict[str, set[str]] = {}
    for one in made:
        reached[one.sha] = {one.sha}.union(*(reached[parent] for parent in one.parents))

    found = graph(made[::-1])
    for sha in found.line:
        parents = known[sha].parents
        expected = reached[sha] - {sha} - (reached[parents[0]] if parents else set())
        assert set(found.landed.get(sha, ())) == expected
        assert len(found.landed.get(sha, ())) == len(expected)
