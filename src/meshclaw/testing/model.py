"""A model that says what it was told to say, with the faults that real ones have."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

from meshclaw.errors import MeshClawError
from meshclaw.flow.conversation import Call, Prompt, Reply, Said
from meshclaw.flow.usage import Tokens

Answer = str | Call | Said | Reply | MeshClawError | Callable[[Prompt], "str | Call | Said | Reply"]
"""Words, one call, both, a whole reply, a fault, or whatever the prompt leads to."""


PIECE = 7
"""Characters that are heard at a time."""


class FakeModel:
    """``prompts`` holds what it was asked, in order; ``answers`` what is still to come."""

    def __init__(self, *answers: Answer, name: str = "fake:model", before_fault: str = "") -> None:
        """``before_fault``: what is heard of an answer that breaks off."""
        self.name = name
        self.answers: list[Answer] = list(answers)
        self.prompts: list[Prompt] = []
        self._before_fault = before_fault
        self._lock = Lock()

    def ask(self, prompt: Prompt, *, limit: int, heard: Callable[[str], None] | None = None) -> Reply:
        with self._lock:
            self.prompts.append(prompt)
            if not self.answers:
                raise AssertionError(f"{self.name} was asked once more than its script goes")
            answer = self.answers.pop(0)
        if isinstance(answer, MeshClawError):
            _say(self._before_fault, heard)
            raise answer
        reply = self._reply(answer(prompt) if callable(answer) else answer, limit)
        _say(reply.said.text, heard)
        return reply

    def close(self) -> None:
        pass

    def _reply(self, answer: str | Call | Said | Reply, limit: int) -> Reply:
        if isinstance(answer, Reply):
            return answer
        if isinstance(answer, str):
            answer = Said(text=answer)
        elif isinstance(answer, Call):
            answer = Said(calls=(answer,))
        used = min(limit, 1 + len(answer.text) // 4 + 20 * len(answer.calls))
        return Reply(
            said=answer, tokens=Tokens(input_uncached=100, output=used), model=self.name.partition(":")[2],
            provider=self.name.partition(":")[0],
        )  # fmt: skip


def _say(text: str, heard: Callable[[str], None] | None) -> None:
    if heard is None:
        return
    for start in range(0, len(text), PIECE):
        heard(text[start : start + PIECE])
