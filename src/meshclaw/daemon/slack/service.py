"""The two services of one workspace, for the daemon."""

from __future__ import annotations

from pathlib import Path

from meshclaw.daemon.desk import Desk
from meshclaw.daemon.service import Service
from meshclaw.daemon.slack.listening import Listener
from meshclaw.daemon.slack.speaking import Speaker
from meshclaw.settings.slack import Workspace


def of_workspace(workspace: Workspace, desk: Desk, folder: Path) -> list[Service]:
    """None where the workspace was connected without a token for the socket: then it is there for runs alone."""
    if "app" not in workspace.tokens:
        return []
    speaker = Speaker(workspace, desk, folder)
    return [Listener(workspace, speaker), speaker]
