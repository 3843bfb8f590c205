"""Folder names between people and stores: ``Work/Bulk`` is ``.Work.Bulk`` in a Maildir++.

Names outside ASCII are stored in modified UTF-7 (RFC 9051 appendix A.1), as Dovecot does by default.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from meshclaw.connectors.mail.mailbox.base import INBOX
from meshclaw.errors import UserError


def check_folder_name(name: str) -> str:
    """The name itself; UserError where no mailbox could hold it, or where it could lead out of one."""
    parts = name.split("/")
    if not all(parts) or any(ord(character) < 32 or character == "\x7f" for character in name):
        raise UserError(
            f"{name!r} cannot be a folder name",
            fix="Use visible characters, with single slashes between a folder and its subfolders.",
        )
    return name


def maildir_directory(name: str) -> str:
    """The directory below the Maildir; ``.`` separates levels there, so no name may contain one."""
    if name == INBOX:
        return ""
    if "." in check_folder_name(name):
        raise UserError(
            f"{name!r} cannot be a Maildir folder: the dot separates subfolders on disk",
            fix=f"Write {name.strip('.').replace('.', '/')!r} for a subfolder, or leave the dot out.",
        )
    return "." + to_utf7(name).replace("/", ".")


def maildir_name(directory: str) -> str:
    """The other way round; empty where the directory cannot be one of ours to name."""
    try:
        name = _from_utf7(directory.removeprefix("."))
    except ValueError:
        return ""
    return name.replace(".", "/") if all(name.split(".")) else ""


def to_utf7(name: str) -> str:
    if _stands_for_itself(name):
        return name
    from imapclient import imap_utf7  # pyright: ignore[reportMissingTypeStubs]

    return cast("Callable[[str], bytes]", imap_utf7.encode)(name).decode("ascii")


def _from_utf7(name: str) -> str:
    if _stands_for_itself(name):
        return name
    from imapclient import imap_utf7  # pyright: ignore[reportMissingTypeStubs]

    return cast("Callable[[bytes], str]", imap_utf7.decode)(name.encode("ascii"))


def _stands_for_itself(name: str) -> bool:
    """Most names; loading imapclient for them would cost 20 ms."""
    return name.isascii() and name.isprintable() and "&" not in name
