"""``meshclaw approvals export | sign | accept | key``: another person's answer, made on their own machine."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Literal, TypeVar

import click
import msgspec

from meshclaw.cli import screen
from meshclaw.cli.answering import confirmed, report
from meshclaw.cli.slip import show
from meshclaw.errors import NotFound, UserError
from meshclaw.flow.action import Action
from meshclaw.flow.approval import SecondAnswer
from meshclaw.flow.declaration import Declaration
from meshclaw.flow.slip import Slip
from meshclaw.flow.units import utc_now
from meshclaw.guard.slip import role_of
from meshclaw.ledger.ledger import parse_timestamp, timestamp
from meshclaw.runs import approve
from meshclaw.runs.ask import slip_of
from meshclaw.runs.run import approvals, tell
from meshclaw.wiring import open_claw
from meshclaw.wiring.workplace import workplace

MOST = 16 * 1024 * 1024
"""Bytes of a file from another machine that are read."""

T = TypeVar("T")


class Exported(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An ask on its way to another person's machine."""

    approval: str
    digest: str
    """Of the action."""
    shown: str
    """Of the slip."""
    expires: str
    slip: Slip


@click.command()
@click.argument("id_", metavar="ID")
def export(id_: str) -> None:
    """Write ID for a second person: they look at it and sign it on their own machine.

    It holds everything they must see, mail texts included: give it to nobody else.
    """
    with open_claw() as claw:
        approval = approvals(claw.ledger).get(id_)
        slip = slip_of(claw.contents, approval)
    if slip is None:
        raise NotFound(
            f"what {approval.id} was asked with is no longer known", fix="Let the run ask for it again."
        )
    screen.data(
        Exported(
            approval=approval.id, digest=approval.digest, shown=approval.shown,
            expires=timestamp(approval.expires), slip=slip,
        )
    )  # fmt: skip


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--deny", "no", is_flag=True, help="Sign a no.")
@click.option("--full", is_flag=True, help="Show long texts whole.")
def sign(file: Path, no: bool, full: bool) -> None:
    """Look at what a colleague's claw asks for and sign your answer with this device's key.

    FILE is what they exported. Write the answer into a file and send it back to them.
    """
    exported = _read(file, Exported)
    with open_claw() as claw:
        declaration = _checked(exported, claw.declaration(exported.slip.verb))
        started = time.monotonic()
        show(exported.slip, declaration, full=full, to_stderr=True)
        answer: Literal["allowed", "denied"] = "denied" if no else "allowed"
        confirmed(f"Sign that you {'refuse' if no else 'allow'} exactly this?", started)
        device = claw.ledger.device
        unsigned = SecondAnswer(
            approval=exported.approval, digest=exported.digest, shown=exported.shown, answer=answer,
            at=timestamp(utc_now()), key=device.public.hex(),
        )  # fmt: skip
        signature = device.sign(unsigned.signed_bytes()).hex()
    screen.data(msgspec.structs.replace(unsigned, signature=signature))


def _checked(exported: Exported, declaration: Declaration | None) -> Declaration:
    """This machine's own declaration of the verb: its words, not theirs, are what the person reads."""
    slip = exported.slip
    problem = ""
    if declaration is None or declaration.digest != slip.declaration:
        problem = f"this MeshClaw knows {screen.clean(slip.verb)!r} not at all or otherwise than theirs"
    elif slip.digest != exported.shown:
        problem = "what it shows is not what its digest says"
    elif not _is_of(slip, declaration, exported.digest):
        problem = "what it shows is not the action that would be done"
    elif _ran_out(exported.expires):
        problem = "it ran out"
    if problem or declaration is None:
        raise UserError(f"this cannot be signed: {problem}", fix="Let them export it again.")
    return declaration


def _is_of(slip: Slip, declaration: Declaration, digest: str) -> bool:
    """A secret is in the slip by its digest only, so then the action's own digest cannot be worked out here."""
    if any(role_of(declaration, name) == "secret" for name in slip.arguments):
        return True
    return Action(run=slip.run, verb=slip.verb, arguments=slip.arguments).digest == digest


def _ran_out(expires: str) -> bool:
    try:
        return utc_now() >= parse_timestamp(expires)
    except (ValueError, TypeError):
        return True


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@screen.as_json
def accept(file: Path, as_json: bool) -> None:
    """Take in the answer that a second person signed; where you said yes already, it is done now."""
    answer = _read(file, SecondAnswer)
    with open_claw() as claw:
        approval = approvals(claw.ledger).get(answer.approval)
        told = tell(claw.ledger, claw.contents, approval.run)
        with workplace(claw, told.run) as place:
            result = approve.second(place.door, told, approval, answer)
        report(claw, [result], [approval], as_json=as_json)


@click.command()
def key() -> None:
    """Print this device's public key, for the ceiling of those whose second person you are."""
    with open_claw() as claw:
        click.echo(claw.ledger.device.public.hex())


def _read(file: Path, kind: type[T]) -> T:
    with file.open("rb") as opened:
        data = opened.read(MOST + 1)
    try:
        if len(data) > MOST:
            raise msgspec.ValidationError(f"it is longer than {MOST} bytes")
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UserError(
            f"{str(file)!r} cannot be read ({screen.clean(str(error))})",
            fix="Let it be made again and copied whole.",
        ) from error
