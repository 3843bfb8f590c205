"""Approvals in Slack: each open ask hangs as a card where only its person is, and comes down when it is answered.

What a card says is worked out from the ledger alone, so an answer in a terminal, a time that ran out and a crash in
between all lead to the same card. A click counts where it is the person's, on that card, and about exactly that slip.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime

import msgspec

from meshclaw.connectors.slack.client import Client
from meshclaw.daemon.service import in_words
from meshclaw.daemon.slack import cards
from meshclaw.daemon.slack.envelopes import Interaction, Pressed
from meshclaw.daemon.slack.kept import Card, Kept, Post
from meshclaw.daemon.slack.saying import Mouth
from meshclaw.errors import MeshClawError, NotFound, Refused
from meshclaw.flow.approval import Approval
from meshclaw.flow.declaration import Declaration
from meshclaw.flow.slip import Slip
from meshclaw.guard.approvals import channel_problem
from meshclaw.runs import approve
from meshclaw.runs.ask import slip_of
from meshclaw.runs.outbox import Outbox
from meshclaw.runs.run import approvals, tell
from meshclaw.wiring import Claw, open_claw
from meshclaw.wiring.working import go_on
from meshclaw.wiring.workplace import workplace

log = logging.getLogger(__name__)

GONE = "gone"
"""State of a card whose message Slack does not have any more."""
FINAL = frozenset({GONE, "denied", "withdrawn", "expired", "allowed done", "allowed denied"})
"""States that nothing follows on."""
_HOW = {
    "one_of_two": "you said yes; another person must, too",
    "denied": "denied, it will not happen",
    "withdrawn": "its run was cancelled or undone, it will not happen",
    "expired": "it ran out unanswered, it will not happen",
}
_STAND = {
    "done": "done", "failed": "it failed, and did not happen", "unknown": "nobody knows whether it happened",
    "denied": "the guard denied it after all",
}  # fmt: skip


class _Done(msgspec.Struct, frozen=True):
    pass


class Asks:
    """``later`` does work in another thread; ``changed`` is called after it."""

    def __init__(
        self, client: Client, kept: Kept, mouth: Mouth, *, later: Callable[[Callable[[], None]], None],
        changed: Callable[[], None],
    ) -> None:  # fmt: skip
        self._client, self._kept, self._mouth = client, kept, mouth
        self._later, self._changed = later, changed
        self.next: datetime | None = None
        """When the next open ask runs out."""

    def hang(self, claw: Claw) -> None:
        """Make the cards those that the ledger wants."""
        known, hanging = approvals(claw.ledger), self._kept.cards()
        open_ = {one.id for one in known.open()}
        for one in known.all():
            card = hanging.get(one.id)
            if card is None and one.id in open_:
                self._post(claw, one)
            elif card is not None and card.state not in FINAL:
                self._update(claw, one, card)
        self.next = min((one.expires for one in known.open()), default=None)

    def _post(self, claw: Claw, approval: Approval) -> None:
        turn = self._kept.turn_of(approval.run)
        direct = self._mouth.direct()
        thread = turn.thread if turn is not None and turn.channel == direct else ""
        text, blocks = self._card(claw, approval)
        one = Post(op=f"card {approval.id}", channel=direct, thread=thread, text=text, blocks=tuple(blocks))
        ts = self._mouth.say(one)
        state = _state(claw, approval) if ts else GONE
        self._kept.hang(Card(approval=approval.id, channel=direct, ts=ts, state=state))

    def _update(self, claw: Claw, approval: Approval, card: Card) -> None:
        state = _state(claw, approval)
        if state == card.state:
            return
        words = _what(claw, approval)
        how = _closing(approval, state)
        text, blocks = cards.closed_card(words, how)
        try:
            self._mouth.change(card.channel, card.ts, text, tuple(blocks), op=f"card {approval.id}")
        except (Refused, NotFound) as error:
            log.info("A card cannot be changed: %s", error.message)
            state = GONE
        self._kept.hang(msgspec.structs.replace(card, state=state))

    def _card(self, claw: Claw, approval: Approval) -> tuple[str, list[cards.Block]]:
        slip, declaration = _shown(claw, approval)
        wrong_way = channel_problem(approval.channel, "chat", claw.persons.separate)
        problem = f"{wrong_way.reason[:1].upper()}{wrong_way.reason[1:]}." if wrong_way else ""
        return cards.open_card(approval, slip, declaration, problem=problem)

    # -- clicks -----------------------------------------------------------------------------

    def click(self, claw: Claw, interaction: Interaction, pressed: Pressed) -> None:
        """The person pressed a button of a card."""
        channel, user = interaction.container.channel_id, interaction.user.id
        id_, _, bound = pressed.value.partition(" ")
        card = self._kept.cards().get(id_)
        if card is None or (card.channel, card.ts) != (channel, interaction.container.message_ts):
            self._mouth.aside(channel, user, "That is no card of mine, so nothing was done.")
            return
        approval = approvals(claw.ledger).get(id_)
        if bound != f"{approval.digest} {approval.shown}":
            self._mouth.aside(channel, user, "That card is not about what is asked, so nothing was done.")
            return
        if pressed.action_id == cards.SHOW:
            self._show(claw, approval, interaction.trigger_id)
        elif approval.state != "open":
            self._mouth.aside(channel, user, f"It is {approval.state.replace('_', ' ')} already.")
            self.hang(claw)
        elif pressed.action_id == cards.DENY or (
            pressed.action_id == cards.ALLOW and cards.can_be_allowed(*_shown(claw, approval))
        ):
            read_ms = max(0, int((float(pressed.action_ts or time.time()) - float(card.ts)) * 1000))
            seen = approve.Seen(shown=approval.shown, channel="chat", read_ms=read_ms)
            self._later(lambda: self._answer(approval, pressed.action_id, seen, channel, user))

    def _show(self, claw: Claw, approval: Approval, trigger: str) -> None:
        slip, declaration = _shown(claw, approval)
        if slip is None or declaration is None:
            return
        try:
            view = cards.view(slip, declaration, approval)
            self._client.write("views.open", _Done, {"trigger_id": trigger, "view": view})
        except MeshClawError as error:
            log.info("The whole slip cannot be shown: %s", error.message)

    def _answer(self, approval: Approval, action: str, seen: approve.Seen, channel: str, user: str) -> None:
        try:
            with open_claw() as claw:
                words = _answered(claw, approval, action, seen)
        except MeshClawError as error:
            words = in_words(error)
        if words:
            self._mouth.aside(channel, user, words)
        self._changed()
        try:
            with open_claw() as claw:
                go_on(claw, approval.run)  # what it says then comes into its thread by itself
        except MeshClawError as error:
            self._mouth.aside(channel, user, in_words(error))


def _answered(claw: Claw, approval: Approval, action: str, seen: approve.Seen) -> str:
    """What there is to say beside the card."""
    told = tell(claw.ledger, claw.contents, approval.run)
    declaration = claw.declaration(approval.verb, approval.run)
    if action == cards.DENY:
        approve.deny(claw.ledger, told, approval, declaration, seen)
        return "It was a canary, and you caught it." if approval.canary else ""
    claw.refuse_if_stopped()
    if approval.canary:
        result = approve.allow(claw.door(), told, approval, seen)
    else:
        with workplace(claw, told.run) as place:
            result = approve.allow(place.door, told, approval, seen)
    decision = result.decision
    if result.stand == "denied" and decision is not None:
        return f"Denied: {decision.reason}."
    return f"It failed: {result.error.message}" if result.error is not None else ""


def _shown(claw: Claw, approval: Approval) -> tuple[Slip | None, Declaration | None]:
    return slip_of(claw.contents, approval), claw.declaration(approval.verb, approval.run)


def _what(claw: Claw, approval: Approval) -> str:
    declaration = claw.declaration(approval.verb, approval.run)
    return declaration.words if declaration else approval.verb


def _state(claw: Claw, approval: Approval) -> str:
    """What the card is to say, as one word."""
    if approval.state != "allowed":
        return approval.state
    item = Outbox(claw.ledger, approval.run).items.get(approval.external_id)
    stand = item.stand if item is not None else ""
    return f"allowed {stand}" if stand in _STAND else "allowed"


def _closing(approval: Approval, state: str) -> str:
    if approval.canary:
        return "it was a canary, made to be refused; nothing was done"
    by = {"chat": "here", "terminal": "in a terminal"}.get(approval.answered_by or "", "elsewhere")
    if state.startswith("allowed"):
        stand = _STAND.get(state.partition(" ")[2], "it is being done")
        return f"you allowed it {by}; {stand}"
    if state == "one_of_two":
        return f"{_HOW[state]}: meshclaw approvals export {approval.id}"
    return _HOW.get(state, state)
