"""Servers that others wrote, from the package registry, in the real sandbox. Skipped where they were not installed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from meshclaw.connectors.base import Performed
from meshclaw.connectors.mcp.connector import McpConnector
from meshclaw.connectors.mcp.manifest import undoings, whole
from meshclaw.errors import MeshClawError
from meshclaw.flow.action import Action, Value
from meshclaw.guard import manifest
from meshclaw.guard.sandbox import run as sandbox
from tests.servers.mcp import real

pytest.importorskip("mcp", reason="needs the extra mcp")
from meshclaw.connectors.mcp.session import Session, to_program
from meshclaw.runs.boxing import Box, boxed, shown_for

pytestmark = pytest.mark.skipif(
    sandbox.find().kind == "none", reason="needs a sandbox (apt install bubblewrap)"
)


def needs(name: str) -> Path:
    found = real(name)
    if found is None:
        pytest.skip(f"needs {name} (make packages)")
    return found


def talk(name: str, *arguments: str, folder: str = "") -> Session:
    path = str(needs(name))
    return to_program(boxed(Box(command=(path, *arguments), reads=tuple(shown_for(path)), folder=folder)), 20)


def do(connector: McpConnector, verb: str, **arguments: Value) -> Performed | MeshClawError:
    [result] = connector.perform([Action(run="r", verb=verb, arguments=arguments)])
    return result


def connect(tmp_path: Path, name: str, text: str, session: Session) -> McpConnector:
    path = tmp_path / f"{name}.toml"
    path.write_text(text, "utf-8")
    tools = {tool.name: tool for tool in session.tools()}
    undoing = undoings(name, path)
    return McpConnector(
        name, whole(name, manifest.read(path).values(), undoing, tools), undoing, lambda: session
    )


CLOCK = """
connector = "clock"
[fields.now]
timezone = { kind = "structured", writer = "system" }
datetime = { kind = "structured", type = "time", writer = "system" }
[verbs.get_current_time]
words = "Look at the clock"
effect = "read"
reversible = true
deed = "read"
returns = "now"
arguments.timezone = { role = "text" }
"""
GIT = """
connector = "repo"
[verbs.git_status]
words = "Look at the state of a repository"
effect = "read"
reversible = true
deed = "read"
arguments.repo_path = { role = "reference", type = "path" }
[verbs.git_add]
words = "Stage files"
effect = "write"
reversible = false
deed = "change"
arguments.repo_path = { role = "reference", type = "path" }
arguments.files = { role = "reference", type = "path" }
"""


def test_the_clock_of_the_protocols_own_project(tmp_path: Path) -> None:
    connector = connect(
        tmp_path, "clock", CLOCK, talk("mcp-server-time", "--local-timezone", "Europe/Berlin")
    )
    done = do(connector, "clock.get_current_time", timezone="Asia/Tokyo")
    assert isinstance(done, Performed)
    assert isinstance(done.value, dict)
    assert done.value["timezone"] == "Asia/Tokyo"
    odd = do(connector, "clock.get_current_time", timezone="Nowhere/Nothing")
    assert isinstance(odd, Performed)
    assert "says that it failed" in str(odd.value)
    connector.close()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    for words in (["init", "-q", str(folder)],):
        subprocess.run(["git", *words], check=True)
    (folder / "new.txt").write_text("x")
    return folder


def test_git_in_one_folder_and_nowhere_else(tmp_path: Path, repository: Path) -> None:
    other = tmp_path / "other"
    subprocess.run(["git", "init", "-q", str(other)], check=True)
    connector = connect(tmp_path, "repo", GIT, talk("mcp-server-git", folder=str(repository)))
    done = do(connector, "repo.git_status", repo_path=str(repository))
    assert isinstance(done, Performed)
    assert "new.txt" in str(done.value)
    assert isinstance(do(connector, "repo.git_add", repo_path=str(repository), files=["new.txt"]), Performed)
    staged = subprocess.run(
        ["git", "-C", str(repository), "diff", "--cached", "--name-only"], check=True, capture_output=True
    )
    assert staged.stdout == b"new.txt\n"
    elsewhere = do(connector, "repo.git_add", repo_path=str(other), files=["new.txt"])
    assert not isinstance(elsewhere, Performed)
    connector.close()
