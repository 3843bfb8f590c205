"""What the mail connector can do: pure data, importable without any mail library."""

from __future__ import annotations

from meshclaw.flow.action import Declaration, Role

_PLACE: dict[str, Role] = {
    "folder": "reference",
    "ref": "reference",
    "message": "reference",  # SHA-256 of the mail
    "message_id": "text",  # whoever wrote the mail chose it
}

_ALL = (
    Declaration(
        verb="mail.list", effect="read", reversible=True, words="List a folder", arguments={"folder": "reference"}
    ),
    Declaration(
        verb="mail.read", effect="read", reversible=True, words="Read mails",
        arguments={"folder": "reference", "refs": "reference"},
    ),
    Declaration(
        verb="mail.label", effect="label", reversible=True, words="Set or take off the claw's own labels",
        arguments={**_PLACE, "add": "reference", "remove": "reference"},
    ),
    Declaration(
        verb="mail.move", effect="write", reversible=True, words="Move a mail to another folder of yours",
        arguments={**_PLACE, "to": "reference"},
    ),
    Declaration(
        verb="mail.archive", effect="write", reversible=True, words="Move a mail to the archive", arguments=_PLACE
    ),
    Declaration(
        verb="mail.draft", effect="draft", reversible=True, words="Put a mail into your drafts, unsent",
        arguments={"raw": "text"},
    ),
    Declaration(
        verb="mail.send", effect="send", reversible=False, words="Send a draft to other people",
        arguments={**_PLACE, "recipients": "destination"},
    ),
    Declaration(
        verb="mail.unsubscribe", effect="send", reversible=False,
        words="Tell a mailing list's server to stop (RFC 8058, one click)", arguments={**_PLACE, "url": "destination"},
    ),
)  # fmt: skip

DECLARATIONS = {declaration.verb: declaration for declaration in _ALL}
