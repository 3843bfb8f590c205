"""What a command in a sandbox did stands in the ledger: labels and counts, and no name that it chose."""

from __future__ import annotations

import msgspec
import pytest

from meshclaw.flow.egress import EgressPass, EgressRefusal
from meshclaw.flow.event.sandbox import EgressPassed, EgressRefused, SandboxEnded
from meshclaw.guard.sandbox.process import Finished
from meshclaw.ledger.content import ContentStore
from meshclaw.ledger.ledger import Ledger
from meshclaw.runs.sandboxed import MOST, events_of

LEAK = "c2VjcmV0.evil.example"


def refusal(host: str = LEAK, method: str = "GET") -> EgressRefusal:
    return EgressRefusal(
        rule="egress.host", reason=f"{host} is not on the list", host=host, port=443, method=method
    )


def passed(host: str = "good.example") -> EgressPass:
    return EgressPass(host=host, port=443, address="93.184.216.34", method="GET", secrets=("TOKEN",))


def finished(**more: object) -> Finished:
    return msgspec.structs.replace(Finished(code=3, stdout=b"out", stderr=b"err"), **more)


def test_what_went_out_and_what_did_not_is_counted_and_its_names_are_sealed(
    ledger: Ledger, contents: ContentStore
) -> None:
    told = finished(
        refused=(refusal(), refusal(), refusal("")), passed=(passed(), passed()), planted=(".git/hooks",)
    )
    ledger.record(*events_of(told, contents))
    known, unknown = ledger.events(EgressRefused)
    assert (known.rule, known.method, known.count, unknown.place, unknown.count) == (
        "egress.host",
        "GET",
        2,
        "",
        1,
    )
    [out] = ledger.events(EgressPassed)
    assert (out.secrets, out.count) == (("TOKEN",), 2)
    [end] = ledger.events(SandboxEnded)
    assert (end.code, end.planted, end.refused, end.passed) == (3, (".git/hooks",), 3, 2)
    places = [msgspec.json.decode(contents.get(one.place))[1] for one in (known, out)]
    assert places == [[LEAK, 443], ["good.example", 443, "93.184.216.34"]]
    everything = b"".join(msgspec.json.encode(one) for one in (known, unknown, out, end))
    assert not [word for word in (LEAK.encode(), b"good.example", b"93.184") if word in everything]


def test_the_same_place_is_not_the_same_digest_twice(contents: ContentStore) -> None:
    """Else whoever has a list of hosts could tell which it was."""
    one, two = (events_of(finished(refused=(refusal(),)), contents)[0] for _ in range(2))
    assert one != two


@pytest.mark.parametrize("method", ["LEAK-c2VjcmV0", "get", "PROPFIND"])
def test_a_method_of_its_own_making_is_no_word_of_the_ledger(method: str, contents: ContentStore) -> None:
    [event, _] = events_of(finished(refused=(refusal(method=method),)), contents)
    assert isinstance(event, EgressRefused)
    assert event.method == "other"


def test_a_command_cannot_fill_the_ledger(contents: ContentStore) -> None:
    flood = finished(refused=tuple(refusal(f"{number}.evil.example") for number in range(1000)))
    *facts, end = events_of(flood, contents)
    assert len(facts) == MOST
    assert isinstance(end, SandboxEnded)
    assert end.refused == 1000
