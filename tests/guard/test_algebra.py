"""Laws of the guard's middle layers, over whatever was asked, read and tried."""
# ruff: noqa: E501 - a table reads best with a case in each line

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshclaw.flow.action import Action
from meshclaw.guard import decide
from meshclaw.guard.history import History
from tests.guard.desk import Desk, event, file, mail, said, verbs
from tests.guard.test_ordinary import DEEDS
from tests.guard.test_redteam import ATTACKS

CASES = [*ATTACKS, *DEEDS]
words = st.text(st.sampled_from("xyz \u200b@.:/'\"<>"), max_size=30)
"""What a stranger writes; never a name that a request speaks of."""


@st.composite
def strangers(draw: st.DrawFn, values: list[str]) -> tuple[str, Any, dict[str, Any]]:
    """Something that strangers can bring about, holding whatever they please: the very values the model tries."""
    text = st.one_of(words, st.sampled_from([*values, "x"]))
    sender = draw(st.sampled_from([one for one in values if "@" in one] + ["eve@evil.example"]))
    kind = draw(st.integers(0, 4))
    match kind:
        case 0:
            made = mail("zz1", sender, draw(words), draw(text), cc=[sender], attachments=["zz2"])
            return "mail.get_unread_emails", [made], {}
        case 1:
            return "mail.search_emails", [mail("zz1", sender, draw(words), draw(text))], {"query": "zzyzx"}
        case 2:
            return (
                "calendar.get_day_calendar_events",
                [event("zz3", draw(words), [sender])],
                {"day": "2031-01-01"},
            )
        case 3:
            return "files.search_files", [file("zz4", draw(words), draw(text))], {"query": "zzyzx"}
        case _:
            return (
                "chat.read_channel_messages",
                [said("Zed", "zz-channel", draw(text))],
                {"channel": "zz-channel"},
            )


def texts(arguments: Any) -> list[str]:
    if isinstance(arguments, dict):
        return [one for value in arguments.values() for one in texts(value)]
    if isinstance(arguments, list):
        return [one for value in arguments for one in texts(value)]
    return [str(arguments)]


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_what_strangers_add_never_allows_more(data: st.DataObject) -> None:
    case = data.draw(st.sampled_from(CASES))
    desk = case.desk()
    before = desk.decide(case.verb, **case.arguments).verdict
    for verb, result, asked in data.draw(st.lists(strangers(texts(case.arguments)), min_size=1, max_size=3)):
        desk.read(verb, result, **asked)
    after = desk.decide(case.verb, **case.arguments).verdict
    assert after != "allow" or before == "allow"


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_decision_does_not_depend_on_the_order_of_what_was_read(data: st.DataObject) -> None:
    case = data.draw(st.sampled_from([one for one in CASES if one.desk().history.records]))
    desk = case.desk()
    before = desk.decide(case.verb, **case.arguments)
    shuffled = History()
    for call in desk.history.calls:
        records = [record for record in desk.history.records if record.call is call]
        shuffled.calls.append(call)
        for record in data.draw(st.permutations(records)):
            shuffled._take(record)  # pyright: ignore[reportPrivateUsage]
    desk.history = shuffled
    after = desk.decide(case.verb, **case.arguments)
    assert (after.verdict, after.labels) == (before.verdict, before.labels)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_decision_does_not_depend_on_the_order_of_arguments(data: st.DataObject) -> None:
    case = data.draw(st.sampled_from(CASES))
    desk = case.desk()
    keys = data.draw(st.permutations(list(case.arguments)))
    other = desk.decide(case.verb, **{key: case.arguments[key] for key in keys})
    same = desk.decide(case.verb, **case.arguments)
    assert (other.verdict, other.labels) == (same.verdict, same.labels)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_taking_a_sentence_out_of_a_request_never_licenses_more(data: st.DataObject) -> None:
    """But for those that forbid: the request here holds none."""
    from meshclaw.guard.layers.licence import is_licensed
    from meshclaw.guard.request.wording import wording
    from tests.guard.office import VERBS, declared
    from tests.guard.sayings import FIRST, SECOND

    rows = st.sampled_from([row[0] for row in (*FIRST, *SECOND) if "\n" not in row[0] and "?" not in row[0]])
    sentences = data.draw(st.lists(rows, min_size=1, max_size=3))
    out = data.draw(st.sampled_from(sentences))
    rest = [one for one in sentences if one != out]
    verb = declared(data.draw(st.sampled_from(sorted(VERBS))))
    if is_licensed(verb, wording("\n\n".join(rest))):
        assert is_licensed(verb, wording("\n\n".join(sentences))) or ":" in "".join(sentences)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200), st.sampled_from(CASES), st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=60),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=20), inner, max_size=3), max_leaves=8))  # fmt: skip
def test_no_words_and_no_values_break_it(asked: str, case: Any, value: Any) -> None:
    desk = Desk(asked or "x").read("mail.get_unread_emails", value).read("files.list_files", [value])
    declaration = verbs()[case.verb]
    for name in declaration.arguments:
        arguments = {**case.arguments, name.partition(".")[0]: value}
        action = Action(run="r", verb=case.verb, arguments=arguments)
        assert decide(action, desk.context(declaration)).rule != "guard.error"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.why[:50])
def test_the_same_is_judged_the_same_twice(case: Any) -> None:
    desk = case.desk()
    assert desk.decide(case.verb, **case.arguments) == desk.decide(case.verb, **case.arguments)
