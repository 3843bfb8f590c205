from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from meshclaw.ledger.content import ContentStore
from meshclaw.ledger.ledger import Ledger


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
def contents(home: Path) -> Iterator[ContentStore]:
    contents = ContentStore(home)
    yield contents
    contents.close()
