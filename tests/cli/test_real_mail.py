"""The main job on 500 real mails (spam, lists, newsletters, persons), every one of them hostile input."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Meshclaw, snapshot

pytestmark = pytest.mark.real_mail

FOLDER = Path(os.environ.get("MESHCLAW_REAL_MAIL") or Path(__file__).parents[3] / "shared" / "data" / "mail")


@pytest.fixture
def mails() -> Path:
    if not any(FOLDER.glob("*/*.eml")):
        pytest.skip("no real mails beside the project; set MESHCLAW_REAL_MAIL")
    return FOLDER


def test_every_real_mail_is_placed_told_why_and_taken_back(
    meshclaw: Meshclaw, mails: Path, tmp_path: Path
) -> None:
    maildir = tmp_path / "Mail"
    for part in ("new", "cur", "tmp"):
        (maildir / part).mkdir(parents=True)
    files = sorted(mails.glob("*/*.eml"))
    for number, path in enumerate(files):
        shutil.copyfile(path, maildir / "new" / f"{number}.real.host")
    before = snapshot(maildir)
    said = meshclaw("mail", "triage", f"maildir:{maildir}", "--json")
    assert said.code == 0, said.err
    placed = said.json()["placements"]
    assert len(placed) == len(files)
    assert all(one["why"].strip() for one in placed)
    assert {one["folder"] for one in placed if one["category"] in ("reply", "act", "waiting")} == {"INBOX"}
    assert sorted(snapshot(maildir).values()) == sorted(before.values())
    assert meshclaw("ledger", "verify").code == 0
    undone = meshclaw("run", "undo", said.json()["run"], "--json").json()
    assert undone == {"undone": len(files), "failed": 0}
    assert snapshot(maildir) == before


def test_no_wanted_mail_is_called_suspicious_before_anything_was_learned(
    meshclaw: Meshclaw, mails: Path
) -> None:
    for folder in ("ham", "newsletter-like-ham"):
        said = meshclaw("mail", "triage", "--from-dir", str(mails / folder), "--json").json()
        hidden = [one["source"] for one in said["placements"] if one["category"] == "suspicious"]
        assert len(hidden) <= 0.005 * said["messages"], hidden
