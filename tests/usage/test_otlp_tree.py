"""Whatever tools send, in whatever order and however often: every token counts once, to the micro-dollar."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

from meshclaw.cli.receiving import Receiver
from meshclaw.errors import Busy
from meshclaw.flow.usage import Unread, Usage
from meshclaw.ledger.usage.store import UsageStore
from meshclaw.readers.all import READERS
from meshclaw.testing import otlp_tree
from meshclaw.testing.otlp_tree import CLASSES, Truth
from meshclaw.usage.importing import Importer
from meshclaw.usage.labels import judge_of
from meshclaw.usage.received import heard, receive
from meshclaw.usage.reconcile import recount
from meshclaw.usage.report import report
from tests.servers.otel import Way, send

WAYS: tuple[Way, ...] = ("protobuf", "gzip", "json", "json gzip")


@pytest.fixture
def store(home: Path) -> Iterator[UsageStore]:
    store = UsageStore(home / "usage.db")
    yield store
    store.close()


Keep = Callable[[Sequence[Usage | Unread]], None]


@contextmanager
def receiving(keep: Keep) -> Iterator[str]:
    receiver = Receiver(lambda found: keep(list(found)), port=0)
    thread = Thread(target=receiver.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{receiver.server_port}"
    finally:
        receiver.shutdown()
        thread.join()
        receiver.server_close()


def keep_in(store: UsageStore) -> Keep:
    importer = Importer(store, READERS, judge_of(READERS, None))
    return lambda found: receive(importer, found)


def check(store: UsageStore, truth: Truth) -> None:
    recount(store)
    found = report(store)
    by_tool = {
        tool: {name: getattr(part.totals, name) for name in CLASSES} for tool, part in found.by_tool.items()
    }
    assert by_tool == {
        tool: {name: counts[name] for name in CLASSES} for tool, counts in truth.tokens.items()
    }
    assert found.totals.cost_usd_micros == truth.micros == sum(found.partition.values())
    stored = [usage for usage, is_counted in store.calls(-(2**62), 2**62) if is_counted]
    assert sum(not usage.until for usage in stored) == truth.calls
    assert sum(usage.reported_micros or 0 for usage in stored) == truth.reported_micros
    assert {one.why for _, one in store.unread()} == truth.whys
    assert store.check() == 0


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("is_delta", [True, False], ids=["delta", "cumulative"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_everything_that_was_sent_is_counted_exactly(
    store: UsageStore, way: Way, is_delta: bool, seed: int
) -> None:
    sent = otlp_tree.make(seed=seed)
    with receiving(keep_in(store)) as url:
        send(sent, url, way=way, is_delta=is_delta, seed=seed)
    check(store, sent.truth)
    assert set(heard(store)) == {*sent.truth.tokens}


def test_what_is_sent_again_because_an_answer_was_lost_counts_once(store: UsageStore) -> None:
    """The exporters' own retries: after an answer that never came, and after one that says later."""
    sent, keep, turns = otlp_tree.make(seed=4, sessions=3), keep_in(store), iter(range(10**6))

    def faulty(found: Sequence[Usage | Unread]) -> None:
        turn = next(turns)
        if turn != 1:
            keep(found)
        if turn in (1, 4):
            raise Busy("stored or not, the sender is told to come again")

    with receiving(faulty) as url:
        send(sent, url, way="gzip", is_delta=True, seed=4)
    check(store, sent.truth)


def test_who_sends_under_thousands_of_names_is_remembered_in_bounds(store: UsageStore) -> None:
    keep = keep_in(store)
    for number in range(120):
        name = f"tool {number % 60}"
        keep([Usage(tool=name, evidence="telemetry", key=str(number), at=otlp_tree.START_MS, model="m")])
    found = heard(store)
    assert len(found) == 51
    assert sum(one.usages for one in found.values()) == 120
