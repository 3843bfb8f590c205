"""The socket: what comes is kept, acknowledged at once, and handed on; the work is done elsewhere.

An app's events go to any one of its sockets, never to all. So a claw that finds another socket open steps back: two
that listen would each hear half of what their person says.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

import msgspec

from meshclaw.connectors.slack.client import Client
from meshclaw.daemon.slack.envelopes import Callback, Envelope, Event, Interaction, Slash
from meshclaw.daemon.slack.gate import Words, called, is_person, passed
from meshclaw.daemon.slack.kept import Kept
from meshclaw.daemon.slack.link import DEAD_S, PULSE_S, Link, open_link
from meshclaw.daemon.slack.speaking import Clicked, Looked, Missed, Opened, Speaker
from meshclaw.errors import Busy, NotReachable, UserError
from meshclaw.settings.slack import Workspace

log = logging.getLogger(__name__)

ALIVE = "alive"
"""Mark of the last second at which the socket is known to have been there."""
MARK_EVERY_S = 60.0
CROWDED, CROWDED_S = 3, 1.0
"""How often, and after how long, a socket is opened again before another claw is taken to hold one: Slack counts
connections that have just ended for a while."""
GREETING_S = 30.0
RECEIVED = "On it. The answer comes in our own conversation."


class Listener:
    """One workspace's socket, as a service of the daemon."""

    def __init__(
        self, workspace: Workspace, speaker: Speaker, *, client: Client | None = None,
        pulse_s: float = PULSE_S, dead_s: float = DEAD_S, crowded_s: float = CROWDED_S,
    ) -> None:  # fmt: skip
        self.name = f"slack {workspace.host}"
        self.at_work = threading.Lock()
        self._workspace = workspace
        self._speaker = speaker
        self._client = client or Client(workspace)
        self._pulse_s, self._dead_s, self._crowded_s = pulse_s, dead_s, crowded_s
        self._marked_at = 0.0

    def run(self, stop: threading.Event, ready: Callable[[], None]) -> None:
        if not self._workspace.me:
            raise UserError(
                "nobody said who you are there, so nobody's words count",
                fix=f"meshclaw slack connect {self._workspace.host}",
            )
        kept = self._speaker.kept
        while not stop.is_set():
            link = self._open(stop)
            try:
                since = float(kept.marked(ALIVE) or 0)
                self._alive(kept)
                ready()
                if since:
                    self._speaker.put(Missed(since=since))
                self._listen(link, kept, stop)
            finally:
                link.close()

    def _open(self, stop: threading.Event) -> Link:
        """A socket that is the app's only one; Busy where another claw has one, too."""
        for _ in range(CROWDED):
            link = open_link(self._client, pulse_s=self._pulse_s, dead_s=self._dead_s)
            try:
                number = self._greeted(link)
            except BaseException:
                link.close()
                raise
            if number <= 1:
                return link
            link.close()
            stop.wait(self._crowded_s)
        raise Busy(
            "another claw listens with this app's token, and Slack would share your words out between the two. "
            "Stop the other one, or give each an app of its own."
        )

    @staticmethod
    def _greeted(link: Link) -> int:
        """How many sockets the app has, this one among them."""
        end = time.monotonic() + GREETING_S
        while time.monotonic() < end:
            said = link.receive()
            if said is None:
                continue
            envelope = _decoded(said)
            if envelope is not None and envelope.type == "hello":
                return envelope.num_connections
        raise NotReachable("Slack's socket opened and said nothing.")

    def _listen(self, link: Link, kept: Kept, stop: threading.Event) -> None:
        """Until Slack wants the socket opened anew, as it does every few hours."""
        while not stop.is_set():
            said = link.receive()
            if time.monotonic() - self._marked_at > MARK_EVERY_S and time.monotonic() - link.heard_at < 1:
                self._alive(kept)
            if said is None:
                continue
            envelope = _decoded(said)
            if envelope is None:
                continue
            if envelope.type == "disconnect":
                if envelope.reason == "link_disabled":
                    raise UserError(
                        "Socket Mode was turned off for the app", fix="Turn it on in the app's settings."
                    )
                return
            if envelope.envelope_id:
                with self.at_work:
                    answer = self._take(envelope, kept)
                    link.acknowledge(envelope.envelope_id, answer)

    def _alive(self, kept: Kept) -> None:
        kept.mark(ALIVE, f"{time.time():.0f}")
        self._marked_at = time.monotonic()

    def _take(self, envelope: Envelope, kept: Kept) -> dict[str, object] | None:
        """Keep it; what it is answered with at once, if anything. What cannot be understood is done with."""
        try:
            match envelope.type:
                case "events_api":
                    self._event(msgspec.json.decode(envelope.payload, type=Callback), kept)
                case "slash_commands":
                    return self._slash(msgspec.json.decode(envelope.payload, type=Slash), kept)
                case "interactive":
                    self._interaction(msgspec.json.decode(envelope.payload, type=Interaction), kept)
                case _:
                    log.info("Slack sent something of a kind that is not known here.")
        except msgspec.MsgspecError as error:
            log.warning("Something that Slack sent cannot be understood: %s", error)
        return None

    def _event(self, callback: Callback, kept: Kept) -> None:
        event, told = callback.event, f"event {callback.event_id}"
        match event.type:
            case "message" | "app_mention":
                self._message(event, told, kept)
            case "assistant_thread_started":
                pane = event.assistant_thread
                if is_person(pane.user_id, "", self._workspace) and kept.first(told):
                    self._speaker.put(Opened(channel=pane.channel_id, thread=pane.thread_ts))
            case "app_home_opened" if event.tab == "home" and kept.first(told):
                self._speaker.put(Looked(user=event.user))
            case _:
                pass

    def _message(self, event: Event, told: str, kept: Kept) -> None:
        heard = passed(event, self._workspace)
        if isinstance(heard, Words):
            is_new = kept.hear(heard, told)
        else:
            is_new = heard is not None and kept.first(told, f"stranger {heard.user} {_day()}")
        if heard is not None and is_new:
            self._speaker.put(heard)

    def _slash(self, slash: Slash, kept: Kept) -> dict[str, object]:
        words = called(slash, self._workspace)
        if words is None:
            return {"text": "This claw works for somebody else."}
        if kept.hear(words):
            self._speaker.put(words)
        return {"text": RECEIVED}

    def _interaction(self, interaction: Interaction, kept: Kept) -> None:
        if interaction.type != "block_actions":
            return
        team = interaction.team.id if interaction.team is not None else interaction.user.team_id
        if not is_person(interaction.user.id, team, self._workspace):
            log.warning("Somebody else pressed a button of the claw; nothing was done.")
            return
        for pressed in interaction.actions:
            if kept.first(f"action {interaction.user.id} {pressed.action_ts} {pressed.action_id}"):
                self._speaker.put(Clicked(interaction=interaction, pressed=pressed))


def _decoded(said: bytes) -> Envelope | None:
    try:
        return msgspec.json.decode(said, type=Envelope)
    except msgspec.MsgspecError:
        log.warning("Slack's socket said something that cannot be understood.")
        return None


def _day() -> str:
    return time.strftime("%Y-%m-%d")
