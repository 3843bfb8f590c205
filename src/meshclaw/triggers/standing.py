"""Standing intents: "when a mail about X comes, do Y", matched by full text in memory; no model, and nothing kept."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import msgspec

from meshclaw.triggers.store import Kept

MOST_TEXT = 100_000
"""Characters of a message that are looked at."""
PIECE = 4_000
"""Characters in which the place that fits is looked for."""
MOST_QUERY = 500
_TABLE = "CREATE VIRTUAL TABLE m USING fts5(subject, text, sender, tokenize='unicode61 remove_diacritics 2')"


class Standing(Kept, frozen=True, kw_only=True):
    match: str
    """Words, AND, OR, NOT, "a phrase", subject: word; as SQLite's FTS5 has it."""
    words: str
    """What is asked then: the person's own, and the licence of the run."""
    sender: str = ""
    """Words that the sender's name or address holds, all of them."""
    agent: str = "claw"
    intent: str = ""
    subject: str = ""
    """Which mailbox; empty: any."""
    cooldown_s: int = 300
    """Between two fires; what comes in between is on record and nothing is asked."""
    budget: int = 20
    """Fires in all."""
    expires: str
    """RFC 3339."""
    urgent: bool = False
    digest: str = ""
    """Of the agent's files as the person knew them."""
    over: bool = False
    """It ran out, or was used up."""


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """A message as it is matched; all of it written by others."""

    id: str
    """16 hex digits."""
    sender: str
    """Name and address."""
    subject: str
    text: str


def problem(match: str) -> str:
    """What is wrong with a query; empty where nothing is."""
    if not 0 < len(match.strip()) <= MOST_QUERY:
        return f"say in 1 to {MOST_QUERY} characters what is looked for"
    try:
        with closing(sqlite3.connect(":memory:")) as db:
            db.execute(_TABLE)
            db.execute("SELECT 1 FROM m WHERE m MATCH ?", (match,)).fetchall()
    except sqlite3.OperationalError as error:
        return f"{match!r} is no query ({error}); write invoice AND (acme OR initech) NOT reminder"
    return ""


class Matcher:
    """One message, any number of standing intents. Its first row is the whole message, the rest are pieces of it."""

    def __init__(self, heard: Heard) -> None:
        self._heard = heard
        self._sender = heard.sender.casefold()
        self._db = sqlite3.connect(":memory:")
        self._db.execute(_TABLE)
        self._put(heard.text[:MOST_TEXT])

    def why(self, one: Standing) -> str | None:
        """Where it fits, the place that does, in the words of others; None where it does not fit."""
        if not all(word in self._sender for word in one.sender.casefold().split()):
            return None
        if not self._db.execute("SELECT 1 FROM m WHERE m MATCH ? AND rowid = 1", (one.match,)).fetchone():
            return None
        self._cut()
        query = "SELECT snippet(m, -1, '[', ']', '…', 12) FROM m WHERE m MATCH ? AND rowid > 1 ORDER BY rowid"
        row = self._db.execute(query, (one.match,)).fetchone()
        return str(row[0]) if row else f"{self._heard.subject[:200]} …"  # its words lie far apart

    def _cut(self) -> None:
        """The time that SQLite takes for one place grows with the square of how often the words stand there."""
        if self._db.execute("SELECT max(rowid) FROM m").fetchone()[0] == 1:
            for at in range(0, max(1, len(self._heard.text[:MOST_TEXT])), PIECE):
                self._put(self._heard.text[at : at + PIECE])

    def _put(self, text: str) -> None:
        values = (self._heard.subject[:1_000], text, self._heard.sender[:1_000])
        self._db.execute("INSERT INTO m VALUES (?, ?, ?)", values)

    def close(self) -> None:
        self._db.close()
