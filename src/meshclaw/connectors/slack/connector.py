"""Slack as a connector: each verb of the manifest, performed in one workspace."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from meshclaw.connectors.base import Performed
from meshclaw.connectors.slack import address, arguments, markup, once
from meshclaw.connectors.slack.client import Client
from meshclaw.connectors.slack.enclosed import enclosed
from meshclaw.connectors.slack.files import Files
from meshclaw.connectors.slack.manifest import DECLARATIONS
from meshclaw.connectors.slack.messages import Messages, Reader
from meshclaw.connectors.slack.people import People
from meshclaw.connectors.slack.places import Places
from meshclaw.connectors.slack.search import Search
from meshclaw.connectors.slack.wrong import Declined
from meshclaw.errors import MeshClawError, NotFound, Refused, TooLong, Uncertain
from meshclaw.flow.action import Action, Value
from meshclaw.flow.receipt import Receipt, Undo
from meshclaw.flow.slip import Enclosed

READ = 50
"""Messages of one read, newest first."""


class _Done(msgspec.Struct, frozen=True):
    ok: bool = True


class _Opened(msgspec.Struct, frozen=True):
    channel: _Id


class _Id(msgspec.Struct, frozen=True):
    id: str


class _Reaction(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    users: tuple[str, ...] = ()


class _Reacted(msgspec.Struct, frozen=True, kw_only=True):
    reactions: tuple[_Reaction, ...] = ()


class _Reactions(msgspec.Struct, frozen=True, kw_only=True):
    message: _Reacted


class SlackConnector:
    """``folder`` takes the files that are fetched; ``sleep`` waits so many seconds."""

    declarations = DECLARATIONS

    def __init__(self, client: Client, folder: Path, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._host = client.workspace.host
        self._sleep = sleep
        self._people = People(client)
        self._places = Places(client, self._people)
        self._reader = Reader(client, self._people)
        self._files = Files(client, folder)
        self._search = Search(client, self._places, self._reader)

    def perform(self, actions: Sequence[Action]) -> Iterator[Performed | MeshClawError]:
        deeds: dict[str, Callable[[Action], Performed]] = {
            "slack.channels": self._channels, "slack.people": self._look_up, "slack.outsiders": self._look_up,
            "slack.read": self._read, "slack.search": self._find, "slack.post": self._post, "slack.reply": self._post,
            "slack.dm": self._post, "slack.react": self._react, "slack.upload": self._upload,
            "slack.download": self._download, "slack.delete": self._delete, "slack.unreact": self._unreact,
            "slack.remove": self._remove,
        }  # fmt: skip
        for action in actions:
            try:
                arguments.check(action)
                yield deeds[action.verb](action)
            except MeshClawError as error:
                yield error

    # -- reading -------------------------------------------------------------------------

    def _channels(self, action: Action) -> Performed:
        places = sorted(self._places.all(), key=lambda one: (not one.is_member, one.name))
        return _done(action, value=[self._places.channel(one) for one in places])

    def _look_up(self, action: Action) -> Performed:
        outsiders = action.verb == "slack.outsiders"
        return _done(action, value=self._people.called(arguments.text(action, "named"), outsiders=outsiders))

    def _read(self, action: Action) -> Performed:
        """The newest of a channel, or a whole thread; ``before`` a message, those before it."""
        place = self._places.named(arguments.text(action, "channel"))
        asked: dict[str, Value] = {"channel": place.id, "limit": READ}
        for name, key in (("thread", "ts"), ("before", "latest")):
            if name in action.arguments:
                asked[key] = self._ts(action, name, place.id)
        method = "conversations.replies" if "thread" in action.arguments else "conversations.history"
        found = self._client.read(method, Messages, asked).messages[:READ]
        outside = self._places.outside(place)
        said = [self._reader.said(one, place.id, outside=outside, place=place.name) for one in found]
        return _done(action, value=said)

    def _find(self, action: Action) -> Performed:
        return _done(action, value=self._search.find(arguments.text(action, "words")))

    def _download(self, action: Action) -> Performed:
        return _done(action, value=self._files.fetch(arguments.text(action, "file")))

    # -- writing -------------------------------------------------------------------------

    def _post(self, action: Action) -> Performed:
        """Also an answer, and a direct message."""
        text = self._outgoing(action)
        channel, thread = self._where(action)
        posted = once.post(
            self._client,
            channel,
            text,
            op=action.external_id,
            since=arguments.began(action.run),
            thread=thread,
            sleep=self._sleep,
        )
        return self._posted(action, channel, posted.ts, thread)

    def _posted(self, action: Action, channel: str, ts: str, thread: str) -> Performed:
        ref = address.ref(channel, ts)
        undo = Undo(verb="slack.delete", arguments={"message": ref})
        link = address.link(self._host, channel, ts, thread)
        return _done(action, link=link, undo=undo, value=[{"ref": ref}])

    def _outgoing(self, action: Action) -> str:
        text = arguments.text(action, "text")
        if not text.strip():
            raise Refused("there is nothing to post")
        if len(text) > markup.MOST:
            raise TooLong(
                f"{len(text)} characters are more than the {markup.MOST} of one post",
                fix="Upload it as a file instead.",
            )
        ids = [address.id_of(one, self._host) for one in arguments.texts(action, "mentions")]
        handles = {self._people.handle(one): one for one in ids}
        return markup.posted(text, mentions=handles, everyone=arguments.texts(action, "everyone"))

    def _react(self, action: Action) -> Performed:
        channel, _ = self._where(action)
        ref, emoji = arguments.text(action, "message"), arguments.emoji(action)
        undo: Undo | None = Undo(verb="slack.unreact", arguments={"message": ref, "emoji": emoji})
        try:
            self._client.write("reactions.add", _Done, self._reaction(action))
        except Declined as error:
            if error.said != "already_reacted":
                raise
            undo = None  # it was there before: not ours to take away
        return _done(action, link=address.link(self._host, channel, address.parts_of(ref)[1]), undo=undo)

    def _upload(self, action: Action) -> Performed:
        channel, _ = self._where(action)
        name, text = arguments.text(action, "name"), arguments.text(action, "text")
        file = self._files.share(
            name, text, channel, op=action.external_id, since=arguments.began(action.run)
        )
        return self._uploaded(action, file)

    def _uploaded(self, action: Action, file: str) -> Performed:
        undo = Undo(verb="slack.remove", arguments={"file": file})
        return _done(action, link=f"https://{self._host}/files/{file}", undo=undo, value=[{"file": file}])

    # -- taking back ----------------------------------------------------------------------

    def _delete(self, action: Action) -> Performed:
        channel, ts = address.parts_of(arguments.text(action, "message"))
        return self._gone(action, "chat.delete", {"channel": channel, "ts": ts})

    def _unreact(self, action: Action) -> Performed:
        return self._gone(action, "reactions.remove", self._reaction(action))

    def _remove(self, action: Action) -> Performed:
        return self._gone(action, "files.delete", {"file": arguments.text(action, "file")})

    def _gone(self, action: Action, method: str, what: Mapping[str, Value]) -> Performed:
        """What is gone already has been taken back."""
        try:
            self._client.write(method, _Done, what)
        except NotFound:
            pass
        except Declined as error:
            if error.said != "no_reaction":
                raise
        return _done(action)

    def _reaction(self, action: Action) -> dict[str, Value]:
        channel, ts = address.parts_of(arguments.text(action, "message"))
        return {"channel": channel, "timestamp": ts, "name": arguments.emoji(action)}

    # -- where ----------------------------------------------------------------------------

    def _where(self, action: Action) -> tuple[str, str]:
        """Conversation and thread; Refused where others than those who were approved would read it.

        The direct conversation with somebody is made where there is none; that reaches nobody.
        """
        if "user" in action.arguments:
            user = self._people.fresh(self._id(action, "user"))
            self._same_readers(action, self._people.outside(user))
            return self._client.read("conversations.open", _Opened, {"users": user.id}).channel.id, ""
        channel = self._id(action, "channel")
        self._same_readers(action, self._places.outside(self._places.one(channel)))
        thread = self._ts(action, "message", channel) if "message" in action.arguments else ""
        return channel, thread

    def _same_readers(self, action: Action, outside: tuple[str, ...]) -> None:
        if tuple(sorted(arguments.texts(action, "outside"))) != tuple(sorted(outside)):
            who = ", ".join(outside) or "nobody from outside"
            raise Refused(f"others read along than was approved: by now {who}", fix="List them again.")

    def _id(self, action: Action, name: str) -> str:
        return address.id_of(arguments.text(action, name), self._host)

    @staticmethod
    def _ts(action: Action, name: str, channel: str) -> str:
        where, ts = address.parts_of(arguments.text(action, name))
        if where != channel:
            raise Refused(f"the {name} is in another channel than the one that is named")
        return ts

    # -- shown to the person who is asked --------------------------------------------------

    def enclose(self, action: Action) -> Mapping[str, Enclosed]:
        """What the channel or person is called, and the message that is answered or taken back."""
        arguments.check(action)
        return enclosed(action, self._client, self._people, self._places, self._reader)

    # -- evidence after a crash ------------------------------------------------------------

    def probe(self, action: Action) -> Receipt | None:
        """The message or file with the operation's id, the reaction that is there."""
        if DECLARATIONS[action.verb].effect in ("read", "write"):
            return None  # taking back twice is taking back once
        try:
            return self._evidence(action)
        except (Refused, NotFound) as error:
            raise Uncertain(f"whether it happened cannot be looked at: {error.message}") from error

    def _evidence(self, action: Action) -> Receipt | None:
        if action.verb == "slack.react":
            return self._reacted(action)
        channel, thread = self._probed(action)
        if action.verb == "slack.upload":
            file = self._files.find(
                channel, action.external_id, arguments.text(action, "name"), since=arguments.began(action.run)
            )
            return self._uploaded(action, file).receipt if file else None
        ts = once.find(
            self._client,
            channel,
            action.external_id,
            since=arguments.began(action.run),
            thread=thread,
            sleep=self._sleep,
        )
        return self._posted(action, channel, ts, thread).receipt if ts else None

    def _probed(self, action: Action) -> tuple[str, str]:
        """As ``_where``, whoever reads along by now."""
        if "user" in action.arguments:
            user = self._id(action, "user")
            return self._client.read("conversations.open", _Opened, {"users": user}).channel.id, ""
        channel = self._id(action, "channel")
        return channel, self._ts(action, "message", channel) if "message" in action.arguments else ""

    def _reacted(self, action: Action) -> Receipt | None:
        ref, emoji = arguments.text(action, "message"), arguments.emoji(action)
        channel, ts = address.parts_of(ref)
        found = self._client.read(
            "reactions.get", _Reactions, {"channel": channel, "timestamp": ts, "full": True}
        )
        for one in found.message.reactions:
            if one.name == emoji and self._client.workspace.bot in one.users:
                undo = Undo(verb="slack.unreact", arguments={"message": ref, "emoji": emoji})
                return _done(action, link=address.link(self._host, channel, ts), undo=undo).receipt
        return None


def _done(action: Action, *, link: str = "", undo: Undo | None = None, value: object = None) -> Performed:
    return Performed(receipt=Receipt(external_id=action.external_id, link=link, undo=undo), value=value)
