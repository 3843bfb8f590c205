"""Nothing of a repository is executed or obeyed, whatever stands in it; and what cannot be read is said."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from meshclaw.code import git
from meshclaw.code.lifetimes import read
from meshclaw.errors import MeshClawError, UserError
from tests.code import building
from tests.code.building import Builder, text

A, B = (text(*(f"{name} {line}" for line in range(12))) for name in "ab")


def two(folder: Path) -> list[str]:
    made = Builder(folder)
    made.commit(
        {b"f": A, b"g": B, b".gitattributes": b"* -diff diff=evil filter=evil working-tree-encoding=UTF-16\n"}
    )
    made.commit({b"f": A + b"x\n", b"h": B, b".gitattributes": b"* -diff diff=evil filter=evil eol=crlf\n"})
    return made.done()


def test_nothing_of_the_repository_is_executed_or_obeyed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, proof = tmp_path / "r", tmp_path / "executed"
    ids = two(folder)
    evil = tmp_path / "evil"
    evil.write_text(f"#!/bin/sh\ntouch '{proof}'\n")
    evil.chmod(0o755)
    for key in (
        "core.fsmonitor", "core.pager", "core.editor", "core.sshCommand", "core.gitProxy", "core.askPass",
        "diff.external", "diff.evil.command", "diff.evil.textconv", "filter.evil.clean", "filter.evil.smudge",
        "filter.evil.process", "pager.log", "pager.diff-tree", "pager.rev-parse", "alias.diff-tree",
        "alias.rev-parse", "gpg.program", "uploadpack.packObjectsHook", "credential.helper",
        "core.alternateRefsCommand", "remote.origin.uploadpack", "interactive.diffFilter",
    ):  # fmt: skip
        building.git(folder, "config", key, f"!{evil}" if key.startswith("alias") else str(evil))
    for key, value in (
        ("core.hooksPath", str(tmp_path)), ("core.attributesFile", str(folder / "attributes")),
        ("diff.algorithm", "patience"), ("diff.noprefix", "false"), ("diff.mnemonicPrefix", "true"),
        ("diff.renames", "false"), ("diff.context", "9"), ("diff.orderFile", str(evil)),
        ("diff.indentHeuristic", "false"), ("color.ui", "always"), ("core.quotePath", "true"),
        ("log.showSignature", "true"), ("log.showRoot", "false"), ("extensions.partialClone", "origin"),
        ("remote.origin.url", f"ext::{evil}"), ("remote.origin.promisor", "true"),
        ("protocol.ext.allow", "always"), ("diff.ignoreSubmodules", "all"), ("diff.wordRegex", "."),
        ("core.bigFileThreshold", "1"), ("core.worktree", "/"), ("core.abbrev", "4"),
        ("diff.interHunkContext", "100"), ("diff.dstPrefix", "x/"), ("i18n.logOutputEncoding", "UTF-16"),
    ):  # fmt: skip
        building.git(folder, "config", key, value)
    for place in ("attributes", ".git/info/attributes", ".gitattributes"):
        (folder / place).parent.mkdir(exist_ok=True)
        (folder / place).write_text("* -diff diff=evil\n")
    shutil.copy(evil, tmp_path / "post-index-change")
    for name, value in (
        ("GIT_EXTERNAL_DIFF", str(evil)), ("GIT_DIR", "/nowhere"), ("GIT_DIFF_OPTS", "-U9"), ("GIT_PAGER", str(evil)),
        ("GIT_CONFIG_COUNT", "1"), ("GIT_CONFIG_KEY_0", "diff.external"), ("GIT_CONFIG_VALUE_0", str(evil)),
    ):  # fmt: skip
        monkeypatch.setenv(name, value)
    lines = read(folder)
    assert lines.blame(b"f") == [ids[0]] * 12 + [ids[1]]
    assert lines.blame(b"h") == [ids[0]] * 12
    assert not proof.exists()
    building.git(folder, "log", "-p", "--ext-diff")
    assert proof.exists()  # so the traps do spring


def test_replacements_and_grafts_are_not_obeyed(tmp_path: Path) -> None:
    ids = two(tmp_path)
    other = building.git(tmp_path, "commit-tree", "-m", "other", f"{ids[1]}^{{tree}}").decode().strip()
    building.git(tmp_path, "replace", ids[1], other)
    (tmp_path / ".git" / "info").mkdir(exist_ok=True)
    (tmp_path / ".git" / "info" / "grafts").write_text(f"{ids[1]}\n")
    assert read(tmp_path).history.commits.sha == ids


def test_a_repository_of_somebody_else_is_read_and_left_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / 'a"b:c\\d#'
    ids = two(folder)
    before = {path: path.stat().st_mtime_ns for path in sorted(folder.rglob("*"))}
    if os.getuid() == 0:
        for path in before:
            os.chown(path, 12345, 12345)
    assert read(folder).history.commits.sha == ids
    assert {path: path.stat().st_mtime_ns for path in sorted(folder.rglob("*"))} == before


def test_folders_inside_work_trees_and_bare_ones_are_the_repository(tmp_path: Path) -> None:
    folder, bare, tree = tmp_path / "r", tmp_path / "bare", tmp_path / "tree"
    ids = two(folder)
    (folder / "inside").mkdir()
    building.git(folder, "clone", "--quiet", "--bare", ".", str(bare))
    building.git(folder, "worktree", "add", "--quiet", "--detach", str(tree), ids[0])
    assert [read(place).history.head for place in (folder / "inside", folder / ".git", bare, tree)] == [
        *[ids[1]] * 3,
        ids[0],
    ]


def test_notes_are_there_for_who_asks(tmp_path: Path) -> None:
    ids = two(tmp_path)
    building.git(tmp_path, "notes", "--ref=ai", "add", "-m", "said", ids[0])
    assert git.run(tmp_path, "notes", "--ref=ai", "show", ids[0]) == b"said\n"
    assert git.run(tmp_path, "rev-parse", "HEAD").decode().strip() == ids[1]


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    whole, shallow, empty = tmp_path / "whole", tmp_path / "shallow", tmp_path / "empty"
    two(whole)
    Builder(empty)
    building.git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{whole}", str(shallow))
    for folder, words in (
        (tmp_path / "absent", "no such folder"), (tmp_path, "not a git repository"), (empty, "no commits yet"),
        (shallow, "shallow"),
    ):  # fmt: skip
        with pytest.raises(UserError, match=words) as caught:
            read(folder)
        assert caught.value.fix


def _object(folder: Path, revision: str) -> tuple[str, Path]:
    name = building.git(folder, "rev-parse", revision).decode().strip()
    return name, folder / ".git" / "objects" / name[:2] / name[2:]


def _loose(folder: Path) -> None:
    """Out of the pack, each object a file."""
    for pack in (folder / ".git" / "objects" / "pack").glob("*.pack"):
        kept = folder / pack.name
        shutil.move(pack, kept)
        pack.with_suffix(".idx").unlink()
        building.git(folder, "unpack-objects", "-q", given=kept.read_bytes())


@pytest.mark.parametrize("how", ["absent", "not zlib", "cut short"])
def test_contents_that_cannot_be_read_are_left_out_and_named(tmp_path: Path, how: str) -> None:
    ids = two(tmp_path)
    _loose(tmp_path)
    name, path = _object(tmp_path, "HEAD~:f")
    whole = path.read_bytes()
    path.chmod(0o644)
    path.unlink() if how == "absent" else path.write_bytes(
        {"not zlib": b"rubbish", "cut short": whole[:20]}[how]
    )
    lines = read(tmp_path)
    assert [name in caveat for caveat in lines.history.caveats] == [True]
    assert lines.blame(b"h") == [ids[0]] * 12
    assert lines.blame(b"f") == [ids[1]] * 13


def test_corrupt_contents_in_a_pack_are_left_out_and_named(tmp_path: Path) -> None:
    made = Builder(tmp_path)
    unlike = os.urandom(3000).hex()
    made.commit({b"f": text(*(unlike[at : at + 60] for at in range(0, 6000, 60))), b"g": B})
    made.commit({b"f": A, b"g": B + b"x\n"})
    ids = made.done()
    building.git(tmp_path, "-c", "pack.window=0", "repack", "-adq")
    name = building.git(tmp_path, "rev-parse", "HEAD~:f").decode().strip()
    [pack] = (tmp_path / ".git" / "objects" / "pack").glob("*.pack")
    listed = building.git(tmp_path, "verify-pack", "-v", str(pack.with_suffix(".idx"))).decode()
    offset = next(int(line.split()[4]) for line in listed.splitlines() if line.startswith(name))
    pack.chmod(0o644)
    with pack.open("r+b") as file:
        file.seek(offset + 1000)
        file.write(b"\xff" * 200)
    lines = read(tmp_path)
    assert [name in caveat for caveat in lines.history.caveats] == [True]
    assert lines.blame(b"g") == [ids[0]] * 12 + [ids[1]]


@pytest.mark.parametrize("revision", ["HEAD~", "HEAD~^{tree}"])
def test_a_commit_or_folder_that_cannot_be_read_ends_it_and_is_named(tmp_path: Path, revision: str) -> None:
    two(tmp_path)
    _loose(tmp_path)
    name, path = _object(tmp_path, revision)
    path.chmod(0o644)
    path.write_bytes(b"rubbish")
    with pytest.raises(MeshClawError, match=name) as caught:
        read(tmp_path)
    assert "git fsck" in caught.value.fix


def test_a_partial_clone_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("meshclaw.code.lifetimes.MOST_ABSENT", 1)
    whole, partial = tmp_path / "whole", tmp_path / "partial"
    two(whole)
    building.git(whole, "config", "uploadpack.allowFilter", "true")
    building.git(
        tmp_path, "clone", "--quiet", "--filter=blob:none", "--bare", f"file://{whole}", str(partial)
    )
    with pytest.raises(UserError, match="partial clone"):
        read(partial)


def test_a_repository_that_changes_while_it_is_read_is_read_as_it_was(tmp_path: Path) -> None:
    made = Builder(tmp_path)
    made.commit({b"f": A})
    first = made.done()
    with git.opened(tmp_path) as repository:
        made.commit({b"f": B})
        made.done()
        building.git(tmp_path, "repack", "-adq")
        assert repository.run("log", "--format=%H", "HEAD").decode().split() == first
        assert repository.head == first[0]


def test_a_huge_file_counts_as_binary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("meshclaw.code.git.LARGEST", 1000)
    made = Builder(tmp_path)
    made.commit({b"f": b"x\n" * 1000, b"g": A})
    made.commit({b"f": b"x\n" * 1001, b"g": A})
    made.done()
    lines = read(tmp_path)
    assert list(lines.history.commits.added) == [12, 0]
