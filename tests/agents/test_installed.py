"""What was taken in is held against its digest each time; what the ledger says of it decides."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshclaw.agents.installed import FACTS, Installed
from meshclaw.agents.package import open_
from meshclaw.errors import Damaged, NotFound, UserError
from meshclaw.flow.event.agent import AgentInstalled, AgentPurged, AgentRemoved
from meshclaw.ledger.ledger import Ledger
from tests.agents.folders import agent, files, with_skill

pytest.importorskip("yaml")
ONE, TWO = with_skill(), files(agent(version="2"))


@pytest.fixture
def installed(home: Path, ledger: Ledger) -> Installed:
    return take(home, ledger, ONE)


def take(home: Path, ledger: Ledger, given: dict[str, bytes]) -> Installed:
    digest = reopened(home, ledger).put(given)
    ledger.record(AgentInstalled(agent=open_(given).agent.label, digest=digest))
    return reopened(home, ledger)


def reopened(home: Path, ledger: Ledger) -> Installed:
    return Installed(home, ledger.events(*FACTS))


def test_it_is_found_again_as_it_was(installed: Installed) -> None:
    assert installed.get("reader").files == ONE
    assert installed.get("reader").agent.label == open_(ONE).agent.label


CHANGES = {
    "a file changed": lambda place: rewrite(place / "AGENT.md", b"x"),
    "a script changed": lambda place: rewrite(place / "skills/weekly/scripts/count.py", b"x"),
    "a file gone": lambda place: (place / "AGENT.md").unlink(),
    "a file more": lambda place: (place / "skills/more.md").write_bytes(b"x"),
    "a hidden one more": lambda place: (place / ".git").mkdir(),
    "a link": lambda place: (place / "skills/x.md").symlink_to("/etc/passwd"),
    "the list of its files": lambda place: rewrite(place.with_suffix(".json"), b"[]"),
    "all of it gone": lambda place: place.with_suffix(".json").unlink(),
}  # fmt: skip


def rewrite(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)
    path.write_bytes(content)


@pytest.mark.parametrize("change", CHANGES)
def test_any_change_of_what_lies_there_and_it_does_nothing(
    installed: Installed, home: Path, change: str
) -> None:
    CHANGES[change](home / "agents" / installed.known["reader"].digest)
    with pytest.raises(Damaged, match="not what you took in") as told:
        installed.get("reader")
    assert "agent install" in told.value.fix


def test_a_changed_file_is_named(installed: Installed, home: Path) -> None:
    rewrite(home / "agents" / installed.known["reader"].digest / "AGENT.md", b"x")
    with pytest.raises(Damaged, match=r"\(AGENT\.md\)"):
        installed.get("reader")


def test_its_files_are_the_person_s_own_and_not_to_be_written(installed: Installed, home: Path) -> None:
    assert (home / "agents").stat().st_mode & 0o777 == 0o700
    for path in (home / "agents").rglob("*"):
        assert path.is_dir() or path.stat().st_mode & 0o777 == 0o400
    assert installed.current()


def test_a_run_finds_the_version_it_began_with(home: Path, ledger: Ledger, installed: Installed) -> None:
    first = installed.known["reader"].label
    after = take(home, ledger, TWO)
    assert after.get("reader").agent.version == "2"
    assert after.labelled(first).agent.label == first
    assert after.known["reader"].version == "2"
    with pytest.raises(UserError, match="not installed"):
        after.labelled("reader@1.10+000000000000")


def test_what_was_removed_does_nothing_until_it_is_taken_back(
    home: Path, ledger: Ledger, installed: Installed
) -> None:
    one = installed.known["reader"]
    ledger.record(AgentRemoved(agent=one.label, digest=one.digest))
    removed = reopened(home, ledger)
    with pytest.raises(NotFound) as told:
        removed.get("reader")
    assert "--undo" in told.value.fix
    with pytest.raises(UserError, match="was removed"):
        removed.labelled(one.label)
    ledger.record(AgentInstalled(agent=one.label, digest=one.digest, restored=True))
    assert reopened(home, ledger).get("reader").files == ONE


def test_what_is_purged_is_gone_with_every_version(home: Path, ledger: Ledger, installed: Installed) -> None:
    one = installed.known["reader"]
    both = take(home, ledger, TWO)
    assert both.purge("reader") == 2
    assert not list((home / "agents").iterdir())
    ledger.record(AgentPurged(agent=one.label, versions=2))
    with pytest.raises(UserError, match="not installed"):
        reopened(home, ledger).labelled(one.label)


def test_a_damaged_copy_is_mended_by_installing_it_again(
    home: Path, ledger: Ledger, installed: Installed
) -> None:
    rewrite(home / "agents" / installed.known["reader"].digest / "AGENT.md", b"x")
    assert take(home, ledger, ONE).get("reader").files == ONE
