"""What a run has read: fields by their declared types, nothing lost, nothing taken for more than it is."""
# ruff: noqa: E501 - a table reads best with a case in each line

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshclaw.flow.action import Action
from meshclaw.flow.declaration import Argument, Declaration, Field
from meshclaw.guard.history import History

LIST = Declaration(
    verb="box.list", effect="read", reversible=True, words="List", arguments={"query": Argument("text", required=False)},
    results={
        "id": Field("structured", type="box.id", writer="system"),
        "name": Field("structured", type="name", writer="member"),
        "owner.mail": Field("structured", type="address", writer="system"),
        "shared{}": Field("structured", type="address", writer="system"),
        "shared": Field("structured", writer="system"),
        "note": Field("free_text", writer="anyone", secrecy="internal"),
        "pin": Field("structured", type="pin", secrecy="secret"),
    },
)  # fmt: skip
BOX = {
    "id": 13, "name": "Blue box", "owner": {"mail": "Bob@acme.example"}, "shared": {"eve@acme.example": "r"},
    "note": "one two three four five six seven", "pin": "4711", "surprise": {"key": ["deep"]},
}  # fmt: skip


def read(value: object, **arguments: str) -> History:
    history = History()
    history.add(Action(run="r", verb="box.list", arguments=dict(arguments)), LIST, value)
    return history


def test_fields_are_found_by_type_and_value() -> None:
    history = read([BOX])
    assert [leaf.value for _, leaf in history.of("box.id")] == ["13"]
    assert history.holding("address", "bob@ACME.example")
    assert history.holding("address", "eve@acme.example")
    assert not history.holding("address", "13")
    assert history.secrets == ["4711"]
    assert history.tainted


def test_what_nobody_declared_is_free_text_by_anyone_keys_too() -> None:
    texts = {leaf.value: leaf.field for _, leaf in read([BOX]).free_text()}
    assert {"surprise", "key", "deep"} <= texts.keys()
    assert texts["deep"] == Field("free_text")


def test_internal_text_is_known_by_six_words_in_a_row() -> None:
    from meshclaw.guard.history import stretches

    history = read([BOX, {**BOX, "id": 14}])
    (known,) = stretches("two three four five six seven")
    assert [record.id.value for record in history.internal(known) if record.id] == ["13", "14"]
    assert not history.internal(known + 1)
    assert not list(stretches("two three four five six"))


@pytest.mark.parametrize("value", [None, [], {}, "", [None], [[]], {"id": None}])
def test_nothing_brings_nothing(value: object) -> None:
    assert not read(value).of("box.id")


@given(st.lists(st.fixed_dictionaries({"id": st.integers(0, 9), "name": st.text(max_size=5)}), max_size=6))
def test_every_record_is_kept_in_order(things: list[dict[str, object]]) -> None:
    history = read(things)
    assert [leaf.value for _, leaf in history.of("box.id")] == [str(one["id"]) for one in things]
    assert len(history.records) == len(things)
