"""The slip: what it holds, when it still holds, and which slips may share an answer."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshclaw.flow.action import Action
from meshclaw.flow.decision import Decision, ask
from meshclaw.flow.declaration import Argument, Declaration
from meshclaw.flow.slip import Enclosed, Slip
from meshclaw.guard.slip import alike, draw, likeness, risk, sections, still_holds

SEND = Declaration(
    verb="x.send", effect="send", reversible=False, words="Send",
    arguments={"to": Argument("destination"), "text": Argument("text"), "pin": Argument("secret", required=False)},
)  # fmt: skip
MOVE = Declaration(
    verb="x.move", effect="write", reversible=True, words="Move",
    arguments={"ref": Argument("reference", item=True), "to": Argument("reference")},
)  # fmt: skip
EDIT = Declaration(
    verb="x.edit", effect="write", reversible=True, words="Edit",
    arguments={"new": Argument("text", replaces="old"), "old": Argument("text", required=False)},
)  # fmt: skip
TEXT = Enclosed(role="text", value="as it is now")


def slip(declaration: Declaration = MOVE, asked: Decision | None = None, **arguments: Any) -> Slip:
    given = {"ref": "1", "to": "Bulk"} if declaration is MOVE else {}
    action = Action(run="r", verb=declaration.verb, arguments={**given, **arguments})
    return draw(action, declaration, asked, enclosed={}, agent="a@1", salt="00")


def notes(of: Slip, declaration: Declaration) -> list[tuple[str, list[str]]]:
    return [(note.words, note.lines) for section in sections(of, declaration) for note in section.notes]


def test_a_secret_is_in_a_slip_by_its_digest_only() -> None:
    held = slip(SEND, to="a@b.test", text="t", pin="hunter2")
    assert b"hunter2" not in msgspec.json.encode(held)
    assert held.digest != slip(SEND, to="a@b.test", text="t", pin="hunter3").digest


def test_the_salt_makes_each_slip_the_only_one() -> None:
    one = slip()
    assert msgspec.structs.replace(one, salt="01").digest != one.digest


def test_destinations_come_first_and_are_never_shortened() -> None:
    first, *rest = sections(slip(SEND, text="t", to=["a@b.test", "c@d.test"]), SEND)
    assert (first.name, first.lines, first.whole) == ("to", ["a@b.test", "c@d.test"], True)
    assert not any(one.whole for one in rest)


@pytest.mark.parametrize(
    ("to", "words", "lines"),
    [
        ("bob@ex\u0430mple.com", "It leads to", ["xn--exmple-4nf.com"]),
        ("bob@ex\u0430mple.com", "Not plain: it is written in Cyrillic, Latin letters", []),
        ("bob@xn--exmple-4nf.com", "It leads to", ["xn--exmple-4nf.com"]),
        ("Ann <eve@evil.test>", "It leads to", ["evil.test"]),
        ("https://bank.test@evil.test/", "It leads to", ["evil.test"]),
        ("a@b.test\nbcc@evil.test", "It holds a line break", []),
        ("a@b.test\u200b", "It holds invisible characters (1)", []),
    ],
)
def test_what_deserves_a_look_in_a_destination(to: str, words: str, lines: list[str]) -> None:
    assert (words, lines) in notes(slip(SEND, to=[to], text=""), SEND)


def test_the_host_never_stands_among_our_own_words() -> None:
    url = "https://x%0aYou%20allowed%20this.test/"
    for words, _ in notes(slip(SEND, to=[url], text=f"[a]({url}) {url}"), SEND):
        assert "allowed" not in words


def test_all_links_are_told_those_beyond_the_first_by_host() -> None:
    text = " ".join(f"https://h{n}.test/{n}" for n in range(50))
    told = "\n".join(
        line for _, lines in notes(slip(SEND, to=["a@b.test"], text=text), SEND) for line in lines
    )
    assert all(f"h{n}.test" in told for n in range(50))


@pytest.mark.parametrize(
    ("arguments", "words", "lines"),
    [
        ({"old": "a\nb", "new": "a\nc"}, "What changes", ["@@ -1,2 +1,2 @@", " a", "-b", "+c"]),
        ({"old": "a", "new": "a"}, "Nothing changes", []),
        ({"new": "a"}, "What stands there now could not be shown", []),
    ],
)
def test_what_replaces_something_is_shown_as_a_change(
    arguments: dict[str, Any], words: str, lines: list[str]
) -> None:
    assert (words, lines) in notes(slip(EDIT, **arguments), EDIT)


def test_where_values_come_from_is_told_in_our_words() -> None:
    asked = msgspec.structs.replace(
        ask("denotation.outside", "x"), labels={"to": "outside", "text": "odd\x1b"}
    )
    held = slip(SEND, asked, to=["a@b.test"], text="t")
    assert sections(held, SEND)[0].origin == "a text that strangers can write"
    assert ("It comes from", ["odd\u2039U+001B\u203a"]) in notes(held, SEND)


LADDER = ask("autonomy.draft", "the agent stands at draft")
OTHER = ask("denotation.outside", "not from you", question="to a@b.test?")


@pytest.mark.parametrize(
    ("then", "now", "holds"),
    [
        (LADDER, LADDER, True),
        (LADDER, ask("autonomy.one_tap", "the agent stands at one_tap"), True),
        (LADDER, None, True),
        (LADDER, OTHER, False),
        (OTHER, OTHER, True),
        (OTHER, ask("denotation.nowhere", "nothing holds it"), True),
        (OTHER, msgspec.structs.replace(OTHER, also=(ask("information.link", "a link"),)), False),
    ],
)
def test_a_layer_that_did_not_ask_then_is_drift(then: Decision, now: Decision | None, holds: bool) -> None:
    action = Action(run="r", verb="x.move", arguments={"ref": "1", "to": "Bulk"})
    assert still_holds(slip(MOVE, then), action, MOVE, now, {}) == holds


def test_any_other_fact_is_drift() -> None:
    action = Action(run="r", verb="x.move", arguments={"ref": "1", "to": "Bulk"})
    held = draw(action, MOVE, LADDER, enclosed={"text": TEXT}, agent="a@1", salt="00")
    assert still_holds(held, action, MOVE, LADDER, {"text": TEXT})
    assert not still_holds(held, action, MOVE, LADDER, {"text": Enclosed(role="text", value="changed")})
    assert not still_holds(held, action, MOVE, LADDER, {})
    reviewed = msgspec.structs.replace(MOVE, words="Move something")
    assert not still_holds(held, action, reviewed, LADDER, {"text": TEXT})
    other = Action(run="r", verb="x.move", arguments={"ref": "1", "to": "Trash"})
    assert not still_holds(held, other, MOVE, LADDER, {"text": TEXT})


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ({"ref": "2"}, True),
        ({"ref": "2", "to": "Trash"}, False),
        ({"ref": "2\u200b"}, False),
        ({"asked": OTHER}, False),
    ],
)
def test_only_the_item_may_differ(other: dict[str, Any], same: bool) -> None:
    assert alike((slip(MOVE, LADDER), MOVE), (slip(**{"asked": LADDER, **other}), MOVE)) == same


def test_what_reaches_others_or_is_for_good_is_like_nothing() -> None:
    sent = slip(SEND, LADDER, to=["a@b.test"], text="t")
    assert not alike((sent, SEND), (sent, SEND))
    final = msgspec.structs.replace(MOVE, reversible=False)
    assert likeness(slip(final, ref="1", to="Bulk"), final) is None
    item = msgspec.structs.replace(
        MOVE, arguments={**MOVE.arguments, "to": Argument("destination", item=True)}
    )
    assert likeness(slip(item, ref="1", to="Bulk"), item) is None


SLIPS = st.builds(
    lambda ref, to: slip(MOVE, LADDER, ref=ref, to=to), st.sampled_from("123"), st.sampled_from("AB")
)


@given(SLIPS, SLIPS, SLIPS)
def test_being_alike_is_symmetric_and_transitive(a: Slip, b: Slip, c: Slip) -> None:
    def like(one: Slip, other: Slip) -> bool:
        return alike((one, MOVE), (other, MOVE))

    assert like(a, b) == like(b, a)
    assert not (like(a, b) and like(b, c)) or like(a, c)
    assert not like(a, b) or a.arguments["to"] == b.arguments["to"]


def test_what_reaches_others_for_good_is_the_greatest_risk() -> None:
    order = [("write", True), ("write", False), ("send", True), ("send", False), ("deploy", False)]
    assert sorted(order, key=lambda one: risk(one[0], reversible=one[1])) == order  # type: ignore[arg-type]
