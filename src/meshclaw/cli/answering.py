"""What every command that answers an ask does alike: ask the person, and tell how it went."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

import click

from meshclaw.cli import screen
from meshclaw.runs.result import Result


def confirmed(question: str, started: float) -> int | None:
    """How long the person looked, in milliseconds; None in a pipe, where nobody can be asked."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    click.confirm(question, abort=True, err=True)
    return int((time.monotonic() - started) * 1000)


def report(results: Sequence[Result], ids: Sequence[str], *, as_json: bool) -> None:
    """Tell how it went and exit with the worst code among ``results``."""
    if as_json:
        told = [{"stand": r.stand, "error": str(r.error) if r.error else ""} for r in results]
        screen.data(told[0] if len(told) == 1 else told)
    else:
        for id_, result in zip(ids, results, strict=True):
            screen.words(_words(id_, result))
    sys.exit(max({"done": 0, "asked": 0, "denied": 3}.get(result.stand, 1) for result in results))


def _words(id_: str, result: Result) -> str:
    if result.stand == "done":
        return "Done."
    if result.decision is not None and result.stand == "denied":
        return f"Denied: {screen.clean(result.decision.reason)}."
    if result.decision is not None and result.stand == "asked":
        missing = ", ".join(result.decision.needs)
        return f"Not yet: {missing} is missing ({result.decision.rule}). See: meshclaw approvals why {id_}"
    return f"{'In doubt' if result.stand == 'unknown' else 'Failed'}: {result.error}."
