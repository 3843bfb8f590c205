"""The app's home tab: what waits, what ran, what today cost, and the stop button. For its person alone."""

from __future__ import annotations

import logging
from datetime import datetime

import msgspec

from meshclaw.connectors.slack.client import Client
from meshclaw.daemon.slack.cards import Block
from meshclaw.errors import MeshClawError
from meshclaw.flow.event.model import ModelAnswered
from meshclaw.runs.run import approvals, tell_last
from meshclaw.wiring import Claw

log = logging.getLogger(__name__)

STOP = "claw_stop"
RUNS = 5
MOST = 20
"""Approvals that are listed."""


class _Done(msgspec.Struct, frozen=True):
    pass


def publish(client: Client, claw: Claw) -> None:
    """Shown again as a whole each time; a failure is told and nothing more, for the next one mends it."""
    view: Block = {"type": "home", "blocks": blocks(claw)}
    try:
        client.write("views.publish", _Done, {"user_id": client.workspace.me, "view": view})
    except MeshClawError as error:
        log.info("The home tab cannot be shown: %s", error.message)


def refuse(client: Client, user: str) -> None:
    """Somebody else looks at the tab."""
    view: Block = {"type": "home", "blocks": [_text("This claw works for somebody else.")]}
    try:
        client.write("views.publish", _Done, {"user_id": user, "view": view})
    except MeshClawError as error:
        log.info("The home tab cannot be shown: %s", error.message)


def blocks(claw: Claw) -> list[Block]:
    stopped = claw.stopped()
    lines = [f"{_words(claw, one.verb, one.run)}, until {one.expires.astimezone():%a %H:%M}"
             for one in approvals(claw.ledger).open()]  # fmt: skip
    runs = [
        f"{told.run.request.intent}, {told.state}, {told.count('done')} done ({told.run.id[-8:]})"
        for told in reversed(tell_last(claw.ledger, claw.contents, RUNS))
    ]
    return [
        *([_text("Stopped: nothing is done until: meshclaw stop --lift")] if stopped else [_stop()]),
        _head("Waits for your yes"), _list(lines[:MOST], "Nothing."),
        _head("Last runs"), _list(runs, "None yet."),
        _head("Models today"), _text(f"${spent_today(claw) / 1_000_000:.2f}"),
    ]  # fmt: skip


def spent_today(claw: Claw) -> int:
    """Micro-dollars since midnight on this machine's clock."""
    midnight = datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    return sum(
        event.cost_micros
        for event in claw.ledger.events(ModelAnswered)
        if datetime.fromisoformat(event.ts) >= midnight
    )


def _words(claw: Claw, verb: str, run: str) -> str:
    declaration = claw.declaration(verb, run)
    return declaration.words if declaration else verb


def _stop() -> Block:
    return {
        "type": "actions",
        "elements": [{
            "type": "button", "action_id": STOP, "value": "stop", "style": "danger",
            "text": {"type": "plain_text", "text": "Stop the claw"},
            "confirm": {
                "title": {"type": "plain_text", "text": "Stop everything?"},
                "text": {"type": "plain_text", "text": "Only a terminal lets it go on again."},
                "confirm": {"type": "plain_text", "text": "Stop"}, "deny": {"type": "plain_text", "text": "Go on"},
            },
        }],
    }  # fmt: skip


def _head(text: str) -> Block:
    return {"type": "header", "text": {"type": "plain_text", "text": text, "emoji": False}}


def _text(text: str) -> Block:
    return {"type": "section", "text": {"type": "plain_text", "text": text[:2_900], "emoji": False}}


def _list(lines: list[str], empty: str) -> Block:
    return _text("\n".join(lines) or empty)
