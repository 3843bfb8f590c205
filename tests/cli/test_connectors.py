"""``meshclaw connectors``: a manifest of one's own is reviewed once, and again after any change."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Meshclaw
from tests.guard.test_manifest import EXAMPLE


@pytest.fixture
def manifest(home: Path) -> Path:
    path = home / "connectors" / "files.toml"
    path.parent.mkdir(parents=True)
    path.write_text(EXAMPLE, "utf-8")
    return path


def state(meshclaw: Meshclaw) -> dict[str, str]:
    return {row["connector"]: row["review"] for row in meshclaw("connectors", "list", "--json").json()}


def test_the_shipped_connector_is_reviewed_and_a_new_one_is_not(meshclaw: Meshclaw, manifest: Path) -> None:
    shipped = dict.fromkeys(("coding", "mail", "memory", "skill", "slack"), "reviewed")
    assert state(meshclaw) == {**shipped, "files": "never reviewed"}


def test_a_review_holds_until_one_word_changes(meshclaw: Meshclaw, manifest: Path) -> None:
    assert meshclaw("connectors", "review", "files", "--dry-run").code == 0
    assert state(meshclaw)["files"] == "never reviewed"
    said = meshclaw("connectors", "review", "files", "--yes")
    assert "files.share" in said.out
    assert "email (address)" in said.out
    assert state(meshclaw)["files"] == "reviewed"
    manifest.write_text(EXAMPLE.replace('role = "destination"', 'role = "text"'), "utf-8")
    assert state(meshclaw)["files"] == "changed since"


def test_a_review_without_a_yes_pins_nothing(meshclaw: Meshclaw, manifest: Path) -> None:
    assert meshclaw("connectors", "review", "files", stdin="n\n").code == 2
    assert state(meshclaw)["files"] == "never reviewed"


def test_no_manifest_takes_the_place_of_another_connector(meshclaw: Meshclaw, manifest: Path) -> None:
    manifest.write_text(EXAMPLE.replace('connector = "files"', 'connector = "mail"'), "utf-8")
    said = meshclaw("connectors", "list")
    assert said.code == 2
    assert "mail" in said.err


def test_an_unknown_connector_is_named(meshclaw: Meshclaw) -> None:
    said = meshclaw("connectors", "show", "crm")
    assert said.code == 2
    assert "crm" in said.err
