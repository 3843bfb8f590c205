"""The mailboxes a person connected. No secret is ever in this file, only where to find one."""

from __future__ import annotations

from pathlib import Path

import msgspec

from meshclaw.errors import Damaged, NotFound


class Account(msgspec.Struct, frozen=True, kw_only=True):
    address: str
    """``maildir:PATH``, ``mbox:PATH`` or ``imaps://user@host``."""
    me: tuple[str, ...] = ()
    """The person's own addresses, lower case; the first one is the sender of what they write."""
    trusted_host: str = ""
    """The authserv-id of the person's own receiving server (RFC 8601), whose word on authentication counts."""
    dns: bool = False
    """Whether DKIM keys and DMARC policies may be asked for; senders then see that their mail was read."""
    smtp: str = ""
    """``smtps://user@host`` or empty where this account does not send."""
    secret_file: str = ""
    """Path of a file with the password; empty means the keyring of the system."""


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    accounts: tuple[Account, ...] = ()


class Accounts:
    """``folder`` holds ``accounts.json``."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "accounts.json"

    def all(self) -> tuple[Account, ...]:
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=_File).accounts
        except FileNotFoundError:
            return ()
        except msgspec.MsgspecError as error:
            raise Damaged(
                f"{str(self.path)!r} cannot be read ({error})",
                fix="Mend it, or move it away and connect again.",
            ) from error

    def get(self, address: str) -> Account:
        """The account for ``address``; one that was never connected has nothing but its address."""
        return next((a for a in self.all() if a.address == address), Account(address=address))

    def only(self) -> Account:
        """The one connected account, where there is exactly one."""
        accounts = self.all()
        if len(accounts) != 1:
            known = ", ".join(a.address for a in accounts) or "none"
            raise NotFound(
                f"which mailbox? connected: {known}",
                fix="Name one: meshclaw mail triage maildir:PATH; or connect it: meshclaw mail connect ADDRESS",
            )
        return accounts[0]

    def put(self, account: Account) -> None:
        kept = tuple(a for a in self.all() if a.address != account.address)
        self._write((*kept, account))

    def remove(self, address: str) -> None:
        accounts = self.all()
        if address not in (a.address for a in accounts):
            raise NotFound(f"{address!r} is not connected", fix="See: meshclaw mail accounts")
        self._write(tuple(a for a in accounts if a.address != address))

    def _write(self, accounts: tuple[Account, ...]) -> None:
        partial = self.path.with_suffix(".part")
        partial.write_bytes(msgspec.json.format(msgspec.json.encode(_File(accounts=accounts)), indent=2))
        partial.replace(self.path)
