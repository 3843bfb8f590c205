from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest

pytest.importorskip("duckdb")

from meshclaw.metrics.folder import Folder, connected, put
from meshclaw.metrics.query.engine import Tables, tables
from meshclaw.testing.company.company import make
from meshclaw.testing.company.people import Shape
from tests.servers.postgres import postgres

SHAPE = Shape(people=130, weeks=8, seed=3, first=date(2025, 11, 24))
"""Over the edge of a year, in the middle of a week."""


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    path = tmp_path_factory.mktemp("company") / "hub"
    make(path, SHAPE)
    return Folder(path)


@pytest.fixture(scope="session")
def all_tables(company: Folder, tmp_path_factory: pytest.TempPathFactory) -> Tables:
    weeks = tmp_path_factory.mktemp("weeks") / "weeks.parquet"
    values = ", ".join(f"('{week.quarter}', '{week.monday}')" for week in company.weeks())
    with connected(company) as connection:
        put(connection, f"SELECT * FROM (VALUES {values}) AS one(quarter, week)", weeks)
    quarters = sorted({week.quarter for week in company.weeks()})
    return tables(map(company.facts, company.weeks()), map(company.people, quarters), [weeks])


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    with postgres() as uri:
        yield uri
