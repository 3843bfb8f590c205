"""Junk on real mail: how much wanted mail triage hides, and how much junk it catches, after lessons.

Ten repeats: learn on a random half of the 500 mails, judge the other half. Run:

    python benchmarks/junk.py              the table
    python benchmarks/junk.py --choose     the cross-validation from which the cut-off was chosen

The mails lie beside the project (MESHCLAW_REAL_MAIL names another folder) and are read only.

How the model was chosen: by cross-validation inside training halves with seeds of their own, learning on nine
tenths of a half and judging the remaining tenth. Features, ``junk.SHAPE``, ``STRENGTH``, ``NEUTRAL`` and ``DOUBT``
were chosen on seeds between 1000 and 1015 by programs that are not kept, the cut-offs on 1000 to 1015; ``--choose``
repeats the last step (2 minutes). Of the pairs ``suspicion.JUNK_CUTOFF`` and ``MASS_CUTOFF`` the one was taken that
catches most junk while at most 0.3 % of the wanted mail is hidden: that leaves a margin to the 0.5 % that are
allowed. No test half of the table took part, but all halves are drawn from the same 500 mails, and the hardest of
those were looked at when the first features were written, so estimate and table are a little too kind, as they are
for the word list in ``pitch.py`` and the rules, which were checked on all of them.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from real_mail import FOLDER

from meshclaw.agents.triage import suspicion
from meshclaw.agents.triage.judge import FOLDERS, judge
from meshclaw.agents.triage.lessons import Lessons
from meshclaw.connectors.mail.message.parse import parse
from meshclaw.flow.message import Message
from meshclaw.flow.placement import INBOX, Category

KINDS = ("ham", "newsletter-like-ham", "spam")
ME = frozenset({"zzzz@spamassassin.taint.org", "yyyy@spamassassin.taint.org"})
NOW = datetime(2002, 10, 1, tzinfo=UTC)
REPEATS = range(10)
CHOOSING = range(1000, 1016)
FOLDS = 10
CUTOFFS = tuple(
    (junk, mass) for junk in (0.48, 0.5, 0.52, 0.54, 0.56, 0.58) for mass in (0.64, 0.68, 0.72, 0.76)
)
"""(JUNK_CUTOFF, MASS_CUTOFF)"""
HIDDEN_LIMIT, CAUGHT_LIMIT = 0.5, 90.0


class Mail(msgspec.Struct, frozen=True):
    kind: str
    message: Message

    @property
    def junk(self) -> bool:
        return self.kind == "spam"


class Shares(msgspec.Struct, frozen=True):
    """Per cent."""

    hidden: float
    """Wanted mail placed in Suspicious."""
    caught: float
    """Junk placed in Suspicious."""
    in_inbox: float
    """Junk left in the inbox."""
    filed: float
    """Wanted mail filed into Read or Bulk."""


def load(folder: Path = FOLDER) -> list[Mail]:
    files = [(kind, file) for kind in KINDS for file in sorted((folder / kind).glob("*.eml"))]
    return [Mail(kind, parse(file.read_bytes())) for kind, file in files]


def lessons_from(mails: Sequence[Mail]) -> Lessons:
    """The person corrects: junk is suspicious; wanted mail keeps its place, or is Read where it was hidden."""
    rules, learned = Lessons.open(":memory:"), Lessons.open(":memory:")
    with learned.batch():
        for mail in mails:
            learned.learn(mail.message, "suspicious" if mail.junk else _wanted_as(mail, rules))
    rules.close()
    return learned


def _wanted_as(mail: Mail, rules: Lessons) -> Category:
    category = judge(mail.message, me=ME, lessons=rules, now=NOW).category
    return "read" if category == "suspicious" else category


def placements(mails: Sequence[Mail], lessons: Lessons) -> list[tuple[bool, str]]:
    """(is junk, folder) of each mail."""
    return [(mail.junk, judge(mail.message, me=ME, lessons=lessons, now=NOW).folder) for mail in mails]


def shares(placed: Sequence[tuple[bool, str]]) -> Shares:
    junk = [folder for is_junk, folder in placed if is_junk]
    wanted = [folder for is_junk, folder in placed if not is_junk]
    hidden = wanted.count(FOLDERS["suspicious"])
    return Shares(
        hidden=100 * hidden / len(wanted),
        caught=100 * junk.count(FOLDERS["suspicious"]) / len(junk),
        in_inbox=100 * junk.count(INBOX) / len(junk),
        filed=100 * (len(wanted) - hidden - wanted.count(INBOX)) / len(wanted),
    )


def halves(mails: Sequence[Mail], seed: int) -> tuple[list[Mail], list[Mail]]:
    shuffled = list(mails)
    random.Random(seed).shuffle(shuffled)
    return shuffled[: len(shuffled) // 2], shuffled[len(shuffled) // 2 :]


def repeat(mails: Sequence[Mail], seed: int) -> Shares:
    training, test = halves(mails, seed)
    lessons = lessons_from(training)
    found = shares(placements(test, lessons))
    lessons.close()
    return found


def cold(mails: Sequence[Mail]) -> Shares:
    lessons = Lessons.open(":memory:")
    found = shares(placements(mails, lessons))
    lessons.close()
    return found


def cross_validate(mails: Sequence[Mail]) -> dict[tuple[float, float], Shares]:
    placed: dict[tuple[float, float], list[tuple[bool, str]]] = {cutoffs: [] for cutoffs in CUTOFFS}
    for seed in CHOOSING:
        training, _ = halves(mails, seed)
        for fold in range(FOLDS):
            lessons = lessons_from([mail for at, mail in enumerate(training) if at % FOLDS != fold])
            for cutoffs in CUTOFFS:
                suspicion.JUNK_CUTOFF, suspicion.MASS_CUTOFF = cutoffs
                placed[cutoffs] += placements(training[fold::FOLDS], lessons)
            lessons.close()
    return {cutoffs: shares(found) for cutoffs, found in placed.items()}


def row(name: str, found: Shares) -> str:
    return f"{name:<12}{found.hidden:>14.2f}{found.caught:>14.1f}{found.in_inbox:>16.1f}{found.filed:>20.1f}"


def summary(found: Sequence[Shares]) -> tuple[Shares, Shares]:
    """Mean, and the worst of each column."""
    columns = {name: [getattr(one, name) for one in found] for name in Shares.__struct_fields__}
    mean = Shares(**{name: statistics.fmean(values) for name, values in columns.items()})
    worst = Shares(**{name: (min if name == "caught" else max)(values) for name, values in columns.items()})
    return mean, worst


HEAD = (
    f"{'per cent':<12}{'wanted hidden':>14}{'junk caught':>14}{'junk in inbox':>16}{'wanted filed away':>20}"
)


def table(mails: Sequence[Mail]) -> None:
    print(HEAD)
    print(row("cold start", cold(mails)))
    found = [repeat(mails, seed) for seed in REPEATS]
    for seed, one in zip(REPEATS, found, strict=True):
        print(row(f"repeat {seed}", one))
    mean, worst = summary(found)
    print(row("mean", mean))
    print(row("worst", worst))
    print(f"{'goal':<12}{f'<= {HIDDEN_LIMIT}':>14}{f'>= {CAUGHT_LIMIT:.0f}':>14}")
    kept = mean.hidden <= HIDDEN_LIMIT and mean.caught >= CAUGHT_LIMIT
    print(f"The mean {'reaches' if kept else 'does NOT reach'} the goal.")


def cost(mails: Sequence[Mail]) -> None:
    for name, learned in (("nothing learned", []), ("250 mails learned", halves(mails, 0)[0])):
        lessons = lessons_from(learned)
        before = time.process_time()
        placements(mails, lessons)
        print(f"judging {len(mails)} mails, {name}: {time.process_time() - before:.2f} s CPU")
        lessons.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--choose", action="store_true", help="cross-validate cut-offs inside training halves"
    )
    wanted = parser.parse_args()
    mails = load()
    if wanted.choose:
        print(HEAD)
        for cutoffs, found in cross_validate(mails).items():
            print(row(f"{cutoffs[0]}, {cutoffs[1]}", found))
        return
    table(mails)
    cost(mails)


if __name__ == "__main__":
    main()
