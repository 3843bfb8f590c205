"""The ladder: how far an agent may go alone with one verb."""

from __future__ import annotations

from typing import Literal

Level = Literal["draft", "one_tap", "act_with_undo", "autonomous"]
LADDER: tuple[Level, ...] = ("draft", "one_tap", "act_with_undo", "autonomous")
