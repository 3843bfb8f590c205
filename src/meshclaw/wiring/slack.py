"""The Slack connector over one workspace."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from meshclaw.connectors.slack.manifest import DECLARATIONS
from meshclaw.settings.slack import Workspace
from meshclaw.wiring.claw import Claw
from meshclaw.wiring.place import Lazy, Place
from meshclaw.wiring.site import Site

if TYPE_CHECKING:  # these load what a run without Slack does without
    from meshclaw.connectors.slack.connector import SlackConnector

NAME = "slack"
FILES = "files/slack"
"""What is fetched, below the state folder."""


def workspace_of(claw: Claw, subject: str) -> Workspace | None:
    """The workspace that a run is about, or the only one there is."""
    known = claw.workspaces.all()
    if subject.startswith("slack:"):
        thread = subject.partition("/")[0]  # slack:T0123/D0123/1700000000.000100 is a conversation there
        return next((one for one in known if thread in (one.subject, f"slack:{one.team}")), None)
    return known[0] if len(known) == 1 else None


def places(site: Site, stack: ExitStack) -> dict[str, Place]:
    workspace = workspace_of(site.claw, site.subject)
    if workspace is None:
        return {}
    from meshclaw.connectors.slack.tools import SlackTools

    @contextmanager
    def opened() -> Generator[SlackConnector]:
        yield connector(site.claw, workspace)

    return {NAME: Place(connector=Lazy(DECLARATIONS, opened, stack), tools=SlackTools())}


def connector(claw: Claw, workspace: Workspace) -> SlackConnector:
    from meshclaw.connectors.slack.client import Client
    from meshclaw.connectors.slack.connector import SlackConnector

    return SlackConnector(Client(workspace), claw.folder / FILES)
