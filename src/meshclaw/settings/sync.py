"""How far each folder of each mailbox has been read, so that a restart reads only what is new."""

from __future__ import annotations

import contextlib
from pathlib import Path

import msgspec


class SyncStates:
    """``folder`` holds ``sync.json``. A lost or damaged file only means reading a folder once more."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "sync.json"
        self._states: dict[str, dict[str, str]] = {}
        with contextlib.suppress(FileNotFoundError, msgspec.MsgspecError):
            self._states = msgspec.json.decode(self.path.read_bytes(), type=dict[str, dict[str, str]])

    def get(self, address: str, folder: str) -> str:
        return self._states.get(address, {}).get(folder, "")

    def put(self, address: str, folder: str, state: str) -> None:
        self._states.setdefault(address, {})[folder] = state
        partial = self.path.with_suffix(".part")
        partial.write_bytes(msgspec.json.encode(self._states))
        partial.replace(self.path)
