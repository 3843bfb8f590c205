"""Whatever a folder, an archive or a repository holds: taken in as it is, or refused with a word on why."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import tarfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from meshclaw.agents.source import archive, git
from meshclaw.agents.source.files import MOST_FILES, MOST_IN_ALL, MOST_OF_ONE, digest
from meshclaw.agents.source.read import read
from meshclaw.errors import MeshClawError, NotFound, NotReachable, UserError
from tests.agents.folders import files, write

FILES = files()


def tar(*members: tuple[tarfile.TarInfo, bytes], mode: str = "w:gz") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as packed:
        for info, content in members:
            info.size = len(content)
            packed.addfile(info, io.BytesIO(content))
    return out.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def zipped(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return out.getvalue()


def test_a_folder_an_archive_and_a_repository_hold_the_same_agent(tmp_path: Path) -> None:
    folder = write(tmp_path / "reader", FILES)
    whole = digest(read(str(folder)))
    (tmp_path / "a.tar.gz").write_bytes(
        tar(*((member(f"reader-1/{path}"), data) for path, data in FILES.items()))
    )
    (tmp_path / "a.tar").write_bytes(
        tar(*((member(f"./{path}"), data) for path, data in FILES.items()), mode="w:")
    )
    (tmp_path / "a.zip").write_bytes(zipped(**FILES))
    commit(folder)
    url = f"git+file://{folder}"
    assert {digest(read(str(tmp_path / f"a.{end}"))) for end in ("tar.gz", "tar", "zip")} == {whole}
    assert digest(read(url)) == digest(read(f"{folder}/.git")) == whole
    assert digest(read(str(folder))) == whole  # its .git is no part of it


def commit(folder: Path) -> None:
    author = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    for words in (("init", "-q"), ("add", "-A"), (*author, "commit", "-qm", "first")):
        subprocess.run(("git", "-C", str(folder), *words), check=True, capture_output=True)


def test_a_folder_of_a_repository_is_named_behind_a_hash(tmp_path: Path) -> None:
    write(tmp_path / "many" / "agents" / "reader", FILES)
    commit(tmp_path / "many")
    assert read(f"git+file://{tmp_path}/many#agents/reader") == FILES
    with pytest.raises(NotReachable, match="does not get"):
        read(f"git+file://{tmp_path}/many#agents/nobody")


def test_nothing_of_a_repository_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hooks, filters and settings of the repository or of the person: none of them is heeded."""
    folder, traps = write(tmp_path / "reader", FILES), tmp_path / "trap"
    (folder / ".gitattributes").write_text("* filter=trap export-subst diff=trap\n")
    commit(folder)
    subprocess.run(("git", "-C", str(folder), "rm", "-q", "--cached", ".gitattributes"), check=True)
    for hook in (
        "post-checkout",
        "post-upload-pack",
        "pre-receive",
        "post-index-change",
        "reference-transaction",
    ):
        path = folder / ".git" / "hooks" / hook
        path.write_text(f"#!/bin/sh\ntouch {traps}\n")
        path.chmod(0o755)
    config = tmp_path / ".gitconfig"
    config.write_text(
        f"[core]\n\thooksPath = {folder}/.git/hooks\n\tfsmonitor = touch {traps}\n"
        f'[filter "trap"]\n\tsmudge = touch {traps}\n'
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_TEMPLATE_DIR", str(folder / ".git"))
    with pytest.raises(UserError, match=r"'.gitattributes' is hidden"):
        read(f"git+file://{folder}")
    assert not traps.exists()


@pytest.mark.parametrize(
    "address",
    [
        "https://user:secret@example.org/a.git", "ssh://example.org/a.git", "ext::sh -c id.git", "--upload-pack=id.git",
        "http://example.org/a.git", "git://example.org/a.git", "/nowhere/at/all.git", "git+file://host/a.git",
    ],
)  # fmt: skip
def test_an_address_that_is_not_taken_is_refused_before_git_sees_it(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(git.subprocess, "run", lambda *_, **__: pytest.fail("git was called"))
    with pytest.raises(UserError) as told:
        read(address)
    assert "secret" not in str(told.value)


def test_git_is_called_with_everything_off(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[tuple[list[str], dict[str, str]]] = []

    def run(line: list[str], **more: object) -> None:
        called.append((line, more["env"]))  # type: ignore[arg-type]
        raise subprocess.CalledProcessError(128, line, stderr=b"fatal: \x1b[31mno such host\n")

    monkeypatch.setattr(git.subprocess, "run", run)
    with pytest.raises(NotReachable, match=r"no such host") as told:
        read("https://example.org/agent.git")
    assert "\x1b" not in told.value.message
    [(line, environment)] = called
    words = " ".join(line)
    for setting in (
        "core.hooksPath=/dev/null",
        "protocol.allow=never",
        "protocol.https.allow=always",
        "--template=",
    ):
        assert setting in words
    assert "protocol.file.allow=always" not in words
    assert environment["GIT_CONFIG_GLOBAL"] == os.devnull
    assert environment["GIT_TERMINAL_PROMPT"] == "0"


HOSTILE: dict[str, Callable[[Path], object]] = {
    "it is a link": lambda folder: (folder / "notes.md").symlink_to("/etc/passwd"),
    "no plain file": lambda folder: os.mkfifo(folder / "notes.md"),
    "is hidden": lambda folder: (folder / ".env").write_text("x"),
    "larger than": lambda folder: (folder / "big.md").write_bytes(b"x" * (MOST_OF_ONE + 1)),
    "all files together": lambda folder: [
        (folder / f"{n}.md").write_bytes(b"x" * MOST_OF_ONE) for n in range(MOST_IN_ALL // MOST_OF_ONE + 1)
    ],
    "more than 200 files": lambda folder: [(folder / f"{n}.md").touch() for n in range(MOST_FILES + 1)],
    "deeper than": lambda folder: (folder / "a/b/c/d/e/f/g").mkdir(parents=True),
    "is compiled": lambda folder: (folder / "x.pyc").touch(),
    "plain parts": lambda folder: (folder / "r\u0435adme.md").touch(),
    "some disks": lambda folder: [(folder / name).touch() for name in ("readme.md", "README.md")],
    "plain parts: letters": lambda folder: (folder / "a\nb.md").touch(),
}  # fmt: skip


@pytest.mark.parametrize("told", HOSTILE)
def test_what_nobody_should_have_to_install_is_refused(told: str, tmp_path: Path) -> None:
    folder = write(tmp_path / "reader", FILES)
    HOSTILE[told](folder)
    with pytest.raises(UserError, match=told):
        read(str(folder))


def test_a_link_in_the_place_of_the_folder_or_of_a_folder_in_it_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "reader", FILES)
    (tmp_path / "link").symlink_to(folder)
    with pytest.raises(UserError, match="not a folder"):
        read(str(tmp_path / "link"))
    (folder / "skills").symlink_to("/etc")
    with pytest.raises(UserError, match="it is a link"):
        read(str(folder))


@pytest.mark.parametrize(
    ("info", "told"),
    [
        (member("../evil.md"), "plain parts"), (member("/etc/evil.md"), "plain parts"),
        (member("a/../../b.md"), "parts"),
        (member("x.md", tarfile.SYMTYPE, "/etc/passwd"), "no plain file"),
        (member("x.md", tarfile.LNKTYPE, "AGENT.md"), "no plain file"), (member("x", tarfile.CHRTYPE), "no plain file"),
        (member("x", tarfile.FIFOTYPE), "no plain file"), (member(".hidden"), "is hidden"),
    ],
)  # fmt: skip
def test_a_tar_that_reaches_out_is_refused(info: tarfile.TarInfo, told: str, tmp_path: Path) -> None:
    (tmp_path / "a.tar.gz").write_bytes(tar((member("AGENT.md"), b"x"), (info, b"")))
    with pytest.raises(UserError, match=told):
        read(str(tmp_path / "a.tar.gz"))


def test_a_zip_that_reaches_out_is_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("x.md")
    link.external_attr = 0o120777 << 16
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        packed.writestr(link, "/etc/passwd")
    for data, told in ((out.getvalue(), "no plain file"), (zipped(**{"../evil.md": b"x"}), "plain parts")):
        (tmp_path / "a.zip").write_bytes(data)
        with pytest.raises(UserError, match=told):
            read(str(tmp_path / "a.zip"))


def bombs() -> dict[str, bytes]:
    zeros = bytes(64 << 20)
    return {
        "a.tar.gz": gzip.compress(zeros), "b.tar.gz": tar((member("big.md"), bytes(MOST_OF_ONE + 1))),
        "c.zip": zipped(**{"big.md": zeros}), "d.zip": zipped(**{f"{n}.md": bytes(MOST_OF_ONE) for n in range(64)}),
        "e.tar.gz": gzip.compress(b"x" * 100)[:40], "f.zip": zipped(a=b"x")[:-10], "g.tar": b"no tar" * 1000,
        "h.tar.gz": b"\x1f\x8b" + b"junk" * 50, "i.tar": b"x" * (archive.MOST_PACKED + 1),
    }  # fmt: skip


@pytest.mark.parametrize("name", bombs())
def test_an_archive_that_swells_or_is_broken_ends_in_a_word_and_soon(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(bombs()[name])
    started = time.process_time()
    with pytest.raises(UserError):
        read(str(tmp_path / name))
    assert time.process_time() - started < 2


def test_what_is_nothing_of_all_that_is_told(tmp_path: Path) -> None:
    (tmp_path / "agent.rar").write_bytes(b"x")
    for word in (str(tmp_path / "nowhere"), str(tmp_path / "agent.rar"), "reader", ""):
        with pytest.raises((NotFound, UserError, MeshClawError)) as told:
            read(word)
        assert told.value.fix
