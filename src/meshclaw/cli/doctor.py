"""``meshclaw doctor``: every check, none of them changes anything."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from typing import Literal

import click
import msgspec

from meshclaw.cli import screen
from meshclaw.errors import MeshClawError
from meshclaw.flow.placement import INBOX
from meshclaw.guard import ceiling
from meshclaw.guard.layers import stop
from meshclaw.settings.accounts import Account
from meshclaw.settings.home import home
from meshclaw.wiring import Claw, open_claw

LOW_DISK_MB = 200


class Check(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    state: Literal["ok", "warning", "broken"]
    told: str
    fix: str = ""


@click.command("doctor")
@screen.as_json
def command(as_json: bool) -> None:
    """Check the state folder, the guard's files, the ledger and every mailbox. Exits 1 where something is broken."""
    checks: list[Check] = []
    for check in every():
        checks.append(check)
        if not as_json:
            _show(check)
    if as_json:
        screen.data(checks)
    sys.exit(1 if any(check.state == "broken" for check in checks) else 0)


def _show(check: Check) -> None:
    colour = {"ok": "green", "warning": "yellow", "broken": "red"}[check.state]
    click.echo(f"{click.style(f'{check.state:<8}', fg=colour)} {check.name}: {check.told}")
    if check.fix:
        click.echo(f"         {check.fix}")


def every() -> Iterator[Check]:
    """One after the other, as each is made."""
    yield checked("state folder", folder)
    yield checked("ceiling", _ceiling)
    yield checked("policy", _policies)
    yield checked("limits", _limits)
    yield checked("kill switch", _stop)
    yield checked("sandbox", sandbox)
    try:
        with open_claw() as claw:
            yield checked("ledger", lambda: ledger(claw))
            yield checked("runs", lambda: _runs(claw))
            accounts = claw.accounts.all()
            if not accounts:
                yield Check(
                    name="mailboxes",
                    state="warning",
                    told="none connected",
                    fix="meshclaw mail connect ADDRESS",
                )
            for account in accounts:
                yield checked(account.address, lambda a=account: _mailbox(claw, a))
    except MeshClawError as error:
        yield Check(name="claw", state="broken", told=error.message, fix=error.fix)


def checked(name: str, look: Callable[[], Check | str]) -> Check:
    """An error that says what to do is a finding, not a crash."""
    try:
        found = look()
    except MeshClawError as error:
        return Check(name=name, state="broken", told=error.message, fix=error.fix)
    return found if isinstance(found, Check) else Check(name=name, state="ok", told=found)


def folder() -> Check | str:
    path = home()
    free_mb = shutil.disk_usage(path).free // 2**20
    if path.stat().st_mode & 0o077:
        return Check(
            name="state folder",
            state="broken",
            told=f"other users can look into {path}",
            fix=f"chmod 700 {path}",
        )
    if free_mb < LOW_DISK_MB:
        return Check(name="state folder", state="warning", told=f"only {free_mb} MB free at {path}")
    return f"{path}, {free_mb} MB free"


def _ceiling() -> str:
    rights = ceiling.load(ceiling.CEILING).rights
    where = str(ceiling.CEILING) if ceiling.CEILING.exists() else "no file, the careful default"
    return f"{where}; effects {', '.join(sorted(rights.effects)) or 'none'}"


def _policies() -> str:
    found = Claw(home()).policies.sources
    return "; ".join(f"{one.name}: {len(one.rules)} policies in {one.path}" for one in found)


def _limits() -> str:
    day = Claw(home()).limits.day
    return f"a day: {day.calls:,} calls, {day.recipients:,} recipients"


def _stop() -> Check | str:
    found = stop.read(home())
    if found is None:
        return "not pulled"
    told = f"{stop.refusal(found).reason} ({stop.told(found)})"
    return Check(name="kill switch", state="warning", told=told)


def sandbox() -> Check | str:
    from meshclaw.guard.sandbox import probe
    from meshclaw.guard.sandbox.run import INSTALL, find

    found = find()
    if found.kind == "none":
        return Check(name="sandbox", state="warning", told="there is none, so no command is run", fix=INSTALL)
    if found.kind == "bubblewrap":
        probe.ensure(found.path, egress=False)
    return f"{found.kind} holds"


def ledger(claw: Claw) -> Check | str:
    key = claw.folder / "device.key"
    verdict = claw.ledger.verify()
    if not verdict.ok:
        return Check(name="ledger", state="broken", told=verdict.reason, fix="meshclaw ledger verify")
    if key.stat().st_mode & 0o077:
        return Check(
            name="ledger", state="broken", told="other users can read the key", fix=f"chmod 600 {key}"
        )
    return f"{verdict.events:,} events verified, device {claw.ledger.device.id}"


def _runs(claw: Claw) -> Check | str:
    from meshclaw.runs.run import tell_stopped

    stopped = tell_stopped(claw.ledger, claw.contents)
    if stopped:
        ids = " ".join(screen.short(told.run.id) for told in stopped)
        return Check(
            name="runs", state="warning", told=f"stopped in the middle: {ids}",
            fix=f"meshclaw run resume {ids.split()[0]}",
        )  # fmt: skip
    return "none stopped in the middle"


def _mailbox(claw: Claw, account: Account) -> Check | str:
    with claw.mailbox(account, changing=False) as mailbox:
        count = sum(1 for _ in mailbox.entries(INBOX))
    if not account.me:
        return Check(
            name=account.address, state="warning", told=f"{count} mails; it does not know your addresses",
            fix=f"meshclaw mail connect {account.address} --me you@example.com",
        )  # fmt: skip
    return f"{count} mails in the inbox"
