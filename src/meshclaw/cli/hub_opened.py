"""Which hub a command is about."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from meshclaw.errors import UserError
from meshclaw.settings.home import home

if TYPE_CHECKING:
    from meshclaw.hub.hub import Hub

STORE = "MESHCLAW_HUB_STORE"
"""Environment variable with the store's URL: it may hold a password, so it is no argument."""


@contextmanager
def opened(folder: Path | None) -> Generator[Hub]:
    try:
        from meshclaw.hub.hub import Hub
    except ImportError as error:
        raise UserError(
            f"the hub needs the package {error.name!r}", fix="pip install 'openmeshclaw[hub]'"
        ) from error
    with Hub(folder or home() / "hub", os.environ.get(STORE, "")) as hub:
        yield hub


in_folder = click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=None,
    help="The hub's; hub/ of the state folder.",
)
