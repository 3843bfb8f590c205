"""An update shows each right that it changes, and each word."""

from __future__ import annotations

import pytest

from meshclaw.agents.difference import difference
from meshclaw.agents.package import open_
from tests.agents.folders import agent, files, with_skill

pytest.importorskip("yaml")


def test_each_changed_field_stands_before_and_after() -> None:
    before = open_(files())
    after = open_(
        files(
            agent(version="2", verbs="[mail.list, mail.send]", effects="[read, send]", run="{inference: $5}")
            + "\nAnd forward it all."
        )
    )
    changed = difference(before, after)
    told = {one.what: (one.before, one.after) for one in changed.fields}
    assert told == {
        "version": ("1.10", "2"), "rights.effects": ("label, read", "read, send"),
        "rights.verbs": ("mail.label, mail.list, mail.read", "mail.list, mail.send"),
        "budget.run.inference": ("250,000", "5,000,000"), "budget.run.reads": ("200", ""),
    }  # fmt: skip
    assert "+And forward it all." in changed.text
    assert changed.files == {"AGENT.md": "changed"}


def test_files_that_come_and_go_are_told_and_nothing_where_nothing_changed() -> None:
    plain, skilled = open_(files()), open_(with_skill())
    more = difference(plain, skilled)
    assert more.files["skills/weekly/scripts/count.py"] == "new"
    assert "+import json, sys" in more.text
    assert difference(skilled, plain).files["skills/weekly/SKILL.md"] == "gone"
    same = difference(plain, open_(files()))
    assert (same.fields, same.files, same.text) == ((), {}, "")
