"""What an action in Slack only points at, as the person sees it who is asked: names beside ids, and the message."""

from __future__ import annotations

from collections.abc import Mapping

from meshclaw.connectors.slack import address, arguments
from meshclaw.connectors.slack.client import Client
from meshclaw.connectors.slack.messages import Message, Messages, Reader
from meshclaw.connectors.slack.people import People
from meshclaw.connectors.slack.places import Places
from meshclaw.errors import NotFound
from meshclaw.flow.action import Action, Value
from meshclaw.flow.slip import Enclosed


def enclosed(
    action: Action, client: Client, people: People, places: Places, reader: Reader
) -> Mapping[str, Enclosed]:
    host = client.workspace.host
    found: dict[str, Enclosed] = {}
    if "channel" in action.arguments:
        place = places.one(address.id_of(arguments.text(action, "channel"), host))
        found["channel-name"] = Enclosed(role="destination", value=places.called(place))
    if "user" in action.arguments:
        person = people.person(people.fresh(address.id_of(arguments.text(action, "user"), host)))
        names = person.strange_name or person.shown_as or person.real_name
        found["user-name"] = Enclosed(role="destination", value=f"@{person.name} ({names})")
    if mentioned := arguments.texts(action, "mentions"):
        handles = [f"@{people.handle(address.id_of(one, host))}" for one in mentioned]
        found["mentioned"] = Enclosed(role="destination", value=handles)
    if "message" in action.arguments:
        channel, ts = address.parts_of(arguments.text(action, "message"))
        said = reader.said(_message(client, channel, ts), channel)
        about = "\n".join(filter(None, (f"{said.by}:", said.text, said.foreign_text)))
        found["about-message"] = Enclosed(role="text", value=about)
    return found


def _message(client: Client, channel: str, ts: str) -> Message:
    """One message, also of a thread. NotFound where it is gone."""
    asked: dict[str, Value] = {"channel": channel, "ts": ts, "limit": 1, "latest": ts, "inclusive": True}
    found = client.read("conversations.replies", Messages, asked).messages
    if (one := next((one for one in found if one.ts == ts), None)) is None:
        raise NotFound("that message is gone")
    return one
