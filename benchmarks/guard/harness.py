"""The worst-case replay of AgentDojo: found beside the checkout, loaded by path, never copied."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

SUITES = ("workspace", "slack")
VERSION = "v1.2.2"
_BESIDE = Path(__file__).parents[3] / "shared" / "evals"


def harness() -> ModuleType:
    """Raises SystemExit with what is missing: the harness or AgentDojo itself."""
    path = Path(os.environ.get("MESHCLAW_EVALS", _BESIDE)) / "agentdojo_worstcase.py"
    if not path.exists():
        sys.exit(f"{path} is not there: name its folder in MESHCLAW_EVALS. Nothing was measured.")
    spec = importlib.util.spec_from_file_location("agentdojo_worstcase", path)
    if spec is None or spec.loader is None:
        sys.exit(f"{path} cannot be loaded. Nothing was measured.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
