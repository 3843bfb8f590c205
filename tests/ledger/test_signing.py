"""Several threads and processes sign the chain's end: none gets in another's way."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import msgspec
import pytest

from meshclaw.errors import MeshClawError
from meshclaw.flow.event.guard import ClawStopped
from meshclaw.ledger.ledger import Ledger


def test_many_who_sign_at_once_write_the_head_in_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong: list[Exception] = []
    alone, write = threading.Lock(), Ledger._write_anchor

    def slowly(ledger: Ledger, data: bytes) -> None:
        assert alone.acquire(blocking=False), "two write the head at the same time"
        time.sleep(0.002)
        write(ledger, data)
        alone.release()

    monkeypatch.setattr(Ledger, "_write_anchor", slowly)

    def sign() -> None:
        ledger = Ledger(tmp_path)
        try:
            for _ in range(5):
                ledger.record(ClawStopped())
                ledger.sign_head()
        except (AssertionError, OSError, MeshClawError) as error:
            wrong.append(error)
        finally:
            ledger.close()

    Ledger(tmp_path).close()
    threads = [threading.Thread(target=sign) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    ledger = Ledger(tmp_path)
    assert ledger.verify().ok
    assert msgspec.json.decode((tmp_path / "ledger.head").read_bytes())["seq"] == ledger.newest()
    ledger.close()
