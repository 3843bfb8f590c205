"""Which model is asked when; no clock but a fake one."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

from meshclaw.errors import (
    Cut,
    Garbled,
    MeshClawError,
    NotReachable,
    Refused,
    SignInNeeded,
    Throttled,
    TooLong,
    UserError,
)
from meshclaw.flow.conversation import Heard, Prompt, Tried
from meshclaw.llm.failover import LONGEST_S, PATIENCE_S, Failover, Health
from meshclaw.testing.model import Answer, FakeModel

PROMPT = Prompt(fixed="f", turns=(Heard(text="hi"),))


class World:
    """Models behind one, on a clock that only sleeping moves."""

    def __init__(self, *scripts: list[Answer], before_fault: str = "") -> None:
        self.now = 0.0
        self.slept: list[float] = []
        self.tried: list[Tried] = []
        self.models = [
            FakeModel(*script, name=f"m{number}", before_fault=before_fault)
            for number, script in enumerate(scripts)
        ]
        self.health = Health(clock=lambda: self.now)

    def run(self) -> Failover:
        """As a new run of the same claw."""
        return Failover(
            "fast", self.models, self.health, tell=self.tried.append, clock=lambda: self.now, sleep=self.sleep
        )

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def ask(self, heard: Callable[[str], None] | None = None) -> str:
        return self.run().ask(PROMPT, limit=10, heard=heard).said.text

    def told(self) -> list[tuple[str, str]]:
        return [(one.model, "skipped" if one.skipped else one.failed) for one in self.tried]


def test_the_first_model_answers_and_the_others_stand_by() -> None:
    world = World(["hello"], [])
    assert world.ask() == "hello"
    assert world.told() == [("m0", "")]


@pytest.mark.parametrize(
    ("error", "may_cost"),
    [
        (Throttled("x"), False), (NotReachable("x"), False), (SignInNeeded("x"), False), (Refused("x"), False),
        (Cut("x"), True), (Garbled("x"), True),
    ],
)  # fmt: skip
def test_where_one_fails_the_next_is_asked_the_same_question(error: MeshClawError, *, may_cost: bool) -> None:
    world = World([error], ["hello"])
    assert world.ask() == "hello"
    assert world.models[0].prompts == world.models[1].prompts == [PROMPT]
    assert [(one.model, one.failed, one.may_cost) for one in world.tried] == [
        ("m0", error.code, may_cost), ("m1", "", False)
    ]  # fmt: skip
    assert world.slept == []


@pytest.mark.parametrize("error", [TooLong("x"), UserError("x"), KeyboardInterrupt(), RuntimeError("ours")])
def test_what_no_other_model_would_mend_is_told_at_once(error: BaseException) -> None:
    def fails(_: Prompt) -> str:
        raise error

    world = World([fails], ["never"])
    with pytest.raises(type(error)):
        world.ask()
    assert world.models[1].prompts == []


def test_no_second_answer_begins_where_somebody_saw_the_first_one_begin() -> None:
    world = World([Cut("broke off")], ["hello"], before_fault="As I was say")
    heard: list[str] = []
    with pytest.raises(Cut):
        world.ask(heard.append)
    assert "".join(heard) == "As I was say"
    assert world.models[1].prompts == []
    assert World([Cut("x")], ["hello"]).ask(heard.append) == "hello"  # nothing was seen yet


def test_one_model_that_is_busy_is_waited_for_as_long_as_it_says() -> None:
    world = World([Throttled("x", retry_after=7), "hello"])
    assert world.ask() == "hello"
    assert world.slept == [7]


def test_nobody_waits_longer_than_the_bound() -> None:
    world = World([Throttled("come back", retry_after=3600)])
    with pytest.raises(Throttled, match="come back") as told:
        world.ask()
    assert (world.slept, told.value.retry_after) == ([], 3600)
    world = World([NotReachable("down")] * 9)
    with pytest.raises(NotReachable):
        world.ask()
    assert sum(world.slept) <= PATIENCE_S
    assert len(world.models[0].prompts) == 3


def test_a_model_that_keeps_failing_is_left_alone_and_then_tried_once() -> None:
    world = World([NotReachable("down")] * 4 + ["back"], ["a", "b", "c", "d", "e", "f"])
    for expected, pause in (("a", 5), ("b", 5), ("c", 5), ("d", 20), ("e", 61), ("f", 0)):
        assert world.ask() == expected
        world.now += pause
    asked = [name for name, what in world.told() if name == "m0" and what != "skipped"]
    assert len(asked) == 4
    world.now += LONGEST_S
    assert world.ask() == "back"
    assert world.health.left("m0") == 0


def test_where_every_model_is_left_alone_it_says_until_when() -> None:
    world = World([NotReachable("down")] * 3)
    with pytest.raises(NotReachable):
        world.ask()
    with pytest.raises(Throttled, match="left alone") as told:
        world.ask()
    assert 0 < (told.value.retry_after or 0) <= 60
    assert len(world.models[0].prompts) == 3


def test_only_one_of_many_tries_a_model_again() -> None:
    world = World()
    for _ in range(3):
        world.health.failed("m")
    world.now += LONGEST_S
    with ThreadPoolExecutor(8) as threads:
        waits = list(threads.map(lambda _: world.health.wait("m"), range(64)))
    assert waits.count(0.0) == 1


def test_a_key_that_is_not_taken_is_not_tried_again_in_the_same_run() -> None:
    world = World([SignInNeeded("no key"), "with a key"], ["a", "b"])
    run = world.run()
    assert [run.ask(PROMPT, limit=1).said.text for _ in range(2)] == ["a", "b"]
    assert len(world.models[0].prompts) == 1
    assert world.ask() == "with a key"


def test_where_none_answers_the_wanted_models_error_tells_all() -> None:
    world = World([SignInNeeded("m0 takes no key", fix="connect it")], [Refused("m1 is unknown")])
    with pytest.raises(SignInNeeded, match="m0 takes no key; m1 is unknown") as told:
        world.ask()
    assert told.value.fix == "connect it"
    run = world.run()
    world.models[0].answers[:] = [SignInNeeded("again")]
    world.models[1].answers[:] = [SignInNeeded("again")] * 2
    for _ in range(2):  # when all are signed out, they are asked all the same
        world.models[0].answers[:] = [SignInNeeded("again")]
        with pytest.raises(SignInNeeded):
            run.ask(PROMPT, limit=1)


def test_however_models_fail_no_answer_comes_twice_and_every_ask_ends() -> None:
    """All ways in which two models can fail three times each."""
    faults: list[Answer] = [Throttled("t", retry_after=1), NotReachable("n"), Cut("c"), Refused("r"), "hello"]
    for number in range(len(faults) ** 3):
        digits = [number // len(faults) ** place % len(faults) for place in range(3)]
        world = World(
            [faults[digit] for digit in digits] + ["x"] * 9, [faults[digit] for digit in reversed(digits)]
        )
        answered = count()
        try:
            world.ask()
            next(answered)
        except (Throttled, NotReachable, Refused):
            pass
        except AssertionError:  # the second script may end
            pass
        assert sum(not one.failed and not one.skipped for one in world.tried) == next(answered)
        assert sum(world.slept) <= PATIENCE_S
