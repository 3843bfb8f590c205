"""What corrections come to, by counting alone: mails moved back or elsewhere, asks refused, work taken back.

Nothing that a stranger wrote is read: of a mail its sender's address, of an ask its verb, of the rest the person's own
folders. The same correction must have been made a few times, and mostly so.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta

import msgspec

from meshclaw.errors import NotFound
from meshclaw.flow.approval import Approval
from meshclaw.flow.card import Card
from meshclaw.flow.event.action import ActionDecided
from meshclaw.flow.event.mail import OutcomeObserved, PlacementMade
from meshclaw.flow.event.run import RunStarted
from meshclaw.flow.memory import Fact, Source
from meshclaw.flow.placement import INBOX
from meshclaw.guard.text import address
from meshclaw.ledger.content import ContentStore
from meshclaw.ledger.ledger import Ledger, parse_timestamp, timestamp
from meshclaw.runs.run import approvals, undone_ids

TIMES = 3
"""A correction made less often is none to learn from yet."""
MOSTLY = 2 / 3
"""Share of the corrections about one thing that must say the same."""
SPAN = timedelta(days=90)
MOST_EVENTS = 10
"""Kept as the source of one fact."""
LONGEST = 80
"""Characters of an address or a folder's name that a fact may hold."""


_Text = Callable[[str, str], str]


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One correction: of what, and what it said."""

    about: str
    says: str
    event: str
    ts: str
    run: str


def corrections(ledger: Ledger, contents: ContentStore, now: datetime) -> list[Fact]:
    """As facts, in the order of what they are about; all of the last ``SPAN``, whatever was learned before."""
    since = timestamp(now - SPAN)
    found = [
        *_rules(_moved(ledger, contents, since), "outcomes", "folder", _of_mail),
        *_rules(_refused(ledger, since), "answers", "asks", _of_asks),
        *_rules(_taken_back(ledger, since), "outcomes", "undone", _of_undone),
    ]
    return sorted(found, key=lambda fact: (fact.attribute, fact.subject))


def _rules(seen: Iterable[Seen], what: str, attribute: str, text: _Text) -> Iterator[Fact]:
    by_thing: dict[str, list[Seen]] = defaultdict(list)
    for one in seen:
        by_thing[one.about].append(one)
    for about, several in by_thing.items():
        says, times = Counter(one.says for one in several).most_common(1)[0]
        if says and times >= TIMES and times >= MOSTLY * len(several):
            same = [one for one in several if one.says == says]
            yield Fact(
                text=text(about, says), trust="record", subject=about, attribute=attribute,
                learned=int(parse_timestamp(max(one.ts for one in same)).timestamp() * 1000),
                source=Source(
                    what="outcomes" if what == "outcomes" else "answers", times=times,
                    events=tuple(one.event for one in same[-MOST_EVENTS:]),
                    runs=tuple(dict.fromkeys(one.run for one in same[-MOST_EVENTS:])),
                ),
            )  # fmt: skip


# -- mails ---------------------------------------------------------------------------------------


def _moved(ledger: Ledger, contents: ContentStore, since: str) -> Iterator[Seen]:
    """Each mail once, by its newest outcome."""
    placed = {event.message: event for event in ledger.events(PlacementMade)}
    newest = {
        event.message: event for event in ledger.events(OutcomeObserved)
        if event.ts >= since and event.evidence in ("moved-back", "moved-elsewhere")
    }  # fmt: skip
    for message, event in newest.items():
        sender = _sender(contents, placed.get(message))
        if sender:
            yield Seen(
                about=f"mail:{sender}", says=_folder(event.folder), event=event.id, ts=event.ts, run=event.run
            )


def _sender(contents: ContentStore, placed: PlacementMade | None) -> str:
    if placed is None:
        return ""
    try:
        card = msgspec.json.decode(contents.get(placed.content), type=Card)
    except NotFound:
        return ""
    return plain_name(address(card.sender.address))


def _folder(name: str) -> str:
    return INBOX if name == INBOX else plain_name(name)


def plain_name(text: str) -> str:
    """Empty for what is too long or too odd to stand in a sentence as a name."""
    return text if len(text) <= LONGEST and text.isprintable() and not set(text) & set('"<>`{}|\\\n') else ""


def _of_mail(about: str, folder: str) -> str:
    sender = about.partition(":")[2]
    return f"Mail from {sender} belongs in {'the inbox' if folder == INBOX else f'the folder {folder}'}"


# -- asks and undos ------------------------------------------------------------------------------


def _refused(ledger: Ledger, since: str) -> Iterator[Seen]:
    """Answers to asks, canaries apart: "no" is what is learned from, "yes" speaks against it."""
    agents = {event.run: event.agent for event in ledger.events(RunStarted)}
    for one in approvals(ledger).all():
        if not one.canary and timestamp(one.asked) >= since and (says := _answer(one)):
            agent = agents.get(one.run, "").partition("@")[0]
            yield Seen(
                about=f"{agent}:{one.verb}", says=says, event=one.id, ts=timestamp(one.asked), run=one.run
            )


def _answer(one: Approval) -> str:
    return {"denied": "no", "allowed": "yes", "used": "yes", "one_of_two": "yes"}.get(one.state, "")


def _of_asks(about: str, says: str) -> str:
    agent, _, verb = about.partition(":")
    return f"The person {'refuses' if says == 'no' else 'agrees'} when the agent {agent} asks for {verb}"


def _taken_back(ledger: Ledger, since: str) -> Iterator[Seen]:
    """Each run once for each of its verbs that was taken back; mails are told by where they went."""
    undone = undone_ids(ledger)
    seen: set[tuple[str, str]] = set()
    for event in ledger.events(ActionDecided) if undone else ():
        key = (event.run, event.verb)
        if event.external_id in undone and event.ts >= since and key not in seen:
            seen.add(key)
            agent = event.agent.partition("@")[0]
            yield Seen(
                about=f"{agent}:{event.verb}", says="undone", event=event.id, ts=event.ts, run=event.run
            )


def _of_undone(about: str, _: str) -> str:
    agent, _, verb = about.partition(":")
    return f"The person takes back what the agent {agent} does with {verb}"
