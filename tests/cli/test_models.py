"""``meshclaw models`` against a server that answers as the vendors do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest

from tests.cli.conftest import Meshclaw
from tests.conftest import InMemory
from tests.servers.aimock import PROGRAM, Aimock

ANSWERS = """{"fixtures": [
  {"match": {"userMessage": "Say: ready", "model": "claude-haiku-4-5"}, "response": {"content": "ready",
   "usage": {"prompt_tokens": 1000000, "completion_tokens": 1, "input_tokens": 1000000, "output_tokens": 1}}},
  {"match": {"userMessage": "Say: ready", "model": "claude-opus-4-8"},
   "response": {"error": {"message": "invalid x-api-key", "type": "authentication_error"}, "status": 401}},
  {"match": {"userMessage": "Say: ready", "model": "down"}, "response": {"error": {"message": "no"}, "status": 500}},
  {"match": {"userMessage": "Say: ready"}, "response": {"content": "ready"}}
]}"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aimock]:
    if not PROGRAM.exists():
        pytest.skip("aimock is not installed: make packages")
    path = tmp_path_factory.mktemp("aimock") / "answers.json"
    path.write_text(ANSWERS)
    server = Aimock(path)
    yield server
    server.stop()


@pytest.fixture
def models(home: Path, server: Aimock) -> Path:
    path = home / "models.toml"
    path.write_text(f"""
[classes]
fast = ["haiku", "local"]
[models.haiku]
model = "anthropic:claude-haiku-4-5"
base_url = "{server.url}"
[models.opus]
model = "anthropic:claude-opus-4-8"
base_url = "{server.url}"
[models.local]
model = "compatible:house"
base_url = "{server.url}/v1"
[models.down]
model = "compatible:down"
base_url = "{server.url}/v1"
""")
    return path


def test_every_model_is_listed_with_its_place_and_where_its_key_lies(
    meshclaw: Meshclaw, models: Path
) -> None:
    said = meshclaw("models", "list")
    assert said.code == 0
    assert "fast 2" in said.out
    listed = meshclaw("models", "list", "--json").json()
    assert listed["classes"] == {"fast": ["haiku", "local"]}
    assert [entry["name"] for entry in listed["models"]] == ["haiku", "opus", "local", "down"]


def test_without_models_it_says_how_to_begin(meshclaw: Meshclaw) -> None:
    said = meshclaw("models", "list")
    assert (said.code, said.out) == (0, "")
    assert "meshclaw models connect" in said.err


def test_a_key_is_kept_once_the_model_answered_with_it(
    meshclaw: Meshclaw, models: Path, server: Aimock, ring: InMemory
) -> None:  # fmt: skip
    said = meshclaw("models", "connect", "haiku", "--key-stdin", "--dry-run", stdin="sk-mine\n")
    assert (said.code, ring.kept) == (0, {})
    said = meshclaw("models", "connect", "haiku", "--key-stdin", stdin="sk-mine\n")
    assert said.code == 0, said.err
    assert "Connected haiku" in said.err
    name = f"model:anthropic@127.0.0.1:{server.port}"
    assert ring.kept == {("meshclaw", name): "sk-mine"}
    assert "sk-mine" not in said.out + said.err + models.read_text()
    assert keyring.get_password("meshclaw", name) == "sk-mine"


def test_a_key_that_is_not_taken_is_not_kept(meshclaw: Meshclaw, models: Path, ring: InMemory) -> None:
    said = meshclaw("models", "connect", "opus", "--key-stdin", stdin="sk-wrong\n")
    assert (said.code, ring.kept) == (4, {})
    assert "does not take the key" in said.err
    assert meshclaw("models", "connect", "haiku", "--key-stdin", stdin="\n").code == 2
    assert meshclaw("models", "connect", "local", "--key-stdin", stdin="k\n").code == 2


def test_a_test_tells_what_was_used_and_what_it_cost(
    meshclaw: Meshclaw, models: Path, ring: InMemory
) -> None:
    assert meshclaw("models", "test", "haiku").code == 4
    meshclaw("models", "connect", "haiku", "--key-stdin", stdin="sk-mine\n")
    haiku, local = meshclaw("models", "test", "fast", "--json").json()
    assert (haiku["tokens"]["input_uncached"], haiku["tokens"]["output"], haiku["counted"]) == (
        1_000_000,
        1,
        True,
    )
    assert (haiku["cost_usd_micros"], haiku["price_known"]) == (1_000_005, True)
    assert (local["ok"], local["price_known"]) == (True, False)
    assert local["cost_usd_micros"] > 0
    said = meshclaw("models", "test", "haiku")
    assert "1000000 input uncached, 1 output tokens, $1.000005" in said.out


def test_one_that_fails_is_told_and_the_rest_are_tried(meshclaw: Meshclaw, models: Path) -> None:
    said = meshclaw("models", "test", "down")
    assert said.code == 1
    assert "down: failed" in said.out
    assert meshclaw("models", "test", "nobody").code == 2


def test_while_everything_is_stopped_no_model_is_asked(meshclaw: Meshclaw, models: Path) -> None:
    meshclaw("stop")
    assert meshclaw("models", "test", "local").code == 3
