"""The hub that this claw enrolled in. The person's key lies in a file of its own, and never leaves their devices."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import msgspec

from meshclaw.errors import Damaged, NotFound, UserError

FILE, KEY = "mesh.json", "person.key"


class Membership(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    url: str
    hub: str
    """Its public key, hex: learned once, when the claw enrolled."""
    device: str
    name: str
    """The company's."""
    unit: str
    since: str
    """Day on which it enrolled: nothing before is ever told."""


def load(folder: Path) -> Membership:
    """NotFound where this claw is in no mesh."""
    try:
        return msgspec.json.decode((folder / FILE).read_bytes(), type=Membership)
    except FileNotFoundError:
        raise NotFound("this claw is in no mesh", fix="Enrol it: meshclaw mesh join URL") from None
    except msgspec.MsgspecError as error:
        raise Damaged(
            f"{str(folder / FILE)!r} cannot be read ({error})", fix="Move it away and join again."
        ) from error


def keep(folder: Path, membership: Membership) -> None:
    partial = folder / f"{FILE}.part"
    partial.write_bytes(msgspec.json.format(msgspec.json.encode(membership)))
    partial.replace(folder / FILE)


def forget(folder: Path) -> None:
    (folder / FILE).unlink(missing_ok=True)


def person_key(folder: Path) -> bytes:
    """The one there is, or a new one."""
    path = folder / KEY
    if not path.exists():
        put_person_key(folder, secrets.token_hex(32))
    return bytes.fromhex(path.read_text("ascii"))


def put_person_key(folder: Path, text: str) -> None:
    """Of the person's first device. UserError where it is none, or where another one is in use here."""
    path, wanted = folder / KEY, text.strip().lower()
    if len(wanted) != 64 or not set(wanted) <= set("0123456789abcdef"):
        raise UserError(
            "that is no key: it has 64 hex digits", fix="See it on the first device: meshclaw mesh key"
        )
    if path.exists() and path.read_text("ascii") != wanted:
        raise UserError(
            "this claw has told things under another key already", fix="Leave first: meshclaw mesh leave"
        )
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(wanted)
