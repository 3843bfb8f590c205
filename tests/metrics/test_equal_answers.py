"""Every metric on every engine at hand, over the same company: the same rows, to the last number."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from meshclaw.metrics.catalog import ALL
from meshclaw.metrics.folder import Folder
from meshclaw.metrics.metric import Part
from meshclaw.metrics.query.duckdb import DuckDB
from meshclaw.metrics.query.engine import Tables
from meshclaw.metrics.query.outside import Outside
from meshclaw.metrics.query.postgresql import PostgreSQL
from meshclaw.testing.company.truth import METRICS, facts, people, truth
from tests.servers.postgres import database

ENGINES = Path(__file__).parents[2] / "build" / "engines" / "bin" / "python"
Answers = dict[str, list[Part]]


@pytest.fixture(scope="session")
def known(company: Folder) -> Answers:
    rows, of = facts(company), people(company)
    return {slug: truth(slug, rows, of) for slug in METRICS}


def test_the_truth_is_known_of_every_metric_and_says_something(known: Answers) -> None:
    assert set(known) == {metric.slug for metric in ALL}
    for slug, rows in known.items():
        assert len({part.unit for part in rows}) > 5, slug
        assert len({part.quarter for part in rows}) == 2, slug
        assert any(part.top for part in rows), slug


def test_duckdb(all_tables: Tables, known: Answers) -> None:
    with duckdb.connect() as connection:
        engine = DuckDB(connection, all_tables)
        assert {metric.slug: engine.ask(metric) for metric in ALL} == known


def test_postgresql(all_tables: Tables, known: Answers, server: str) -> None:
    with database(server, "metrics") as connection:
        engine = PostgreSQL(connection)
        engine.fill(all_tables)
        engine.fill(all_tables)  # in the place of what is there
        assert {metric.slug: engine.ask(metric) for metric in ALL} == known


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", ["clickhouse", "spark"])
def test_engines_of_their_own_environment(name: str, all_tables: Tables, known: Answers) -> None:
    if not ENGINES.exists():
        pytest.skip("needs chdb and pyspark: make engines")
    answers = Outside(name, ENGINES, all_tables).ask_all(list(ALL))
    assert {metric.slug: rows for metric, rows in zip(ALL, answers, strict=True)} == known
