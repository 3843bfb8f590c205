"""``meshclaw guard``: a decision made again, and what a request's words ask for."""

from __future__ import annotations

from pathlib import Path

import msgspec

from tests.cli.conftest import Meshclaw
from tests.guard.test_manifest import EXAMPLE


def test_a_decision_of_the_demo_comes_out_the_same(meshclaw: Meshclaw, maildir: Path) -> None:
    assert meshclaw("mail", "triage", f"maildir:{maildir}", "--me", "ada@example.com").code == 0
    lines = meshclaw("ledger", "export").out.splitlines()
    decided = [line for line in lines if '"action.decided"' in line]
    assert decided
    for line in (decided[0], decided[-1]):
        said = meshclaw("guard", "why", msgspec.json.decode(line)["event"]["id"])
        assert said.code == 0, said.err
        assert "the same" in said.out


def test_an_unknown_decision_is_named(meshclaw: Meshclaw) -> None:
    said = meshclaw("guard", "why", "ffff")
    assert said.code == 2
    assert "ffff" in said.err


def test_the_words_of_a_request_tell_what_they_allow(meshclaw: Meshclaw, home: Path) -> None:
    (home / "connectors").mkdir(parents=True)
    (home / "connectors" / "files.toml").write_text(EXAMPLE, "utf-8")
    said = meshclaw(
        "guard", "licence", "Share the file with kim@partner.example, but do not send anything.", "--json"
    )
    assert said.json() == {"asked_for": ["files.share"], "addresses": ["kim@partner.example"], "links": []}


def test_what_a_request_forbids_is_not_asked_for(meshclaw: Meshclaw, home: Path) -> None:
    said = meshclaw(
        "guard", "licence", "Send the mail to kim@partner.example. Do not send any mail yet.", "--json"
    )
    assert said.json()["asked_for"] == []
