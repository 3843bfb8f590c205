"""What needs no model, said in Slack: the claw's own commands answer it, as they do in a terminal."""

from __future__ import annotations

import os
import subprocess
import sys

from meshclaw.agents.planner import Planned
from meshclaw.errors import Operational
from meshclaw.flow.event.guard import ClawStopped
from meshclaw.guard.layers import stop
from meshclaw.settings.home import home
from meshclaw.triggers import chat
from meshclaw.wiring import open_claw
from meshclaw.wiring.working import triage_mailbox

SECONDS = 120
MOST = 9_000
"""Characters of what a command says."""


def answer(planned: Planned) -> str:
    """What the command says, under its name. Those that change something are done as the chat's request."""
    said = {"stop": _stop, "triage": _triage, "undo": _undo}.get(planned.skill, lambda: _told(planned))()
    return f"{said}\n\nNo model needed, {planned.why}: `{planned.command}`"


def stop_claw() -> str:
    """The kill switch, from anywhere. Lifting it takes a terminal."""
    folder = home()
    found = stop.read(folder)
    stop.put(folder, "stopped in Slack")
    if found is None or found.by == "fleet":
        with open_claw(limited=False) as claw:
            claw.ledger.record(ClawStopped())
    return "Stopped: nothing is done until you lift it in a terminal: `meshclaw stop --lift`"


def _stop() -> str:
    return stop_claw()


def _triage() -> str:
    lines: list[str] = []
    with open_claw() as claw:
        for account in claw.accounts.all():
            with claw.mailbox(account) as mailbox:
                done = triage_mailbox(claw, account, mailbox, request=chat.receive("mail.triage"))
            lines.append(f"{account.address}: placed {len(done.report.cards)} new mails.")
    return "\n".join(lines) or "No mailbox is connected."


def _undo() -> str:
    return "Taking back is done where nobody but you can ask for it, in a terminal: `meshclaw run undo`"


def _told(planned: Planned) -> str:
    """The command itself, in a process of its own: it only looks."""
    environ = {**os.environ, "NO_COLOR": "1", "COLUMNS": "100"}
    arguments = [sys.executable, "-m", "meshclaw", *planned.command.split()[1:]]
    try:
        done = subprocess.run(
            arguments, capture_output=True, timeout=SECONDS, env=environ, stdin=subprocess.DEVNULL, check=False
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise Operational(f"{planned.command!r} took more than {SECONDS} s.") from error
    text = (done.stdout or done.stderr).decode("utf-8", "replace").replace("`", "'").rstrip()[:MOST]
    return f"```\n{text}\n```" if text else "There is nothing to show."
