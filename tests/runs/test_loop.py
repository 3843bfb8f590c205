"""A run with a model, scripted: what it wants goes through the guard, and every step is a fact that survives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from meshclaw.connectors.plain import PlainTools
from meshclaw.errors import Cut, Refused, Stopped, TooLong
from meshclaw.flow.conversation import Call, Got, Reply, Said
from meshclaw.flow.event.action import ActionDecided
from meshclaw.flow.event.model import AnswerGiven, ModelAnswered, ModelAsked, ModelFailed, RunStuck, StepTaken
from meshclaw.flow.run import Run
from meshclaw.flow.usage import Tokens
from meshclaw.guard.layers import stop
from meshclaw.guard.limits import Limits, RunWindow
from meshclaw.llm.failover import Health
from meshclaw.llm.source import Source
from meshclaw.runs.act import Door
from meshclaw.runs.loop import Answer, Loop
from meshclaw.settings.models import Entry
from meshclaw.testing.connector import NOTE, POST, FakeConnector
from meshclaw.testing.model import FakeModel
from tests.runs.conftest import AGENT, change

ENTRY = Entry(name="fake:model", model="anthropic:claude-haiku-4-5", limit=100)


def wants(verb: str, id_: str = "c1", **arguments: Any) -> Said:
    return Said(calls=(Call(id=id_, verb=verb, arguments=arguments),))


def loop(door: Door, run: Run, *models: FakeModel, **more: Any) -> Loop:
    world = door.parts.connectors["fake"]
    entries = [msgspec.structs.replace(ENTRY, name=model.name) for model in models]
    source = Source("fast", entries, models, Health())
    return Loop(door, run, AGENT, source, {"fake": PlainTools(world.declarations)}, **more)


def test_it_acts_through_the_guard_and_answers(
    door: Door, world: FakeConnector, begin: Callable[[], Run]
) -> None:
    model = FakeModel(wants(NOTE, text="milk"), Said(text="I noted milk."))
    answer = loop(door, begin(), model).go()
    assert world.world == ["milk"]
    assert answer == Answer(end="answered", text="I noted milk.", steps=2, cost_micros=answer.cost_micros)
    assert isinstance(model.prompts[1].turns[-1], Got)
    assert not model.prompts[1].turns[-1].failed


def test_what_waits_and_what_is_denied_is_told_to_the_model(door: Door, begin: Callable[[], Run]) -> None:
    model = FakeModel(wants(POST, text="hi", to="kim@example.com"), Said(text="I posted it."))
    answer = loop(door, begin(), model).go()
    told = model.prompts[1].turns[-1]
    assert isinstance(told, Got)
    assert told.failed
    assert "waits for the person's yes" in told.text
    assert len(answer.waiting) == 1


def test_a_claim_without_a_receipt_is_corrected_before_the_person_sees_it(
    door: Door, begin: Callable[[], Run]
) -> None:
    answer = loop(door, begin(), FakeModel(Said(text="I've sent the report to Kim."))).go()
    assert answer.corrected == ("I've sent the report to Kim.",)
    assert "no receipt" in answer.text
    [given] = door.ledger.events(AnswerGiven)
    assert given.corrected == 1


@pytest.mark.parametrize("verb", ["fake.unheard_of", "mail.send", "nonsense"])
def test_a_tool_that_is_not_there_is_told_and_nothing_is_decided(
    door: Door, begin: Callable[[], Run], verb: str
) -> None:
    model = FakeModel(wants(verb), Said(text="Sorry."))
    loop(door, begin(), model).go()
    told = model.prompts[1].turns[-1]
    assert isinstance(told, Got)
    assert told.failed
    assert "there is no tool" in told.text
    assert not list(door.ledger.events(ActionDecided))


def test_every_answer_is_booked_with_its_tokens_and_its_reserve(door: Door, begin: Callable[[], Run]) -> None:
    run = begin()
    model = FakeModel(wants(NOTE, text="a"), Said(text="ok"), name="anthropic:claude-haiku-4-5")
    assert loop(door, run, model).go().cost_micros == 310
    asked, answered = list(door.ledger.events(ModelAsked)), list(door.ledger.events(ModelAnswered))
    assert [(one.step, one.input_uncached, one.output) for one in answered] == [(1, 100, 21), (2, 100, 1)]
    # A million tokens of Haiku 4.5 cost 1 dollar in and 5 dollars out.
    assert [one.cost_micros for one in answered] == [205, 105]
    assert [one.step for one in asked] == [1, 2]
    assert all(one.reserved_micros > 500 for one in asked)
    assert {one.run for one in [*asked, *answered]} == {run.id}


def test_without_room_in_the_budget_no_model_is_asked(door: Door, begin: Callable[[], Run]) -> None:
    model = FakeModel(wants(NOTE, text="a"), Said(text="never asked for"))
    run = begin()
    looping = loop(door, run, model)
    change(door, limits=Limits(run=RunWindow(inference=looping.most())))
    answer = loop(door, run, model).go()
    assert answer.end == "over_budget"
    assert len(model.prompts) == 1
    assert [one.step for one in door.ledger.events(StepTaken)] == [1]


class Kept:
    """A purse with so much in it; what was held and what became of it."""

    def __init__(self, micros: int) -> None:
        self.left = micros
        self.settled: list[tuple[str, int, int]] = []

    def take(self, intent: str, agent: str, micros: int) -> str:
        assert (intent, agent) == ("test.work", AGENT.label)
        if micros > self.left:
            raise Refused("the budget of the unit is used up.")
        self.left -= micros
        return "lease"

    def settle(self, lease: str, held: int, used: int) -> None:
        self.settled.append((lease, held, used))
        self.left += held - used


def test_a_company_s_money_is_held_before_the_call_and_settled_after_it(
    door: Door, begin: Callable[[], Run]
) -> None:
    purse = Kept(1_000_000)
    change(door, purse=purse)
    answer = loop(door, begin(), FakeModel(Said(text="Done."))).go()
    [(lease, held, used)] = purse.settled
    assert (lease, used) == ("lease", answer.cost_micros)
    assert held > 0 < used
    with pytest.raises(Refused):
        loop(door, begin(), FakeModel(Refused("no"))).go()
    assert purse.settled[1][2] == 0
    assert purse.left == 1_000_000 - used


def test_without_money_in_the_purse_no_model_is_asked_and_nothing_is_reserved(
    door: Door, begin: Callable[[], Run]
) -> None:
    model, run = FakeModel(wants(NOTE, text="a"), Said(text="never asked for")), begin()
    change(door, purse=Kept(loop(door, run, model).most()))
    answer = loop(door, run, model).go()
    assert (answer.end, len(model.prompts)) == ("over_budget", 1)
    assert [one.step for one in door.ledger.events(StepTaken)] == [1]
    assert [one.step for one in door.ledger.events(ModelAsked)] == [1]


def test_an_error_is_booked_and_raised_and_its_reserve_given_back(
    door: Door, begin: Callable[[], Run]
) -> None:
    run = begin()
    change(door, limits=Limits(run=RunWindow(inference=loop(door, run, FakeModel()).most())))
    with pytest.raises(Refused):
        loop(door, run, FakeModel(Refused("too many requests"))).go()
    [failed] = door.ledger.events(ModelFailed)
    assert (failed.error, failed.kept_micros, failed.last) == ("refused", 0, True)
    assert loop(door, run, FakeModel(Said(text="now"))).go().text == "now"


def test_another_model_stands_by_and_both_are_told(door: Door, begin: Callable[[], Run]) -> None:
    away = FakeModel(Cut("it broke off"), name="fake:away")
    answer = loop(door, begin(), away, FakeModel("Here.")).go()
    assert answer.text == "Here."
    [failed] = door.ledger.events(ModelFailed)
    [asked] = door.ledger.events(ModelAsked)
    assert (failed.model, failed.error, failed.last) == ("fake:away", "cut", False)
    assert failed.kept_micros == asked.reserved_micros


def test_an_answer_that_hit_its_limit_says_so_and_a_declined_one_too(
    door: Door, begin: Callable[[], Run]
) -> None:
    said = Reply(said=Said(text="Once upon"), tokens=Tokens(), model="m", provider="p", cut=True)
    assert (
        loop(door, begin(), FakeModel(said)).go().text.startswith("Once upon\n[The answer reached its limit")
    )
    declined = msgspec.structs.replace(said, said=Said(), cut=False, declined=True)
    assert loop(door, begin(), FakeModel(declined)).go().end == "declined"


def test_a_call_that_is_no_call_is_told_to_the_model(door: Door, begin: Callable[[], Run]) -> None:
    broken = Said(calls=(Call(id="c1", verb=NOTE, arguments={}, malformed="that is no JSON"),))
    model = FakeModel(broken, "Sorry.")
    loop(door, begin(), model).go()
    told = model.prompts[1].turns[-1]
    assert isinstance(told, Got)
    assert (told.failed, told.text) == (True, "that is no JSON")


def test_a_prompt_that_is_too_long_is_shortened_and_asked_again(door: Door, begin: Callable[[], Run]) -> None:
    script = [wants(NOTE, f"c{n}", text=f"{n} " * 400) for n in range(8)]
    model = FakeModel(*script, TooLong("8,001 tokens are more than 8,000"), "done")
    assert loop(door, begin(), model).go().text == "done"
    assert len(msgspec.json.encode(model.prompts[-1].turns)) < len(
        msgspec.json.encode(model.prompts[-2].turns)
    )


def test_a_run_goes_on_with_its_answers_as_recorded(
    door: Door, world: FakeConnector, begin: Callable[[], Run]
) -> None:
    run = begin()
    first = FakeModel(wants(NOTE, text="a"), wants(NOTE, "c2", text="b"), Refused("gone"))
    with pytest.raises(Refused):
        loop(door, run, first).go()
    second = FakeModel(Said(text="done"))
    answer = loop(door, run, second).go()
    assert (world.world, answer.text, answer.steps) == (["a", "b"], "done", 3)
    assert len(second.prompts) == 1
    # The last step's end had not been stored when the error came, so it was told again, from the receipt.
    assert [msgspec.structs.asdict(turn) for turn in second.prompts[0].turns] == [
        msgspec.structs.asdict(turn) for turn in first.prompts[2].turns
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
    answer = loop(door, begin(), FakeModel(*script), most_steps=20).go()
    assert answer.end == "stuck"
    assert answer.text.startswith("I stopped")
    [caught] = door.ledger.events(RunStuck)
    assert caught.how == how


def test_the_kill_switch_is_looked_for_before_each_answer(door: Door, begin: Callable[[], Run]) -> None:
    def pull(_: object) -> Said:
        stop.put(door.ledger.path.parent, "now")
        return wants(NOTE, text="a")

    model = FakeModel(pull, Said(text="no"))
    with pytest.raises(Stopped):
        loop(door, begin(), model).go()
    assert len(model.prompts) == 1


def test_a_long_conversation_is_shortened_and_keeps_the_request(door: Door, begin: Callable[[], Run]) -> None:
    script = [wants(NOTE, f"c{n}", text=f"{n} " * 400) for n in range(20)]
    model = FakeModel(*script, Said(text="done"))
    answer = loop(door, begin(), model, room=9_000).go()
    assert answer.text == "done"
    assert max(len(msgspec.json.encode(prompt.turns)) for prompt in model.prompts) < 14_000
    assert all(prompt.turns[0] == model.prompts[0].turns[0] for prompt in model.prompts)
    assert all(
        (prompt.fixed, prompt.tools) == (model.prompts[0].fixed, model.prompts[0].tools)
        for prompt in model.prompts
    )
