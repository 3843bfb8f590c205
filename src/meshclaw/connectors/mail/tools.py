"""Mail as a model sees it: short names instead of ids, one line for each mail, and only what it needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, cast
from uuid import UUID

import msgspec

from meshclaw.connectors.base import Shelf, Use
from meshclaw.connectors.mail.compose import compose
from meshclaw.connectors.mail.connector import DRAFTS, Read
from meshclaw.connectors.mail.mailbox.base import Entry
from meshclaw.errors import UserError
from meshclaw.flow.action import Action, Value
from meshclaw.flow.conversation import Call, Tool
from meshclaw.flow.message import Message

MOST = 50
"""Mails of one call."""
MOST_TEXT = 6_000
"""Characters of one mail's text."""

_FOLDER = {"type": "string", "description": "INBOX unless another one was named"}
_MAILS = {
    "type": "array",
    "items": {"type": "string"},
    "maxItems": MOST,
    "description": "short names, as in m3",
}
_LABELS = {"type": "array", "items": {"type": "string"}}


class List(msgspec.Struct, forbid_unknown_fields=True):
    folder: str = "INBOX"
    newest: int = 20


class Mails(msgspec.Struct, forbid_unknown_fields=True):
    mails: list[str]


class Move(Mails, forbid_unknown_fields=True):
    to: str


class Label(Mails, forbid_unknown_fields=True):
    add: list[str] = []
    remove: list[str] = []


class Draft(msgspec.Struct, forbid_unknown_fields=True):
    to: list[str]
    subject: str
    text: str
    answers: str = ""


class Send(msgspec.Struct, forbid_unknown_fields=True):
    draft: str


def _object(required: Sequence[str], **properties: object) -> dict[str, Value]:
    return {
        "type": "object", "properties": cast("Value", properties), "required": list(required),
        "additionalProperties": False,
    }  # fmt: skip


TOOLS = (
    Tool(
        verb="mail.list", words="List the newest mails of a folder, one line each.",
        schema=_object([], folder=_FOLDER, newest={"type": "integer", "minimum": 1, "maximum": MOST}),
    ),
    Tool(verb="mail.read", words="Read mails.", schema=_object(["mails"], mails=_MAILS)),
    Tool(
        verb="mail.move", words="Move mails to another folder.",
        schema=_object(["mails", "to"], mails=_MAILS, to={"type": "string"}),
    ),
    Tool(verb="mail.archive", words="Move mails to the archive.", schema=_object(["mails"], mails=_MAILS)),
    Tool(
        verb="mail.label", words="Put labels on mails, or take them off.",
        schema=_object(["mails"], mails=_MAILS, add=_LABELS, remove=_LABELS),
    ),
    Tool(
        verb="mail.draft", words="Put a new mail into the drafts. Nothing is sent.",
        schema=_object(
            ["to", "subject", "text"], to={"type": "array", "items": {"type": "string"}, "description": "addresses"},
            subject={"type": "string"}, text={"type": "string"},
            answers={"type": "string", "description": "short name of the mail that it answers"},
        ),
    ),
    Tool(
        verb="mail.send", words="Send a draft.",
        schema=_object(["draft"], draft={"type": "string", "description": "short name, as in d1"}),
    ),
)  # fmt: skip


class MailTools:
    """``sender``: the person's own address."""

    tools = TOOLS

    def __init__(self, sender: str) -> None:
        self._sender = sender

    def use(self, call: Call, run: str, shelf: Shelf) -> Use:
        uses: dict[str, tuple[type[Any], Callable[..., Use]]] = {
            "mail.list": (List, self._list), "mail.read": (Mails, self._read), "mail.move": (Move, self._move),
            "mail.archive": (Mails, self._archive), "mail.label": (Label, self._label),
            "mail.draft": (Draft, self._draft), "mail.send": (Send, self._send),
        }  # fmt: skip
        type_, use = uses[call.verb]
        try:
            wanted = msgspec.convert(call.arguments, type_)
        except msgspec.ValidationError as error:
            raise UserError(f"{call.verb} was called wrongly: {error}") from error
        return use(wanted, call, run, shelf)

    # -- looking -------------------------------------------------------------------------

    def _list(self, wanted: List, _: Call, run: str, shelf: Shelf) -> Use:
        [listed] = yield [Action(run=run, verb="mail.list", arguments={"folder": wanted.folder})]
        if listed is None:
            return ""
        entries = sorted(msgspec.convert(listed, list[Entry]), key=lambda one: -one.received)
        newest = {entry.ref: entry for entry in entries[: max(1, min(wanted.newest, MOST))]}
        if not newest:
            return f"{wanted.folder} is empty."
        [read] = yield [_reading(run, wanted.folder, list(newest))]
        reads = {one.ref: one for one in _reads(read)}
        lines = [
            _line(_name(shelf, wanted.folder, reads[ref]), reads[ref], newest[ref])
            for ref in newest if ref in reads
        ]  # fmt: skip
        return f"{len(newest)} of {len(entries)} mails in {wanted.folder}, newest first:\n" + "\n".join(lines)

    def _read(self, wanted: Mails, _: Call, run: str, shelf: Shelf) -> Use:
        places = [_place(shelf, name) for name in _few(wanted.mails)]
        folders = {str(place["folder"]) for place in places}
        found = yield [
            _reading(run, folder, [str(place["ref"]) for place in places if place["folder"] == folder])
            for folder in sorted(folders)
        ]
        reads = {one.ref: one for some in found for one in _reads(some)}
        return "\n\n".join(
            _mail(name, reads[str(place["ref"])].message)
            for name, place in zip(wanted.mails, places, strict=True) if place["ref"] in reads
        )  # fmt: skip

    # -- filing --------------------------------------------------------------------------

    def _move(self, wanted: Move, call: Call, run: str, shelf: Shelf) -> Use:
        return self._each(wanted, call, run, shelf, to=wanted.to)

    def _archive(self, wanted: Mails, call: Call, run: str, shelf: Shelf) -> Use:
        return self._each(wanted, call, run, shelf)

    def _label(self, wanted: Label, call: Call, run: str, shelf: Shelf) -> Use:
        return self._each(wanted, call, run, shelf, add=wanted.add, remove=wanted.remove)

    def _each(self, wanted: Mails, call: Call, run: str, shelf: Shelf, **more: Value) -> Use:
        names = _few(wanted.mails)
        links = yield [
            Action(run=run, verb=call.verb, arguments={**_place(shelf, name), **more}) for name in names
        ]
        done = [name for name, link in zip(names, links, strict=True) if link is not None]
        for name, link in zip(names, links, strict=True):
            folder, slash, ref = str(link or "").rpartition("/")
            if slash:  # it lies elsewhere now, under another ref
                shelf[name] = {**shelf[name], "folder": folder, "ref": ref}
        return f"Done: {', '.join(done)}." if done else ""

    # -- writing -------------------------------------------------------------------------

    def _draft(self, wanted: Draft, call: Call, run: str, shelf: Shelf) -> Use:
        answers = str(_place(shelf, wanted.answers)["message_id"]) if wanted.answers else ""
        # The same call of the same run is the same draft, byte for byte, also after a crash: dated by the run's id.
        began = datetime.fromtimestamp((UUID(run).int >> 80) / 1000, UTC)
        raw = compose(
            self._sender, wanted.to, wanted.subject, wanted.text, id_=f"{run}.{call.id}", answers=answers,
            when=format_datetime(began),
        )  # fmt: skip
        [link] = yield [Action(run=run, verb="mail.draft", arguments={"raw": raw})]
        if link is None:
            return ""
        ref = str(link).rpartition("/")[2]
        [read] = yield [_reading(run, DRAFTS, [ref])]
        [made] = _reads(read)
        name = _name(shelf, DRAFTS, made, letter="d")
        shelf[name] = {
            **shelf[name],
            "recipients": [one.address for one in (*made.message.to, *made.message.cc)],
        }
        return f"Drafted as {name}; not sent."

    def _send(self, wanted: Send, _: Call, run: str, shelf: Shelf) -> Use:
        place = _place(shelf, wanted.draft)
        if "recipients" not in place:
            raise UserError(f"{wanted.draft!r} is no draft of this run: make one with mail.draft first")
        [link] = yield [Action(run=run, verb="mail.send", arguments=place)]
        return f"Sent {wanted.draft}." if link is not None else ""


def _reading(run: str, folder: str, refs: list[str]) -> Action:
    return Action(run=run, verb="mail.read", arguments={"folder": folder, "refs": refs})


def _reads(brought: object) -> list[Read]:
    """Also what was kept of an earlier read, and nothing of one that was not done."""
    return msgspec.convert(brought or [], list[Read])


def _few(names: list[str]) -> list[str]:
    if not 1 <= len(names) <= MOST:
        raise UserError(f"name 1 to {MOST} mails, not {len(names)}")
    return names


def _place(shelf: Shelf, name: str) -> dict[str, Value]:
    if name not in shelf:
        raise UserError(f"there is no {name!r}: list the mails first, and use the names that the list shows")
    return shelf[name]


def _name(shelf: Shelf, folder: str, read: Read, *, letter: str = "m") -> str:
    """The name it has, or the next free one."""
    place: dict[str, Value] = {
        "folder": folder, "ref": read.ref, "message": read.message.digest, "message_id": read.message.message_id
    }  # fmt: skip
    for name, known in shelf.items():
        if name[0] == letter and known.get("message") == place["message"]:
            shelf[name] = {**known, **place}
            return name
    name = f"{letter}{1 + sum(one[0] == letter for one in shelf)}"
    shelf[name] = place
    return name


def _line(name: str, read: Read, entry: Entry) -> str:
    message, kinds = read.message, (*read.kinds, *([] if entry.seen else ["unread"]))
    marks = "".join(f" [{label}]" for label in sorted(entry.labels)) + "".join(f" ({kind})" for kind in kinds)
    return f"{name} {_day(message)} {_who(message)}: {message.subject or '(no subject)'}{marks}"


def _mail(name: str, message: Message) -> str:
    return "\n".join(_lines(name, message))


def _lines(name: str, message: Message) -> Iterator[str]:
    yield f"{name} from {_who(message)}, {_day(message)}"
    yield f"To: {', '.join(one.address for one in (*message.to, *message.cc))}"
    yield f"Subject: {message.subject}"
    yield from (f"Attached: {one.name} ({one.media_type}, {one.size:,} bytes)" for one in message.attachments)
    yield from (f"Take care: {one.detail}" for one in message.findings)
    yield message.text[:MOST_TEXT]
    if len(message.text) > MOST_TEXT:
        yield f"… ({len(message.text) - MOST_TEXT:,} characters more)"


def _who(message: Message) -> str:
    sender = message.sender
    return f"{sender.name} <{sender.address}>" if sender.name else sender.address


def _day(message: Message) -> str:
    return message.date.strftime("%Y-%m-%d %H:%M") if message.date else "undated"
