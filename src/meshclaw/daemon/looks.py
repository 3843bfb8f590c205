"""Looking: each kind of condition as one function from what a person named to what is seen there. No model, no effect.

Raises MeshClawError where it could not look, which says nothing about what it looks at.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path as File
from typing import cast

import msgspec

from meshclaw.daemon.fetch import fetch
from meshclaw.errors import MeshClawError, NotReachable, Operational, UserError
from meshclaw.flow.card import Card
from meshclaw.flow.event.mail import PlacementMade
from meshclaw.flow.event.model import ModelAnswered
from meshclaw.flow.schedule import span
from meshclaw.flow.units import digest_of, sha256_hex
from meshclaw.flow.watch import Command, Fact, Look, Mail, Path, Seen, Url
from meshclaw.runs.run import approvals
from meshclaw.wiring import Claw, open_claw

MOST_TEXT = 64 * 1024
MOST_HASHED = 4 * 1024 * 1024
"""Bytes of a file that are read; a larger one changes with its size and time."""
WALL_S = 60
DAY = timedelta(days=1)


def look(at: Look) -> Seen:
    match at:
        case Command():
            return _command(at)
        case Url():
            return _url(at)
        case Path():
            return _path(at)
        case Mail():
            return _with_claw(lambda claw: _mail(at, claw))
        case Fact():
            return _with_claw(lambda claw: _fact(at, claw))


def _with_claw(see: Callable[[Claw], Seen]) -> Seen:
    with open_claw(limited=False) as claw:
        return see(claw)


def _command(at: Command) -> Seen:
    from meshclaw.guard.sandbox.egress.rules import Rule
    from meshclaw.guard.sandbox.profile import MB, Limits, Profile
    from meshclaw.guard.sandbox.run import run

    limits = Limits(
        wall_s=WALL_S, cpu_s=WALL_S, memory_bytes=512 * MB, processes=64, file_bytes=16 * MB, tmp_bytes=32 * MB,
        output_bytes=MOST_TEXT,
    )  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="meshclaw-watch-") as scratch:
        profile = Profile(
            work=File(scratch).resolve(), read_only=(File(at.shown).resolve(),) if at.shown else (),
            egress=tuple(Rule(host=host) for host in at.hosts), limits=limits,
        )  # fmt: skip
        finished = run(profile, at.line)
    if finished.stopped:
        raise Operational(f"the command used up its {finished.stopped}")
    text = finished.stdout.decode("utf-8", "replace")
    value = _number(text.strip())
    printed = f", {value:g} printed" if value is not None else ""
    return Seen(
        ok=finished.code == 0, mark=digest_of([finished.code, text]), value=value,
        words=f"exit code {finished.code}{printed}", text=text,
    )  # fmt: skip


def _url(at: Url) -> Seen:
    try:
        got = fetch(at.url, private=at.private)
    except NotReachable as error:
        return Seen(ok=False, mark="silent", words="it does not answer", text=error.message)
    status, text = f"status {got.status}", got.body.decode("utf-8", "replace")[:MOST_TEXT]
    if not at.path or got.status >= 400:
        mark = digest_of([got.status, got.etag or sha256_hex(got.body)])
        return Seen(ok=got.status < 400, mark=mark, value=got.status, words=status, text=text)
    try:
        found = _inside(msgspec.json.decode(got.body), at.path)
    except (msgspec.MsgspecError, LookupError, ValueError):
        return Seen(ok=False, mark="missing", words=f"{status}, and nothing at that path")
    value = _number(str(found))
    words = f"{status}, {value:g} there" if value is not None else f"{status}, something there"
    return Seen(mark=digest_of(found), value=value, words=words, text=str(found)[:MOST_TEXT])


def _inside(value: object, path: str) -> object:
    """LookupError or ValueError where nothing is there."""
    for step in path.split("."):
        match value:
            case list():
                value = cast("list[object]", value)[int(step)]
            case dict():
                value = cast("dict[str, object]", value)[step]
            case _:
                raise LookupError(step)
    return value


def _path(at: Path) -> Seen:
    path = File(at.path).expanduser()
    try:
        there = path.stat()
        if path.is_dir():
            entries = sorted((one.name, one.stat().st_mtime_ns, one.stat().st_size) for one in path.iterdir())
            names = "\n".join(name for name, *_ in entries)
            return Seen(
                mark=digest_of(entries),
                value=len(entries),
                words=f"{len(entries)} entries",
                text=names[:MOST_TEXT],
            )
        small = there.st_size <= MOST_HASHED
        content = path.read_bytes() if small and path.is_file() else b""
    except FileNotFoundError:
        return Seen(ok=False, mark="missing", words="it is not there")
    except OSError as error:
        raise Operational(f"{at.path!r} cannot be looked at ({error.strerror})") from error
    mark = sha256_hex(content) if small else f"{there.st_size} {there.st_mtime_ns}"
    text = content[:MOST_TEXT].decode("utf-8", "replace")
    return Seen(mark=mark, value=there.st_size, words=f"{there.st_size:,} bytes", text=text)


def _mail(at: Mail, claw: Claw) -> Seen:
    """Only what triage saw: the mailbox is not opened for it."""
    first = claw.ledger.before(span(at.within) or DAY)
    found = [
        placed.message for placed in claw.ledger.events(PlacementMade, after=first)
        if _fits(msgspec.json.decode(claw.contents.get(placed.content), type=Card), at)
    ]  # fmt: skip
    return Seen(
        ok=bool(found), mark=found[-1] if found else "", value=len(found),
        words=f"{len(found)} mail{'' if len(found) == 1 else 's'} within {at.within}",
    )  # fmt: skip


def _fits(card: Card, at: Mail) -> bool:
    sender = f"{card.sender.name} {card.sender.address}".casefold()
    return all(word in sender for word in at.sender.casefold().split()) and all(
        word in card.subject.casefold() for word in at.subject.casefold().split()
    )


def _fact(at: Fact, claw: Claw) -> Seen:
    now = claw.ledger.now()
    if at.fact == "approval-waits":
        waiting = [one for one in approvals(claw.ledger).all() if one.state in ("open", "one_of_two")]
        hours = max(((now - one.asked) / timedelta(hours=1) for one in waiting), default=0.0)
        return Seen(
            ok=not waiting, mark=digest_of(sorted(one.id for one in waiting)), value=hours,
            words=f"{len(waiting)} waiting, the oldest for {hours:.1f} h" if waiting else "nothing waits",
        )  # fmt: skip
    answers = claw.ledger.events(ModelAnswered, after=claw.ledger.before(DAY))
    dollars = sum(one.cost_micros for one in answers) / 1_000_000
    return Seen(mark=f"{dollars:.6f}", value=dollars, words=f"${dollars:.2f} within 24 h")


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def problem(at: Look) -> str:
    """What is wrong with it as it is written; empty where nothing is."""
    try:
        if isinstance(at, Mail) and span(at.within) is None:
            return f"{at.within!r} is no span of time; write 24h"
        if isinstance(at, Mail) and not (at.sender or at.subject):
            return "say which mails: --from or --subject"
        if isinstance(at, Url):
            from meshclaw.daemon.fetch import place

            place(at.url)
        if isinstance(at, Command) and at.shown and not File(at.shown).is_dir():
            raise UserError(f"{at.shown!r} is no folder")
    except MeshClawError as error:
        return error.message
    return ""
