"""A run with a model, scripted: what it wants goes through the guard, and every step is a fact that survives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from meshclaw.connectors.plain import PlainTools
from meshclaw.errors import Busy, MeshClawError, Stopped
from meshclaw.flow.conversation import Call, Got, Prompt, Reply, Said
from meshclaw.flow.event.action import ActionDecided
from meshclaw.flow.event.model import AnswerGiven, ModelAnswered, ModelAsked, ModelFailed, RunStuck, StepTaken
from meshclaw.flow.run import Run
from meshclaw.flow.usage import Tokens
from meshclaw.guard import stop
from meshclaw.guard.limits import Limits, RunWindow
from meshclaw.llm.prices import Price
from meshclaw.runs.act import Door
from meshclaw.runs.loop import Answer, Loop
from meshclaw.testing.connector import NOTE, POST, FakeConnector
from tests.runs.conftest import AGENT, change


class Scripted:
    """Says what it was given, in order; an error is raised. ``asked`` holds every prompt."""

    name = "fake:scripted"

    def __init__(self, *script: Said | MeshClawError) -> None:
        self.script = list(script)
        self.asked: list[Prompt] = []

    def most(self, prompt: Prompt) -> int:
        return 1_000

    def ask(self, prompt: Prompt, heard: Callable[[str], None] | None) -> Reply:
        self.asked.append(prompt)
        said = self.script.pop(0)
        if isinstance(said, MeshClawError):
            raise said
        return Reply(said=said, tokens=Tokens(input_uncached=10, output=5), model="m-1", provider="fake")

    def price(self, reply: Reply, at: int) -> Price:
        return Price(micros=reply.tokens.output, nanos=0, table="t", known=True)


def wants(verb: str, id_: str = "c1", **arguments: Any) -> Said:
    return Said(calls=(Call(id=id_, verb=verb, arguments=arguments),))


def loop(door: Door, run: Run, model: Scripted, **more: Any) -> Loop:
    world = door.parts.connectors["fake"]
    return Loop(door, run, AGENT, model, {"fake": PlainTools(world.declarations)}, **more)


def test_it_acts_through_the_guard_and_answers(
    door: Door, world: FakeConnector, begin: Callable[[], Run]
) -> None:
    model = Scripted(wants(NOTE, text="milk"), Said(text="I noted milk."))
    answer = loop(door, begin(), model).go()
    assert world.world == ["milk"]
    assert answer == Answer(end="answered", text="I noted milk.", steps=2, cost_micros=10)
    assert isinstance(model.asked[1].turns[-1], Got)
    assert not model.asked[1].turns[-1].failed


def test_what_waits_and_what_is_denied_is_told_to_the_model(door: Door, begin: Callable[[], Run]) -> None:
    model = Scripted(wants(POST, text="hi", to="kim@example.com"), Said(text="I posted it."))
    answer = loop(door, begin(), model).go()
    told = model.asked[1].turns[-1]
    assert isinstance(told, Got)
    assert told.failed
    assert "waits for the person's yes" in told.text
    assert len(answer.waiting) == 1


def test_a_claim_without_a_receipt_is_corrected_before_the_person_sees_it(
    door: Door, begin: Callable[[], Run]
) -> None:
    answer = loop(door, begin(), Scripted(Said(text="I've sent the report to Kim."))).go()
    assert answer.corrected == ("I've sent the report to Kim.",)
    assert "no receipt" in answer.text
    [given] = door.ledger.events(AnswerGiven)
    assert given.corrected == 1


@pytest.mark.parametrize("verb", ["fake.unheard_of", "mail.send", "nonsense"])
def test_a_tool_that_is_not_there_is_told_and_nothing_is_decided(
    door: Door, begin: Callable[[], Run], verb: str
) -> None:
    model = Scripted(wants(verb), Said(text="Sorry."))
    loop(door, begin(), model).go()
    told = model.asked[1].turns[-1]
    assert isinstance(told, Got)
    assert told.failed
    assert "there is no tool" in told.text
    assert not list(door.ledger.events(ActionDecided))


def test_every_answer_is_booked_with_its_tokens_and_its_reserve(door: Door, begin: Callable[[], Run]) -> None:
    run = begin()
    loop(door, run, Scripted(wants(NOTE, text="a"), Said(text="ok"))).go()
    asked, answered = list(door.ledger.events(ModelAsked)), list(door.ledger.events(ModelAnswered))
    assert [(one.step, one.reserved_micros) for one in asked] == [(1, 1_000), (2, 1_000)]
    assert [(one.step, one.input_uncached, one.output, one.cost_micros) for one in answered] == [
        (1, 10, 5, 5), (2, 10, 5, 5),
    ]  # fmt: skip
    assert {one.run for one in [*asked, *answered]} == {run.id}


def test_without_room_in_the_budget_no_model_is_asked(door: Door, begin: Callable[[], Run]) -> None:
    change(door, limits=Limits(run=RunWindow(inference=1_004)))
    model = Scripted(wants(NOTE, text="a"), Said(text="never asked for"))
    answer = loop(door, begin(), model).go()
    assert answer.end == "over_budget"
    assert len(model.asked) == 1
    assert [one.step for one in door.ledger.events(StepTaken)] == [1]


def test_an_error_is_booked_and_raised_and_its_reserve_given_back(
    door: Door, begin: Callable[[], Run]
) -> None:
    change(door, limits=Limits(run=RunWindow(inference=1_004)))
    run = begin()
    with pytest.raises(Busy):
        loop(door, run, Scripted(Busy("too many requests"))).go()
    [failed] = door.ledger.events(ModelFailed)
    assert (failed.error, failed.kept_micros) == ("busy", 0)
    assert loop(door, run, Scripted(Said(text="now"))).go().text == "now"


def test_a_run_goes_on_with_its_answers_as_recorded(
    door: Door, world: FakeConnector, begin: Callable[[], Run]
) -> None:
    run = begin()
    first = Scripted(wants(NOTE, text="a"), wants(NOTE, "c2", text="b"), Busy("gone"))
    with pytest.raises(Busy):
        loop(door, run, first).go()
    second = Scripted(Said(text="done"))
    answer = loop(door, run, second).go()
    assert (world.world, answer.text, answer.steps) == (["a", "b"], "done", 3)
    assert len(second.asked) == 1
    # The last step's end had not been stored when the error came, so it was told again, from the receipt.
    assert [msgspec.structs.asdict(turn) for turn in second.asked[0].turns] == [
        msgspec.structs.asdict(turn) for turn in first.asked[2].turns
    ]


@pytest.mark.parametrize(
    ("script", "how"),
    [
        ([wants(NOTE, f"c{n}", text="same") for n in range(9)], "same"),
        ([wants(NOTE, f"c{n}", text="ab"[n % 2]) for n in range(9)], "circle"),
        ([wants(f"fake.no{n}", f"c{n}") for n in range(9)], "no-progress"),
        ([wants(NOTE, f"c{n}", text=str(n)) for n in range(30)], "steps"),
    ],
)
def test_a_loop_is_caught_stopped_and_told(
    door: Door, begin: Callable[[], Run], script: list[Said], how: str
) -> None:
    answer = loop(door, begin(), Scripted(*script), most_steps=20).go()
    assert answer.end == "stuck"
    assert answer.text.startswith("I stopped")
    [caught] = door.ledger.events(RunStuck)
    assert caught.how == how


def test_the_kill_switch_is_looked_for_before_each_answer(door: Door, begin: Callable[[], Run]) -> None:
    class Pulling(Scripted):
        def ask(self, prompt: Prompt, heard: Callable[[str], None] | None) -> Reply:
            stop.put(door.ledger.path.parent, "now")
            return super().ask(prompt, heard)

    model = Pulling(wants(NOTE, text="a"), Said(text="no"))
    with pytest.raises(Stopped):
        loop(door, begin(), model).go()
    assert len(model.asked) == 1


def test_a_long_conversation_is_shortened_and_keeps_the_request(door: Door, begin: Callable[[], Run]) -> None:
    script = [wants(NOTE, f"c{n}", text=f"{n} " * 400) for n in range(20)]
    model = Scripted(*script, Said(text="done"))
    answer = loop(door, begin(), model, room=9_000).go()
    assert answer.text == "done"
    assert max(len(msgspec.json.encode(prompt.turns)) for prompt in model.asked) < 14_000
    assert all(prompt.turns[0] == model.asked[0].turns[0] for prompt in model.asked)
    assert all(
        (prompt.fixed, prompt.tools) == (model.asked[0].fixed, model.asked[0].tools) for prompt in model.asked
    )
