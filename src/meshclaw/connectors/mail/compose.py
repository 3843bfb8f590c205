"""A new mail, from the words a person or a model gave."""

from __future__ import annotations

from collections.abc import Sequence
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate

from meshclaw.errors import UserError
from meshclaw.flow.units import sha256_hex


def compose(
    sender: str, to: Sequence[str], subject: str, text: str, *, id_: str, answers: str = "", when: str = ""
) -> str:
    """A plain text mail whose Message-ID is fixed by its run: the same run can only ever send this one.

    ``answers``: Message-ID of the mail that this one answers. ``when``: its date, RFC 5322; now where it is empty.
    """
    message = EmailMessage(policy=SMTP)
    try:
        message["From"], message["To"], message["Subject"] = sender, ", ".join(to), subject
        if answers:
            message["In-Reply-To"] = message["References"] = answers
    except ValueError as error:
        raise UserError(
            f"that cannot stand in a mail's header ({error})", fix="Leave out line breaks."
        ) from error
    message["Date"] = when or formatdate(localtime=True)
    message["Message-ID"] = message_id(id_, sender)
    message.set_content(text)
    return message.as_string()


def message_id(id_: str, sender: str) -> str:
    """Always the same for ``id_``. In letters: digits in a draft look like an account's number, and are asked about."""
    letters = sha256_hex(id_.encode())[:32].translate(str.maketrans("0123456789", "ghijklmnop"))
    return f"<claw.{letters}@{sender.rpartition('@')[2]}>"
