"""The digest as a page."""

from __future__ import annotations

from meshclaw.agents.triage.digest import Digest, mails
from meshclaw.pages.page import rendered


def page(digest: Digest) -> str:
    """Everything from mails is escaped."""
    needing = sum(group.count for group in digest.needs)
    return rendered("digest.html", ("style.css", "digest.css"), digest=digest, needing=needing, mails=mails)
