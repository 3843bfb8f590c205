from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from meshclaw.agents.triage.junk import DOUBT, ENOUGH, Clue, _chi_squared, combine, likeness
from meshclaw.agents.triage.lessons import Lessons
from meshclaw.agents.triage.tokens import tokens
from meshclaw.flow.message import Address, Link
from tests.agents.triage.mails import mail

FEW = settings(max_examples=60, deadline=None)
chances = st.floats(min_value=0.02, max_value=0.98)


def clues(values: list[float]) -> list[Clue]:
    return [Clue(token=f"t{at}", chance=value) for at, value in enumerate(values)]


def taught(junk: int = 8, wanted: int = 10 * DOUBT) -> Lessons:
    lessons = Lessons.open(":memory:")
    with lessons.batch():
        for number in range(junk):
            lessons.learn(
                mail(f"crook{number}@quick.test", text=f"cheap pills lottery jackpot {number}"), "suspicious"
            )
        for number in range(wanted):
            lessons.learn(
                mail(f"friend{number}@partner.test", text=f"meeting agenda report review {number}"), "read"
            )
    return lessons


@FEW
@given(values=st.lists(chances, min_size=1, max_size=40), more=st.floats(min_value=0.0, max_value=0.3))
def test_raising_one_clue_never_lowers_the_score(values, more):
    raised = [min(values[0] + more, 0.98), *values[1:]]
    assert combine(clues(raised)).score >= combine(clues(values)).score - 1e-9


@FEW
@given(values=st.lists(chances, max_size=60), order=st.randoms())
def test_the_score_is_a_share_and_does_not_depend_on_the_order_of_the_clues(values, order):
    before = clues(values)
    after = list(before)
    order.shuffle(after)
    assert 0 <= combine(before).score <= 1
    assert combine(before).score == combine(after).score


@FEW
@given(values=st.lists(chances, min_size=1, max_size=40))
def test_junk_and_wanted_are_treated_alike(values):
    mirrored = [1 - value for value in values]
    assert combine(clues(values)).score == pytest.approx(1 - combine(clues(mirrored)).score, abs=1e-9)


def test_robinsons_formula_gives_the_value_computed_by_hand():
    # Two clues of 0.9: -2 ln(0.81) = 0.4214, so Q(4 degrees) = exp(-0.2107)(1 + 0.2107) = 0.9807; and
    # -2 ln(0.01) = 9.2103 gives exp(-4.6052)(1 + 4.6052) = 0.0561; (1 + 0.9807 - 0.0561) / 2 = 0.9623.
    assert combine(clues([0.9, 0.9])).score == pytest.approx(0.9623, abs=1e-4)
    assert combine([]).score == 0.5


def test_what_looks_like_junk_scores_high_and_what_looks_wanted_scores_low():
    lessons = taught()
    junk = likeness(tokens(mail("new@quick.test", text="lottery jackpot cheap pills")), lessons)
    wanted = likeness(tokens(mail("new@partner.test", text="agenda of the review meeting")), lessons)
    assert junk.score > 0.85
    assert wanted.score < 0.15
    assert set(junk.words()) <= {"lottery", "jackpot", "cheap", "pills"}
    assert junk.words()
    lessons.close()


@settings(max_examples=15, deadline=None)
@given(extra=st.integers(min_value=1, max_value=6))
def test_more_lessons_that_a_mail_is_junk_never_lower_its_score(extra):
    lessons = taught()
    probe = tokens(mail("someone@shop.test", text="cheap pills on the agenda"))
    before = likeness(probe, lessons).score
    assume(before < 0.999)
    for number in range(extra):
        lessons.learn(
            mail("someone@shop.test", text="cheap pills on the agenda", subject=f"n{number}"), "suspicious"
        )
    assert likeness(probe, lessons).score >= before
    lessons.close()


@pytest.mark.parametrize(("junk", "wanted"), [(ENOUGH - 1, 10 * DOUBT), (60, DOUBT)])
def test_the_model_is_silent_until_enough_of_both_sides_is_learned(junk: int, wanted: int):
    lessons = taught(junk=junk, wanted=wanted)
    assert likeness(tokens(mail(text="lottery jackpot cheap pills")), lessons).score == 0.5
    lessons.close()


def test_the_fewer_wanted_mails_are_learned_the_nearer_the_score_stays_to_one_half():
    scores: list[float] = []
    for wanted in (DOUBT + 1, 2 * DOUBT, 4 * DOUBT, 10 * DOUBT):
        lessons = taught(junk=20, wanted=wanted)
        scores.append(likeness(tokens(mail(text="lottery jackpot cheap pills")), lessons).score)
        lessons.close()
    assert 0.5 < scores[0] < scores[1] < scores[2] < scores[3]
    assert scores[0] <= 0.5 + 0.5 / (DOUBT + 1)


def test_who_a_sender_is_and_where_the_links_lead_count():
    def shape(sender: str, name: str, *targets: str) -> set[str]:
        links = tuple(Link(text="x", href=target) for target in targets)
        written = msgspec.structs.replace(mail(links=links), sender=Address(name=name, address=sender))
        found = tokens(written)
        return {token for token in found if token.startswith(("name-", "links-home:", "host:", "from:"))}

    shop = shape("news@lamps.example", "Lamps Weekly", "https://www.lamps.example/a", "http://ads.test/b")
    assert shop == {
        "from:news@lamps.example", "from:lamps.example", "from:example",
        "name-words:2", "name-in-domain:True", "name-in-address:False",
        "links-home:TrueTrue",
        "host:www.lamps.example", "host:lamps.example", "host:example", "host:ads.test", "host:test",
    }  # fmt: skip
    assert {"name-in-address:True", "links-home:FalseTrue"} <= shape(
        "kim.lee@x.test", "Kim Lee", "http://192.0.2.7/"
    )
    assert {"name-words:0", "name-in-domain:False", "links-home:FalseFalse"} <= shape(
        "a1@x.test", "", "mailto:b@x.test"
    )


@pytest.mark.parametrize(
    ("half", "pairs"), [(0.5, 1), (3.0, 4), (4.0, 4), (30.0, 12), (12.0, 30), (90.0, 150)]
)
def test_the_chi_squared_tail_is_the_sum_of_the_textbook(half: float, pairs: int):
    plain = math.exp(-half) * math.fsum(half**at / math.factorial(at) for at in range(pairs))
    assert _chi_squared(half, pairs) == pytest.approx(plain, rel=1e-9)


def test_a_thousand_clues_are_weighed_without_underflow():
    assert combine(clues([0.9] * 600 + [0.1] * 400)).score > 0.8
    assert combine(clues([0.98] * 1000)).score == pytest.approx(1.0)
    assert combine(clues([0.02] * 1000)).score == pytest.approx(0.0)


def test_how_a_mail_was_sent_counts_beside_its_words():
    lessons = Lessons.open(":memory:")
    for number in range(4 * DOUBT):
        lessons.learn(
            mail(text=f"hello {number}", traits=("zone:impossible", "to:undisclosed")), "suspicious"
        )
        lessons.learn(mail(text=f"hello {number}", traits=("zone:plain", "to:named")), "read")
    odd = likeness(tokens(mail(text="hello", traits=("zone:impossible", "to:undisclosed"))), lessons)
    plain = likeness(tokens(mail(text="hello", traits=("zone:plain", "to:named"))), lessons)
    assert plain.score < 0.5 < odd.score
    assert {"zone:impossible", "to:undisclosed"} <= set(odd.shape())
    assert not {"zone:plain", "to:named"} & set(odd.shape())
    lessons.close()
