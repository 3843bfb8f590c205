"""Every command and option of docs/usage.md and docs/usage-sources.md is run."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.readers.test_claude_code import line

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ("usage.md", "usage-sources.md")
SHOW = "meshclaw usage show"


def commands() -> list[str]:
    """Whole ones as they stand; options that stand alone are those of ``show``."""
    text = "\n".join((DOCS / page).read_text("utf-8") for page in PAGES)
    found = re.findall(r"`(meshclaw usage [^`]+)`|^ {4}(meshclaw usage .*)$", text, re.MULTILINE)
    alone = re.findall(r"^\|.*", text, re.MULTILINE)
    options = [option for row in alone for option in re.findall(r"`(--[a-z][^`]*)`", row)]
    return sorted({*("".join(one) for one in found), *(f"{SHOW} {option}" for option in options)})


def test_the_pages_name_commands() -> None:
    assert {"meshclaw usage receive", f"{SHOW} --json"} < set(commands())
    assert len(commands()) > 10


@pytest.mark.parametrize("command", commands())
def test_a_command_of_the_pages_runs(
    command: str, home: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    person, work = tmp_path / "person", tmp_path / "work"
    session = person / ".claude" / "projects" / "r" / "s.jsonl"
    for folder in (session.parent, work / "FOLDER"):
        folder.mkdir(parents=True)
    session.write_text(f"{json.dumps(line())}\n", "utf-8")
    (work / "report.csv").write_text("Date,UserId,Credits_Used\n2026-06-01,a,3\n", "utf-8")
    [sheet] = re.findall(
        r"^```toml\n(.*?)^```", (DOCS / PAGES[1]).read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    (home / "prices.toml").write_text(sheet, "utf-8")
    environment = os.environ | {"HOME": str(person)}
    if "env:LITELLM_DB" in command:
        environment["LITELLM_DB"] = request.getfixturevalue("conninfo")
    words = [sys.executable, "-m", *shlex.split(command)]
    words += ["--port", "0"] if "receive" in words else []
    with subprocess.Popen(
        words, cwd=work, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        if "receive" in words:
            assert process.stderr
            assert "Receiving at" in process.stderr.readline()
            process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert out or err
