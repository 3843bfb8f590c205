"""Slack as a model sees it: short names instead of ids, a line or a few for each thing, and only what it needs."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, cast

import msgspec

from meshclaw.connectors.base import Shelf, Use
from meshclaw.connectors.slack.calls import (
    TOOLS,
    Channels,
    Direct,
    Download,
    Named,
    Post,
    React,
    Read,
    Reply,
    Search,
    Upload,
)
from meshclaw.connectors.slack.files import Fetched
from meshclaw.connectors.slack.messages import Said
from meshclaw.connectors.slack.people import Person
from meshclaw.connectors.slack.places import Channel
from meshclaw.errors import UserError
from meshclaw.flow.action import Action, Value
from meshclaw.flow.conversation import Call, Tool

SHOWN = 60
"""Channels of one list."""
MOST_SHOWN = 24_000
"""Characters of one answer."""


class SlackTools:
    tools: Sequence[Tool] = TOOLS

    def use(self, call: Call, run: str, shelf: Shelf) -> Use:
        uses: dict[str, tuple[type[Any], Callable[..., Use]]] = {
            "slack.channels": (Channels, _channels), "slack.people": (Named, _people),
            "slack.outsiders": (Named, _people), "slack.read": (Read, _read), "slack.search": (Search, _search),
            "slack.post": (Post, _post), "slack.reply": (Reply, _reply), "slack.dm": (Direct, _dm),
            "slack.react": (React, _react), "slack.upload": (Upload, _upload), "slack.download": (Download, _download),
        }  # fmt: skip
        type_, use = uses[call.verb]
        try:
            wanted = msgspec.convert(call.arguments, type_)
        except msgspec.ValidationError as error:
            raise UserError(f"{call.verb} was called wrongly: {error}") from error
        return use(wanted, call.verb, run, shelf)


# -- looking -----------------------------------------------------------------------------------


def _channels(wanted: Channels, verb: str, run: str, shelf: Shelf) -> Use:
    """All are asked for, whatever is shown: who chooses what is looked at must not choose what there is."""
    [found] = yield [Action(run=run, verb=verb, arguments={})]
    channels = msgspec.convert(found, list[Channel]) if found is not None else []
    words = wanted.named.casefold().removeprefix("#").split()
    shown = [one for one in channels if all(word in one.name.casefold() for word in words)]
    lines = [_channel_line(shelf, one) for one in shown[:SHOWN]]
    more = f"\n... and {len(shown) - SHOWN} more: name some words." if len(shown) > SHOWN else ""
    return "\n".join(lines) + more if lines else "There is no such channel."


def _channel_line(shelf: Shelf, channel: Channel) -> str:
    name = _name(shelf, "c", {"channel": channel.id, "name": channel.name, **_outside(channel.outside)})
    marks = [
        "private" if channel.private else "", "" if channel.joined else "not joined: cannot be read",
        f"read by {_hosts(channel.outside)} too" if channel.outside else "",
    ]  # fmt: skip
    told = ", ".join(filter(None, marks))
    topic = channel.topic or channel.shared_topic
    return f"{name} #{channel.name}{f' ({told})' if told else ''}{f': {topic}' if topic else ''}"


def _people(wanted: Named, verb: str, run: str, shelf: Shelf) -> Use:
    [found] = yield [Action(run=run, verb=verb, arguments={"named": wanted.named})]
    people = msgspec.convert(found, list[Person]) if found is not None else []
    return "\n".join(_person_line(shelf, one) for one in people) or "Nobody is called so."


def _person_line(shelf: Shelf, person: Person) -> str:
    name = _name(shelf, "p", {"user": person.id, "handle": person.name, **_outside(person.outside)})
    called = ", ".join(filter(None, (person.real_name, person.shown_as, person.strange_name, person.title)))
    outside = f" (outside: {_hosts(person.outside)})" if person.outside else ""
    return f"{name} @{person.name}{f' {called}' if called else ''}{outside}"


def _read(wanted: Read, verb: str, run: str, shelf: Shelf) -> Use:
    arguments: dict[str, Value] = {"channel": _thing(shelf, wanted.channel, "name")["name"]}
    for key, named in (("thread", wanted.thread), ("before", wanted.before)):
        if named:
            message = _thing(shelf, named, "message")
            arguments[key] = message["thread" if key == "thread" else "message"]
    [found] = yield [Action(run=run, verb=verb, arguments=arguments)]
    return _messages(shelf, found, "Nothing was written there.")


def _search(wanted: Search, verb: str, run: str, shelf: Shelf) -> Use:
    [found] = yield [Action(run=run, verb=verb, arguments={"words": wanted.words})]
    return _messages(shelf, found, "Nothing was found.")


def _messages(shelf: Shelf, found: object, empty: str) -> str:
    """The oldest first, as people read; what is too much is left out from the oldest on."""
    said = msgspec.convert(found, list[Said]) if found is not None else []
    shown: list[str] = []
    room = MOST_SHOWN
    for one in sorted(said, key=lambda one: one.ref.partition("/")[2], reverse=True):
        text = _message(shelf, one)
        if (room := room - len(text)) < 0:
            shown.append("(older ones are left out: read before the first one shown)")
            break
        shown.append(text)
    return "\n".join(reversed(shown)) or empty


def _message(shelf: Shelf, said: Said) -> str:
    name = _name(shelf, "s", {
        "message": said.ref, "channel": said.channel, "thread": said.thread or said.ref, **_outside(said.outside)
    })  # fmt: skip
    where = f" in #{said.place}" if said.place else ""
    replies = f" [{said.replies} replies]" if said.replies else ""
    files = "".join(
        f" [{_name(shelf, 'f', {'file': one.id})}: {one.name}, {one.size} bytes]" for one in said.files
    )
    text = " / ".join(filter(None, (said.text, said.foreign_text)))
    return f"{name} {said.time[:16].replace('T', ' ')} {said.by or 'an app'}{where}: {text}{replies}{files}"


def _download(wanted: Download, verb: str, run: str, shelf: Shelf) -> Use:
    [found] = yield [
        Action(run=run, verb=verb, arguments={"file": _thing(shelf, wanted.file, "file")["file"]})
    ]
    if found is None:
        return ""
    file = msgspec.convert(found, Fetched)
    told = f"{file.name}, {file.kind or 'unknown'}, {file.size} bytes, now at {file.path}"
    return f"{told}\n{file.text}" if file.text else f"{told}; it is no text."


# -- writing -----------------------------------------------------------------------------------


def _post(wanted: Post, verb: str, run: str, shelf: Shelf) -> Use:
    place = _thing(shelf, wanted.channel, "channel")
    return _write(verb, run, shelf, {**_to(place), **_spoken(shelf, wanted.text)}, "Posted")


def _reply(wanted: Reply, verb: str, run: str, shelf: Shelf) -> Use:
    message = _thing(shelf, wanted.message, "message")
    arguments = {**_to(message), "message": message["thread"], **_spoken(shelf, wanted.text)}
    return _write(verb, run, shelf, arguments, "Answered")


def _dm(wanted: Direct, verb: str, run: str, shelf: Shelf) -> Use:
    person = _thing(shelf, wanted.person, "user")
    to = {name: person[name] for name in ("user", "outside") if name in person}
    return _write(verb, run, shelf, {**to, "text": wanted.text}, "Sent")


def _write(verb: str, run: str, shelf: Shelf, arguments: dict[str, Value], done: str) -> Use:
    [posted] = yield [Action(run=run, verb=verb, arguments=arguments)]
    if not isinstance(posted, list):  # not done; or done before a stop, of which only the link is known
        return f"{done}." if posted is not None else ""
    [ref] = [str(cast("dict[str, object]", one)["ref"]) for one in cast("list[object]", posted)]
    place = {name: arguments[name] for name in ("channel", "outside") if name in arguments}
    return (
        f"{done}, as {_name(shelf, 's', {'message': ref, 'thread': arguments.get('message', ref), **place})}."
    )


def _react(wanted: React, verb: str, run: str, shelf: Shelf) -> Use:
    message = _thing(shelf, wanted.message, "message")
    arguments = {**_to(message), "message": message["message"], "emoji": wanted.emoji}
    [done] = yield [Action(run=run, verb=verb, arguments=arguments)]
    return "Reacted." if done is not None else ""


def _upload(wanted: Upload, verb: str, run: str, shelf: Shelf) -> Use:
    place = _thing(shelf, wanted.channel, "channel")
    arguments = {**_to(place), "name": wanted.name, "text": wanted.text}
    [done] = yield [Action(run=run, verb=verb, arguments=arguments)]
    return "Uploaded." if done is not None else ""


_PERSON = re.compile(r"(?<![\w@.])@(p\d{1,4})\b")
_ALL = re.compile(r"(?<![\w@.])@(?:channel|here|everyone)\b")


def _spoken(shelf: Shelf, text: str) -> dict[str, Value]:
    """The text, and whom it mentions: each is a destination of its own."""
    people = {one: shelf[one] for one in _PERSON.findall(text) if "handle" in shelf.get(one, {})}
    text = _PERSON.sub(lambda m: f"@{people[m[1]]['handle']}" if m[1] in people else m[0], text)
    loud = list(dict.fromkeys(_ALL.findall(text)))
    mentions: dict[str, Value] = {"mentions": [one["user"] for one in people.values()]} if people else {}
    return {"text": text, **mentions, **({"everyone": loud} if loud else {})}


# -- short names -------------------------------------------------------------------------------


def _name(shelf: Shelf, letter: str, thing: dict[str, Value]) -> str:
    """The name it has, or the next free one."""
    (key, value) = next(iter(thing.items()))
    mine = [name for name in shelf if re.fullmatch(rf"{letter}\d+", name)]
    known = next((name for name in mine if shelf[name].get(key) == value), None)
    name = known or f"{letter}{len(mine) + 1}"
    shelf[name] = thing
    return name


def _thing(shelf: Shelf, name: str, kind: str) -> dict[str, Value]:
    if (found := shelf.get(name)) is None or kind not in found:
        raise UserError(f"there is no {kind} {name!r}: look for it first, and use the name that is shown")
    return found


def _to(thing: dict[str, Value]) -> dict[str, Value]:
    """Channel, and who else reads there."""
    if "channel" not in thing:
        raise UserError("that stands in a direct conversation: write to the person with slack.dm")
    return {name: thing[name] for name in ("channel", "outside") if name in thing}


def _outside(outside: tuple[str, ...]) -> dict[str, Value]:
    return {"outside": list(outside)} if outside else {}


def _hosts(outside: tuple[str, ...]) -> str:
    return ", ".join(one.partition("@")[2] for one in outside)
