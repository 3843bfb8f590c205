"""Files in and out of the workspace, with limits; an upload is found again by its operation's id."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

import msgspec

from meshclaw.connectors.mail.message.characters import one_line, tidy
from meshclaw.connectors.slack.client import Client, Page
from meshclaw.connectors.slack.messages import File
from meshclaw.connectors.slack.once import MOST_PAGES, SKEW
from meshclaw.errors import MeshClawError, Refused, TooLong, Uncertain
from meshclaw.flow.action import Value

MOST_OUT = 1_000_000
"""Bytes of a file that is uploaded."""
MOST_IN = 20_000_000
"""Bytes of a file that is fetched."""
MOST_TEXT = 20_000
"""Characters of a fetched file that a run is shown."""
_UNSAFE = re.compile(r"[^\w.\- ]+|^\.+")


class Fetched(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str
    kind: str
    """Its media type, as Slack says."""
    size: int
    path: str
    """Where it lies now, readable by the person only."""
    text: str = ""
    """Its beginning, where it is text."""


class _One(msgspec.Struct, frozen=True):
    file: File


class _Url(msgspec.Struct, frozen=True):
    file_id: str
    upload_url: str


class _Completed(msgspec.Struct, frozen=True):
    files: tuple[File, ...] = ()


class _Holding(msgspec.Struct, frozen=True, kw_only=True):
    user: str = ""
    files: tuple[File, ...] = ()


class _Messages(Page, frozen=True, kw_only=True):
    messages: tuple[_Holding, ...] = ()


class Files:
    """``folder`` takes what is fetched."""

    def __init__(self, client: Client, folder: Path) -> None:
        self._client = client
        self._folder = folder

    def share(self, name: str, text: str, channel: str, *, op: str, since: float) -> str:
        """The new file's id. Nobody sees anything before the last step, which is the one that may be in doubt."""
        data, shown = text.encode("utf-8", "replace"), safe_name(name)
        if not data:
            raise Refused("an empty file cannot be uploaded")
        if len(data) > MOST_OUT:
            raise TooLong(f"the file has {len(data)} bytes, more than {MOST_OUT}")
        asked: dict[str, Value] = {"filename": marked(shown, op), "length": len(data)}
        place = self._client.read("files.getUploadURLExternal", _Url, asked)
        self._client.put(place.upload_url, data)
        files: list[Value] = [{"id": place.file_id, "title": shown}]
        done: dict[str, Value] = {"files": files, "channel_id": channel}
        try:
            self._client.write("files.completeUploadExternal", _Completed, done)
        except Uncertain:
            with suppress(MeshClawError):  # what stands in the way of looking proves nothing
                if self.find(channel, op, name, since=since) is not None:
                    return place.file_id
            raise
        return place.file_id

    def find(self, channel: str, op: str, name: str, *, since: float) -> str | None:
        """The id of the file that the operation shared there."""
        wanted, page = marked(safe_name(name), op), None
        arguments: dict[str, Value] = {"channel": channel, "oldest": f"{since - SKEW:.6f}"}
        for page in self._client.pages("conversations.history", _Messages, arguments, most=MOST_PAGES):
            for message in page.messages:
                for file in message.files:
                    if file.name == wanted and message.user == self._client.workspace.bot:
                        return file.id
        if page is not None and page.response_metadata.next_cursor:
            raise Uncertain("too much was written there since to tell whether it was uploaded")
        return None

    def fetch(self, id_: str) -> Fetched:
        file = self._client.read("files.info", _One, {"file": id_}).file
        if file.size > MOST_IN:
            raise TooLong(f"the file has {file.size} bytes, more than {MOST_IN}")
        url = file.url_private_download or file.url_private
        if not url:
            raise Refused("that file does not lie in Slack", fix="Open it where it lies.")
        data = self._client.fetch(url, MOST_IN)
        name = safe_name(file.name or file.title or "")
        return Fetched(
            id=file.id, name=one_line(file.name or "", 120), kind=one_line(file.mimetype, 60), size=len(data),
            path=str(self._keep(file.id, name, data)), text=_text(data, file.mimetype),
        )  # fmt: skip

    def _keep(self, id_: str, name: str, data: bytes) -> Path:
        place = self._folder / safe_name(id_)
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = place / name
        partial = place / ".part"
        partial.unlink(missing_ok=True)
        partial.touch(mode=0o600)
        partial.write_bytes(data)
        partial.replace(path)
        return path


def safe_name(name: str) -> str:
    """One that names a file in a folder and nothing else."""
    return _UNSAFE.sub("_", one_line(name, 100)).strip(" .") or "file"


def marked(name: str, op: str) -> str:
    """The name that a download of it gets: ``report-0a1b2c3d.txt``. The title is without it."""
    stem, dot, ending = name.rpartition(".")
    return f"{stem}-{op[:12]}.{ending}" if dot and stem else f"{name}-{op[:12]}"


def _text(data: bytes, kind: str) -> str:
    """Empty where it is no text."""
    try:
        found = data[: 4 * MOST_TEXT].decode("utf-8", "strict" if len(data) <= 4 * MOST_TEXT else "ignore")
    except UnicodeDecodeError:
        return ""
    is_text = (
        kind.startswith("text/")
        or kind in ("application/json", "application/xml", "application/yaml")
        or not kind
    )
    return tidy(found).text[:MOST_TEXT] if is_text or "\0" not in found else ""
