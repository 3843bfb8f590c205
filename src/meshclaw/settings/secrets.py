"""Where passwords and keys come from: the system's keyring, a file, or standard input. Never a flag, never a log."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from meshclaw.errors import SignInNeeded, UserError
from meshclaw.settings.accounts import Account

SERVICE = "meshclaw"


def secret_of(account: Account, key: str) -> Callable[[], str]:
    """Asked for each time a connection is made; ``key`` is the mailbox or SMTP address it belongs to."""
    if account.secret_file:
        return lambda: read_file(Path(account.secret_file))
    return lambda: from_keyring(key)


def connection_of(where: str) -> str:
    """How to connect to a database: ``env:NAME`` and ``file:PATH`` hold a connection string or URL with its password,
    ``service:NAME`` is a section of libpq's own service file."""
    way, _, name = where.partition(":")
    if way == "env" and name:
        if value := os.environ.get(name):
            return value
        raise SignInNeeded(
            f"the variable {name!r} is not set, or empty", fix=f"export {name}=postgresql://..."
        )
    if way == "file" and name:
        return read_file(Path(name))
    if way == "service" and re.fullmatch(r"[\w.-]+", name):
        return f"service={name}"
    raise UserError(
        "a connection is named, never given: everybody on this machine can read the words of a command",
        fix="Say where it stands: env:NAME, file:PATH or service:NAME",
    )


def read_file(path: Path) -> str:
    try:
        if path.stat().st_mode & 0o077:
            raise UserError(
                f"other users of this machine can read the secret file {str(path)!r}", fix=f"chmod 600 {path}"
            )
        return path.read_text("utf-8").rstrip("\r\n")
    except OSError as error:
        raise SignInNeeded(f"the secret file {str(path)!r} cannot be read ({error.strerror})") from error


def from_keyring(key: str, *, fix: str = "", other_ways: str = "") -> str:
    """``fix``: how to put it there; ``other_ways``: what to do without a keyring."""
    import keyring
    from keyring.errors import KeyringError

    try:
        secret = keyring.get_password(SERVICE, key)
    except KeyringError as error:
        raise SignInNeeded(
            f"the keyring of this system does not open ({error})", fix=other_ways or _OTHER_WAYS
        ) from error
    if secret is None:
        raise SignInNeeded(
            f"the keyring has no password or key for {key!r}", fix=fix or f"meshclaw mail connect {key}"
        )
    return secret


def to_keyring(key: str, secret: str, *, other_ways: str = "") -> None:
    import keyring
    from keyring.errors import KeyringError

    try:
        keyring.set_password(SERVICE, key, secret)
    except KeyringError as error:
        raise UserError(
            f"this system has no keyring that works ({error})", fix=other_ways or _OTHER_WAYS
        ) from error


def drop_from_keyring(key: str) -> None:
    """Forget it; what is not there is forgotten already."""
    import keyring
    from keyring.errors import KeyringError

    with suppress(KeyringError):
        keyring.delete_password(SERVICE, key)


_OTHER_WAYS = "Put the password into a file that only you can read and connect with --secret-file FILE."
