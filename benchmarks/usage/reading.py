"""The first reading of a 300 MB tree of transcripts, and one without news, beside native ccusage on the same tree.

Run: PYTHONPATH=benchmarks python benchmarks/usage/reading.py [TREE]

The generator of trees lies beside the project. ccusage is installed by npm from the lock in this folder and runs
without the network. Where both do not give the same totals there is no number. Whole processes count.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import msgspec
from measure import PYTHON, ROOT, Child, Row, environment, in_turn, ratios, run, show

ROUNDS = 7
MIB, SEED = 300, 7
GENERATOR = ROOT.parent / "shared" / "tools" / "gen_claude_tree.py"
PEER = ROOT / "build" / "ccusage"
MESHCLAW = (PYTHON, "-m", "meshclaw")
SHOW = (*MESHCLAW, "usage", "show", "--json")


def ccusage() -> str:
    """The native program, without the launcher in JavaScript around it."""
    found = sorted(PEER.glob("node_modules/@ccusage/*/bin/ccusage"))
    if not found:
        PEER.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(Path(__file__).with_name(name), PEER)
        subprocess.run(["npm", "install", "--silent", "--ignore-scripts", "--no-audit"], cwd=PEER, check=True)
        found = sorted(PEER.glob("node_modules/@ccusage/*/bin/ccusage"))
    found[0].chmod(0o755)
    return str(found[0])


def output(command: tuple[str, ...], home: Path, add: dict[str, str]) -> Any:
    done = subprocess.run(command, env=environment(home) | add, check=True, capture_output=True)
    return msgspec.json.decode(done.stdout)


def compare(ours: Any, theirs: Any) -> None:
    """Token by token; what they cost is shown, since ccusage leaves web searches out."""
    one, other = ours["totals"], theirs["totals"]
    same = (
        one["input_uncached"] == other["inputTokens"]
        and one["output"] == other["outputTokens"]
        and one["cache_read"] == other["cacheReadTokens"]
        and one["cache_write_5m"] + one["cache_write_1h"] == other["cacheCreationTokens"]
    )
    if not same:
        raise SystemExit(f"the totals differ: {one} beside {other}")
    print(
        f"{one['calls']:,} calls; ${one['cost_usd_micros'] / 1e6:,.6f}, and ${other['totalCost']:,.6f} by ccusage, "
        "which leaves web searches out"
    )


def main(tree: Path, scratch: Path) -> int:
    user, state = scratch / "user", scratch / "state"
    of_root = (*SHOW, "--root", str(user))
    user.mkdir()
    (user / ".claude").symlink_to(tree)
    add = {"HOME": str(user), "CLAUDE_CONFIG_DIR": str(tree)}
    peer = (ccusage(), "claude", "daily", "--offline", "--json")

    def first() -> Child:
        shutil.rmtree(state, ignore_errors=True)
        state.mkdir()
        return run(SHOW, home=state, add=add)

    def root() -> Child:
        return run(of_root, home=state, add=add)

    def again() -> Child:
        return run(SHOW, home=state, add=add)

    def help_() -> Child:
        return run((*MESHCLAW, "--help"), home=state, add=add)

    ours, theirs, rooted, second, start = in_turn(
        ROUNDS, first, lambda: run(peer, add=add), root, again, help_
    )
    for command in (SHOW, of_root):
        compare(output(command, state, add), output(peer, state, add))
    cpu = ratios([one.cpu_s for one in ours], [one.cpu_s for one in theirs])
    of_root_cpu = ratios([one.cpu_s for one in rooted], [one.cpu_s for one in theirs])
    beyond = [max(0.001, one.cpu_s - other.cpu_s) for one, other in zip(second, start, strict=True)]
    peak = ratios([one.peak_mb for one in ours], [one.peak_mb for one in theirs])
    return show([
        Row(what="first reading, CPU", values=[one.cpu_s for one in ours], unit="s"),
        Row(what="ccusage, CPU", values=[one.cpu_s for one in theirs], unit="s"),
        Row(what="first reading / ccusage, CPU", values=cpu, unit="times", at_most=1.0),
        Row(what="show --root, CPU", values=[one.cpu_s for one in rooted], unit="s"),
        Row(what="show --root / ccusage, CPU", values=of_root_cpu, unit="times", at_most=1.0),
        Row(what="first reading, peak memory", values=[one.peak_mb for one in ours], unit="MB"),
        Row(what="first reading / ccusage, peak memory", values=peak, unit="times", at_most=1.0),
        Row(
            what="show --root / ccusage, peak memory",
            values=ratios([one.peak_mb for one in rooted], [one.peak_mb for one in theirs]),
            unit="times", at_most=1.0,
        ),
        Row(what="without news, CPU beyond start-up", values=beyond, unit="s", at_most=0.15),
        Row(
            what="ccusage / without news, beyond start-up",
            values=ratios([one.cpu_s for one in theirs], beyond), unit="times", at_least=20,
        ),
        Row(
            what="ccusage / without news, whole process",
            values=ratios([one.cpu_s for one in theirs], [one.cpu_s for one in second]), unit="times",
        ),
    ])  # fmt: skip


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        tree = Path(sys.argv[1]) if len(sys.argv) > 1 else scratch / "tree"
        if len(sys.argv) <= 1:
            command = [PYTHON, str(GENERATOR), str(tree), "--mib", str(MIB), "--seed", str(SEED)]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        raise SystemExit(main(tree.resolve(), scratch))
