"""Servers that stand for the internet."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

import pytest
import trustme

from tests.guard.sandbox.egress.way import GOOD, OTHER
from tests.servers import web
from tests.servers.web import Web


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def plain() -> Iterator[Web]:
    with web.running() as server:
        yield server


@pytest.fixture
def secure(authority: trustme.CA) -> Iterator[Web]:
    with web.running(authority, (GOOD, OTHER)) as server:
        yield server


@pytest.fixture
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context
