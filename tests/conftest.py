from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import keyring
import pytest
from keyring.backend import KeyringBackend

from meshclaw.ledger.content import ContentStore
from meshclaw.ledger.ledger import Ledger

if TYPE_CHECKING:
    import psycopg


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty state folder that is also MESHCLAW_HOME."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("MESHCLAW_HOME", str(folder))
    return folder


@pytest.fixture
def ledger(home: Path) -> Iterator[Ledger]:
    ledger = Ledger(home)
    yield ledger
    ledger.close()


@pytest.fixture
def contents(ledger: Ledger) -> ContentStore:
    return ledger.contents


class InMemory(KeyringBackend):
    priority = 1  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


@pytest.fixture
def ring() -> Iterator[InMemory]:
    """Instead of the system's keyring."""
    before = keyring.get_keyring()
    ring = InMemory()
    keyring.set_keyring(ring)
    yield ring
    keyring.set_keyring(before)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A connection string of a real PostgreSQL's owner; it starts with the first test that wants it."""
    from tests.servers.postgres import postgres

    with postgres() as server:
        yield server


@pytest.fixture
def log(postgres_server: str) -> Iterator[psycopg.Connection]:
    """The owner's connection to LiteLLM's database, with an empty spend log."""
    from tests.usage.spend_table import spend_log

    with spend_log(postgres_server) as connection:
        yield connection


@pytest.fixture
def conninfo(postgres_server: str, log: psycopg.Connection) -> str:
    """Of the database behind ``log``."""
    from psycopg.conninfo import make_conninfo

    return make_conninfo(postgres_server, dbname="litellm")
