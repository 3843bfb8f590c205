"""The examples of docs/policy.md and docs/guard.md are run."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from meshclaw.connectors.mail.manifest import DECLARATIONS
from meshclaw.guard import ceiling, owned
from meshclaw.guard.policy import table
from meshclaw.guard.policy.case import Case
from meshclaw.guard.policy.policies import from_texts
from meshclaw.guard.policy.schema import schema_text

DOCS = Path(__file__).parents[2] / "docs"


def example(page: str, language: str) -> str:
    found = re.search(
        rf"^```{language}\n(.*?)^```", (DOCS / page).read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    assert found is not None
    return found[1]


def test_the_table_comes_out_as_the_page_says(tmp_path: Path) -> None:
    cases = tmp_path / "cases.toml"
    cases.write_text(example("policy.md", "toml"))
    policies = from_texts(DECLARATIONS.values(), person=example("policy.md", "cedar"))
    tried = table.try_all(policies, table.read(cases, DECLARATIONS))
    assert len(tried) == 3
    assert [one.decision for one in tried if not one.as_expected] == []


def test_a_dear_action_takes_two() -> None:
    policies = from_texts(DECLARATIONS.values(), person=example("policy.md", "cedar"))
    assert policies.decide(Case(verb="mail.send", amount=500_000_001)).needs == ("two_person",)


def test_every_attribute_of_the_schema_is_on_the_page() -> None:
    names = set(re.findall(r"^  (\w+)\??:", schema_text(()), re.MULTILINE))
    page = (DOCS / "policy.md").read_text("utf-8")
    assert len(names) > 15
    assert {name for name in names if f"`{name}`" not in page} == set()


def test_the_ceiling_on_the_page_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owned, "ROOT", os.getuid())
    file = tmp_path / "ceiling.toml"
    file.write_text(example("guard.md", "toml"))
    tmp_path.chmod(0o755)
    file.chmod(0o644)
    found = ceiling.load(file)
    assert (found.company.unit, found.sandbox, list(found.approvers)) == ("sales", "required", ["kim"])
