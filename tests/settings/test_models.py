"""What may stand in ``models.toml``, and where keys come from."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshclaw.errors import NotFound, SignInNeeded, UserError
from meshclaw.settings.models import Entry, Models, key_of, load

FILE = """
[classes]
fast = ["anthropic:claude-haiku-4-5", "local"]
strong = ["anthropic:claude-opus-4-8"]
[models.local]
model = "ollama:qwen3:8b"
base_url = "http://127.0.0.1:11434/v1"
limit = 2000
[models."anthropic:claude-haiku-4-5"]
key = "env:HAIKU_KEY"
thinking = "low"
"""


def loaded(folder: Path, text: str) -> Models:
    (folder / "models.toml").write_text(text)
    return load(folder)


def test_a_class_is_its_models_in_their_order(tmp_path: Path) -> None:
    models = loaded(tmp_path, FILE)
    haiku, local = models.of("fast")
    assert (haiku.name, haiku.model, haiku.key, haiku.thinking) == (
        "anthropic:claude-haiku-4-5", "anthropic:claude-haiku-4-5", "env:HAIKU_KEY", "low",
    )  # fmt: skip
    assert (local.provider, local.at_provider, local.limit, local.where_key) == (
        "ollama",
        "qwen3:8b",
        2000,
        "none",
    )
    assert [entry.name for entry in models.all()] == ["local", haiku.name, "anthropic:claude-opus-4-8"]


def test_any_model_can_be_named_without_a_file(tmp_path: Path) -> None:
    (entry,) = load(tmp_path).of("openai:gpt-5")
    assert (entry.name, entry.model, entry.where_key) == ("openai:gpt-5", "openai:gpt-5", "keyring")
    with pytest.raises(NotFound, match="no model or class 'fast'"):
        load(tmp_path).of("fast")


BROKEN = {
    "not TOML": "[classes",
    "a class without a model": "[classes]\nfast = []",
    "an unknown field": '[models.a]\nmodel = "openai:x"\napi_key = "sk-secret"',
    "no provider": '[models.a]\nmodel = "x"',
    "an unknown provider": '[classes]\nfast = ["acme:x"]',
    "a name that nothing explains": '[classes]\nfast = ["acme"]',
    "no name after the provider": '[classes]\nfast = ["openai:"]',
    "a local server nowhere": '[models.a]\nmodel = "ollama:x"',
    "a key in the file": '[models.a]\nmodel = "openai:x"\nkey = "sk-secret"',
    "a key in a reference": '[models.a]\nmodel = "openai:x"\nkey = "env:sk-secret"',
    "a key in the address": '[models.a]\nmodel = "vllm:x"\nbase_url = "https://me:sk-secret@house.example/v1"',
    "an open line to elsewhere": '[models.a]\nmodel = "vllm:x"\nbase_url = "http://house.example/v1"',
    "a name that resolves to here": '[models.a]\nmodel = "vllm:x"\nbase_url = "http://127.0.0.1.house.example/v1"',
    "another kind of address": '[models.a]\nmodel = "vllm:x"\nbase_url = "file:///etc/passwd"',
    "a key for Bedrock": '[models.a]\nmodel = "bedrock:x"\nkey = "keyring"',
    "no output at all": '[models.a]\nmodel = "openai:x"\nlimit = 0',
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_what_cannot_be_is_told_and_no_key_is_repeated(tmp_path: Path, text: str) -> None:
    with pytest.raises(UserError) as told:
        loaded(tmp_path, text)
    assert "sk-secret" not in str(told.value) + told.value.fix
    assert told.value.fix


def test_a_key_comes_from_the_variable_that_is_named_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "ambient")
    entry = Entry(name="a", model="openai:x", key="env:MY_KEY")
    with pytest.raises(SignInNeeded, match="'MY_KEY'"):
        key_of(entry)
    monkeypatch.setenv("MY_KEY", "mine")
    assert key_of(entry) == "mine"
    assert key_of(Entry(name="a", model="ollama:x", base_url="http://127.0.0.1/v1")) == ""


def test_a_key_is_for_one_vendor_at_one_address() -> None:
    names = [
        Entry(model="openai:a").keyring, Entry(model="openai:b").keyring, Entry(model="anthropic:a").keyring,
        Entry(model="openai:a", base_url="https://one.example/v1").keyring,
        Entry(model="openai:a", base_url="https://two.example/v1").keyring,
    ]  # fmt: skip
    assert names[0] == names[1]
    assert len(set(names)) == 4
