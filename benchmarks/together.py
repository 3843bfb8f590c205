"""50 runs at once on one claw: how long the slowest takes, against the median. None may starve.

Each is a thread in this process, as the daemon has them, with a mailbox that all of them share: it lists, reads six
times and archives one mail. A stand-in for the model answers after 30 ms. ``own`` opens the claw's files for each
run, ``shared`` once for all.
Run: PYTHONPATH=benchmarks:. python benchmarks/together.py
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Barrier

from measure import Row, show

from meshclaw.agents.builtin import CLAW
from meshclaw.connectors.mail.mailbox.from_dir import lay_out
from meshclaw.flow.conversation import Call, Got, Prompt, Reply, Said
from meshclaw.llm.failover import Health
from meshclaw.llm.source import Source
from meshclaw.runs.run import start
from meshclaw.settings.accounts import Account
from meshclaw.settings.models import Entry
from meshclaw.testing.demo_mail import write_demo
from meshclaw.testing.model import FakeModel
from meshclaw.triggers import terminal
from meshclaw.wiring import Claw
from meshclaw.wiring.working import converse

RUNS = 50
ROUNDS = 3
LATENCY_S = 0.03
ENTRY = Entry(name="anthropic:claude-haiku-4-5", model="anthropic:claude-haiku-4-5", limit=500)


class Slow(FakeModel):
    def ask(self, prompt: Prompt, *, limit: int, heard: Callable[[str], None] | None = None) -> Reply:
        time.sleep(LATENCY_S)
        return super().ask(prompt, limit=limit, heard=heard)


def wants(verb: str, id_: str, **arguments: object) -> Said:
    return Said(calls=(Call(id=id_, verb=verb, arguments=arguments),))  # type: ignore[arg-type]


def archives(prompt: Prompt) -> Said:
    listed = next(turn.text for turn in prompt.turns if isinstance(turn, Got))
    return wants("mail.archive", "last", mails=[listed.splitlines()[-1].split()[0]])


def model() -> Slow:
    reads = [wants("mail.read", f"c{number}", mails=[f"m{number}"]) for number in range(1, 7)]
    return Slow(wants("mail.list", "c0", newest=20), *reads, archives, "Done.", name=ENTRY.name)


def claw_in(folder: Path) -> Claw:
    claw = Claw(folder)
    claw.source = lambda name: Source(name, [ENTRY], [model()], Health())  # type: ignore[method-assign]
    return claw


def one(claw: Claw, barrier: Barrier) -> tuple[float, str]:
    """Seconds, and how it ended."""
    account = claw.account(None)
    request = terminal.receive("ask", "Archive all mails that are old")
    barrier.wait()
    began = time.perf_counter()
    run = start(
        claw.ledger, claw.contents, request=request, agent=CLAW, subject=account.address, model=ENTRY.name
    )
    answer = converse(claw, run, ENTRY.name)
    return time.perf_counter() - began, answer.end


def round_of(folder: Path, *, shared: bool) -> list[float]:
    barrier, all_ = Barrier(RUNS), claw_in(folder)

    def run(_: int) -> tuple[float, str]:
        claw = all_ if shared else claw_in(folder)
        try:
            return one(claw, barrier)
        finally:
            if not shared:
                claw.close()

    with ThreadPoolExecutor(RUNS) as pool:
        found = list(pool.map(run, range(RUNS)))
    if ends := {end for _, end in found} - {"answered"}:
        raise SystemExit(f"some runs ended otherwise: {ends}")
    if not all_.ledger.verify().ok:
        raise SystemExit("the chain does not hold")
    all_.close()
    return [seconds for seconds, _ in found]


def measured(*, shared: bool) -> list[Row]:
    slowest, medians = [], []
    for _ in range(ROUNDS):
        with TemporaryDirectory() as scratch:
            folder = Path(scratch)
            write_demo(folder / "letters", datetime.now(UTC))
            lay_out(folder / "letters", folder / "Mail")
            Claw(folder).accounts.put(Account(address=f"maildir:{folder / 'Mail'}", me=("ada@example.com",)))
            seconds = round_of(folder, shared=shared)
            slowest.append(max(seconds))
            medians.append(statistics.median(seconds))
    what = "shared" if shared else "own"
    ratios = [one / other for one, other in zip(slowest, medians, strict=True)]
    return [
        Row(what=f"{what}: slowest of {RUNS} runs", values=slowest, unit="s"),
        Row(what=f"{what}: median", values=medians, unit="s"),
        Row(what=f"{what}: slowest / median", values=ratios, unit="times", at_most=3.0),
    ]


if __name__ == "__main__":
    raise SystemExit(show([*measured(shared=True), *measured(shared=False)]))
