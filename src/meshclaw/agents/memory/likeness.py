"""Finding by meaning what no word finds: embeddings of a small local model, where the person put one.

An extra (``openmeshclaw[memory]``). The model is a folder on this machine and is never fetched. Vectors lie beside the
facts in the memory's own file and go with them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from meshclaw.agents.memory.store import Memory
from meshclaw.errors import UserError
from meshclaw.flow.memory import Recalled, Trust
from meshclaw.sqlite import telling

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NEAREST = 20
"""Facts that are looked at for their meaning alone."""
ALIKE = 0.4
"""Cosine below which two sentences have nothing to do with one another."""
AT_ONCE = 1_000
NEEDED = ("model.safetensors", "tokenizer.json", "config.json")


class Embedder(Protocol):
    @property
    def name(self) -> str:
        """Vectors of one name are comparable, and no others."""
        ...

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One row for each text, of length 1; zeros for a text that it knows no word of."""
        ...


class Static:
    """A static model in Model2Vec's format: a table of token vectors, averaged; no neural network is run."""

    def __init__(self, folder: Path) -> None:
        """UserError where the folder holds no such model, or the extra is not installed."""
        missing = [name for name in NEEDED if not (folder / name).is_file()]
        if missing:  # the library would look for it on the network
            raise UserError(
                f"{str(folder)!r} holds no model for embeddings: {', '.join(missing)} is missing",
                fix="Put a Model2Vec model there, as its save_pretrained writes it; docs/memory.md",
            )
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
        try:
            from model2vec import StaticModel
        except ImportError as error:
            raise UserError("embeddings need an extra", fix="pip install 'openmeshclaw[memory]'") from error
        from meshclaw.flow.units import sha256_hex

        self.name = sha256_hex((folder / NEEDED[0]).read_bytes())[:16]
        self._model = StaticModel.from_pretrained(folder, force_download=False)

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        import numpy as np

        found = np.asarray(self._model.encode(list(texts), show_progress_bar=False), dtype=np.float32)
        length = np.linalg.norm(found, axis=1, keepdims=True)
        return (found / np.where(length > 0, length, 1)).astype(np.float32)


class Likeness:
    """Of one memory. The vectors of all live facts are kept in this process: 1 KB for each at 256 dimensions."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._known: tuple[int, NDArray[np.int64], NDArray[np.float32]] | None = None
        """Number of the last revision, ids, vectors."""

    def add(
        self, memory: Memory, query: str, found: Sequence[Recalled], *,
        now: int, scopes: Sequence[str], trust: Sequence[Trust],
    ) -> list[Recalled]:  # fmt: skip
        """``found`` by words with how alike each is, and the nearest that no word found."""
        near = self._near(memory, query)
        by_id = {one.fact.id: one for one in found}
        for id_ in sorted(near, key=near.__getitem__, reverse=True)[:NEAREST]:
            if id_ not in by_id:
                fact = memory.get(id_)
                fits = fact.scope in scopes and fact.trust in trust and fact.state == "live"
                if fits and (fact.expires is None or fact.expires > now):
                    by_id[id_] = Recalled(fact=fact)
        return [
            msgspec.structs.replace(one, likeness=round(near.get(one.fact.id, 0.0), 3))
            for one in by_id.values()
        ]

    def _near(self, memory: Memory, query: str) -> dict[int, float]:
        """By fact, the cosines that count."""
        import numpy as np

        ids, vectors = self._vectors(memory)
        if not len(ids):
            return {}
        cosines = vectors @ self._embedder.embed([query])[0]
        most = np.argpartition(-cosines, min(len(cosines) - 1, 4 * NEAREST))[: 4 * NEAREST]
        return {int(ids[at]): float(cosines[at]) for at in most if cosines[at] >= ALIKE}

    def _vectors(self, memory: Memory) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        import numpy as np

        last = next((one.number for one in memory.revisions(1)), 0)
        if self._known is None or self._known[0] != last:
            self._embed_new(memory)
            with telling(memory.path):
                rows = memory.db.execute(
                    "SELECT fact, value FROM vector JOIN fact ON fact.id = vector.fact "
                    "WHERE model = ? AND state = 'live' ORDER BY fact",
                    (self._embedder.name,),
                ).fetchall()
            ids = np.array([fact for fact, _ in rows], dtype=np.int64)
            packed = b"".join(value for _, value in rows)
            vectors = np.frombuffer(packed, dtype=np.float16).astype(np.float32)
            self._known = (last, ids, vectors.reshape(len(ids), -1) if rows else vectors.reshape(0, 1))
        return self._known[1], self._known[2]

    def _embed_new(self, memory: Memory) -> None:
        """Of the live facts that have no vector by this model yet."""
        import numpy as np

        while True:
            with memory.writing():
                rows = memory.db.execute(
                    "SELECT id, text FROM fact WHERE state = 'live' AND id NOT IN "
                    "(SELECT fact FROM vector WHERE model = ?) LIMIT ?",
                    (self._embedder.name, AT_ONCE),
                ).fetchall()
                if not rows:
                    return
                values = self._embedder.embed([text for _, text in rows]).astype(np.float16)
                memory.db.executemany(
                    "INSERT INTO vector VALUES (?, ?, ?)",
                    [(id_, self._embedder.name, value.tobytes()) for (id_, _), value in zip(rows, values, strict=True)],
                )  # fmt: skip
