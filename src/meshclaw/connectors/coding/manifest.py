"""What can be asked of a coding agent, and how it is taken back."""

from __future__ import annotations

from meshclaw.flow.declaration import Argument, Declaration, Field

TASK, DISCARD, RESTORE = "coding.task", "coding.discard", "coding.restore"

_REPOSITORY = Argument("reference", "repository")
_BRANCH = Argument("reference", "branch.id")
_LANDED = {
    "branch": Field("structured", "branch.id", "system"),
    "commits": Field("structured", "", "system"), "files": Field("structured", "", "system"),
    "added": Field("structured", "", "system"), "removed": Field("structured", "", "system"),
    "ended": Field("structured", "", "system"), "tokens": Field("structured", "", "system"),
    "cost_micros": Field("structured", "", "system"), "refused": Field("structured", "", "system"),
    "said": Field("free_text"),
}  # fmt: skip

DECLARATIONS = {
    one.verb: one
    for one in (
        Declaration(
            verb=TASK, effect="write", reversible=True, deed="code",
            objects=("code", "repository", "bug", "test", "function", "module"),
            words="Have a coding agent change code, on a branch of its own",
            arguments={
                "agent": Argument("reference", "coder"), "repository": _REPOSITORY,
                # What it is told to do runs: where a model words it, the person is asked.
                "task": Argument("code"),
            },
            results=_LANDED,
        ),
        Declaration(
            verb=DISCARD, effect="write", reversible=True, deed="delete", objects=("branch",),
            words="Take a coding agent's branch away",
            arguments={"repository": _REPOSITORY, "branch": _BRANCH},
        ),
        Declaration(
            verb=RESTORE, effect="write", reversible=True, deed="roll_back", objects=("branch",),
            words="Bring a coding agent's branch back",
            arguments={"repository": _REPOSITORY, "branch": _BRANCH},
        ),
    )
}  # fmt: skip
