"""What every command that answers an ask does alike: ask the person, and tell how it went."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Sequence

import click

from meshclaw.cli import screen
from meshclaw.errors import MeshClawError
from meshclaw.flow.approval import Approval
from meshclaw.runs.result import Result
from meshclaw.wiring import Claw


def confirmed(question: str, started: float) -> int | None:
    """How long the person looked, in milliseconds; None in a pipe, where nobody can be asked."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    click.confirm(question, abort=True, err=True)
    return int((time.monotonic() - started) * 1000)


def report(claw: Claw, results: Sequence[Result], approvals: Sequence[Approval], *, as_json: bool) -> None:
    """Tell how it went, let the runs that asked go on, and exit with the worst code among ``results``."""
    if as_json:
        told = [{"stand": r.stand, "error": str(r.error) if r.error else ""} for r in results]
        screen.data(told[0] if len(told) == 1 else told)
    else:
        for approval, result in zip(approvals, results, strict=True):
            screen.words(_words(approval.id, result))
    let_go_on(claw, [approval.run for approval in approvals], quiet=as_json)
    sys.exit(max({"done": 0, "asked": 0, "denied": 3}.get(result.stand, 1) for result in results))


def let_go_on(claw: Claw, runs: Iterable[str], *, quiet: bool = False) -> None:
    """Runs that wait for nothing else come to their end; an answer stands even where they cannot."""
    from meshclaw.cli.ask import show
    from meshclaw.wiring.working import go_on

    for run in dict.fromkeys(runs):
        try:
            answer = go_on(claw, run)
        except MeshClawError as error:
            screen.words(f"The run that asked could not go on: {error.message}")
            screen.words(f"Later: meshclaw run resume {screen.short(run)}")
            continue
        if answer is not None and not quiet:
            show(answer, run)


def _words(id_: str, result: Result) -> str:
    if result.stand == "done":
        return "Done."
    if result.decision is not None and result.stand == "denied":
        return f"Denied: {screen.clean(result.decision.reason)}."
    if result.decision is not None and result.stand == "asked":
        missing = ", ".join(result.decision.needs)
        return f"Not yet: {missing} is missing ({result.decision.rule}). See: meshclaw approvals why {id_}"
    return f"{'In doubt' if result.stand == 'unknown' else 'Failed'}: {result.error}."
