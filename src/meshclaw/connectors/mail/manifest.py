"""What the mail connector can do: pure data, importable without any mail library."""

from __future__ import annotations

from meshclaw.flow.declaration import Argument, Declaration, Field

_FOLDER = Argument("reference", "folder")
_PLACE = {
    "folder": _FOLDER,
    "ref": Argument("reference", "mail.ref", item=True),
    "message": Argument("reference", "mail.digest", item=True),  # SHA-256 of the mail
    "message_id": Argument("text", item=True),  # whoever wrote the mail chose it
}
_FOUND = {
    "ref": Field("structured", "mail.ref", "system"),
    "folder": Field("structured", "folder", "system"),
}
_READ = {
    **_FOUND,
    "message.digest": Field("structured", "mail.digest", "system"),
    # Worked out by code of ours from the headers; nobody makes another one's mail a newsletter.
    "kinds": Field("structured", "kind", "system"),
    # No ``address``: a From line is anybody's word, so it never says to whom a mail may go.
    "message.sender.address": Field("structured", "sender", "anyone"),
    "message.subject": Field("free_text", "name", "anyone"),
}
_LABEL = Argument("reference", "label")
_MAIL = ("mail", "email", "e-mail", "message")

_ALL = (
    Declaration(
        verb="mail.list", effect="read", reversible=True, words="List a folder", arguments={"folder": _FOLDER},
        deed="read", objects=(*_MAIL, "inbox", "folder"), results=_FOUND,
    ),
    Declaration(
        verb="mail.read", effect="read", reversible=True, words="Read mails",
        arguments={"folder": _FOLDER, "refs": Argument("reference", "mail.ref")}, deed="read", objects=_MAIL,
        results=_READ,
    ),
    Declaration(
        verb="mail.label", effect="label", reversible=True, words="Set or take off the claw's own labels",
        arguments={**_PLACE, "add": _LABEL, "remove": _LABEL}, deed="label", objects=_MAIL,
    ),
    Declaration(
        verb="mail.move", effect="write", reversible=True, words="Move a mail to another folder of yours",
        arguments={**_PLACE, "to": _FOLDER}, deed="move", objects=_MAIL,
    ),
    Declaration(
        verb="mail.archive", effect="write", reversible=True, words="Move a mail to the archive", arguments=_PLACE,
        deed="move", objects=_MAIL,
    ),
    Declaration(
        verb="mail.draft", effect="draft", reversible=True, words="Put a mail into your drafts, unsent",
        arguments={"raw": Argument("text")}, deed="create", objects=(*_MAIL, "draft", "reply", "answer"),
    ),
    Declaration(
        verb="mail.send", effect="send", reversible=False, words="Send a draft to other people",
        arguments={**_PLACE, "recipients": Argument("destination", "address")}, deed="send", objects=_MAIL,
    ),
    Declaration(
        verb="mail.unsubscribe", effect="send", reversible=False,
        words="Tell a mailing list's server to stop (RFC 8058, one click)",
        arguments={**_PLACE, "url": Argument("destination", "url")}, deed="unsubscribe",
        objects=("list", "newsletter", *_MAIL),
    ),
)  # fmt: skip

DECLARATIONS = {declaration.verb: declaration for declaration in _ALL}
