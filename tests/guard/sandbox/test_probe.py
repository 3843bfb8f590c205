"""Canaries: all of them stay inside here, each of them can be seen to escape, and then nothing runs."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from meshclaw.errors import Refused
from meshclaw.guard.sandbox import cgroup, landlock, launcher, probe, profile, seccomp
from meshclaw.guard.sandbox.profile import Limits, Profile
from meshclaw.guard.sandbox.run import find, run
from tests.guard.sandbox.box import needs_bubblewrap

pytestmark = needs_bubblewrap
ALLOW_ALL = struct.pack("=HBBI", 6, 0, 0, 0x7FFF0000)


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.setattr(probe, "_proved", {})


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("egress", [False, True])
def test_every_canary_stays_inside(egress: bool) -> None:
    told = probe.canaries(find().path, egress=egress)
    assert all(told.values()), told
    assert len(told) == 12 + egress


def without(*dropped: str) -> Callable[..., list[str]]:
    real = profile.arguments

    def made(*given: object, **named: object) -> list[str]:
        return [part for part in real(*given, **named) if part not in dropped]  # type: ignore[arg-type]

    return made


def with_more(*added: str) -> Callable[..., list[str]]:
    real = profile.arguments

    def made(*given: object, **named: object) -> list[str]:
        line = real(*given, **named)  # type: ignore[arg-type]
        at = line.index("--bind")
        return [*line[:at], *added, *line[at:]]

    return made


def escaped() -> set[str]:
    return {name for name, held in probe.canaries(find().path, egress=False).items() if not held}


def test_without_the_filter_they_escape(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seccomp, "program", lambda: ALLOW_ALL)
    assert {"unix_sockets", "kernel"} <= escaped()


@pytest.mark.skipif(not landlock.available(), reason="needs a kernel with Landlock")
def test_without_landlock_they_escape_and_a_kernel_without_it_is_told_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = launcher.launcher
    monkeypatch.setattr(launcher, "launcher", lambda leave, _rules: real(leave, None))
    assert escaped() == {"landlock"}
    monkeypatch.undo()
    monkeypatch.setattr(landlock, "available", lambda: False)
    assert escaped() == set()


LOOSE = {
    "the network": (with_more("--share-net"), {"network"}),
    "a namespace more": (without("--disable-userns"), set()),  # the filter holds too
    "the files of the host": (with_more("--bind", "/tmp", "/tmp"), {"first_root", "memory_files", "write_outside"}),
    "memory without bound": (with_more("--tmpfs", "/dev/shm"), {"memory_files"}),
}  # fmt: skip


@pytest.mark.parametrize(("line", "names"), LOOSE.values(), ids=LOOSE.keys())
def test_each_hole_is_seen(
    line: Callable[..., list[str]], names: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("meshclaw.guard.sandbox.process.arguments", line)
    assert escaped() == names


def test_a_mount_too_many_is_seen_and_landlock_stands_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("meshclaw.guard.sandbox.process.arguments", with_more("--tmpfs", "/run"))
    if landlock.available():
        assert escaped() == set()
    monkeypatch.setattr(landlock, "available", lambda: False)
    assert escaped() == {"write_outside"}


def test_limits_that_do_not_hold_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("meshclaw.guard.sandbox.process._bound", lambda *_: None)
    monkeypatch.setattr(cgroup, "parents", lambda: ())
    assert escaped() == {"processes"}


def test_a_canary_that_escaped_stops_everything(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seccomp, "program", lambda: ALLOW_ALL)
    for _ in range(2):  # the second time from memory
        with pytest.raises(Refused, match=r"does not hold .*unix_sockets"):
            run(Profile(work=work), ["touch", "ran"])
    assert not (work / "ran").exists()


def test_canaries_that_do_not_come_back_stop_everything(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "python", lambda: ("/usr/bin/false", ()))
    with pytest.raises(Refused, match="did not come back"):
        run(Profile(work=work), ["touch", "ran"])
    assert not (work / "ran").exists()


def test_it_is_tried_once(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(Profile(work=work), ["true"])
    monkeypatch.setattr(probe, "canaries", None)
    run(Profile(work=work), ["true"])


def test_a_mount_that_is_not_as_asked_stops_the_start(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a link had been swapped between the look and the mount."""
    run(Profile(work=work), ["true"])
    (work / ".envrc").touch()
    real = profile.arguments
    monkeypatch.setattr(
        "meshclaw.guard.sandbox.process.arguments",
        lambda *given, **named: [
            "--bind" if part == "--ro-bind" and line[at + 1].endswith(".envrc") else part
            for line in [real(*given, **named)]
            for at, part in enumerate(line)
        ],
    )
    with pytest.raises(Refused, match=r"envrc.*not sealed"):
        run(Profile(work=work), ["touch", "ran"])
    assert not (work / "ran").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="is about who is not root")
def test_they_stay_inside_for_an_ordinary_user_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "python", lambda: ("/usr/bin/python3", ()))
    monkeypatch.setenv("HOME", "/nonexistent")
    assert all(probe.canaries(find().path, egress=True).values()), "loads what the child needs"
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setresgid(65534, 65534, 65534)
            os.setresuid(65534, 65534, 65534)
            cgroup.parents.cache_clear()
            told = probe.canaries(find().path, egress=True)
            os._exit(0 if all(told.values()) and len(told) == 13 else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_control_groups_are_given_back() -> None:
    """None is left behind, whatever became of the command."""
    with cgroup.group(Limits()) as groups:
        assert all(group.is_dir() for group in groups)
    assert not any(group.exists() for group in groups)


@pytest.mark.skipif(not cgroup.parents(), reason="needs a control group that can be divided")
def test_groups_of_a_killed_process_are_removed() -> None:
    (parent, *_) = cgroup.parents()
    dead, ours = parent / "meshclaw-999999999-ab", parent / f"meshclaw-{os.getpid()}-ab"
    for path in (dead, ours):
        path.mkdir()
    cgroup.parents.cache_clear()
    cgroup.parents()
    assert not dead.exists()
    assert ours.exists(), "its maker lives"
    ours.rmdir()
