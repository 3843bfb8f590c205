"""A model of the settings, asked through pydantic-ai's direct requests. Its libraries are loaded at the first call.

They speak asyncio, so each model has one thread with an event loop, in which its connections live; any number of
threads may ask at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from queue import SimpleQueue
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any

from meshclaw.errors import SignInNeeded, UserError
from meshclaw.flow.conversation import Prompt, Reply
from meshclaw.settings.models import Entry

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelResponse
    from pydantic_ai.models import Model as Theirs


class Adapter:
    """``key`` is asked for when connections are opened, and again after a server did not take it."""

    def __init__(self, entry: Entry, key: Callable[[], str]) -> None:
        self.entry = entry
        self.name = entry.name
        self._key = key
        self._lock = Lock()
        self._open: _Open | None = None

    def ask(self, prompt: Prompt, *, limit: int, heard: Callable[[str], None] | None = None) -> Reply:
        opened = self._opened()
        pieces: SimpleQueue[str | None] = SimpleQueue()
        asking = self._asking(opened.model, prompt, limit, pieces.put if heard else None)
        future = asyncio.run_coroutine_threadsafe(asking, opened.loop)
        future.add_done_callback(lambda _: pieces.put(None))
        try:
            while (piece := pieces.get()) is not None:
                if heard:
                    heard(piece)
            return future.result()
        except BaseException as error:
            future.cancel()
            if getattr(error, "code", "") == "sign_in_needed":
                self.close()
            raise

    def close(self) -> None:
        with self._lock:
            opened, self._open = self._open, None
        if opened:
            opened.close()

    def _opened(self) -> _Open:
        with self._lock:
            if self._open is None:
                try:
                    from meshclaw.llm.providers import model_of

                    self._open = _Open(model_of(self.entry, self._checked_key()))
                except ImportError as error:
                    raise UserError(
                        f"{self.name} cannot be asked: what speaks to {self.entry.provider} is not installed",
                        fix="Install it: pip install 'openmeshclaw[models]'",
                    ) from error
            return self._open

    def _checked_key(self) -> str:
        if not ((key := self._key()).isascii() and key.isprintable()):
            raise SignInNeeded(
                f"what should be the key of {self.name} holds characters that no key has",
                fix=f"meshclaw models connect {self.name}",
            )
        return key

    async def _asking(
        self, model: Theirs, prompt: Prompt, limit: int, put: Callable[[str], None] | None
    ) -> Reply:
        from pydantic_ai.exceptions import AgentRunError
        from pydantic_ai.exceptions import UserError as TheirUserError

        from meshclaw.llm.messages import reply
        from meshclaw.llm.providers import of_credentials
        from meshclaw.llm.wrong import told

        try:
            response = await self._response(model, prompt, limit, put)
        except (AgentRunError, TheirUserError) as error:
            raise told(error, self.name) from error
        except of_credentials(self.entry) as error:
            raise SignInNeeded(
                f"{self.name}: AWS gives no credentials ({error})", fix="Try: aws sts get-caller-identity"
            ) from error
        return reply(response, prompt, by=self.name, provider=self.entry.priced[0])

    async def _response(
        self, model: Theirs, prompt: Prompt, limit: int, put: Callable[[str], None] | None
    ) -> ModelResponse:
        from pydantic_ai.direct import model_request, model_request_stream
        from pydantic_ai.messages import (
            InstructionPart,
            PartDeltaEvent,
            PartStartEvent,
            TextPart,
            TextPartDelta,
        )
        from pydantic_ai.models import ModelRequestParameters

        from meshclaw.llm.messages import definition, messages, sendable
        from meshclaw.llm.providers import settings_of

        turns = messages(prompt.turns, self.name)
        settings = settings_of(self.entry, limit)
        given = ModelRequestParameters(
            function_tools=[definition(tool) for tool in prompt.tools],
            instruction_parts=[InstructionPart(content=sendable(prompt.fixed))],
        )
        if put is None:
            return await model_request(model, turns, model_settings=settings, model_request_parameters=given)
        async with model_request_stream(
            model, turns, model_settings=settings, model_request_parameters=given
        ) as stream:
            async for event in stream:
                match event:
                    case PartStartEvent(part=TextPart(content=text)) if text:
                        put(text)
                    case PartDeltaEvent(delta=TextPartDelta(content_delta=text)) if text:
                        put(text)
                    case _:
                        pass
            return stream.get()


class _Open:
    """The thread in which one model's connections live."""

    def __init__(self, model: Theirs) -> None:
        self.model = model
        self.loop = asyncio.new_event_loop()
        self._thread = Thread(target=self.loop.run_forever, name="meshclaw-model", daemon=True)
        self._thread.start()
        self._run(model.__aenter__())

    def _run(self, work: Coroutine[Any, Any, object]) -> None:
        asyncio.run_coroutine_threadsafe(work, self.loop).result()

    def close(self) -> None:
        self._run(self._end())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()

    async def _end(self) -> None:
        """What is still under way is given up, then the connections are closed."""
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
        await self.model.__aexit__(None, None, None)
        await self.loop.shutdown_asyncgens()
        await self.loop.shutdown_default_executor()
