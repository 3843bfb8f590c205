"""CPU of one step through our adapter, beside pydantic-ai's own direct request on the same server in the same run.

The server is aimock in its own process (``make packages``); both sides keep their connection, send the same twenty
tools and ten turns, and theirs has its messages ready. Also what the first call loads.
Run: PYTHONPATH=benchmarks:. python benchmarks/models/ask.py
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from measure import PYTHON, Row, in_turn, ratios, run, show
from pydantic_ai.direct import model_request, model_request_stream
from pydantic_ai.messages import InstructionPart, ModelResponse
from pydantic_ai.models import ModelRequestParameters

from meshclaw.flow.conversation import Call, Got, Heard, Prompt, Said, Tool
from meshclaw.llm.adapter import Adapter
from meshclaw.llm.messages import definition, messages
from meshclaw.llm.providers import model_of, settings_of
from meshclaw.settings.models import Entry
from tests.servers.aimock import PROGRAM, Aimock

ROUNDS = 9
CALLS = 60
MODELS = (("anthropic:claude-haiku-4-5", ""), ("openai:gpt-5-mini", "/v1"), ("openai-chat:gpt-4o", "/v1"))
TOOLS = tuple(
    Tool(
        verb=f"mail.verb_{number}",
        words="Move one mail to a folder of the same mailbox; it can be taken back.",
        schema={
            "type": "object", "required": ["ref", "folder"],
            "properties": {"ref": {"type": "string"}, "folder": {"type": "string"}, "count": {"type": "integer"}},
        },
    )
    for number in range(20)
)  # fmt: skip
TURNS = tuple(
    turn
    for number in range(3)
    for turn in (
        Heard(text="Where is the invoice of October?"),
        Said(text="Looking.", calls=(Call(id=f"call_{number}", verb="mail.verb_1", arguments={"ref": "a"}),)),
        Got(call=f"call_{number}", verb="mail.verb_1", text="Three mails. " * 40),
    )
)
PROMPT = Prompt(fixed="You are a claw. " * 60, tools=TOOLS, turns=(*TURNS, Heard(text="say hello")))


def cpu(work: Callable[[], object]) -> float:
    """Milliseconds of one call, all threads."""
    start = time.process_time()
    for _ in range(CALLS):
        work()
    return (time.process_time() - start) / CALLS * 1000


def theirs(entry: Entry, *, streams: bool) -> tuple[Callable[[], object], Callable[[], None]]:
    """Asks once; and lets go."""
    runner, model = asyncio.Runner(), model_of(entry, "key")
    turns, settings = messages(PROMPT.turns, entry.name), settings_of(entry, 500)
    given = ModelRequestParameters(
        function_tools=[definition(tool) for tool in PROMPT.tools],
        instruction_parts=[InstructionPart(content=PROMPT.fixed)],
    )

    async def streamed() -> ModelResponse:
        async with model_request_stream(
            model, turns, model_settings=settings, model_request_parameters=given
        ) as stream:
            async for _ in stream:
                pass
            return stream.get()

    def asked() -> Awaitable[ModelResponse]:
        return (
            streamed()
            if streams
            else model_request(model, turns, model_settings=settings, model_request_parameters=given)
        )

    async def end() -> None:
        await model.__aexit__(None, None, None)

    runner.run(model.__aenter__())
    return (lambda: runner.run(asked())), (lambda: (runner.run(end()), runner.close())[1])


def compared(server: Aimock, model: str, path: str, *, streams: bool) -> list[Row]:
    entry = Entry(name=model, model=model, base_url=server.url + path)
    adapter = Adapter(entry, lambda: "key")
    direct, close = theirs(entry, streams=streams)
    heard = (lambda _: None) if streams else None

    def ours() -> object:
        return adapter.ask(PROMPT, limit=500, heard=heard)

    for work in (ours, direct):  # what is loaded at the first call
        work()
    mine, other = [], []
    for _ in range(ROUNDS):
        mine.append(cpu(ours))
        other.append(cpu(direct))
    adapter.close()
    close()
    what = f"{model.partition(':')[0]}{', streamed' if streams else ''}"
    return [
        Row(what=f"{what}: ours, CPU a step", values=mine, unit="ms"),
        Row(what=f"{what}: pydantic-ai's, CPU", values=other, unit="ms"),
        Row(what=f"{what}: ours / theirs", values=ratios(mine, other), unit="times", at_most=1.15),
    ]  # fmt: skip


def loading(server: Aimock) -> list[Row]:
    """A whole process that asks once, without what starting Python and our nouns takes."""
    ask = (
        "from meshclaw.llm.adapter import Adapter; from meshclaw.settings.models import Entry;"
        "from meshclaw.flow.conversation import Heard, Prompt;"
    )
    one = ask + (
        "a = Adapter(Entry(name='m', model={model!r}, base_url={url!r}), lambda: 'k');"
        "a.ask(Prompt(fixed='f', turns=(Heard(text='say hello'),)), limit=9); a.close()"
    )
    rows: list[Row] = []
    with TemporaryDirectory() as state:
        for model, path in MODELS[:2]:
            whole = (PYTHON, "-c", one.format(model=model, url=server.url + path))
            first, start = in_turn(
                5,
                lambda whole=whole: run(whole, home=Path(state)),
                lambda: run((PYTHON, "-c", ask), home=Path(state)),
            )
            beyond = [a.cpu_s - b.cpu_s for a, b in zip(first, start, strict=True)]
            rows.append(
                Row(what=f"{model.partition(':')[0]}: first call of a process, CPU", values=beyond, unit="s")
            )
    return rows


if __name__ == "__main__":
    if not PROGRAM.exists():
        raise SystemExit("aimock is not installed: make packages")
    aimock = Aimock()
    try:
        table = [
            row for model, path in MODELS for streams in (False, True)
            for row in compared(aimock, model, path, streams=streams)
        ]  # fmt: skip
        table += loading(aimock)
    finally:
        aimock.stop()
    raise SystemExit(show(table))
