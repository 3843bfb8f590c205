"""One triage run: list, read, judge, then label what needs the person and file what does not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

import msgspec

from meshclaw.agents.builtin import MAIL_TRIAGE
from meshclaw.connectors.mail.connector import Read
from meshclaw.connectors.mail.mailbox.base import Entry
from meshclaw.flow.action import Action, Value
from meshclaw.flow.card import Card
from meshclaw.flow.event.mail import PlacementMade
from meshclaw.flow.event.run import RunStarted
from meshclaw.flow.message import Message
from meshclaw.flow.placement import INBOX, Placement
from meshclaw.flow.run import Run
from meshclaw.flow.units import digest_of
from meshclaw.guard.spent import ALIKE
from meshclaw.ledger.ledger import Ledger
from meshclaw.runs.act import Door
from meshclaw.runs.result import Result

CHUNK = 100
"""Mails read, judged and filed together: what a crash can leave half done, and what memory holds."""

LEAVE_LIST_AFTER = 3
"""Unread mails of one list before the claw proposes to leave it."""

Judge = Callable[[Message], Placement]


class Report(msgspec.Struct, kw_only=True):
    run: str
    cards: list[Card] = msgspec.field(default_factory=list[Card])
    failed: list[Result] = msgspec.field(default_factory=list[Result])
    denied: list[Result] = msgspec.field(default_factory=list[Result])
    approvals: list[str] = msgspec.field(default_factory=list[str])

    def take(self, results: Iterable[Result]) -> None:
        for result in results:
            match result.stand:
                case "failed" | "unknown":
                    self.failed.append(result)
                case "denied":
                    self.denied.append(result)
                case "asked":
                    self.approvals.append(result.approval)
                case _:
                    pass


def triage(
    door: Door,
    run: Run,
    *,
    judge: Judge,
    source: Callable[[str, str], str],
    progress: Callable[[int, int], None],
    dry_run: bool = False,
) -> Report:
    """Judge every mail of the inbox that no run has placed yet, and act on it.

    A run that was stopped goes on where it was. ``source(folder, ref)`` names a mail for the person;
    ``progress(done, all)`` is called per chunk.
    """
    report = Report(run=run.id)
    _go_on(door, run, report)
    seen = Seen(door.ledger, run.subject)
    new = (entry for entry in _list(door, run) if seen.is_new(entry))
    entries = sorted(new, key=lambda entry: (-entry.received, entry.ref))  # the newest first, as people read
    lists = UnreadLists()
    for chunk in chunks(entries, CHUNK):
        by_ref = {entry.ref: entry for entry in chunk}
        cards = [
            (read, _card(read.message, judge(read.message), source(INBOX, read.ref)))
            for read in _read(door, run, list(by_ref))
            if read.message.id not in seen.messages
        ]
        report.cards += [card for _, card in cards]
        progress(len(report.cards), len(entries))
        if dry_run:
            continue
        cards.sort(key=lambda pair: pair[1].placement.folder)  # one call per folder, not one per mail
        _keep(door, run, cards)
        results = door.act(run, MAIL_TRIAGE, [_action(run, read.ref, card) for read, card in cards])
        report.take(results)
        lists.count(by_ref, cards, results)
    report.take(door.act(run, MAIL_TRIAGE, [_leave(run, filed) for filed in lists.worth_leaving()]))
    return report


class Seen:
    """What earlier runs placed in this mailbox: what the person moved back is theirs and is not filed again."""

    def __init__(self, ledger: Ledger, mailbox: str) -> None:
        subject = digest_of(mailbox)
        runs = {event.run for event in ledger.events(RunStarted) if event.subject == subject}
        placed = [event for event in ledger.events(PlacementMade) if event.run in runs]
        self.messages = {event.message for event in placed}
        self._refs = {event.ref for event in placed}

    def is_new(self, entry: Entry) -> bool:
        return entry.ref not in self._refs and not entry.labels and not entry.draft


class Filed(msgspec.Struct, frozen=True, kw_only=True):
    card: Card
    ref: str
    """Where it lies now, in ``card.placement.folder``."""
    unsubscribe_url: str


class UnreadLists:
    """Mailing lists whose mails pile up unread and that offer a signed one-click way out."""

    def __init__(self) -> None:
        self._mails: dict[str, list[Filed]] = {}

    def count(
        self, entries: dict[str, Entry], cards: Sequence[tuple[Read, Card]], results: Sequence[Result]
    ) -> None:
        for (read, card), result in zip(cards, results, strict=True):
            message, undo = read.message, result.receipt.undo if result.receipt else None
            unread_bulk = card.placement.category == "bulk" and not entries[read.ref].seen
            if unread_bulk and message.unsubscribe_covered and undo is not None:
                filed = Filed(
                    card=card, ref=str(undo.arguments["ref"]), unsubscribe_url=message.unsubscribe_url
                )
                self._mails.setdefault(message.list_id or message.sender.address, []).append(filed)

    def worth_leaving(self) -> list[Filed]:
        """The newest mail of each: its way out is the one most likely to work. The fullest lists first."""
        lists = sorted(self._mails.values(), key=len, reverse=True)
        return [mails[0] for mails in lists if len(mails) >= LEAVE_LIST_AFTER][:ALIKE]


def chunks(values: Iterable[Entry], size: int) -> Iterator[list[Entry]]:
    iterator = iter(values)
    while chunk := list(islice(iterator, size)):
        yield chunk


def _list(door: Door, run: Run) -> list[Entry]:
    [result] = door.act(run, MAIL_TRIAGE, [Action(run=run.id, verb="mail.list", arguments={"folder": INBOX})])
    return msgspec.convert(result.brought(), list[Entry])


def _read(door: Door, run: Run, refs: list[str]) -> Iterator[Read]:
    action = Action(run=run.id, verb="mail.read", arguments={"folder": INBOX, "refs": refs})
    [result] = door.act(run, MAIL_TRIAGE, [action])
    yield from result.brought()  # pyright: ignore[reportGeneralTypeIssues]


def _go_on(door: Door, run: Run, report: Report) -> None:
    """Act on what this run placed and no longer came to decide on; the rest was settled before."""
    actions: list[Action] = []
    for placed in door.ledger.events(PlacementMade, run=run.id):
        card = card_of(door, placed)
        report.cards.append(card)
        actions.append(_action(run, placed.ref, card))
    report.take(door.act(run, MAIL_TRIAGE, [action for action in actions if not door.knows(action)]))


def card_of(door: Door, placed: PlacementMade) -> Card:
    return msgspec.json.decode(door.contents.get(placed.content), type=Card)


def _card(message: Message, placement: Placement, source: str) -> Card:
    return Card(
        source=source, digest=message.digest, message_id=message.message_id, sender=message.sender,
        subject=message.subject, date=message.date, placement=placement, findings=message.findings,
    )  # fmt: skip


def _keep(door: Door, run: Run, cards: Sequence[tuple[Read, Card]]) -> None:
    digests = door.contents.put(card for _, card in cards)
    door.ledger.record(
        *(
            PlacementMade(
                run=run.id, intent=run.request.intent, agent=run.agent,
                message=read.message.id, ref=read.ref, category=card.placement.category, folder=card.placement.folder,
                signals=tuple(evidence.signal for evidence in card.placement.evidence), content=digest,
            )
            for (read, card), digest in zip(cards, digests, strict=True)
        )
    )  # fmt: skip


def _action(run: Run, ref: str, card: Card) -> Action:
    placement, place = card.placement, _place(INBOX, ref, card)
    if placement.folder == INBOX:
        return Action(
            run=run.id, verb="mail.label", arguments={**place, "add": [placement.category], "remove": []}
        )
    return Action(run=run.id, verb="mail.move", arguments={**place, "to": placement.folder})


def _leave(run: Run, filed: Filed) -> Action:
    place = _place(filed.card.placement.folder, filed.ref, filed.card)
    return Action(run=run.id, verb="mail.unsubscribe", arguments={**place, "url": filed.unsubscribe_url})


def _place(folder: str, ref: str, card: Card) -> dict[str, Value]:
    return {"folder": folder, "ref": ref, "message": card.digest, "message_id": card.message_id}
