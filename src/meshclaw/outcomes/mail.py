"""What the person did with the mails that triage placed: moved back, filed elsewhere, relabelled, answered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

import msgspec

from meshclaw.connectors.mail.mailbox.base import Entry, Mailbox
from meshclaw.errors import NotFound
from meshclaw.flow.card import Card
from meshclaw.flow.event.action import ActionDecided, ActionPerformed
from meshclaw.flow.event.mail import OutcomeObserved, PlacementMade
from meshclaw.flow.event.run import RunStarted
from meshclaw.flow.outcome import OutcomeState
from meshclaw.flow.placement import CATEGORIES, INBOX, Category
from meshclaw.flow.run import Run
from meshclaw.flow.units import digest_of
from meshclaw.ledger.content import ContentStore
from meshclaw.ledger.ledger import Ledger

STANDS_AFTER = timedelta(days=7)
"""A placement that nobody touched for this long stood."""

FOLDER_SAYS: dict[str, Category] = {
    "suspicious": "suspicious", "junk": "suspicious", "spam": "suspicious", "bulk": "bulk", "read": "read",
}  # fmt: skip
"""What a person says about a mail by moving it there; any other folder says nothing."""


class Placed(msgspec.Struct, frozen=True, kw_only=True):
    """One placement that was carried out and has no outcome yet."""

    placement: PlacementMade
    external_id: str
    folder: str
    ref: str
    at: datetime
    card: Card
    taken_back: bool
    """The claw itself undid it, on the person's word: an outcome, but no lesson about this mail."""


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One observation; ``says`` is the category the person's own act stands for, where it says one."""

    placed: Placed
    state: OutcomeState
    evidence: str
    folder: str = ""
    ref: str = ""
    says: Category | None = None


def open_placements(ledger: Ledger, contents: ContentStore, subject: str | None = None) -> list[Placed]:
    """Placements still waiting for an outcome, oldest first; only those of one mailbox where it is named."""
    mailbox = digest_of(subject)
    runs = {e.run for e in ledger.events(RunStarted) if subject is None or e.subject == mailbox}
    done = {event.external_id for event in ledger.events(OutcomeObserved)}
    decided = {
        e.external_id: e for e in ledger.events(ActionDecided) if e.verb in ("mail.label", "mail.move")
    }
    placements = {(e.run, e.ref): e for e in ledger.events(PlacementMade)}
    undoing = {e.external_id: e.undoes for e in decided.values() if e.undoes}
    receipts = list(ledger.events(ActionPerformed))
    taken_back = {undoing[e.external_id] for e in receipts if e.external_id in undoing}
    open_: list[Placed] = []
    for performed in receipts:
        action = decided.get(performed.external_id)
        if (
            action is None
            or performed.undo is None
            or performed.external_id in done
            or action.run not in runs
        ):
            continue
        placement = placements.get((action.run, str(action.arguments["ref"])))
        if placement is not None and not action.undoes:
            back = performed.external_id in taken_back
            open_.append(_placed(contents, placement, performed, taken_back=back))
    return open_


def _placed(
    contents: ContentStore, placement: PlacementMade, performed: ActionPerformed, *, taken_back: bool
) -> Placed:
    assert performed.undo is not None  # noqa: S101 - the caller looked
    where = performed.undo.arguments
    return Placed(
        placement=placement, external_id=performed.external_id, folder=str(where["folder"]), ref=str(where["ref"]),
        at=datetime.fromisoformat(performed.ts), card=msgspec.json.decode(contents.get(placement.content), type=Card),
        taken_back=taken_back,
    )  # fmt: skip


def observe(mailbox: Mailbox, placements: Iterable[Placed], now: datetime) -> Iterator[Seen]:
    """Only what is certain: a mail that nothing has happened to yields nothing."""
    folders = _Folders(mailbox)
    for placed in placements:
        if placed.taken_back:
            yield Seen(placed=placed, state="undone", evidence="undo")
            continue
        entry = folders.entry(placed.folder, placed.ref)
        seen = _stayed(placed, entry, now) if entry is not None else _left(placed, folders)
        if seen is not None:
            yield seen


def _stayed(placed: Placed, entry: Entry, now: datetime) -> Seen | None:
    category = placed.placement.category
    if placed.folder == INBOX:
        others: list[Category] = [c for c in CATEGORIES if c in entry.labels and c != category]
        if others:
            return Seen(
                placed=placed,
                state="edited",
                evidence="relabelled",
                says=others[0],
                folder=INBOX,
                ref=entry.ref,
            )
        if entry.answered and category in ("reply", "act", "waiting"):
            return Seen(placed=placed, state="stood", evidence="answered")
    if now - placed.at >= STANDS_AFTER:
        return Seen(placed=placed, state="stood", evidence="untouched")
    return None


def _left(placed: Placed, folders: _Folders) -> Seen:
    for folder in folders.likely(placed.folder):
        ref = folders.find(folder, placed)
        if ref is not None:
            return _moved(placed, folder, ref)
    return Seen(placed=placed, state="ignored", evidence="gone")


def _moved(placed: Placed, folder: str, ref: str) -> Seen:
    if folder == INBOX:
        return Seen(
            placed=placed, state="undone", evidence="moved-back", says="reply", folder=folder, ref=ref
        )
    says = FOLDER_SAYS.get(folder.rpartition("/")[2].lower())
    if says is None and placed.folder == INBOX:
        # Putting away what stayed in the inbox is what a person does with mail that they have dealt with.
        return Seen(placed=placed, state="stood", evidence="put-away", folder=folder, ref=ref)
    return Seen(placed=placed, state="edited", evidence="moved-elsewhere", says=says, folder=folder, ref=ref)


class _Folders:
    """The mailbox's folders, each listed at most once."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox
        self._names = mailbox.folders()
        self._listed: dict[str, dict[str, Entry]] = {}

    def entry(self, folder: str, ref: str) -> Entry | None:
        if folder not in self._listed:
            entries = self._mailbox.entries(folder) if folder in self._names else ()
            self._listed[folder] = {entry.ref: entry for entry in entries}
        return self._listed[folder].get(ref)

    def likely(self, left: str) -> list[str]:
        return [INBOX, *(name for name in self._names if name not in (INBOX, left))]

    def find(self, folder: str, placed: Placed) -> str | None:
        if folder == placed.folder:
            return None
        if self.entry(folder, placed.ref) is not None:
            return placed.ref
        card = placed.card
        try:
            return self._mailbox.find(folder, message_id=card.message_id, digest=card.digest)
        except NotFound:  # the folder went away between listing and searching
            return None


def fact(run: Run, seen: Seen) -> OutcomeObserved:
    placement = seen.placed.placement
    return OutcomeObserved(
        run=run.id, intent=run.request.intent, agent=run.agent, external_id=seen.placed.external_id,
        message=placement.message, state=seen.state, category=placement.category, evidence=seen.evidence,
        folder=seen.folder if seen.evidence in ("moved-back", "moved-elsewhere") else "",
    )  # fmt: skip
