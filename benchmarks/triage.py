"""Triage of the 500 real mails from a Maildir, as a whole process, beside the standard library's parser alone.

Run: python benchmarks/triage.py

Two yardsticks, each a whole process that reads the same files and does nothing but parse them:
``policy.default`` is the documented modern interface of ``email``, the one a new program would use and the one
the bound is about; ``compat32`` is its default for old programs, which decodes nothing until asked.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from measure import MESHCLAW, PYTHON, Child, Row, in_turn, ratios, run, show
from real_mail import lay_out

ROUNDS = 9
PARSE = """
import email, email.policy, pathlib, sys
policy = getattr(email.policy, sys.argv[2])
for file in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    email.message_from_bytes(file.read_bytes(), policy=policy)
"""


def triage(mails: Path, scratch: Path) -> Child:
    """On a fresh copy and an empty home: nothing is known from the round before."""
    for name in ("Maildir", "home"):
        shutil.rmtree(scratch / name, ignore_errors=True)
    mailbox = shutil.copytree(mails, scratch / "Maildir")
    return run([MESHCLAW, "mail", "triage", f"maildir:{mailbox}", "--json"], home=scratch / "home")


def parse(mails: Path, policy: str) -> Child:
    return run([PYTHON, "-c", PARSE, str(mails / "new"), policy])


def measure(scratch: Path) -> list[Row]:
    mails = lay_out(scratch / "mails")
    ours, modern, legacy = in_turn(
        ROUNDS,
        lambda: triage(mails, scratch),
        lambda: parse(mails, "default"),
        lambda: parse(mails, "compat32"),
    )
    cpu, by_modern, by_legacy = ([child.cpu_s for child in column] for column in (ours, modern, legacy))
    return [
        Row(what="triage of 500 mails, CPU", values=cpu, unit="s"),
        Row(what="email, policy.default, CPU", values=by_modern, unit="s"),
        Row(what="email, compat32, CPU", values=by_legacy, unit="s"),
        Row(what="triage / email, policy.default", values=ratios(cpu, by_modern), unit="times", at_most=3),
        Row(what="triage / email, compat32", values=ratios(cpu, by_legacy), unit="times"),
        Row(what="triage, peak memory", values=[c.peak_mb for c in ours], unit="MB", at_most=120),
    ]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        raise SystemExit(show(measure(Path(folder))))
