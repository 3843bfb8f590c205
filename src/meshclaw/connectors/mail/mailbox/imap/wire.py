"""imapclient with types: the few commands we use, and the response codes it does not hand out."""

from __future__ import annotations

import imaplib
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Protocol, cast

from imapclient import response_parser  # pyright: ignore[reportMissingTypeStubs]

from meshclaw.connectors.mail.mailbox.base import Entry
from meshclaw.connectors.mail.mailbox.folder_names import to_utf7
from meshclaw.connectors.mail.mailbox.keywords import labels_of

Fetched = dict[int, dict[bytes, Any]]
ENTRY_ITEMS = "(UID FLAGS RFC822.SIZE INTERNALDATE)"

_parse_fetch = cast("Callable[..., Fetched]", response_parser.parse_fetch_response)


class RawImap(Protocol):
    """imaplib's object inside imapclient's."""

    untagged_responses: dict[str, list[Any]]
    capabilities: tuple[str, ...]
    debug: int

    def uid(self, command: str, *args: str) -> tuple[str, list[Any]]: ...


class Client(Protocol):
    normalise_times: bool
    _imap: RawImap

    def login(self, username: str, password: str) -> object: ...
    def plain_login(self, identity: str, password: str) -> object: ...
    def capabilities(self) -> tuple[bytes, ...]: ...
    def enable(self, *capabilities: str) -> object: ...
    def namespace(self) -> Any: ...
    def list_folders(
        self, directory: str = "", pattern: str = "*"
    ) -> list[tuple[Any, bytes | None, str]]: ...
    def create_folder(self, folder: str) -> object: ...
    def subscribe_folder(self, folder: str) -> object: ...
    def select_folder(self, folder: str, readonly: bool = False) -> dict[bytes, Any]: ...  # noqa: FBT001, FBT002
    def search(self, criteria: Sequence[object]) -> list[int]: ...
    def fetch(self, messages: Sequence[int], data: Sequence[str]) -> Fetched: ...
    def append(self, folder: str, msg: bytes, flags: Sequence[str] = ()) -> bytes: ...
    def noop(self) -> object: ...
    def idle(self) -> None: ...
    def idle_check(self, timeout: float) -> list[tuple[object, ...]]: ...
    def idle_done(self) -> tuple[bytes, list[tuple[object, ...]]]: ...
    def logout(self) -> object: ...
    def shutdown(self) -> None: ...


class Wire:
    """One signed-in connection. Raises imaplib's and the socket's errors; ``imap_session`` words them."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.client.normalise_times = False
        # No public way in: imapclient has no call for UNCHANGEDSINCE, COPYUID or VANISHED.
        self.raw: RawImap = client._imap  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        # imapclient logs every line at level 5, mail and all.
        self.raw.debug = 0
        self.capabilities: frozenset[str] = frozenset()

    def uid(self, command: str, *args: str) -> list[Any]:
        """A UID command; raises imapclient's error for anything but OK."""
        status, data = self.raw.uid(command, *args)
        if status != "OK":
            text = b" ".join(part for part in data if isinstance(part, bytes)).decode("utf-8", "replace")
            raise imaplib.IMAP4.error(f"{command} failed: {text}")
        return data

    def uid_fetch(self, uids: str, items: str, *modifiers: str) -> Fetched:
        """For ranges: imapclient 4's own ``fetch`` cannot take ``1:*``."""
        self.take("FETCH")
        return _parse_fetch(self.uid("FETCH", uids, items, *modifiers), False, True)

    def take(self, code: str) -> list[bytes]:
        """The untagged responses and response codes named ``code`` that came since the last call."""
        return [item for item in self.raw.untagged_responses.pop(code, []) if isinstance(item, bytes)]


def quoted(folder: str) -> str:
    """An IMAP quoted string in modified UTF-7, as imapclient sends folder names."""
    return '"' + to_utf7(folder).replace("\\", "\\\\").replace('"', '\\"') + '"'


def entry_of(folder: str, ref: str, item: dict[bytes, Any]) -> Entry:
    flags = {flag.decode("ascii", "replace") for flag in cast("tuple[bytes, ...]", item.get(b"FLAGS", ()))}
    system = {flag.lower() for flag in flags}
    received = cast("datetime", item[b"INTERNALDATE"])
    return Entry(
        folder=folder,
        ref=ref,
        size=int(item[b"RFC822.SIZE"]),
        received=received.timestamp(),
        seen=r"\seen" in system,
        answered=r"\answered" in system,
        flagged=r"\flagged" in system,
        draft=r"\draft" in system,
        labels=labels_of(flags),
    )


def uid_set(uids: Iterable[int]) -> str:
    """``1:3,7``: runs are folded, so that 500 messages fit in one command line."""
    runs: list[list[int]] = []
    for uid in sorted(set(uids)):
        if runs and runs[-1][1] == uid - 1:
            runs[-1][1] = uid
        else:
            runs.append([uid, uid])
    return ",".join(str(first) if first == last else f"{first}:{last}" for first, last in runs)


def expand(text: str, limit: int) -> list[int]:
    """The uids of a set, in its order; ValueError beyond ``limit``, which no honest server exceeds."""
    uids: list[int] = []
    for part in filter(None, text.split(",")):
        low, _, high = part.partition(":")
        first, last = int(low), int(high or low)
        if abs(last - first) + len(uids) >= limit:
            raise ValueError(f"more than {limit} uids in one response")
        uids.extend(range(first, last + 1) if first <= last else range(first, last - 1, -1))
    return uids


def batches(uids: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    for start in range(0, len(uids), size):
        yield uids[start : start + size]
