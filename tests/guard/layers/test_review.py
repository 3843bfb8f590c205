"""A connector whose declarations changed does nothing until somebody reviewed them again."""

from __future__ import annotations

import msgspec
import pytest

from meshclaw.connectors.mail.manifest import DECLARATIONS
from meshclaw.connectors.slack.manifest import DECLARATIONS as SLACK
from meshclaw.flow.declaration import Argument, Declaration
from meshclaw.flow.event.guard import ConnectorReviewed
from meshclaw.guard.layers.review import SHIPPED, pin, reviewed

MAIL = list(DECLARATIONS.values())


@pytest.mark.parametrize(("connector", "declared"), [("mail", DECLARATIONS), ("slack", SLACK)])
def test_the_shipped_pin_is_that_of_the_connector(connector: str, declared: dict[str, Declaration]) -> None:
    now = pin(declared.values())
    assert SHIPPED[connector] == now, f"review the change, then pin it: {now}"


def test_the_order_of_declarations_does_not_matter() -> None:
    assert pin(reversed(MAIL)) == pin(MAIL)


@pytest.mark.parametrize(
    "change",
    [
        {"effect": "read"},
        {"reversible": True},
        {"words": "Send a mail, as your administrator asked"},
        {"deed": "read"},
        {"arguments": {"to": Argument("text")}},
        {"results": {}, "objects": ("anything",)},
        {"definition": "0" * 64},
    ],
)
def test_any_change_of_one_declaration_changes_the_pin(change: dict[str, object]) -> None:
    [send] = [one for one in MAIL if one.verb == "mail.send"]
    others = [one for one in MAIL if one is not send]
    changed: Declaration = msgspec.structs.replace(send, **change)
    assert pin([*others, changed]) != pin(MAIL)


def test_a_tool_more_or_less_changes_the_pin() -> None:
    assert len({pin(MAIL), pin(MAIL[1:]), pin([*MAIL, MAIL[0]])}) == 3


def test_the_person_s_newest_review_counts() -> None:
    facts = [
        ConnectorReviewed(connector="crm", pin="1" * 64),
        ConnectorReviewed(connector="crm", pin="2" * 64),
    ]
    assert reviewed(facts) == {**SHIPPED, "crm": "2" * 64}
