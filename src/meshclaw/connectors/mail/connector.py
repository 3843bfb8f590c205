"""Mail as a connector: each verb of the manifest, performed on one mailbox."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, cast

import msgspec

from meshclaw.connectors.base import Performed
from meshclaw.connectors.mail.mailbox.base import Labelling, Mailbox, Relocation
from meshclaw.connectors.mail.manifest import DECLARATIONS
from meshclaw.errors import Busy, MeshClawError, NotFound, Refused, Uncertain
from meshclaw.flow.action import Action, Value
from meshclaw.flow.message import MAX_READ, Message
from meshclaw.flow.receipt import Receipt, Undo
from meshclaw.flow.slip import Enclosed

if TYPE_CHECKING:  # it loads the mail-sending library, which triage does without
    from meshclaw.connectors.mail.outgoing import Outgoing

log = logging.getLogger(__name__)

DRAFTS, SENT, ARCHIVE, TRASH = "Drafts", "Sent", "Archive", "Trash"


class Read(msgspec.Struct, frozen=True, kw_only=True):
    ref: str
    folder: str
    kinds: tuple[str, ...] = ()
    """What its own headers say it is; whoever wrote it can make just this one mail a newsletter."""
    message: Message


class MailConnector:
    """``claw`` is who claims mails; ``outgoing`` is None where no way to send is set up."""

    declarations = DECLARATIONS

    def __init__(
        self,
        mailbox: Mailbox,
        *,
        claw: str,
        parse: Callable[[bytes], Message],
        outgoing: Outgoing | None = None,
    ) -> None:
        self._mailbox = mailbox
        self._claw = claw
        self._parse = parse
        self._outgoing = outgoing

    def perform(self, actions: Sequence[Action]) -> Iterator[Performed | MeshClawError]:
        performers = {
            "mail.list": self._list, "mail.read": self._read, "mail.label": self._label, "mail.move": self._move,
            "mail.archive": self._archive, "mail.draft": self._draft, "mail.send": self._send,
            "mail.unsubscribe": self._unsubscribe,
        }  # fmt: skip
        for verb, group in groupby(actions, key=lambda action: action.verb):
            alike = [(action, _problem(action)) for action in group]
            results = performers[verb]([action for action, problem in alike if problem is None])
            yield from (problem or next(results) for _, problem in alike)

    # -- reading -------------------------------------------------------------------------

    def _list(self, actions: list[Action]) -> Iterator[Performed | MeshClawError]:
        for action in actions:
            yield _attempt(lambda a=action: _done(a, value=list(self._mailbox.entries(_text(a, "folder")))))

    def _read(self, actions: list[Action]) -> Iterator[Performed | MeshClawError]:
        for action in actions:
            yield _attempt(lambda a=action: _done(a, value=self._messages(a)))

    def _messages(self, action: Action) -> Iterator[Read]:
        """Parsed one by one while they are asked for, so that memory holds one mail at a time."""
        folder, refs = _text(action, "folder"), _texts(action, "refs")
        for ref, raw in self._mailbox.read_many(folder, refs, MAX_READ):
            message = self._parse(raw)
            yield Read(ref=ref, folder=folder, kinds=_kinds(message), message=message)

    # -- labelling and moving ------------------------------------------------------------

    def _label(self, actions: list[Action]) -> Iterator[Performed | MeshClawError]:
        labellings = [
            Labelling(
                folder=_text(action, "folder"), ref=_text(action, "ref"),
                add=tuple(_texts(action, "add")), remove=tuple(_texts(action, "remove")),
            )
            for action in actions
        ]  # fmt: skip
        try:
            ours = self._ours(labellings)
            found = iter(self._mailbox.label_many([one for one in labellings if one in ours]))
        except MeshClawError as error:
            yield from (error for _ in actions)
            return
        for action, labelling in zip(actions, labellings, strict=True):
            back: dict[str, Value] = {"add": action.arguments["remove"], "remove": action.arguments["add"]}
            undo = Undo(verb="mail.label", arguments={**action.arguments, **back})
            link = f"{labelling.folder}/{labelling.ref}"
            there = labelling in ours and next(found)
            yield _done(action, link=link, undo=undo) if there else _not_ours(action)

    def _ours(self, wanted: Sequence[Labelling | Relocation]) -> set[Labelling | Relocation]:
        """Those that no other claw works on; it takes servers that can keep claims to tell."""
        ours: set[Labelling | Relocation] = set()
        for folder in {one.folder for one in wanted}:
            here = [one for one in wanted if one.folder == folder]
            try:
                claimed = set(self._mailbox.claim(folder, [one.ref for one in here], by=self._claw))
            except Refused as error:
                log.info("%s; only one claw may work on this mailbox.", error.message)
                claimed = {one.ref for one in here}
            ours |= {one for one in here if one.ref in claimed}
        return ours

    def _move(self, actions: list[Action]) -> Iterator[Performed | MeshClawError]:
        return self._relocate(actions, [_text(action, "to") for action in actions])

    def _archive(self, actions: list[Action]) -> Iterator[Performed | MeshClawError]:
        return self._relocate(actions, [ARCHIVE] * len(actions))

    def _relocate(self, actions: list[Action], targets: list[str]) -> Iterator[Performed | MeshClawError]:
        moves = [
            Relocation(folder=_text(action, "folder"), ref=_text(action, "ref"), to=to)
            for action, to in zip(actions, targets, strict=True)
        ]
        refs: dict[Relocation, str] = {}
        errors: dict[Relocation, MeshClawError] = {}
        by_way: dict[tuple[str, str], list[Relocation]] = {}
        for move in moves:
            by_way.setdefault((move.folder, move.to), []).append(move)
        for way in by_way.values():  # one way failing must not hide that another one worked
            try:
                ours = self._ours(way)
                mine = [move for move in way if move in ours]
                moved = zip(mine, self._mailbox.move(mine), strict=True)
                refs |= {move: ref for move, ref in moved if ref is not None}
            except MeshClawError as error:
                errors |= dict.fromkeys(way, error)
        for action, move in zip(actions, moves, strict=True):
            if move in errors:
                yield errors[move]
            else:
                yield _moved(action, move, refs[move]) if move in refs else _not_ours(action)

    # -- writing and sending -------------------------------------------------------------

    def _draft(self, actions: list[Action]) -> Iterator[Performed | MeshClawError]:
        for action in actions:
            yield _attempt(lambda a=action: self._append_draft(a))

    def _append_draft(self, action: Action) -> Performed:
        raw = _text(action, "raw").encode("utf-8", "surrogateescape")
        ref = self._mailbox.append(DRAFTS, raw, draft=True)
        return _done(action, link=f"{DRAFTS}/{ref}", undo=self._binning(raw, ref))

    def _binning(self, raw: bytes, ref: str) -> Undo:
        message = self._parse(raw)
        place: dict[str, Value] = {
            "folder": DRAFTS, "ref": ref, "message": message.digest, "message_id": message.message_id, "to": TRASH
        }  # fmt: skip
        return Undo(verb="mail.move", arguments=place)

    def _send(self, actions: list[Action]) -> Iterator[Performed | MeshClawError]:
        for action in actions:
            yield _attempt(lambda a=action: self._send_draft(a))

    def _send_draft(self, action: Action) -> Performed:
        outgoing = self._need_outgoing()
        folder, ref = _text(action, "folder"), _text(action, "ref")
        raw = self._mailbox.read(folder, ref, MAX_READ)
        draft, recipients = self._parse(raw), _texts(action, "recipients")
        if draft.digest != _text(action, "message"):
            raise Refused("the draft was changed after it was approved", fix="Ask again: meshclaw mail send")
        if set(recipients) != {address.address for address in (*draft.to, *draft.cc)}:
            raise Refused(
                "the recipients are not those that the draft names", fix="Ask again: meshclaw mail send"
            )
        outgoing.send(raw, recipients)
        # From here on it is sent; a draft that cannot be filed any more must not look like a failure.
        try:
            [sent] = self._mailbox.move([Relocation(folder=folder, ref=ref, to=SENT)])
        except MeshClawError:
            sent = None
        return _done(action, link=f"{SENT}/{sent}" if sent else "")

    def _unsubscribe(self, actions: list[Action]) -> Iterator[Performed | MeshClawError]:
        for action in actions:
            yield _attempt(lambda a=action: self._leave_list(a))

    def _leave_list(self, action: Action) -> Performed:
        message = self._parse(self._mailbox.read(_text(action, "folder"), _text(action, "ref"), MAX_READ))
        if not message.unsubscribe_covered:
            raise Refused(
                "the mail does not carry a one-click unsubscribe that its sender signed (RFC 8058)",
                fix="Leave the list by hand; a link that nobody signed may lead anywhere.",
            )
        if message.unsubscribe_url != _text(action, "url"):
            raise Refused("the unsubscribe address is not the one that was approved")
        from meshclaw.connectors.mail.unsubscribe import one_click

        one_click(message.unsubscribe_url)
        return _done(action)

    def _need_outgoing(self) -> Outgoing:
        if self._outgoing is None:
            raise Refused(
                "this account has no way to send mail",
                fix="meshclaw mail connect ADDRESS --smtp smtps://user@host",
            )
        return self._outgoing

    # -- shown to the person who is asked --------------------------------------------------

    def enclose(self, action: Action) -> Mapping[str, Enclosed]:
        """The draft that would be sent, whole; of any other mail who wrote it and what it is called."""
        from meshclaw.connectors.mail.enclosed import head, whole

        if "ref" not in action.arguments or _problem(action):
            return {}
        raw = self._mailbox.read(_text(action, "folder"), _text(action, "ref"), MAX_READ)
        if self._parse(raw).digest != _text(action, "message"):
            raise Refused("the mail at that place is another one by now")
        return whole(raw) if action.verb == "mail.send" else head(raw)

    # -- evidence after a crash ----------------------------------------------------------

    def probe(self, action: Action) -> Receipt | None:
        match action.verb:
            case "mail.list" | "mail.read":
                return None
            case "mail.label":
                return None  # setting the same labels again is the same as setting them once
            case "mail.move" | "mail.archive":
                return self._probe_move(action)
            case "mail.draft":
                return self._probe_draft(action)
            case "mail.send":
                return self._probe_send(action)
            case _:
                raise Uncertain(f"nothing in the mailbox can prove whether {action.verb} happened")

    def _probe_move(self, action: Action) -> Receipt | None:
        folder, ref = _text(action, "folder"), _text(action, "ref")
        to = _text(action, "to") if action.verb == "mail.move" else ARCHIVE
        if self._is_there(folder, ref):
            return None
        found = self._find(to, _text(action, "message_id"), _text(action, "message"))
        if found is None:
            raise Uncertain(f"the mail is neither in {folder!r} nor in {to!r}: somebody moved it on")
        return _moved(action, Relocation(folder=folder, ref=ref, to=to), found).receipt

    def _probe_draft(self, action: Action) -> Receipt | None:
        raw = _text(action, "raw").encode("utf-8", "surrogateescape")
        message = self._parse(raw)
        ref = self._find(DRAFTS, message.message_id, message.digest)
        if ref is None:
            return None
        return Receipt(external_id=action.external_id, link=f"{DRAFTS}/{ref}", undo=self._binning(raw, ref))

    def _probe_send(self, action: Action) -> Receipt | None:
        """The journal copy, or the draft already among the sent ones, proves it; nothing else does."""
        message_id = _text(action, "message_id")
        for folder in (SENT, "INBOX", *self._mailbox.folders()):
            if folder not in (DRAFTS, TRASH) and self._find(folder, message_id):
                return Receipt(external_id=action.external_id, link=folder)
        raise Uncertain("no copy of the mail has come back; it may still be under way")

    def _is_there(self, folder: str, ref: str) -> bool:
        try:
            self._mailbox.read(folder, ref, 1)
        except NotFound:
            return False
        return True

    def _find(self, folder: str, message_id: str, digest: str = "") -> str | None:
        """By Message-ID alone where no digest proves it: a copy that came back has other bytes."""
        if folder not in self._mailbox.folders():  # a crash may come before the folder is made
            return None
        return self._mailbox.find(folder, message_id=message_id, digest=digest)


def _moved(action: Action, move: Relocation, ref: str) -> Performed:
    place: dict[str, Value] = {
        "folder": move.to, "ref": ref, "to": move.folder,
        "message": action.arguments["message"], "message_id": action.arguments["message_id"],
    }  # fmt: skip
    return _done(action, link=f"{move.to}/{ref}", undo=Undo(verb="mail.move", arguments=place))


def _kinds(message: Message) -> tuple[str, ...]:
    """A list that one can leave and not write to sends newsletters."""
    return ("newsletter",) if message.has_unsubscribe and "list-post" not in message.hints else ()


def _done(action: Action, *, link: str = "", undo: Undo | None = None, value: object = None) -> Performed:
    return Performed(receipt=Receipt(external_id=action.external_id, link=link, undo=undo), value=value)


def _not_ours(action: Action) -> Busy:
    return Busy(
        f"the mail is no longer in {action.arguments['folder']!r}, or another claw works on it; it was left alone",
        fix="Let only one claw work on a mailbox.",
    )


def _attempt(deed: Callable[[], Performed]) -> Performed | MeshClawError:
    try:
        return deed()
    except MeshClawError as error:
        return error


LISTS = frozenset({"refs", "add", "remove", "recipients"})
"""Arguments that are lists of texts; all others are texts."""


def _problem(action: Action) -> Refused | None:
    """One action with arguments of the wrong shape must not take the others of its batch down."""
    for name, value in action.arguments.items():
        wanted = "a list of texts" if name in LISTS else "a text"
        if isinstance(value, list) != (name in LISTS) or isinstance(value, bool | int):
            return Refused(f"{action.verb}: {name} must be {wanted}, not {value!r}")
    return None


def _text(action: Action, name: str) -> str:
    return cast("str", action.arguments[name])


def _texts(action: Action, name: str) -> list[str]:
    return cast("list[str]", action.arguments[name])
