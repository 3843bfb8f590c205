"""Embeddings by a real library with a model made here: three numbers for each of a few words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from meshclaw.agents.memory.likeness import Likeness, Static
from meshclaw.agents.memory.recall import recall
from meshclaw.agents.memory.store import Memory
from meshclaw.errors import UserError
from tests.agents.memory.facts import keep

WORDS = {
    "[UNK]": (0.0, 0.0, 0.0), "dentist": (1.0, 0.1, 0.0), "tooth": (0.9, 0.2, 0.1), "teeth": (0.9, 0.1, 0.1),
    "tea": (0.0, 1.0, 0.0), "coffee": (0.0, 0.9, 0.2), "car": (0.0, 0.0, 1.0),
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("model2vec", reason="embeddings are an extra")
    import numpy as np
    from model2vec import StaticModel
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.normalizers import Lowercase
    from tokenizers.pre_tokenizers import Whitespace

    tokenizer = Tokenizer(WordLevel({word: at for at, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.normalizer = Lowercase()
    tokenizer.pre_tokenizer = Whitespace()
    folder = tmp_path_factory.mktemp("model")
    StaticModel(np.array(list(WORDS.values()), dtype=np.float32), tokenizer).save_pretrained(folder)
    return folder


@pytest.fixture
def memory() -> Iterator[Memory]:
    memory = Memory.open(":memory:")
    yield memory
    memory.close()


def test_what_means_alike_is_found_without_a_word_in_common(memory: Memory, folder: Path) -> None:
    keep(memory, "dentist Weber", "tea please", "car")
    likeness = Likeness(Static(folder))
    assert recall(memory, "tooth", now=2_000) == []
    [found] = recall(memory, "tooth", now=2_000, likeness=likeness)
    assert found.fact.text == "dentist Weber"
    assert found.likeness > 0.9
    assert "it means something alike" in found.why


def test_new_facts_are_embedded_and_forgotten_ones_are_not_found(memory: Memory, folder: Path) -> None:
    likeness = Likeness(Static(folder))
    [a] = keep(memory, "coffee")
    assert [one.fact.id for one in recall(memory, "tea", now=2, likeness=likeness)] == [a]
    [b] = keep(memory, "tea")
    assert [one.fact.id for one in recall(memory, "tea", now=2, likeness=likeness)] == [b, a]
    memory.forget([a], key="f", at=2)
    assert [one.fact.id for one in recall(memory, "tea", now=2, likeness=likeness)] == [b]
    assert memory.db.execute("SELECT count(*) FROM vector").fetchone() == (1,)


def test_a_folder_without_a_model_is_told_and_never_looked_for_elsewhere(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"model.safetensors, tokenizer.json, config.json is missing"):
        Static(tmp_path)
