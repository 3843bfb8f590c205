"""The one door to the world: decide, record, perform, record.

Nobody else calls a connector's ``perform`` or ``probe``; ``tools/lint/one_door.py`` checks it. Whatever the
moment at which the process dies, each action is afterwards not done, done once with its receipt, or reserved;
a reserved one is probed for evidence and never repeated without it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from meshclaw.connectors.base import Performed, read_whole
from meshclaw.errors import MeshClawError, Uncertain
from meshclaw.flow.action import Action
from meshclaw.flow.agent import Agent
from meshclaw.flow.decision import Decision
from meshclaw.flow.declaration import Declaration
from meshclaw.flow.event.action import ActionDecided, ActionFailed, ActionPerformed, ActionUnknown
from meshclaw.flow.event.base import Event
from meshclaw.flow.receipt import Receipt, Undo
from meshclaw.flow.run import Run
from meshclaw.flow.slip import Enclosed
from meshclaw.flow.stop import Stop
from meshclaw.guard.layers import stop
from meshclaw.runs.deciding import Deciding, Parts
from meshclaw.runs.outbox import HELD, LOST, Item, Stand
from meshclaw.runs.recall import kept
from meshclaw.runs.result import Result
from meshclaw.runs.seal import restore, seal

BATCH = 100
"""Actions whose receipts are stored together. Only reversible ones share a batch."""


class Door:
    """The kill switch is looked for at each call and again before each batch."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.ledger = parts.ledger
        self.contents = parts.contents
        self.deciding = Deciding(parts)

    def act(
        self, run: Run, agent: Agent, actions: Sequence[Action], *, by_person: bool = False
    ) -> list[Result]:
        """One result per action, in order. An action that this run already did is not done again."""
        results: dict[str, Result] = {}
        # What only reads need not know of the last moment: each look may make a write necessary.
        before = self.deciding.outbox(run.id, fresh=not all(map(self._reads, actions)))
        once = {action.external_id: action for action in actions}  # the same thing named twice is done once
        new = [
            action
            for action in once.values()
            if not self._is_settled(run, agent, action, before.get(action.external_id), results)
        ]
        allowed = self.deciding.decide(run, agent, new, results, by_person=by_person) if new else []
        for batch in self._batches(allowed):
            stopped = self.parts.stopped()
            done = (
                self._perform(run, agent, batch)
                if stopped is None
                else self._hold(run, agent, batch, stopped)
            )
            results |= {result.action.external_id: result for result in done}
        return [results[action.external_id] for action in actions]

    def knows(self, action: Action) -> bool:
        """Whether the guard has decided on this action before; how it went is in the ledger."""
        return action.external_id in self._outbox(action.run)

    def settle(self, run: Run, agent: Agent) -> int:
        """After a crash: find out how each reserved action of ``run`` went. Returns how many there were."""
        open_ = [item for item in self._outbox(run.id).values() if item.stand in ("reserved", "unknown")]
        for item in open_:
            self._settle(run, agent, self.restore(item.decided), item)
        return len(open_)

    def restore(self, decided: ActionDecided) -> Action:
        """The action behind its event, sealed arguments and all."""
        return restore(self.contents, decided)

    def _is_settled(
        self, run: Run, agent: Agent, action: Action, known: Item | None, results: dict[str, Result]
    ) -> bool:
        """Whether this run knows already how ``action`` went; a read is never old news."""
        if known is None:
            return False
        if self._reads(action):
            return self._was_allowed_to_read(action, known, results)
        if known.stand in ("reserved", "unknown"):
            known = self._settle(run, agent, action, known)
        if known.stand not in ("done", "unknown"):
            return False
        results[action.external_id] = _known(action, known)
        return True

    def _was_allowed_to_read(self, action: Action, known: Item, results: dict[str, Result]) -> bool:
        """A read is never old news, but one that took a person's yes is not asked about again."""
        if (
            known.stand != "done"
            or not known.decided.approval
            or not (known.performed and known.performed.value)
        ):
            return False
        brought = kept(self.contents, known.performed.value)
        results[action.external_id] = msgspec.structs.replace(_known(action, known), value=brought)
        return True

    def _reads(self, action: Action) -> bool:
        declaration = self.declaration(action.verb)
        return declaration is not None and declaration.effect == "read"

    def declaration(self, verb: str) -> Declaration | None:
        return self.deciding.declaration(verb)

    def enclosed(self, action: Action) -> Mapping[str, Enclosed]:
        """What the action points at, as it is now."""
        return self.deciding.enclosed(action)

    def _outbox(self, run: str) -> dict[str, Item]:
        return self.deciding.outbox(run)

    # -- performing ----------------------------------------------------------------------

    def _batches(self, allowed: list[tuple[Action, Decision]]) -> Iterator[list[tuple[Action, Decision]]]:
        """What cannot be taken back goes alone, so that a crash leaves at most one of it in doubt."""
        batch: list[tuple[Action, Decision]] = []
        for action, decision in allowed:
            declaration = self.declaration(action.verb)
            alone = declaration is None or not declaration.reversible
            if batch and (alone or len(batch) == BATCH or batch[0][0].connector != action.connector):
                yield batch
                batch = []
            batch.append((action, decision))
            if alone:
                yield batch
                batch = []
        if batch:
            yield batch

    def _perform(self, run: Run, agent: Agent, batch: list[tuple[Action, Decision]]) -> list[Result]:
        connector = self.parts.connectors[batch[0][0].connector]
        outcomes = connector.perform([action for action, _ in batch])
        results = [  # what is kept is read to its end first
            _result(action, decision, read_whole(outcome) if run.request.words else outcome)
            for (action, decision), outcome in zip(batch, outcomes, strict=True)
        ]
        self._record(run, agent, results)
        return results

    def _hold(
        self, run: Run, agent: Agent, batch: list[tuple[Action, Decision]], stopped: Stop
    ) -> list[Result]:
        """Do nothing of what was allowed and not begun when the kill switch was found; it can be resumed."""
        decision = stop.refusal(stopped)
        held = _Held(decision.reason)
        self._record(run, agent, [Result(action=one, stand="failed", error=held) for one, _ in batch])
        return [Result(action=one, stand="denied", decision=decision) for one, _ in batch]

    def _settle(self, run: Run, agent: Agent, action: Action, item: Item) -> Item:
        """Probe; a found effect gets its receipt, a missing one may be done again, doubt stays doubt."""
        try:
            receipt = self.parts.connectors[action.connector].probe(action)
        except Uncertain as error:
            if item.stand != "unknown":
                self._record(run, agent, [Result(action=action, stand="unknown", error=error)])
            return self._outbox(run.id)[action.external_id]
        lost = _Lost("it was not done before the stop") if receipt is None else None
        stand: Stand = "done" if receipt else "failed"
        self._record(
            run, agent, [Result(action=action, stand=stand, receipt=receipt, error=lost)], found=True
        )
        return self._outbox(run.id)[action.external_id]

    def _record(self, run: Run, agent: Agent, results: Sequence[Result], *, found: bool = False) -> None:
        undos = [result.receipt.undo for result in results if result.receipt and result.receipt.undo]
        split = iter(seal(self.contents, [(self.declaration(undo.verb), undo.arguments) for undo in undos]))
        values = self.deciding.keep(run, results)
        facts: list[Event] = []
        for result, value in zip(results, values, strict=True):
            undo = result.receipt.undo if result.receipt else None
            if undo is not None:
                clear, sealed = next(split)
                undo = Undo(verb=undo.verb, arguments=clear, sealed=sealed)
            facts.append(_result_fact(run, agent, result, undo, found=found, value=value))
        facts += self.deciding.freeze(run)
        if all(self._reads(result.action) for result in results):
            self.ledger.soon(*facts)  # whoever loses the receipt of a read reads again
        else:
            self.ledger.record(*facts)


class _Lost(MeshClawError):
    code = LOST


class _Held(MeshClawError):
    code = HELD


def _result(action: Action, decision: Decision, outcome: Performed | MeshClawError) -> Result:
    if isinstance(outcome, Performed):
        return Result(
            action=action, stand="done", decision=decision, receipt=outcome.receipt, value=outcome.value
        )
    stand = "unknown" if isinstance(outcome, Uncertain) else "failed"
    return Result(action=action, stand=stand, decision=decision, error=outcome)


def _result_fact(
    run: Run, agent: Agent, result: Result, undo: Undo | None, *, found: bool, value: str
) -> Event:
    run_id, intent, who, id_ = run.id, run.request.intent, agent.label, result.action.external_id
    if (receipt := result.receipt) is not None:
        return ActionPerformed(
            run=run_id,
            intent=intent,
            agent=who,
            external_id=id_,
            link=receipt.link,
            undo=undo,
            found=found,
            value=value,
        )
    kind = ActionUnknown if result.stand == "unknown" else ActionFailed
    code = result.error.code if result.error else "error"
    return kind(run=run_id, intent=intent, agent=who, external_id=id_, error=code)


def _known(action: Action, item: Item) -> Result:
    if item.performed is None:
        return Result(action=action, stand="unknown")
    receipt = Receipt(external_id=action.external_id, link=item.performed.link, undo=item.performed.undo)
    return Result(action=action, stand="done", receipt=receipt)
