"""Today: what needs the person, what runs now, and what it cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from meshclaw.agents.triage.digest import Digest, mails
from meshclaw.cli import digest
from meshclaw.cli.approvals import Waiting, waiting
from meshclaw.cli.budget import lines
from meshclaw.daemon import alone
from meshclaw.daemon.service import Standing
from meshclaw.errors import NotFound
from meshclaw.home.page import Page, Shown, Visit
from meshclaw.home.pages.runs import Row, row
from meshclaw.home.pages.spend import spent_today
from meshclaw.pages.numbers import money
from meshclaw.runs.morning import Morning, morning
from meshclaw.runs.run import tell_last
from meshclaw.wiring import Claw

LATEST = 6


class Today(msgspec.Struct, frozen=True, kw_only=True):
    headline: str
    now: str
    """RFC 3339."""
    approvals: Sequence[Waiting]
    digest: Digest | None
    """Of the mail of the last day; None where none was triaged."""
    mails: str
    running: Sequence[Row]
    latest: Sequence[Row]
    spent: str
    limit: str
    """Of what models may cost in a day."""
    part: float
    morning: Morning
    """What the last day taught, and what of it contradicts."""
    services: Mapping[str, Standing]
    set_up: bool
    """Something is connected, or was done."""


def show(visit: Visit) -> Shown:
    claw = visit.claw
    runs = tell_last(claw.ledger, claw.contents, 50)[::-1]
    asks, mail = waiting(claw), _mail(claw)
    needing = sum(group.count for group in mail.needs) if mail else 0
    known = alone.told(visit.house.folder)
    used, limit = _day(claw)
    context = Today(
        headline=_headline(len(asks), needing), now=claw.ledger.now().isoformat(), approvals=asks, digest=mail,
        mails=mails(needing), running=[row(one) for one in runs if one.state == "running"],
        latest=[row(one) for one in runs[:LATEST]], spent=money(spent_today(claw)), limit=money(limit),
        part=min(1.0, used / limit) if limit else 1.0, services=known.services if known else {},
        morning=morning(
            claw.ledger, claw.memory, since=claw.ledger.now() - digest.SPAN, declared=claw.declaration
        ),
        set_up=bool(runs or claw.accounts.all()),
    )  # fmt: skip
    return Shown(title="Today", template="today.html", context=context)


def _mail(claw: Claw) -> Digest | None:
    try:
        return digest.build(claw, digest.choose(claw, ()))
    except NotFound:
        return None


def _headline(asks: int, needing: int) -> str:
    parts = [f"{asks} {'approval' if asks == 1 else 'approvals'}"] if asks else []
    parts += [mails(needing)] if needing else []
    return f"{' and '.join(parts)} for you" if parts else "Nothing needs you"


def _day(claw: Claw) -> tuple[int, int]:
    """Micro-dollars of the last 24 hours, and the limit on them."""
    found = (line for line in lines(claw, "") if (line.span, line.what) == ("day", "inference"))
    return next(((line.used, line.limit) for line in found), (0, 0))


PAGE = Page(name="Today", path="/", shows={"/": show})
