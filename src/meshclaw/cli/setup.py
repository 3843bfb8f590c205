"""``meshclaw setup``: one thing at a time, each proved by doing it, each left out or done again as you like."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import click
import msgspec

from meshclaw.agents.builtin import CLAW
from meshclaw.cli import doctor, screen
from meshclaw.errors import MeshClawError, NotFound, UserError
from meshclaw.flow.event.run import RunStarted
from meshclaw.flow.units import digest_of
from meshclaw.settings.home import home
from meshclaw.settings.models import FILE as MODELS
from meshclaw.wiring import Claw, open_claw

NOTES = "setup.json"
State = Literal["done", "open", "skipped", "broken"]


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """How a step stands, as the machine itself tells; nothing is believed that was only said once."""

    state: State
    told: str


class Notes(msgspec.Struct, kw_only=True):
    """What no file elsewhere tells."""

    skipped: set[str] = set()
    rights: str = ""
    """Digest of the rights that the person was shown last."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    title: str
    look: Callable[[Claw, Notes], Found]
    """Quick, and without asking anybody anything."""
    do: Callable[[Notes], None]
    """With the person; raises what stands in the way."""


@click.command("setup")
@click.argument("step", required=False)
@screen.as_json
def command(step: str | None, as_json: bool) -> None:
    """Set the claw up, one thing at a time; each step can be skipped, and done again by its name.

    Steps: folder, sandbox, mailbox, model, slack, rights, service, ask. It installs nothing. In a pipe, and with
    --json, it only tells what is set up and what is not; it exits 1 where something is broken.
    """
    notes = _notes()
    chosen = [one for one in STEPS if step in (None, one.name)]
    if not chosen:
        raise NotFound(f"there is no step {step!r}", fix=f"One of: {', '.join(one.name for one in STEPS)}")
    if as_json or not (sys.stdin.isatty() and sys.stderr.isatty()):
        sys.exit(_tell(chosen, notes, as_json=as_json))
    for one in chosen:
        _walk(one, notes, again=step is not None)
    left = [one.name for one in STEPS if _found(one, notes).state in ("open", "broken")]
    open_ = f"Still open: {', '.join(left)}. Go on with: meshclaw setup"
    screen.words(f"\n{open_ if left else 'All set. Open the page: meshclaw up'}")


def _tell(steps: Sequence[Step], notes: Notes, *, as_json: bool) -> int:
    found = {one.name: _found(one, notes) for one in steps}
    if as_json:
        screen.data(
            {"steps": found, "complete": all(one.state in ("done", "skipped") for one in found.values())}
        )
    else:
        rows = [(name, one.state, one.told) for name, one in found.items()]
        screen.table(("STEP", "STATE", ""), rows, empty="")
    return 1 if any(one.state == "broken" for one in found.values()) else 0


def _found(step: Step, notes: Notes) -> Found:
    try:
        with open_claw(limited=False) as claw:
            found = step.look(claw, notes)
    except MeshClawError as error:
        return Found(state="broken", told=f"{error.message} {error.fix}".strip())
    if found.state == "open" and step.name in notes.skipped:
        return Found(state="skipped", told=found.told)
    return found


def _walk(step: Step, notes: Notes, *, again: bool) -> None:
    found = _found(step, notes)
    number = STEPS.index(step) + 1
    click.echo(f"\n{click.style(f'{number}  {step.title}', bold=True)}", err=True)
    screen.words(f"   {_marked(found)}")
    if found.state in ("done", "skipped") and not again:
        return
    if click.confirm("   Do it now?", default=True, err=True):
        while not _done(step, notes) and click.confirm("   Try again?", default=False, err=True):
            pass
    found = _found(step, notes)
    notes.skipped = notes.skipped - {step.name} if found.state == "done" else notes.skipped | {step.name}
    _keep(notes)
    screen.words(f"   {_marked(_found(step, notes))}")


def _done(step: Step, notes: Notes) -> bool:
    try:
        step.do(notes)
    except MeshClawError as error:
        screen.words(f"   {click.style('Not yet:', fg='red')} {error.message} {error.fix}")
        return False
    return True


def _marked(found: Found) -> str:
    colour = {"done": "green", "open": "yellow", "skipped": "yellow", "broken": "red"}[found.state]
    return f"{click.style(found.state, fg=colour)}: {screen.clean(found.told)}"


def _notes() -> Notes:
    try:
        return msgspec.json.decode((home() / NOTES).read_bytes(), type=Notes)
    except (FileNotFoundError, msgspec.MsgspecError):
        return Notes()


def _keep(notes: Notes) -> None:
    (home() / NOTES).write_bytes(msgspec.json.encode(notes))


def _checked(check: doctor.Check) -> Found:
    state: State = "done" if check.state == "ok" else "broken" if check.state == "broken" else "open"
    return Found(state=state, told=f"{check.told}. {check.fix}".removesuffix(" "))


def _nothing(_: Notes) -> None:
    """A look is all there is: what is missing is for the person to mend, and what to do stands there."""


# -- the steps ---------------------------------------------------------------------------


def _folder(claw: Claw, _: Notes) -> Found:
    first = doctor.checked("state folder", doctor.folder)
    if first.state != "ok":
        return _checked(first)
    return _checked(doctor.checked("ledger", lambda: doctor.ledger(claw)))


def _make_folder(_: Notes) -> None:
    home().chmod(0o700)


def _sandbox(_claw: Claw, _: Notes) -> Found:
    return _checked(doctor.checked("sandbox", doctor.sandbox))


def _mailbox(claw: Claw, _: Notes) -> Found:
    accounts = claw.accounts.all()
    if not accounts:
        return Found(state="open", told="none is connected")
    return Found(state="done", told=", ".join(account.address for account in accounts))


def _connect(_: Notes) -> None:
    from meshclaw.cli.connecting import connect
    from meshclaw.cli.mail import command as mail

    address = click.prompt("   Which one? maildir:PATH, mbox:PATH or imaps://user@host", err=True).strip()
    me = click.prompt("   Your own mail address", err=True).strip()
    context = click.get_current_context()
    context.invoke(connect, address=address, me=(me,), smtp="", secret_file="", trusted_host="")
    screen.words("   What it would do with your inbox; nothing is changed:")
    context.invoke(mail.commands["triage"], address=address, dry_run=True)


def _model(claw: Claw, _: Notes) -> Found:
    if not claw.models.classes:
        return Found(state="open", told=f"none is named in {MODELS}; what rules can do works without one")
    names = ", ".join(one.name for one in claw.models.of(claw.models.usual))
    return Found(state="done", told=f"{claw.models.usual}: {names}")


def _ask_model(_: Notes) -> None:
    """One real call; only what answered is written down."""
    from meshclaw.cli.models import connect, test

    context, path = click.get_current_context(), home() / MODELS
    if path.exists():
        with open_claw(limited=False) as claw:
            name = claw.models.usual
    else:
        screen.words(
            "   A server of your own needs its address, too: write it into models.toml (docs/models.md)."
        )
        name = click.prompt(
            "   Which one? provider:model, as in anthropic:claude-haiku-4-5", err=True
        ).strip()
    with open_claw(limited=False) as claw:
        takes_key = any(one.where_key == "keyring" for one in claw.models.of(name))
    if takes_key and not path.exists():
        context.invoke(connect, name=name)
    else:
        _passing(lambda: context.invoke(test, name=name))
    if not path.exists():
        _write(path, f"[classes]\nusual = [{msgspec.json.encode(name).decode()}]\n")


def _passing(call: Callable[[], object]) -> None:
    """A command that says by its exit code how it went."""
    try:
        call()
    except SystemExit as end:
        if end.code:
            raise UserError("that did not go well", fix="See above.") from end


def _write(path: Path, text: str) -> None:
    with path.open("x", encoding="utf-8") as file:
        file.write(text)


def _slack(_claw: Claw, _: Notes) -> Found:
    from meshclaw.settings.slack import Workspaces

    known = Workspaces(home()).all()
    if not known:
        return Found(state="open", told="no workspace is connected")
    return Found(state="done", told=", ".join(one.host for one in known))


def _connect_slack(_: Notes) -> None:
    from meshclaw.cli.slack import connect

    me = click.prompt("   Your address in Slack", err=True).strip()
    click.get_current_context().invoke(connect, me=me)


def _rights(claw: Claw, notes: Notes) -> Found:
    if notes.rights == _digest(claw):
        return Found(state="done", told="you have seen what it can do and what it cannot")
    return Found(state="open", told="not shown yet, or other than they were")


def _digest(claw: Claw) -> str:
    from meshclaw.cli.agent_shown import rights

    return digest_of([rights(claw, CLAW, None), [str(one.path) for one in claw.policies.sources]])


def _show_rights(notes: Notes) -> None:
    from meshclaw.cli.agent_shown import rights, tell_rights

    with open_claw() as claw:
        tell_rights(rights(claw, CLAW, None))
        click.echo(
            "Whatever is not named here is denied, whoever asks. What others wrote gives it no rights."
        )
        for source in claw.policies.sources:
            click.echo(f"Policy of the {source.name}: {len(source.rules)} rules in {source.path}")
        notes.rights = _digest(claw)


def _service(_claw: Claw, _: Notes) -> Found:
    from meshclaw.cli.service import file
    from meshclaw.daemon import autostart

    one = file()
    if autostart.runs(one):
        return Found(state="done", told=f"runs by {one.path}")
    told = "installed, and not running" if one.is_there else "the claw starts when you start it: meshclaw up"
    return Found(state="open", told=told)


def _install(_: Notes) -> None:
    from meshclaw.cli.service import install

    click.get_current_context().invoke(install)


def _asked(claw: Claw, _: Notes) -> Found:
    if any(started.intent == "ask" for started in claw.ledger.events(RunStarted)):
        return Found(state="done", told="you have asked it something")
    return Found(state="open", told="nothing was asked yet")


def _first_ask(_: Notes) -> None:
    from meshclaw.cli.ask import command as ask

    words = click.prompt("   What is to be done?", err=True)
    _passing(lambda: click.get_current_context().invoke(ask, words=(words,)))


STEPS = (
    Step(name="folder", title="Its folder and keys", look=_folder, do=_make_folder),
    Step(name="sandbox", title="A sandbox for commands", look=_sandbox, do=_nothing),
    Step(name="mailbox", title="A mailbox", look=_mailbox, do=_connect),
    Step(name="model", title="A model, or none", look=_model, do=_ask_model),
    Step(name="slack", title="Slack, or not", look=_slack, do=_connect_slack),
    Step(name="rights", title="What the claw can and cannot do", look=_rights, do=_show_rights),
    Step(name="service", title="Starting with your session", look=_service, do=_install),
    Step(name="ask", title="Ask it something", look=_asked, do=_first_ask),
)  # fmt: skip
