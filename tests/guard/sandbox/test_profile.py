"""From a profile to bubblewrap's arguments, and Seatbelt's policy: pure, on any machine."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from meshclaw.errors import Refused, UserError
from meshclaw.guard.sandbox import seatbelt, seccomp
from meshclaw.guard.sandbox.egress.rules import Rule
from meshclaw.guard.sandbox.egress.secret import Secret
from meshclaw.guard.sandbox.profile import Limits, Mounts, Profile, arguments, environment

PROFILE = Profile(
    work=Path("/srv/work"), read_only=(Path("/opt/tool"),), limits=Limits(tmp_bytes=7), env={"A": "b"}
)
MOUNTS = Mounts(system=("--ro-bind", "/usr", "/usr"), held=(".git",), sealed=(".git/hooks", ".envrc"))


def line() -> list[str]:
    return arguments(PROFILE, MOUNTS, bwrap="/bwrap", seccomp=3, info=4, block=5, files={"/etc/hosts": 6})


def places(made: list[str], how: str) -> list[str]:
    return [made[at + 2] for at, part in enumerate(made) if part == how]


def test_every_namespace_is_new_and_every_right_dropped() -> None:
    made = " ".join(line())
    for part in (
        "--unshare-all", "--unshare-user", "--disable-userns", "--cap-drop ALL", "--new-session", "--die-with-parent",
        "--seccomp 3", "--block-fd 5", "--uid 1000", "--gid 1000",
    ):  # fmt: skip
        assert part in made
    assert "--share-net" not in made
    assert "--dev-bind" not in made


def test_one_folder_can_be_written_and_what_is_sealed_lies_over_it() -> None:
    made = line()
    assert places(made, "--bind") == ["/srv/work", "/srv/work/.git"]
    assert places(made, "--ro-bind") == ["/usr", "/opt/tool", "/srv/work/.git/hooks", "/srv/work/.envrc"]
    assert made.index("/srv/work/.git/hooks") > made.index("/srv/work/.git") > made.index("/srv/work")
    assert made[made.index("/srv/work/.envrc") + 2 :][:2] == ["--remount-ro", "/"]


def test_nothing_of_the_environment_comes_in_but_what_is_named() -> None:
    made = environment(
        PROFILE, {"LANG": "C.UTF-8", "AWS_SECRET_ACCESS_KEY": "x", "HOME": "/root", "LD_PRELOAD": "x"}
    )
    assert made["LANG"] == "C.UTF-8"
    assert made["A"] == "b"
    assert set(made) == {"PATH", "HOME", "TMPDIR", "USER", "PWD", "LANG", "A"}
    assert made["HOME"] == "/tmp"


@pytest.mark.parametrize("machine", seccomp.ARCHITECTURES)
def test_the_filter_is_a_program_that_ends_in_a_return_on_every_way(machine: str) -> None:
    """Jumps go forward and land inside; the last instruction returns."""
    made = seccomp.program(machine)
    steps = [struct.unpack("=HBBI", made[at : at + 8]) for at in range(0, len(made), 8)]
    assert len(steps) < 4096
    for at, (code, yes, no, _) in enumerate(steps):
        if code & 7 == 5:
            assert at + 1 + max(yes, no) < len(steps)
    assert steps[-1][0] == 6
    assert steps[0] == (0x20, 0, 0, 4), "the architecture is looked at first"


def run_filter(machine: str, arch: int, number: int, *arguments: int) -> int:
    """What the kernel's interpreter would answer (linux/filter.h)."""
    data = struct.pack("=IIQ6Q", number, arch, 0, *[*arguments, *[0] * 6][:6])
    made = seccomp.program(machine)
    at, value = 0, 0
    while True:
        code, yes, no, operand = struct.unpack_from("=HBBI", made, at * 8)
        at += 1
        if code == 0x20:
            (value,) = struct.unpack_from("=I", data, operand)
        elif code == 0x54:
            value &= operand
        elif code == 6:
            return operand
        else:
            true = {0x15: value == operand, 0x35: value >= operand, 0x45: bool(value & operand)}[code]
            at += yes if true else no


ALLOW, DENY, NO_SUCH, KILL = 0x7FFF0000, 0x50001, 0x50026, 0x80000000
UNIX, INET, NETLINK = 1, 2, 16
CASES = {
    "read": ("read", (), ALLOW),
    "ptrace": ("ptrace", (), DENY),
    "mount": ("mount", (), DENY),
    "io_uring": ("io_uring_setup", (), DENY),
    "clone3": ("clone3", (), NO_SUCH),
    "fork": ("clone", (17,), ALLOW),
    "thread": ("clone", (0x3D0F00,), ALLOW),
    "user namespace": ("clone", (0x10000011,), DENY),
    "network namespace": ("clone", (0x40000011,), DENY),
    "inet": ("socket", (INET, 1), ALLOW),
    "inet 6": ("socket", (10, 1), ALLOW),
    "unix": ("socket", (UNIX, 1), DENY),
    "unix, high bits set": ("socket", (1 << 32 | UNIX, 1), DENY),
    "netlink": ("socket", (NETLINK, 3), DENY),
    "stream pair": ("socketpair", (UNIX, 1 | 0o2000000), ALLOW),
    "packet pair": ("socketpair", (UNIX, 5), ALLOW),
    "datagram pair": ("socketpair", (UNIX, 2 | 0o2000000), DENY),
    "inet pair": ("socketpair", (INET, 1), DENY),
    "ioctl": ("ioctl", (0, 0x5401), ALLOW),
    "TIOCSTI": ("ioctl", (0, 0x5412), DENY),
    "TIOCSTI, high bits set": ("ioctl", (0, 1 << 32 | 0x5412), DENY),
    "TIOCLINUX": ("ioctl", (0, 0x541C), DENY),
}
NUMBERS = {"x86_64": {"read": 0}, "aarch64": {"read": 63}}


@pytest.mark.parametrize("machine", seccomp.ARCHITECTURES)
@pytest.mark.parametrize(("call", "given", "answer"), CASES.values(), ids=CASES.keys())
def test_the_filter_answers(machine: str, call: str, given: tuple[int, ...], answer: int) -> None:
    arch = seccomp.architecture(machine)
    number = NUMBERS[machine].get(call, getattr(arch, call, None))
    if number is None:
        number = seccomp.numbers([call], machine)[call]
    assert run_filter(machine, arch.audit, number, *given) == answer


def test_another_architecture_is_killed() -> None:
    assert run_filter("x86_64", 0x40000003, 0) == KILL, "i386"
    assert run_filter("x86_64", 0xC000003E, 0x40000000) == KILL, "x32"
    assert run_filter("aarch64", 0x40000028, 0) == KILL, "arm"
    with pytest.raises(Refused, match="mips"):
        seccomp.program("mips")


HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}


@pytest.mark.parametrize("machine", seccomp.ARCHITECTURES)
def test_call_numbers_are_the_kernel_s(machine: str) -> None:
    if not HEADERS[machine].exists():
        pytest.skip("needs the kernel's headers (apt install linux-libc-dev)")
    lines = [one.split() for one in HEADERS[machine].read_text("utf-8").splitlines()]
    theirs = {
        one[1].removeprefix("__NR_").removeprefix("__NR3264_"): int(one[2])
        for one in lines
        if len(one) == 3 and one[0] == "#define" and one[1].startswith("__NR") and one[2].isdigit()
    }
    column = seccomp.ARCHITECTURES[machine].column
    ours = {name: numbers[column] for name, numbers in seccomp._DENIED.items()}
    assert {name: number for name, number in ours.items() if name in theirs} == {
        name: theirs[name] for name in ours if name in theirs
    }
    assert len(set(ours) & set(theirs)) > 45


@pytest.mark.parametrize(
    "host",
    ["*", "*.com", "*.", "EXAMPLE.com", "example.com.", "a b", "", "bücher.example", "http://x.example", "x.example/y",
     "u@x.example", "x.example:443", "0x7f.1", "127.1", "*.10.0.0.1", "a.*.example", "*x.example"],
)  # fmt: skip
def test_a_rule_for_more_than_one_can_mean_is_refused(host: str) -> None:
    with pytest.raises(UserError):
        Rule(host=host)


def test_a_rule_is_checked_in_all_its_parts() -> None:
    for more in (
        {"port": 0},
        {"port": 65536},
        {"methods": frozenset({"get"})},
        {"paths": ("x",)},
        {"paths": ("/a/../b",)},
    ):
        with pytest.raises(UserError):
            Rule(host="x.example", **more)


def test_a_wildcard_is_for_what_is_below() -> None:
    rule = Rule(host="*.x.example")
    assert rule.names("a.x.example", 443)
    assert rule.names("a.b.x.example", 443)
    assert not rule.names("x.example", 443)
    assert not rule.names("ax.example", 443)


@pytest.mark.parametrize(
    ("value", "host"),
    [("shrt", "x.example"), ("long enough\r\nX: y", "x.example"), ("long enough", "*.x.example")],
)
def test_a_secret_that_cannot_be_bound_or_sent_is_refused(value: str, host: str) -> None:
    with pytest.raises(UserError) as refused:
        Secret(name="TOKEN", value=value, host=host)
    assert value not in str(refused.value)


def test_seatbelt_denies_first_and_seals_last() -> None:
    text = seatbelt.policy(PROFILE, tmp=Path("/private/tmp/x"), proxy_port=4711)
    lines = text.splitlines()
    assert lines[:2] == ["(version 1)", "(deny default)"]
    write, sealed = (at for at, one in enumerate(lines) if "file-write*" in one)
    assert sealed > write
    assert '(subpath "/srv/work/.git/hooks")' in lines[sealed]
    assert '(subpath "/srv/work/.git")' not in lines[sealed]
    assert '(remote ip "localhost:4711")' in lines[-1]
    assert "network" not in seatbelt.policy(PROFILE, tmp=Path("/private/tmp/x"))
    odd = seatbelt.policy(Profile(work=Path('/a"b) (allow default')), tmp=Path("/t"))
    assert '(subpath "/a\\"b) (allow default")' in odd
