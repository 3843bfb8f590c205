"""An answer shown while it comes: about once a second, in whole sentences, and nothing that claims a deed.

What a model says of its own deeds is compared with the receipts when the answer ends; until then such a sentence, and
whatever follows it, is held back. The end of the answer takes the place of all that was shown.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable

import msgspec

from meshclaw.connectors.slack.client import Client
from meshclaw.connectors.slack.markup import posted
from meshclaw.daemon.slack.kept import Turn
from meshclaw.daemon.slack.saying import PIECE, UNKNOWN, mrkdwn, plain_links
from meshclaw.errors import MeshClawError, NotFound, Refused, Throttled
from meshclaw.flow.action import Value
from meshclaw.guard.request.lexicon import DEEDS
from meshclaw.runs.claims import check

log = logging.getLogger(__name__)

EVERY_S = 1.0
SLOWER_S = 1.5
"""Between two changes of a message, which Slack allows less often than pieces of a stream."""
_SENTENCE_END = re.compile(r"[.!?:](?=\s)|\n")
_ANY = frozenset(DEEDS)


class _Begun(msgspec.Struct, frozen=True, kw_only=True):
    ts: str


class _Done(msgspec.Struct, frozen=True, kw_only=True):
    ok: bool = True


class Stream:
    """Of one turn. ``client`` waits for no rate limit; ``begun`` keeps where the message is."""

    def __init__(
        self, client: Client, turn: Turn, begun: Callable[[str], None], *, every_s: float = EVERY_S
    ) -> None:
        self._client = client
        self._turn = turn
        self._begun = begun
        self._every_s = every_s
        self._text = ""
        self._shown = 0
        self._ts = ""
        self._by_changes = False
        """The workspace knows no streams: one message is changed instead."""
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def hear(self, piece: str) -> None:
        """From the run's thread, which waits for nothing here."""
        with self._lock:
            self._text += piece
        if self._thread is None:
            self._thread = threading.Thread(target=self._show, name="stream", daemon=True)
            self._thread.start()

    def end(self) -> None:
        """Nothing more is shown when this returns."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    def _show(self) -> None:
        pause = self._every_s
        while not self._over.wait(pause):
            pause = self._every_s
            with self._lock:
                text = speakable(self._text)[:PIECE]
            if len(text) <= self._shown:
                continue
            try:
                self._send(text)
                pause = max(pause, SLOWER_S) if self._by_changes else pause
            except Throttled as error:
                pause = error.retry_after or 10 * self._every_s
            except MeshClawError as error:
                log.info("An answer is not shown while it comes: %s", error.message)
                return

    def _send(self, text: str) -> None:
        started = time.monotonic()
        if not self._ts:
            self._start(text)
        elif self._by_changes:
            self._client.write("chat.update", _Done, {**self._place(), "text": mrkdwn(text), "parse": "none"})
        else:
            self._client.write(
                "chat.appendStream", _Done, {**self._place(), "chunks": [_chunk(text[self._shown :])]}
            )
        self._shown = len(text)
        log.debug("Shown after %.0f ms.", 1000 * (time.monotonic() - started))

    def _start(self, text: str) -> None:
        turn, workspace = self._turn, self._client.workspace
        self._begun(UNKNOWN)
        try:
            if not self._by_changes:
                self._ts = self._client.write("chat.startStream", _Begun, {
                    "channel": turn.channel, "thread_ts": turn.thread, "recipient_user_id": workspace.me,
                    "recipient_team_id": workspace.team, "chunks": [_chunk(text)],
                }).ts  # fmt: skip
        except Throttled:
            self._begun("")
            raise
        except (Refused, NotFound) as error:
            log.info("No streams here, one message is changed instead: %s", error.message)
            self._by_changes = True
        if not self._ts:
            self._ts = self._client.write("chat.postMessage", _Begun, {
                "channel": turn.channel, "thread_ts": turn.thread, "text": mrkdwn(text), "parse": "none",
                "unfurl_links": False, "unfurl_media": False,
            }).ts  # fmt: skip
        self._begun(self._ts)

    def _place(self) -> dict[str, Value]:
        return {"channel": self._turn.channel, "ts": self._ts}


def _chunk(text: str) -> dict[str, Value]:
    return {"type": "markdown_text", "text": posted(plain_links(text))}


def speakable(text: str) -> str:
    """What may be shown of an answer that is still coming: whole sentences, up to the first that claims a deed."""
    end = 0
    for found in _SENTENCE_END.finditer(text):
        if check(text[end : found.end()], (), (), _ANY).corrected:
            break
        end = found.end()
    return text[:end]
