"""Our labels as keywords: IMAP atoms (RFC 9051 §2.3.2), which Dovecot also keeps in Maildir and mbox.

The prefix keeps them apart from the keywords of people and of other programs, which are never touched.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from meshclaw.errors import UserError

PREFIX = "$Claw."
"""``reply`` is stored as ``$Claw.reply``."""
CLAIM_PREFIX = "$ClawBy."
"""The claw that works on a message: ``$ClawBy.<claw>``. Never listed as a label."""

_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")


def keyword(label: str) -> str:
    return PREFIX + _checked(label, "label")


def claim_keyword(claw: str) -> str:
    return CLAIM_PREFIX + _checked(claw, "claw name")


def labels_of(keywords: Iterable[str]) -> frozenset[str]:
    return frozenset(word.removeprefix(PREFIX) for word in keywords if word.startswith(PREFIX))


def _checked(name: str, what: str) -> str:
    if not _NAME.fullmatch(name):
        raise UserError(
            f"{name!r} cannot be a {what}", fix="Use 1 to 40 letters, digits, hyphens and underscores."
        )
    return name
