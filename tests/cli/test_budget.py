"""``meshclaw budget``, and what limits do to a real triage and its undo."""

from __future__ import annotations

from pathlib import Path

from meshclaw.flow.event.run import RunFrozen
from meshclaw.ledger.ledger import Ledger
from tests.cli.conftest import Meshclaw


def used(meshclaw: Meshclaw, *words: str) -> dict[tuple[str, str], dict[str, int]]:
    rows = meshclaw("budget", "--json", *words).json()["limits"]
    return {(row["span"], row["what"]): row for row in rows}


def test_a_triage_and_its_undo_are_changes_that_one_day_holds_many_of(
    meshclaw: Meshclaw, letters: Path
) -> None:
    assert used(meshclaw)["day", "changes"]["used"] == 0
    run = meshclaw("mail", "triage", "--from-dir", str(letters), "--json").json()["run"]
    assert used(meshclaw)["run", "changes"]["used"] == 24
    assert meshclaw("run", "undo", run).code == 0
    rows = used(meshclaw)
    assert (
        rows["run", "changes"]["used"],
        rows["hour", "changes"]["used"],
        rows["day", "calls"]["used"],
    ) == (24, 48, 0)
    assert used(meshclaw, "--run", run)["run", "changes"]["used"] == 24
    assert all(row["left"] == row["limit"] - row["used"] for row in rows.values())
    assert "changes" in meshclaw("budget").out


def test_a_limit_stops_a_triage_where_it_says_and_what_is_left_shows_it(
    meshclaw: Meshclaw, home: Path, letters: Path
) -> None:
    (home / "limits.toml").write_text("[limits.run]\nchanges = 10\n")
    run = meshclaw("mail", "triage", "--from-dir", str(letters), "--json").json()["run"]
    actions = meshclaw("run", "show", run, "--json").json()["actions"]
    denied = {action["rule"] for action in actions if action["stand"] == "denied"}
    assert (sum(action["stand"] == "done" and action["effect"] != "read" for action in actions), denied) == (
        10, {"budget.run.changes"},
    )  # fmt: skip
    row = used(meshclaw)["run", "changes"]
    assert (row["used"], row["limit"], row["left"], row["from"]) == (10, 10, 0, "limits.toml")


def test_a_broken_limits_file_means_that_nothing_runs(meshclaw: Meshclaw, home: Path, letters: Path) -> None:
    (home / "limits.toml").write_text("[limits.run]\nchange = 10\n")
    said = meshclaw("mail", "triage", "--from-dir", str(letters))
    assert (said.code, "nothing runs" in said.err, "limits.toml" in said.err) == (1, True, True)
    doctor = meshclaw("doctor", "--json")
    assert doctor.code == 1
    assert "limits" in doctor.out


def test_a_frozen_run_says_so(meshclaw: Meshclaw, home: Path, letters: Path) -> None:
    run = meshclaw("mail", "triage", "--from-dir", str(letters), "--json").json()["run"]
    ledger = Ledger(home)
    ledger.record(RunFrozen(run=run, questions=2))
    ledger.close()
    assert "may only read" in meshclaw("run", "show", run).out
    assert meshclaw("run", "list", "--json").json()[0]["state"] == "frozen"
