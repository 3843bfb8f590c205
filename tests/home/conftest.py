from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.home.stage import Browser, served, settle


@pytest.fixture
def settled(home: Path) -> Path:
    """The state folder of a claw with a mailbox and a model."""
    settle(home)
    return home


@pytest.fixture
def stranger(settled: Path) -> Iterator[Browser]:
    """A browser that is not signed in."""
    with served(settled) as browser:
        yield browser


@pytest.fixture
def browser(stranger: Browser) -> Browser:
    """One that is."""
    stranger.sign_in()
    return stranger
