"""What a sandboxed command may read, write, use and reach; from it, the arguments for bubblewrap. Nothing runs here."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from meshclaw.errors import UserError
from meshclaw.guard.sandbox.egress.rules import Rule

UID = 1000
"""Who the command is inside, whoever started it."""
MB = 1 << 20

PROTECTED = (
    ".git",  # where it is a file: it says which folder is the repository
    ".git/hooks", ".git/config", ".git/config.worktree", ".git/modules", ".git/worktrees", ".git/commondir",
    ".gitmodules", ".envrc", ".mise.toml", ".bashrc", ".bash_profile", ".profile", ".zshrc", ".zshenv",
    ".pre-commit-config.yaml", ".husky", ".lefthook.yml", ".github/workflows", ".gitlab-ci.yml", ".ci",
    ".circleci", "Jenkinsfile", "CODEOWNERS", ".github/CODEOWNERS", ".vscode", ".idea", ".devcontainer",
    ".mcp.json", ".claude", ".cursor", ".codex", ".npmrc", ".yarnrc.yml", "AGENTS.md", "CLAUDE.md",
)  # fmt: skip
"""What runs or steers something outside when a person next works in the folder: hooks, shells, pipelines, editors."""

_KEYS = frozenset(
    (
        ".ssh",
        ".gnupg",
        ".aws",
        ".azure",
        ".kube",
        ".docker",
        ".netrc",
        ".password-store",
        "gcloud",
        "keyrings",
    )
)
_SYSTEM = (
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/etc",
    "/boot",
    "/dev",
    "/proc",
    "/run",
    "/sys",
    "/var",
)
_ETC = ("ld.so.cache", "alternatives", "localtime", "ssl/certs", "ssl/openssl.cnf", "pki/tls", "pki/ca-trust")
_PASSED_ON = ("LANG", "LC_ALL", "LC_CTYPE", "TERM", "TZ")


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    wall_s: float = 600
    cpu_s: int = 600
    """Of one process."""
    memory_bytes: int = 2048 * MB
    """Of one process, and of all together where a control group can be had."""
    processes: int = 256
    file_bytes: int = 1024 * MB
    """Of one file."""
    tmp_bytes: int = 256 * MB
    """Of /tmp and of /dev/shm, which live in memory."""
    free_bytes: int = 256 * MB
    """What must stay free on the disk of the work folder; below that everything is stopped."""
    output_bytes: int = MB
    """Kept of stdout and of stderr each; the rest is read and thrown away."""


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    work: Path
    """The only folder that can be written to and that outlives the command; real, absolute."""
    read_only: tuple[Path, ...] = ()
    """Shown besides the system: a Python, a tool chain."""
    env: Mapping[str, str] = msgspec.field(default_factory=dict[str, str])
    """Added to what every command gets."""
    pass_env: tuple[str, ...] = _PASSED_ON
    """Names taken over from whoever starts it; everything else stays outside."""
    limits: Limits = Limits()
    egress: tuple[Rule, ...] = ()
    """Empty: no network at all."""
    protected: tuple[str, ...] = PROTECTED
    """Inside ``work`` and still not to be written."""


class Mounts(msgspec.Struct, frozen=True, kw_only=True):
    """What was found on the host for a profile: see ``protect.survey`` and ``system_mounts``."""

    system: tuple[str, ...]
    """Arguments that show the system."""
    held: tuple[str, ...] = ()
    """Folders in ``work`` that only hold a protected path: mounted on themselves, so they cannot be moved away."""
    sealed: tuple[str, ...] = ()
    """Protected paths that exist: mounted read-only."""


def check(profile: Profile, *, state: Path) -> None:
    """Raise UserError where ``work`` or ``read_only`` would show the home folder, keys, our state or the system."""
    private = [Path.home().resolve(), state.resolve()]
    work = profile.work
    if not work.is_absolute() or work != work.resolve() or not work.is_dir():
        raise UserError(f"the work folder {str(work)!r} is no folder", fix="Name a folder that exists.")
    for path in (work, *profile.read_only):
        over = next((one for one in private if one.is_relative_to(path)), None)
        if over:
            raise UserError(
                f"{str(path)!r} would show {str(over)!r} to the command", fix="Name a folder below it."
            )
        if _KEYS & set(path.parts):
            raise UserError(
                f"{str(path)!r} is where keys are kept", fix="Hand in the secret by name instead."
            )
    if any(work.is_relative_to(one) for one in _SYSTEM if one not in ("/var", "/run")) or str(work) == "/":
        raise UserError(
            f"the work folder {str(work)!r} belongs to the system", fix="Name a folder of your own."
        )
    for one in profile.protected:
        if Path(one).is_absolute() or ".." in Path(one).parts:
            raise UserError(
                f"the protected path {one!r} is not inside the work folder", fix="Write it as .git/hooks."
            )


def environment(profile: Profile, outside: Mapping[str, str]) -> dict[str, str]:
    """All the command sees of the environment; ``outside`` is that of whoever starts it."""
    return {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": "/tmp",  # noqa: S108 (inside it is a file system of its own)
        "TMPDIR": "/tmp",  # noqa: S108
        "USER": "claw",
        "PWD": str(profile.work),
        **{name: outside[name] for name in profile.pass_env if name in outside},
        **profile.env,
    }


def system_mounts() -> tuple[str, ...]:
    """/usr and the few files of /etc that programs need, read-only, as they lie on this machine."""
    found: list[str] = ["--ro-bind", "/usr", "/usr"]
    for name in ("bin", "sbin", "lib", "lib32", "lib64"):
        path = Path("/", name)
        if path.is_symlink():
            found += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            found += ["--ro-bind", str(path), str(path)]
    for name in _ETC:
        path = f"/etc/{name}"
        if os.path.exists(path):  # noqa: PTH110 (asked for every start)
            found += ["--ro-bind", path, path]
    return tuple(found)


def arguments(
    profile: Profile,
    mounts: Mounts,
    *,
    bwrap: str,
    seccomp: int,
    info: int,
    block: int,
    files: Mapping[str, int],
) -> list[str]:
    """The command line up to ``--``. ``seccomp``, ``info``, ``block`` and ``files`` (path to content) are descriptors.

    Every namespace is new, every capability dropped, no user namespace can be made inside. Order matters: what
    comes later lies over what came before.
    """
    work, size = str(profile.work), str(profile.limits.tmp_bytes)
    return [
        bwrap,
        "--unshare-all", "--unshare-user", "--disable-userns", "--uid", str(UID), "--gid", str(UID),
        "--cap-drop", "ALL", "--hostname", "sandbox", "--new-session", "--die-with-parent",
        *mounts.system,
        *(part for path, fd in files.items() for part in ("--file", str(fd), path)),
        "--proc", "/proc",
        "--dev", "/dev", "--size", size, "--tmpfs", "/dev/shm", "--remount-ro", "/dev",  # noqa: S108
        "--size", size, "--tmpfs", "/tmp",  # noqa: S108
        *_binds("--ro-bind", map(str, profile.read_only)),
        "--bind", work, work,
        *_binds("--bind", (f"{work}/{path}" for path in mounts.held)),
        *_binds("--ro-bind", (f"{work}/{path}" for path in mounts.sealed)),
        "--remount-ro", "/",
        "--chdir", work,
        "--seccomp", str(seccomp), "--info-fd", str(info), "--block-fd", str(block),
    ]  # fmt: skip


def _binds(how: str, paths: Iterable[str]) -> list[str]:
    return [part for path in paths for part in (how, path, path)]
