from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from meshclaw.hub.hub import Hub


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> Iterator[str]:
    """URL of an empty store; empty for the folder's own."""
    if request.param == "sqlite":
        yield ""
        return
    from sqlalchemy import make_url

    from tests.servers.postgres import database

    server = request.getfixturevalue("postgres_server")
    with database(server, "hub"):
        yield make_url(server).set(database="hub").render_as_string(hide_password=False)


@pytest.fixture
def hub(tmp_path: Path, store: str) -> Iterator[Hub]:
    """With Kim in Sales, and Law."""
    from meshclaw.hub import roster
    from meshclaw.hub.hub import Hub
    from meshclaw.hub.store.database import writing

    with Hub.make(tmp_path / "hub", "Example", store) as hub:
        with writing(hub.engine) as connection:
            roster.put_unit(connection, "sales", "Sales")
            roster.put_unit(connection, "law", "Law")
            roster.put_person(connection, "kim", name="Kim", unit="sales")
        yield hub
