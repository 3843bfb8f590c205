"""Health: whether everything is as it should be, what the claw can and cannot do, and the kill switch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from meshclaw.cli import doctor
from meshclaw.cli.stop import let_go_on, pull
from meshclaw.daemon import alone
from meshclaw.daemon.service import Standing
from meshclaw.home.page import Page, Shown, Visit, Went


class Found(msgspec.Struct, frozen=True, kw_only=True):
    checks: Sequence[doctor.Check]
    services: Mapping[str, Standing]
    pid: int
    started: str
    folder: str


def show(visit: Visit) -> Shown:
    known = alone.told(visit.house.folder)
    context = Found(
        checks=list(doctor.every()), services=known.services if known else {}, pid=known.pid if known else 0,
        started=known.started if known else "", folder=str(visit.house.folder),
    )  # fmt: skip
    return Shown(title="Health", template="health.html", context=context)


def stop(visit: Visit) -> Went:
    pull(visit.form.get("reason", ""))
    return Went(to="/", words="Stopped: nothing is done until you let it go on.")


def lift(_: Visit) -> Went:
    let_go_on()
    return Went(to="/", words="The claw may go on.")


def leave(visit: Visit) -> Went:
    """Sign this browser out."""
    visit.house.keys.end(visit.session)
    return Went(to="/")


PAGE = Page(
    name="Health", path="/health", shows={"/health": show},
    does={"/stop": stop, "/stop/lift": lift, "/leave": leave},
)  # fmt: skip
