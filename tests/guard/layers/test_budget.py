"""Layer six: money, calls, recipients, files, deploys per run, hour and day; identical calls; sub-agents; questions."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshclaw.flow.action import Action
from meshclaw.flow.cost import Cost, What
from meshclaw.flow.declaration import Argument, Declaration
from meshclaw.flow.event.action import ActionDecided, ActionFailed
from meshclaw.flow.event.approval import ApprovalAsked
from meshclaw.flow.event.base import Event
from meshclaw.flow.event.guard import ClockStepped
from meshclaw.flow.event.model import ModelAnswered, ModelAsked, ModelFailed
from meshclaw.flow.event.run import RunFrozen, RunStarted
from meshclaw.flow.grant import Grant, Rights
from meshclaw.guard import Context, decide
from meshclaw.guard.directory import Directory
from meshclaw.guard.layers.budget import check, cost_of, over
from meshclaw.guard.limits import DEFAULT, UNLIMITED, Limits, RunWindow, Window
from meshclaw.guard.spent import ALIKE, Spent
from meshclaw.ledger.ledger import timestamp
from meshclaw.testing.policies import permit_all

NOW = datetime(2026, 11, 21, 7, tzinfo=UTC)


def declared(verb: str, effect: Any, *, reversible: bool = False, **arguments: Argument) -> Declaration:
    return Declaration(
        verb=verb, effect=effect, reversible=reversible, arguments=arguments, words=verb.capitalize()
    )


READ = declared("x.read", "read", reversible=True, ref=Argument("reference"))
MOVE = declared("x.move", "write", reversible=True, ref=Argument("reference"))
WIPE = declared("x.wipe", "write", ref=Argument("reference", "file.id"))
SEND = declared("x.send", "send", to=Argument("destination", "address"))
GET = declared("x.post", "send", to=Argument("destination", "url"))
SHIP = declared("x.ship", "deploy", to=Argument("reference", "environment"))
PAY = declared("x.pay", "spend", amount=Argument("amount", "usd", required=False))
CENTS = declared("x.pay", "spend", amount=Argument("amount", "usd.cents"))
EUROS = declared("x.pay", "spend", amount=Argument("amount", "eur"))
EVERY = {one.verb: one for one in (READ, MOVE, WIPE, SEND, SHIP, PAY)}
ALL = Rights(effects=frozenset(("read", "write", "send", "deploy", "spend")), verbs=frozenset({"x.*"}))
OPEN = Grant(ceiling=ALL, agent=ALL, intent=ALL)
PERMIT = permit_all([*EVERY.values(), GET])


def act(declaration: Declaration, run: str = "r", **arguments: Any) -> Action:
    return Action(run=run, verb=declaration.verb, arguments=arguments)


def decided(action: Action, declaration: Declaration, at: datetime = NOW, **more: Any) -> ActionDecided:
    fields: dict[str, Any] = {"verdict": "allow", "cost": cost_of(action, declaration), **more}
    return ActionDecided(
        ts=timestamp(at), run=action.run, external_id=action.external_id, verb=action.verb, digest=action.digest,
        effect=declaration.effect, arguments={}, sealed={}, undoes="", rule="", **fields,
    )  # fmt: skip


def spent(*events: Event, now: datetime = NOW, root: str = "r") -> Spent:
    folded = Spent(root)
    for event in events:
        folded.take(event)
    folded.advance(now)
    return folded


def context(declaration: Declaration, used: Spent, limits: Limits = DEFAULT, **more: Any) -> Context:
    fields = {
        "grant": OPEN,
        "policies": PERMIT,
        "level": "autonomous",
        "now": NOW,
        "reviewed": True,
        "two_person": frozenset(),
        **more,
    }
    return Context(declaration=declaration, spent=used, limits=limits, **fields)


def limited(span: str = "run", **numbers: int) -> Limits:
    window = RunWindow(**numbers) if span == "run" else Window(**numbers)
    return msgspec.structs.replace(Limits(), **{span: window})


@pytest.mark.parametrize(
    ("declaration", "arguments", "cost"),
    [
        (READ, {"ref": "1"}, Cost(reads=1)),
        (MOVE, {"ref": "1"}, Cost(changes=1)),
        (WIPE, {"ref": ["1", "2", "1"]}, Cost(calls=1, files=("1", "2"))),
        (SEND, {"to": "bob@x.org"}, Cost(calls=1, recipients=("bob@x.org",))),
        (SEND, {"to": ["Bob@x.org", "bob@x.org "]}, Cost(calls=1, recipients=("bob@x.org",))),
        (SEND, {"to": "b@x.org, e@y.org;\nm@z.org"}, Cost(calls=1, recipients=("b@x.org", "e@y.org", "m@z.org"))),
        (SEND, {"to": [{"deep": ["bob@x.org"]}]}, Cost(calls=1, recipients=("bob@x.org", "deep"))),
        (GET, {"to": "https://x.org/a,b;c"}, Cost(calls=1, recipients=("https://x.org/a,b;c",))),
        (SHIP, {"to": "prod"}, Cost(calls=1, deploys=1)),
        (SHIP, {"to": ["eu", "us", "EU "]}, Cost(calls=1, deploys=2)),
        (PAY, {"amount": 19.99}, Cost(calls=1, money=19_990_000)),
        (PAY, {"amount": 0}, Cost(calls=1)),
        (PAY, {"amount": [1, 2.5]}, Cost(calls=1, money=3_500_000)),
        (CENTS, {"amount": 5}, Cost(calls=1, money=50_000)),
    ],
)  # fmt: skip
def test_what_an_action_costs(declaration: Declaration, arguments: dict[str, Any], cost: Cost) -> None:
    assert cost_of(act(declaration, **arguments), declaration) == cost


@pytest.mark.parametrize(
    ("to", "counted"),
    [
        ("all@x.org", ("all@x.org", "bob@x.org", "eve@x.org")),
        ("All <ALL@x.org>", ("all <all@x.org>", "bob@x.org", "eve@x.org")),
        (["all@x.org", "bob@x.org"], ("all@x.org", "bob@x.org", "eve@x.org")),
        ("some@x.org", ("some@x.org",)),
        ("team@x.org", ("team@x.org",)),
    ],
)  # fmt: skip
def test_of_a_mailing_list_the_known_members_count(to: Any, counted: tuple[str, ...]) -> None:
    lists = {"all@x.org": ("bob@x.org", "eve@x.org"), "some@x.org": ()}
    assert cost_of(act(SEND, to=to), SEND, lists=lists).recipients == counted
    allowed = context(SEND, Spent(), limited(recipients=len(counted)), directory=Directory(lists=lists))
    denied = context(SEND, Spent(), limited(recipients=len(counted) - 1), directory=Directory(lists=lists))
    assert check(act(SEND, to=to), allowed) is None
    assert [word.rule for word in [check(act(SEND, to=to), denied)] if word] == ["budget.run.recipients"]


@pytest.mark.parametrize(
    ("declaration", "amount"),
    [
        *((PAY, bad) for bad in (-1, -0.01, float("nan"), float("inf"), 1e-7, 1e300, 2**63, [1, -1])),
        *((PAY, bad) for bad in (True, "5", "1e3", {"a": 1})),
        (CENTS, 0.00001),
        (EUROS, -5),
        (EUROS, float("nan")),
    ],
)  # fmt: skip
def test_an_amount_that_cannot_be_counted_is_denied_even_without_limits(
    declaration: Declaration, amount: Any
) -> None:
    wanted = act(declaration, amount=amount)
    for word in (
        check(wanted, context(declaration, Spent(), Limits())),
        decide(wanted, context(declaration, Spent())),
    ):
        assert word is not None
        assert (word.verdict, word.rule) in {("deny", "budget.amount"), ("deny", "arguments")}


def test_what_is_spent_at_a_price_that_cannot_be_counted_is_asked_about() -> None:
    for wanted, declaration in ((act(PAY), PAY), (act(EUROS, amount=5), EUROS)):
        word = decide(wanted, context(declaration, Spent()))
        assert (word.verdict, word.rule) == ("ask", "budget.unpriced")
        word = decide(wanted, context(declaration, Spent(), limited("day", money=0)))
        assert (word.verdict, word.rule) == ("deny", "budget.unpriced")
    assert decide(act(PAY, amount=5), context(PAY, Spent())).verdict == "allow"


CASES: list[tuple[Declaration, What, list[dict[str, Any]]]] = [
    (READ, "reads", [{"ref": "1"}, {"ref": "2"}, {"ref": "3"}]),
    (MOVE, "changes", [{"ref": "1"}, {"ref": "2"}, {"ref": "3"}]),
    (SEND, "calls", [{"to": "a"}, {"to": "a"}, {"to": "a"}]),
    (SEND, "recipients", [{"to": "a"}, {"to": ["a", "b"]}, {"to": "c"}]),
    (WIPE, "files", [{"ref": "1"}, {"ref": ["1", "2"]}, {"ref": ["2", "3"]}]),
    (SHIP, "deploys", [{"to": "prod"}, {"to": "prod"}, {"to": "prod"}]),
    (PAY, "money", [{"amount": 0.000001}, {"amount": 0.000001}, {"amount": 0.000001}]),
]


@pytest.mark.parametrize("span", ["run", "hour", "day"])
@pytest.mark.parametrize(("declaration", "what", "calls"), CASES, ids=[what for _, what, _ in CASES])
def test_the_last_unit_is_allowed_and_the_next_one_denied(
    declaration: Declaration, what: What, calls: list[dict[str, Any]], span: str
) -> None:
    *before, last = (act(declaration, **arguments) for arguments in calls)
    used = spent(*(decided(one, declaration) for one in before))
    assert decide(last, context(declaration, used, limited(span, **{what: 3}))).verdict == "allow"
    word = decide(last, context(declaration, used, limited(span, **{what: 2})))
    assert (word.verdict, word.rule) == ("deny", f"budget.{span}.{what}")
    assert "2 used" in word.reason or "$0.01 used" in word.reason
    assert ("frees in" in word.reason) == (span != "run")


def test_every_kind_of_use_has_its_case() -> None:
    assert {what for _, what, _ in CASES} == set(get_args(What)) - {"inference"}


def test_an_answer_is_reserved_before_it_comes_and_counts_what_it_cost_in_the_end() -> None:
    asked = ModelAsked(run="r", step=1, model="m", reserved_micros=300, ts=timestamp(NOW))
    limits = limited("hour", inference=500)
    used = spent(asked)
    more = Cost(inference=201)
    word = over(more, used, limits)
    assert word is not None
    assert (word.verdict, word.rule) == ("deny", "budget.hour.inference")
    used.take(failed(kept_micros=0, last=True))
    assert used.used("hour", "inference") == 0
    used.take(msgspec.structs.replace(asked, step=2))
    used.take(answered(step=2, cost_micros=299))
    assert over(more, used, limits) is None
    assert [used.used(span, "inference") for span in ("run", "hour", "day")] == [299, 299, 299]


def test_an_answer_that_never_came_counts_as_the_dearest_it_could_have_been() -> None:
    used = spent(ModelAsked(run="r", step=1, model="m", reserved_micros=300, ts=timestamp(NOW)))
    assert used.used("day", "inference") == 300


def test_a_model_that_broke_off_may_be_billed_beside_the_one_that_answered() -> None:
    used = spent(ModelAsked(run="r", step=1, model="m", reserved_micros=300, ts=timestamp(NOW)))
    used.take(failed(kept_micros=300, last=False))
    used.take(answered(step=1, cost_micros=20))
    assert used.used("run", "inference") == 320


def failed(*, kept_micros: int, last: bool) -> ModelFailed:
    return ModelFailed(
        run="r", step=1, model="m", error="cut", ms=3, kept_micros=kept_micros, last=last, ts=timestamp(NOW)
    )


def answered(*, step: int, cost_micros: int) -> ModelAnswered:
    return ModelAnswered(
        run="r", step=step, model="m", provider="p", said="", calls=0, cut=False, counted=True,
        input_uncached=1, cache_read=0, cache_write_5m=0, cache_write_1h=0, output=1, reasoning=0, tool=0,
        cost_micros=cost_micros, price_table="", guessed=False, ts=timestamp(NOW),
    )  # fmt: skip


def test_a_recipient_known_already_is_no_new_one() -> None:
    used = spent(decided(act(SEND, to=["a", "b"]), SEND))
    limits = limited(recipients=2)
    assert decide(act(SEND, to="A "), context(SEND, used, limits)).verdict == "allow"
    assert decide(act(SEND, to=["a", "c"]), context(SEND, used, limits)).rule == "budget.run.recipients"


def test_an_approval_does_not_lift_a_limit() -> None:
    from tests.guard.test_decide import approval

    wanted = act(SEND, to="a")
    allowed = approval(wanted)
    word = decide(wanted, context(SEND, Spent(), limited(calls=0), approval=allowed, level="draft"))
    assert (word.verdict, word.rule) == ("deny", "budget.run.calls")


@pytest.mark.parametrize(
    ("ago", "hour", "day"),
    [(timedelta(minutes=59), 1, 1), (timedelta(hours=1), 0, 1), (timedelta(hours=23), 0, 1), (timedelta(days=1), 0, 0)],
)  # fmt: skip
def test_windows_slide_and_the_run_forgets_nothing(ago: timedelta, hour: int, day: int) -> None:
    used = spent(decided(act(SEND, to="a"), SEND, NOW - ago))
    assert [used.of(span).used("calls") for span in ("run", "hour", "day")] == [1, hour, day]
    assert [used.of(span).used("recipients") for span in ("run", "hour", "day")] == [1, hour, day]


def test_it_says_when_it_frees() -> None:
    used = spent(decided(act(SEND, to="a"), SEND, NOW - timedelta(minutes=13)))
    word = decide(act(SEND, to="b"), context(SEND, used, limited("hour", calls=1)))
    assert word.reason.endswith("the first of it frees in 47 min")


def test_a_clock_set_back_frees_nothing_and_time_goes_on_from_there() -> None:
    """Without its ClockStepped the later events stay pressed against the newest time; with it they run on."""
    back = timedelta(days=3)
    used = spent(decided(act(SEND, to="a"), SEND, NOW), now=NOW - back)
    assert used.hour.used("calls") == 1
    used.take(ClockStepped(ts=timestamp(NOW - back), back_ms=int(back.total_seconds() * 1000)))
    used.advance(NOW - back + timedelta(minutes=59))
    assert used.hour.used("calls") == 1
    used.advance(NOW - back + timedelta(minutes=61))
    assert used.hour.used("calls") == 0


def test_only_an_allow_counts_and_a_failure_gives_back_all_but_the_attempt() -> None:
    sent, asked = act(SEND, to="a"), act(SEND, to="b")
    used = spent(
        decided(sent, SEND), decided(asked, SEND, verdict="ask"), decided(asked, SEND, verdict="deny")
    )
    assert (used.run.used("calls"), used.day.used("recipients")) == (1, 1)
    for _ in range(2):  # the second failure gives nothing back again
        used.take(ActionFailed(ts=timestamp(NOW), run="r", external_id=sent.external_id, error="refused"))
        assert (used.run.used("calls"), used.run.used("recipients"), used.day.used("recipients")) == (1, 0, 0)
    used.advance(NOW + timedelta(days=2))
    assert used.day.used("calls") == 0


@pytest.mark.parametrize("declaration", [READ, MOVE])
def test_the_same_call_over_and_over_is_denied_reads_too(declaration: Declaration) -> None:
    wanted = act(declaration, ref="1")
    used = spent(*(decided(wanted, declaration) for _ in range(3)))
    assert decide(wanted, context(declaration, used, limited(identical=4))).verdict == "allow"
    assert decide(wanted, context(declaration, used, limited(identical=3))).rule == "budget.identical"
    assert (
        decide(act(declaration, ref="2"), context(declaration, used, limited(identical=3))).verdict == "allow"
    )


def started(run: str, parent: str) -> RunStarted:
    return RunStarted(
        ts=timestamp(NOW), run=run, parent=parent, trigger="schedule", trust="person", subject=""
    )


def test_what_sub_agents_use_counts_on_the_run_that_was_asked_for() -> None:
    used = spent(
        started("child", "r"), started("grandchild", "child"), started("stranger", "other"),
        *(decided(act(SEND, run=run, to=run), SEND) for run in ("r", "child", "grandchild", "stranger", "other")),
    )  # fmt: skip
    assert (used.run.used("calls"), used.run.used("recipients"), used.hour.used("calls")) == (3, 3, 5)
    for run in ("r", "child", "grandchild"):
        word = decide(act(SEND, run=run, to="z"), context(SEND, used, limited(calls=3)))
        assert word.rule == "budget.run.calls"


def test_two_agents_that_call_each_other_come_to_an_end() -> None:
    """A starts B, B starts A, and so on: from the fourth level on nothing is allowed, not even a read."""
    chain = ["r", *(f"{'ab'[level % 2]}{level}" for level in range(6))]
    used = spent(*(started(run, parent) for parent, run in itertools.pairwise(chain)))
    words = [decide(act(READ, run=run, ref="1"), context(READ, used)) for run in chain]
    assert [word.verdict for word in words] == ["allow"] * 4 + ["deny"] * 3
    assert words[4].rule == "budget.depth"


def test_a_run_has_only_so_many_sub_agents() -> None:
    used = spent(*(started(f"c{number}", "r") for number in range(5)))
    words = [
        decide(act(READ, run=f"c{n}", ref="1"), context(READ, used, limited(children=3))) for n in range(5)
    ]
    assert [word.rule for word in words] == ["effect.read"] * 3 + ["budget.children"] * 2


def asked(action: Action, rule: str = "autonomy.draft", at: datetime = NOW) -> ApprovalAsked:
    return ApprovalAsked(
        ts=timestamp(at), run=action.run, approval=action.external_id[:8], external_id=action.external_id,
        digest=action.digest, verb=action.verb, rule=rule, expires=timestamp(NOW),
    )  # fmt: skip


def test_questions_count_from_the_first_read_and_like_ones_of_one_breath_are_one() -> None:
    sends = [act(SEND, to=str(number)) for number in range(3 * ALIKE)]
    assert spent(*map(asked, sends)).questions == 0
    read = decided(act(READ, ref="1"), READ)
    assert spent(read, *map(asked, sends[:ALIKE])).questions == 1
    assert spent(read, *map(asked, sends[: ALIKE + 1])).questions == 2
    apart = (asked(one, at=NOW + timedelta(seconds=n)) for n, one in enumerate(sends[:3]))
    assert spent(read, *apart).questions == 3
    assert spent(read, asked(sends[0], "a"), asked(sends[1], "b")).questions == 2


def test_fifty_asks_after_a_read_reach_the_person_twice() -> None:
    """Catalogue 59: fatigue."""
    used = spent(decided(act(READ, ref="1"), READ))
    words = []
    for number in range(50):
        wanted, at = act(SEND, to=str(number)), NOW + timedelta(seconds=number)
        words.append(word := decide(wanted, context(SEND, used, level="draft", tainted=True, now=at)))
        used.take(
            asked(wanted, at=at)
            if word.verdict == "ask"
            else RunFrozen(ts=timestamp(at), run="r", questions=2)
        )
    assert [word.verdict for word in words] == ["ask"] * 2 + ["deny"] * 48
    assert {word.rule for word in words[2:]} == {"frozen.questions"}
    assert decide(act(MOVE, ref="1"), context(MOVE, used)).rule == "frozen.questions"
    assert decide(act(READ, ref="1"), context(READ, used)).verdict == "allow"


def test_without_an_untrusted_read_nothing_freezes() -> None:
    used = spent(decided(act(READ, ref="1"), READ), *(asked(act(SEND, to=str(n)), str(n)) for n in range(9)))
    assert decide(act(SEND, to="z"), context(SEND, used, level="draft")).verdict == "ask"


def test_asking_for_the_same_thing_again_is_no_new_question() -> None:
    waiting = act(SEND, to="a")
    used = spent(decided(act(READ, ref="1"), READ), asked(waiting))
    at = {"level": "draft", "tainted": True, "now": NOW + timedelta(minutes=1)}
    assert decide(waiting, context(SEND, used, limited(questions=1), **at)).verdict == "ask"
    assert decide(act(SEND, to="b"), context(SEND, used, limited(questions=1), **at)).verdict == "deny"


# -- algebra -----------------------------------------------------------------------------

ARGUMENTS: dict[str, Any] = {
    "x.read": st.fixed_dictionaries({"ref": st.sampled_from("ab")}),
    "x.move": st.fixed_dictionaries({"ref": st.sampled_from("ab")}),
    "x.wipe": st.fixed_dictionaries({"ref": st.lists(st.sampled_from("abc"))}),
    "x.send": st.fixed_dictionaries({"to": st.lists(st.sampled_from("abc"))}),
    "x.ship": st.fixed_dictionaries({"to": st.sampled_from("ab")}),
    "x.pay": st.fixed_dictionaries({"amount": st.integers(0, 3)}),
}
actions = st.sampled_from(sorted(EVERY)).flatmap(
    lambda verb: st.builds(
        Action, run=st.sampled_from(["r", "other"]), verb=st.just(verb), arguments=ARGUMENTS[verb]
    )
)
minutes = st.integers(0, 26 * 60)
histories = st.lists(
    st.tuples(actions, minutes, st.sampled_from(["allow", "allow", "ask", "deny"])), max_size=12
)
small = st.integers(0, 4) | st.just(UNLIMITED)
windows = st.builds(Window, **dict.fromkeys(Window.__struct_fields__, small))
run_windows = st.builds(RunWindow, **dict.fromkeys(RunWindow.__struct_fields__, small))
any_limits = st.builds(Limits, run=run_windows, hour=windows, day=windows)


def fold(history: list[tuple[Action, int, str]]) -> Spent:
    in_time = sorted(history, key=lambda one: -one[1])
    return spent(
        *(
            decided(action, EVERY[action.verb], NOW - timedelta(minutes=ago), verdict=verdict)
            for action, ago, verdict in in_time
        )
    )


STRENGTH = {"deny": 0, "ask": 1, "allow": 2}


@given(histories, actions, any_limits, any_limits)
def test_lowering_a_limit_never_allows_more(
    history: list[tuple[Action, int, str]], wanted: Action, one: Limits, other: Limits
) -> None:
    from meshclaw.guard.limits import tightest

    used, declaration = fold(history), EVERY[wanted.verb]
    before = decide(wanted, context(declaration, used, one))
    after = decide(wanted, context(declaration, used, tightest(one, other)))
    assert STRENGTH[after.verdict] <= STRENGTH[before.verdict]


@given(histories, st.tuples(actions, minutes, st.just("allow")), actions, any_limits)
def test_having_used_more_never_allows_more(
    history: list[tuple[Action, int, str]], more: tuple[Action, int, str], wanted: Action, limits: Limits
) -> None:
    """One exception is meant: a recipient or file that was used already costs nothing a second time."""
    declaration = EVERY[wanted.verb]
    if more[0].verb in ("x.send", "x.wipe"):
        return
    before = decide(wanted, context(declaration, fold(history), limits))
    after = decide(wanted, context(declaration, fold([*history, more]), limits))
    assert STRENGTH[after.verdict] <= STRENGTH[before.verdict]


@given(histories, st.randoms(use_true_random=False))
def test_the_order_of_events_of_one_moment_does_not_matter(
    history: list[tuple[Action, int, str]], random: Any
) -> None:
    at_once = [(action, 0, verdict) for action, _, verdict in history]
    shuffled = random.sample(at_once, len(at_once))
    one, other = fold(at_once), fold(shuffled)
    for span in ("run", "hour", "day"):
        for what in get_args(What):
            assert one.of(span).used(what) == other.of(span).used(what)


@given(histories, st.sets(st.integers(0, 11)), st.integers(0, 60))
def test_what_is_used_is_what_a_plain_count_of_the_events_gives(
    history: list[tuple[Action, int, str]], failing: set[int], later: int
) -> None:
    """Against the definition, with failures in between and time that passes."""
    in_time = sorted(history, key=lambda one: -one[1])
    used = Spent("r")
    kept: list[tuple[str, int, Cost]] = []
    for number, (action, ago, verdict) in enumerate(in_time):
        single = msgspec.structs.replace(action, arguments={**action.arguments, "nonce": number})
        event = decided(single, EVERY[action.verb], NOW - timedelta(minutes=ago), verdict=verdict)
        used.take(event)
        used.advance(NOW - timedelta(minutes=ago))
        cost = event.cost
        if number in failing:
            used.take(ActionFailed(ts=event.ts, run=action.run, external_id=event.external_id, error="lost"))
            cost = cost.tried()
        if verdict == "allow":
            kept.append((action.run, ago, cost))
    used.advance(NOW + timedelta(minutes=later))
    for span, length in (("run", None), ("hour", 60), ("day", 24 * 60)):
        costs = [cost for run, ago, cost in kept if (run == "r" if length is None else ago + later < length)]
        for what in get_args(What):
            values = [getattr(cost, what) for cost in costs]
            expected = len({m for v in values for m in v}) if what in ("recipients", "files") else sum(values)
            assert used.of(span).used(what) == expected, (span, what)  # type: ignore[arg-type]
