"""Writes docs/hostile.md from the catalogue: ``python tools/docs/hostile.py`` (a test compares the two)."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "hostile.md"
sys.path.insert(0, str(ROOT))

from tests.guard.catalogue.case import Case, Chapter  # noqa: E402 - it lies beside the package, not in it
from tests.guard.catalogue.table import CASES, CHAPTERS  # noqa: E402

HEAD = """\
# Hostile cases

{total} attacks on a claw, and what becomes of each: {stopped} are stopped, {asked} lead to a question in some form or
other, {open} are open. All but those that wait for a part are played against the real code in
`tests/guard/catalogue/`: the model obeys the attacker, the ladder lets everything through, and the test compares
every rule that stops or asks with this table.

Most rules are those of the ledger. `mail.…` is a finding of the mail parser, on which the triage acts, or says that an
attachment is never opened (`mail.unread`); `egress.…` is the proxy's word; `sandbox` its walls, `sandbox.planted`
what is set aside afterwards; `error.…` a refusal by its code; `act.unknown` an outcome that nobody knows, and so
nothing that is done again; `ledger.verify`, `exposed` and `sealed` check the chain, write characters out and keep
secrets away. What is left stands in [What it cannot stop](cannot-stop.md), under the words in bold.

This page is written from the table by `tools/docs/hostile.py`; a test compares the two.
"""


def page() -> str:
    counts = Counter(case.expected for case in CASES)
    head = HEAD.format(total=len(CASES), **{name: counts[name] for name in ("stopped", "asked", "open")})
    return "\n".join([head, *(_section(chapter) for chapter in CHAPTERS)])


def _section(chapter: Chapter) -> str:
    rows = [f"| {' | '.join(_cells(case))} |" for case in chapter.cases]
    head = ["| | attack | what happens | stopped by | asked by | left |", "|---|---|---|---|---|---|"]
    return "\n".join([f"## {chapter.name}", "", *head, *rows, ""])


def _cells(case: Case) -> list[str]:
    left = " ".join(filter(None, (case.open, case.left, case.see and f"**{case.see}**")))
    return [str(case.number), case.attack, case.expected, _rules(case.stopped), _rules(case.asked), left]


def _rules(rules: Iterable[str]) -> str:
    return ", ".join(f"`{rule}`" for rule in rules)


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
    sys.stdout.write(f"{PAGE} written\n")
