"""Conversations: what the person says begins a run, a thread goes on with it, and one thing is done after the other."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from meshclaw.agents import planner
from meshclaw.connectors.slack import address
from meshclaw.connectors.slack.client import Client
from meshclaw.connectors.slack.markup import plain
from meshclaw.connectors.slack.people import People
from meshclaw.daemon.desk import Desk, Done, Job
from meshclaw.daemon.service import in_words
from meshclaw.daemon.slack import commands
from meshclaw.daemon.slack.kept import Kept, Post, Turn
from meshclaw.daemon.slack.saying import Mouth
from meshclaw.daemon.slack.streaming import Stream
from meshclaw.errors import MeshClawError
from meshclaw.flow.action import Value
from meshclaw.flow.event.model import AnswerGiven
from meshclaw.flow.event.run import RunStarted
from meshclaw.ledger.ledger import parse_timestamp
from meshclaw.runs.run import tell
from meshclaw.triggers import chat
from meshclaw.wiring import Claw

log = logging.getLogger(__name__)

MOST_WORDS = 12_000
"""Characters of one request."""
THINKING = "is thinking…"
BROKEN = "Something is wrong in the claw itself; its log says what."
UNSEEN = "I go by your words alone: I do not see what is attached. Put its text into a message."


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """A turn's run came to its end, or never began."""

    key: str
    words: str = ""
    """What to say where the run itself gave no answer."""


class Nothing(msgspec.Struct, frozen=True):
    """An answer that is not looked at."""


def subject_of(team: str, channel: str, thread: str) -> str:
    return f"slack:{team}/{channel}/{thread}"


class Turns:
    """All of it is called from one thread; ``put`` hands ``Ended`` back to it, ``later`` does work in another one."""

    def __init__(
        self, client: Client, kept: Kept, mouth: Mouth, desk: Desk, *, put: Callable[[Ended], None],
        later: Callable[[Callable[[], None]], None],
    ) -> None:  # fmt: skip
        self._client, self._kept, self._mouth, self._desk = client, kept, mouth, desk
        self._put, self._later = put, later
        self._people = People(client)
        self._quick = Client(client.workspace, most_wait=0)
        """Waits for no rate limit: what is shown meanwhile can be left out."""
        self._at_work: dict[str, Stream | None] = {}
        """Turns that this process will hear the end of, by key."""

    def begin(self) -> None:
        """Whatever waits and does not have to wait for another one of its thread."""
        busy = {(one.channel, one.thread) for one in self._kept.turns("begun") if one.thread}
        for turn in self._kept.turns("new"):
            placed = self._placed(turn)
            place = (placed.channel, placed.thread)
            if place not in busy:
                busy |= {place} if placed.thread else set()
                self._begin(placed)

    def go_on(self, claw: Claw) -> None:
        """After a start: turns whose run began before, and whose end nobody would tell."""
        for turn in self._kept.turns("begun"):
            if turn.key in self._at_work:
                continue
            run = turn.run or self._found(claw, turn)
            if not run:
                self._begin(turn)
            elif self.over(claw, run):
                self._kept.change(turn.key, run=run, text="")
                self.end(claw, Ended(key=turn.key))
            else:
                self._kept.change(turn.key, run=run, text="")  # the desk resumes it; the ledger tells

    def over(self, claw: Claw, run: str) -> bool:
        return tell(claw.ledger, claw.contents, run).state != "running"

    def end(self, claw: Claw, ended: Ended) -> None:
        """Bring back what a run answered, each answer once, and go on with the thread."""
        stream = self._at_work.pop(ended.key, None)
        if stream is not None:
            stream.end()
        turn = self._kept.turn(ended.key)
        if turn is None or turn.state == "answered":
            return
        if not self.tell(claw, turn):
            words = ended.words or f"That did not work. What happened: `meshclaw run show {turn.run[-8:]}`"
            self._say(turn, f"end {turn.key}", words)
        self._kept.change(turn.key, state="answered", text="", stream="")
        self.begin()

    def ended_elsewhere(self, claw: Claw, run: str) -> None:
        """The ledger tells of an answer or an end that no callback of ours will."""
        turn = self._kept.turn_of(run)
        if turn is None or turn.key in self._at_work:
            return
        if turn.state == "begun" and self.over(claw, run):
            self.end(claw, Ended(key=turn.key))
        elif turn.state == "answered":
            self.tell(claw, turn)

    def tell(self, claw: Claw, turn: Turn) -> bool:
        """Say every answer of the turn's run that was not said yet; whether there is any."""
        given = list(claw.ledger.events(AnswerGiven, run=turn.run)) if turn.run else []
        for event in given:
            text = msgspec.json.decode(claw.contents.get(event.said), type=str)
            self._say(turn, f"answer {event.id}", text)
        return bool(given)

    def _say(self, turn: Turn, op: str, text: str) -> None:
        self._mouth.say_all(op, turn.channel, turn.thread, text, stream=turn.stream)

    # -- beginning --------------------------------------------------------------------------

    def _placed(self, turn: Turn) -> Turn:
        """Where its answer goes: what was said before others is answered between the two alone."""
        if turn.how == "direct" or turn.channel != turn.said_in:
            return turn
        direct = self._mouth.direct()
        if turn.how == "slash":
            return self._kept.change(turn.key, channel=direct, thread="")
        about = f"thread {turn.said_in} {turn.thread}"
        thread = self._kept.marked(about)
        if not thread:
            link = address.link(self._client.workspace.host, turn.said_in, turn.ts)
            opener = Post(
                op=f"open {turn.key}", channel=direct, text=f"You asked me in <#{turn.said_in}>: {link}"
            )
            thread = self._mouth.say(opener)
            self._kept.mark(about, thread)
            self._mouth.aside(
                turn.said_in, self._client.workspace.me, "I answer you in our own conversation."
            )
        return self._kept.change(turn.key, channel=direct, thread=thread)

    def _begin(self, turn: Turn) -> None:
        words = self._words(turn)
        turn = self._kept.change(turn.key, state="begun")
        planned = planner.plan(words)
        if not words:
            self._put(Ended(key=turn.key, words=_hint(turn)))
        elif planned is not None:
            self._at_work[turn.key] = None
            self._later(lambda: self._by_command(turn, planned))
        else:
            self._by_model(turn, words)

    def _by_command(self, turn: Turn, planned: planner.Planned) -> None:
        words = BROKEN
        try:
            words = commands.answer(planned)
        except MeshClawError as error:
            words = _wrong(error)
        finally:
            self._put(Ended(key=turn.key, words=words))

    def _by_model(self, turn: Turn, words: str) -> None:
        if turn.files:
            self._mouth.say(
                Post(op=f"files {turn.key}", channel=turn.channel, thread=turn.thread, text=UNSEEN)
            )
        request = chat.receive("ask", words)
        subject = subject_of(self._client.workspace.team, turn.channel, turn.thread)
        stream = None
        if turn.thread:
            self._status(turn, words)
            stream = Stream(self._quick, turn, lambda ts: self._streams(turn.key, ts))
        self._at_work[turn.key] = stream
        self._desk.take(
            Job(request=request, subject=subject, after=self._last(turn)),
            started=lambda run: self._started(turn.key, run),
            heard=stream.hear if stream else None,
            told=lambda done: self._put(Ended(key=turn.key, words=_ended(done))),
        )

    def _started(self, key: str, run: str) -> None:
        self._kept.change(key, run=run, text="")

    def _streams(self, key: str, ts: str) -> None:
        self._kept.change(key, stream=ts)

    def _last(self, turn: Turn) -> str:
        """The run before, in the same thread."""
        runs = [
            one.run
            for one in self._kept.in_thread(turn.channel, turn.thread)
            if one.run and one.key != turn.key
        ]
        return runs[-1] if turn.thread and runs else ""

    def _found(self, claw: Claw, turn: Turn) -> str:
        """The run that began for a turn just before the process ended."""
        subject = subject_of(self._client.workspace.team, turn.channel, turn.thread)
        at = datetime.fromtimestamp(turn.at, UTC)
        for event in claw.ledger.events(RunStarted):
            by_chat = event.trigger == "chat" and parse_timestamp(event.ts) >= at
            if not by_chat or self._kept.turn_of(event.run):
                continue
            if msgspec.json.decode(claw.contents.get(event.subject), type=str) == subject:
                return event.run
        return ""

    def _words(self, turn: Turn) -> str:
        bot = self._client.workspace.bot
        text = re.sub(rf"<@{re.escape(bot)}(?:\|[^>]*)?>", " ", turn.text) if bot else turn.text
        return plain(text, self._handle).strip()[:MOST_WORDS]

    def _handle(self, user: str) -> str:
        try:
            return self._people.handle(user)
        except MeshClawError:
            return user

    def _status(self, turn: Turn, words: str) -> None:
        """What the assistant pane shows; a workspace without one refuses, and nothing is lost."""
        place: dict[str, Value] = {"channel_id": turn.channel, "thread_ts": turn.thread}
        calls: list[tuple[str, dict[str, Value]]] = [("assistant.threads.setStatus", {"status": THINKING})]
        if turn.thread == turn.ts or not self._last(turn):
            calls.append(("assistant.threads.setTitle", {"title": words.partition("\n")[0][:60]}))
        for method, more in calls:
            try:
                self._client.write(method, Nothing, {**place, **more})
            except MeshClawError as error:
                log.debug("%s: %s", method, error.message)
                return


def _hint(turn: Turn) -> str:
    if turn.files:
        return UNSEEN
    return "Say in words what you want, as in: what needs me today?"


def _ended(done: Done) -> str:
    return _wrong(done.error) if done.error is not None else done.text


def _wrong(error: MeshClawError) -> str:
    return f"That did not work. {in_words(error)}"
