"""The kill switch: a file in the state folder, or the fleet's: root's own, or what the company's hub said."""

from __future__ import annotations

import os
import time
from pathlib import Path

from meshclaw.errors import Operational, UserError
from meshclaw.flow.action import Action
from meshclaw.flow.decision import Decision, deny
from meshclaw.flow.stop import Stop
from meshclaw.guard.context import Context

FLEET = Path("/etc/meshclaw/stop")
NAME = "stop"
OF_HUB = "stop.fleet"
"""In the state folder: put and taken away by whoever follows the hub."""
MAX_REASON = 500


def read(folder: Path) -> Stop | None:
    """What stops the claw now. Anything of that name does, whatever it is and whether it can be read or not."""
    if _is_there(FLEET):
        return Stop(by="fleet", reason=_reason(FLEET))
    if _is_there(folder / OF_HUB):
        return Stop(by="fleet", reason=_reason(folder / OF_HUB))
    if _is_there(folder / NAME):
        return Stop(by="person", reason=_reason(folder / NAME))
    return None


def check(_: Action, context: Context) -> Decision | None:
    """While it is there nothing is done, whoever asks: not even taking back what was done."""
    return refusal(context.stopped) if context.stopped else None


def refusal(stop: Stop) -> Decision:
    """Without the words somebody gave as a reason: they stay out of the ledger."""
    if stop.by == "fleet":
        return deny("stop.fleet", "your company stopped every claw")
    return deny("stop.person", "you stopped the claw; go on with: meshclaw stop --lift")


def told(stop: Stop) -> str:
    """Its reason, for a screen."""
    return "".join(c if c.isprintable() else " " for c in stop.reason) or "no reason given"


def put(folder: Path, reason: str, name: str = NAME) -> None:
    """The file is what stops; a full disk may keep the reason out of it."""
    try:
        with (folder / name).open("w", encoding="utf-8") as file:
            file.write(reason[:MAX_REASON])
    except OSError as error:
        if not _is_there(folder / name):
            raise Operational(f"{str(folder / name)!r} cannot be made ({error.strerror})") from error


def age_ms(folder: Path) -> int:
    """How long the person's own stop has been there; 0 where it is not."""
    try:
        return max(0, int((time.time() - (folder / NAME).lstat().st_mtime) * 1000))
    except OSError:
        return 0


def lift(folder: Path) -> None:
    """Take the person's own stop away; the fleet's is not theirs to lift."""
    stop = read(folder)
    if stop is None:
        raise UserError("nothing stops the claw", fix="Stop it with: meshclaw stop")
    try:
        (folder / NAME).unlink(missing_ok=True)
    except OSError as error:
        raise UserError(
            f"{str(folder / NAME)!r} cannot be removed ({error.strerror})", fix="Remove it yourself."
        ) from error
    if stop.by == "fleet":
        raise UserError(
            f"your company stopped every claw ({told(stop)}); only they can lift it",
            fix=f"Whoever administers this machine removes {FLEET}."
            if _is_there(FLEET)
            else "They say on the hub: meshclaw hub stop --lift",
        )


def _is_there(path: Path) -> bool:
    try:
        os.lstat(path)
    except FileNotFoundError:
        return False
    except OSError:  # what cannot be looked at may be there
        return True
    return True


def _reason(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(MAX_REASON).decode("utf-8", "replace").strip()
    except OSError:
        return "its file cannot be read"
