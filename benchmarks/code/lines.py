"""The lines of real repositories, read beside git's own log of the same differences and beside ``git blame``.

Run: PYTHONPATH=benchmarks python benchmarks/code/lines.py [--rounds N] [--files N] [--theseus PROGRAM] REPOSITORY...

Full histories, as bare repositories or clones; nothing is written to them. Whole processes with all their children
count, ours and the yardstick in turn. ``--files`` is how many files at the head are blamed; ``--theseus`` is an
installed ``git-of-theseus-analyze``, which takes minutes.
"""

from __future__ import annotations

import argparse
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from measure import PYTHON, ROOT, Child, Row, in_turn, ratios, run, show

SOURCE = {"PYTHONPATH": str(ROOT / "src")}
NEW = 100
WEEK = 7 * 86_400
READ = """
import sys
from pathlib import Path
from meshclaw.code.lifetimes import read
if __name__ == "__main__":
    place, every, processes, keep, said = sys.argv[1:]
    lines = read(Path(place), every=bool(every), processes=int(processes), keep=Path(keep) if keep else None)
    if said:
        # unlike what the kernel tells at the end, this is not begun by the size of the process that started this one
        peak = next(row for row in Path("/proc/self/status").read_text().splitlines() if row.startswith("VmHWM"))
        Path(said).write_text(str(int(peak.split()[1]) * 1024 / 1e6))
"""


def git(place: Path, *arguments: str | bytes) -> bytes:
    return subprocess.run(["git", "-C", place, *arguments], check=True, capture_output=True).stdout


class Subject:
    """One repository, and a bare one beside it that borrows its objects and can be set back."""

    def __init__(self, place: Path, scratch: Path) -> None:
        self.place, self.scratch = place, scratch
        self.script = scratch / "reading.py"  # a file, so that a process of ours can start another one
        self.script.write_text(READ)
        self.aside = scratch / "aside.git"
        subprocess.run(["git", "clone", "--quiet", "--bare", "--shared", place, self.aside], check=True)
        self.line = git(place, "rev-list", "--first-parent", "HEAD").decode().split()

    def floor(self) -> Child:
        return run(["git", "-C", str(self.place), *"log -p -U0 --first-parent -M HEAD".split()])

    def read(self, *, every: bool = False, processes: int = 1, keep: str = "", said: str = "") -> Child:
        place = self.aside if keep else self.place
        return run(
            [PYTHON, str(self.script), str(place), "1" * every, str(processes), keep, said], add=SOURCE
        )

    def memory_mb(self) -> float:
        """Of our own process: git's cache is bounded apart."""
        said = self.scratch / "peak"
        self.read(every=True, said=str(said))
        return float(said.read_text())

    def again(self) -> list[Child]:
        """The reading after so many new commits, from what the reading before them kept."""
        old, keep, before = (
            self.line[min(NEW, len(self.line) - 1)],
            self.scratch / "keep",
            self.scratch / "before",
        )
        git(self.aside, "update-ref", "--no-deref", "HEAD", old)
        self.read(keep=str(before))
        git(self.aside, "update-ref", "--no-deref", "HEAD", self.line[0])
        found: list[Child] = []
        for _ in range(3):
            shutil.rmtree(keep, ignore_errors=True)
            shutil.copytree(before, keep)
            found.append(self.read(keep=str(keep)))
        return found


def blamed(place: Path, path: bytes) -> list[str]:
    told = git(place, "blame", "--first-parent", "--incremental", "HEAD", "--", path)
    owners: dict[int, str] = {}
    for found in re.finditer(rb"^([0-9a-f]{40,64}) \d+ (\d+) (\d+)$", told, re.MULTILINE):
        owners |= {line: found[1].decode() for line in range(int(found[2]), int(found[2]) + int(found[3]))}
    return [owners[line] for line in sorted(owners)]


def compared(place: Path, files: int) -> tuple[int, int, list[str]]:
    """Lines of files drawn at random, how many of them have the owner that git gives them, and where not."""
    from meshclaw.code.lifetimes import read

    lines = read(place, every=True)
    paths = sorted(path for path, file in lines.standing.live.items() if file.lines())
    drawn = random.Random(5).sample(paths, min(files, len(paths)))
    size = same = 0
    apart: list[str] = []
    for path in drawn:
        ours, theirs = lines.blame(path), blamed(place, path)
        equal = sum(one == other for one, other in zip(ours, theirs, strict=True))
        size, same = size + len(theirs), same + equal
        apart += [f"  {path.decode('utf-8', 'replace')}: {len(theirs) - equal} of {len(theirs)}"] * (
            equal < len(theirs)
        )
    return size, same, apart


def rows(subject: Subject, *, rounds: int, files: int) -> list[Row]:
    name = subject.place.name.removesuffix(".git")
    steps: Sequence[Callable[[], Child]] = (
        subject.floor, lambda: subject.read(every=True), subject.read, lambda: subject.read(every=True, processes=2),
        lambda: subject.read(processes=2),
    )  # fmt: skip
    floor, every, some, two, two_some = in_turn(rounds, *steps)
    size, same, apart = compared(subject.place, files)
    print(f"{name}: {size:,} lines blamed, {size - same:,} have another owner", *apart, sep="\n", flush=True)

    def cpu(what: str, ours: list[Child], bound: float) -> Row:
        values = ratios([one.cpu_s for one in ours], [one.cpu_s for one in floor])
        return Row(what=f"  {what} / git log, CPU", values=values, unit="times", at_most=bound)

    def wall(what: str, ours: list[Child]) -> Row:
        values = ratios([one.wall_s for one in ours], [one.wall_s for one in floor])
        return Row(what=f"  {what}, 2 processes / git log, wall", values=values, unit="times", at_most=0.6)

    again = [one.wall_s for one in subject.again()]
    return [
        Row(what=f"{name}: git log, CPU", values=[one.cpu_s for one in floor], unit="s"),
        cpu("every file", every, 1.25),
        cpu("excluded classes left out", some, 0.9),
        wall("every file", two),
        wall("excluded classes left out", two_some),
        Row(what="  our own memory, every file", values=[subject.memory_mb()], unit="MB", at_most=300),
        Row(what=f"  again after {NEW} new commits, wall", values=again, unit="s", at_most=1.0),
        Row(what="  lines whose owner git blames", values=[100 * same / size], unit="%", at_least=99.9),
    ]


def theseus(program: str, subject: Subject) -> Row:
    """Once: weekly samples of all files, one process."""
    clone = subject.scratch / "clone"
    subprocess.run(["git", "clone", "--quiet", "--shared", subject.place, clone], check=True)
    branch = git(clone, "branch", "--show-current").decode().strip()
    theirs = run([
        program, "--procs", "1", "--interval", str(WEEK), "--all-filetypes", "--branch", branch,
        "--outdir", str(subject.scratch / "theseus"), str(clone),
    ])  # fmt: skip
    ours = subject.read(every=True)
    return Row(
        what="  git-of-theseus, weekly / every file, CPU",
        values=[theirs.cpu_s / ours.cpu_s],
        unit="times",
        at_least=40,
    )


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--files", type=int, default=200)
    asked.add_argument("--theseus", default="")
    asked.add_argument("repositories", type=Path, nargs="+")
    found = asked.parse_args()
    table: list[Row] = []
    for place in found.repositories:
        with tempfile.TemporaryDirectory(prefix="lines-") as scratch:
            subject = Subject(place.resolve(), Path(scratch))
            table += rows(subject, rounds=found.rounds, files=found.files)
            table += [theseus(found.theseus, subject)] if found.theseus else []
    return show(table)


if __name__ == "__main__":
    sys.exit(main())
