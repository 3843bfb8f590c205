"""A fleet's task: from an address to a row, again and again, whatever the repository is."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from meshclaw.changes.fleet import Row, row, without_sign_in
from meshclaw.changes.programs import shape
from meshclaw.changes.reading import Options, read
from meshclaw.changes.reporting import report
from tests.code.building import Builder, git, text

A, B = (text(*(f"{name} {line}" for line in range(12))) for name in "ab")


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MESHCLAW_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path / "work"


def made(folder: Path) -> Builder:
    builder = Builder(folder)
    builder.commit({b"f.py": A})
    builder.commit({b"f.py": A + B})
    builder.done()
    return builder


def added(found: Row) -> object:
    lines = found.report["lines"]
    assert isinstance(lines, dict)
    return lines["added"]  # pyright: ignore[reportUnknownVariableType]


def test_a_row_says_what_the_command_says(tmp_path: Path, work: Path) -> None:
    folder = tmp_path / "some repository.git"
    made(folder)
    found = row(folder.as_uri(), work)
    assert (found.error, found.head) == ("", git(folder, "rev-parse", "HEAD").decode().strip())
    assert found.report["names"] == ["some_20repository"]
    told = msgspec.to_builtins(shape(report([read(folder, Options()).unpacked()])))
    assert {name for name in told if told[name] != found.report.get(name)} == {"names", "heads"}
    assert added(found) == 24


def test_a_second_job_brings_what_is_new_and_the_same_job_does_not(tmp_path: Path, work: Path) -> None:
    folder = tmp_path / "r"
    builder = made(folder)
    url = folder.as_uri()
    first = row(url, work, day="monday")
    builder.commit({b"f.py": A + B, b"g.py": B})
    builder.done()
    git(folder, "update-ref", "refs/notes/ai", "HEAD")
    assert row(url, work, day="monday") == first
    second = row(url, work, day="tuesday")
    assert (added(first), added(second)) == (24, 36)
    assert second.head != first.head
    clone = next((work / "clones").glob("*/r.git"))
    assert git(clone, "for-each-ref", "--format=%(refname)").split() == [b"refs/heads/main", b"refs/notes/ai"]


def test_nothing_of_what_is_cloned_is_executed(tmp_path: Path, work: Path) -> None:
    folder, sign = tmp_path / "r", tmp_path / "sign"
    made(folder)
    hook = folder / ".git/hooks/post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {sign}\n")
    hook.chmod(0o755)
    git(folder, "config", "uploadpack.packObjectsHook", f"touch {sign}; exit 1;")
    git(folder, "config", "core.fsmonitor", f"touch {sign}")
    assert not row(folder.as_uri(), work).error
    clone = next((work / "clones").glob("*/r.git"))
    assert not (clone / "hooks").exists()
    assert not sign.exists()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("file:///nowhere/at-all", "could not bring it"),
        ("ext::sh -c 'touch sign'", "'ext' not allowed"),
        ("--upload-pack=touch sign", "could not bring it"),
        ("https://name:secret@127.0.0.1:1/x.git", "could not bring it"),
        ("", "could not bring it"),
    ],
)
def test_what_cannot_be_brought_is_a_row_with_an_error(
    tmp_path: Path, work: Path, monkeypatch: pytest.MonkeyPatch, url: str, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    found = row(url, work, day="monday")
    assert words in found.error
    assert found.fix
    assert found.report == {}
    assert "secret" not in repr(found)
    assert not (tmp_path / "sign").exists()
    assert not list(tmp_path.glob("work/clones/*/*"))


def test_an_error_is_tried_again_on_the_same_day(tmp_path: Path, work: Path) -> None:
    folder = tmp_path / "r"
    assert row(folder.as_uri(), work, day="monday").error
    made(folder)
    assert not row(folder.as_uri(), work, day="monday").error


def test_an_empty_repository_is_a_row_with_an_error(tmp_path: Path, work: Path) -> None:
    Builder(tmp_path / "r")
    assert "no commits yet" in row((tmp_path / "r").as_uri(), work).error


@pytest.mark.parametrize(
    ("url", "bare"),
    [
        ("https://name:pass@host/x", "https://host/x"), ("https://host/x@y", "https://host/x@y"),
        ("git@host:x", "git@host:x"), ("ssh://git@host/x", "ssh://host/x"),
    ],
)  # fmt: skip
def test_a_sign_in_is_no_part_of_a_row(url: str, bare: str) -> None:
    assert without_sign_in(url) == bare
