"""``meshclaw metrics`` over a generated company, as a person asks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Meshclaw

pytest.importorskip("duckdb")
pytest.importorskip("sqlalchemy")


@pytest.fixture
def demo(meshclaw: Meshclaw, home: Path) -> Path:
    made = meshclaw("hub", "demo", "--people", "40", "--weeks", "3", "--seed", "5")
    assert made.code == 0, made.err
    assert "nobody works there" in made.err
    return home / "hub"


def test_list_show_and_sql_need_no_hub(meshclaw: Meshclaw) -> None:
    assert "adoption" in meshclaw("metrics", "list").out
    assert "COUNT(DISTINCT who)" in meshclaw("metrics", "show", "adoption").out
    assert '"who"' in meshclaw("metrics", "sql", "adoption", "--engine", "postgresql").out
    assert "`who`" in meshclaw("metrics", "sql", "adoption", "--engine", "spark").out
    assert meshclaw("metrics", "show", "nothing").code == 2


def test_ask(meshclaw: Meshclaw, demo: Path) -> None:
    told = meshclaw("metrics", "ask", "adoption", "--unit", "company")
    assert told.code == 0, told.err
    assert "%" in told.out
    answer = meshclaw("metrics", "ask", "spend", "--unit", "company", "--json").json()
    assert answer["measured_in"] == "micro-dollars"  # type: ignore[index, call-overload]
    assert "'who'" not in str(answer)
    assert meshclaw("metrics", "ask", "adoption", "--unit", "nowhere").code == 2
    assert meshclaw("metrics", "ask", "cost-per-outcome", "--unit", "company").out.count("$") > 3


def test_a_generated_company_stays_alone(meshclaw: Meshclaw, demo: Path) -> None:
    assert "generated" in meshclaw("hub", "compact").err
    again = meshclaw("hub", "demo")
    assert again.code == 2


def test_compacting_an_empty_hub(meshclaw: Meshclaw, home: Path) -> None:
    assert meshclaw("hub", "init", "Example").code == 0
    assert meshclaw("hub", "compact", "--json").json() == {"facts": 0, "weeks": 0, "implausible": 0}
    asked = meshclaw("metrics", "ask", "adoption", "--unit", "all")
    assert asked.code == 2
    assert "compact" in asked.err
