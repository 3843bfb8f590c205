"""CPU of a model step in our loop, beside the same steps with pydantic-ai's own direct requests on the same server.

Both sides talk to aimock (its own process), hold the same conversation with the same tools, and read the same mails of
the demo's Maildir through the same connector. Ours also asks the guard, keeps every answer, decision and receipt, and
reserves what an answer can cost: what that takes is what the bound is about. Both run in this process, a conversation
of ours and one of theirs in turn. ``kept`` is theirs with two bare SQLite writes a step, the answer before the tool and
its result after it: what any loop takes that survives a kill. ``--profile`` shows where the time of ours goes instead.
Run: PYTHONPATH=benchmarks:. python benchmarks/loop.py
"""

from __future__ import annotations

import asyncio
import cProfile
import os
import pstats
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from measure import Row, ratios, show
from pydantic_ai.direct import model_request
from pydantic_ai.messages import InstructionPart
from pydantic_ai.models import ModelRequestParameters

from meshclaw.agents.builtin import CLAW
from meshclaw.connectors.base import Connector, Shelf, Toolbox
from meshclaw.connectors.mail.mailbox.from_dir import lay_out
from meshclaw.errors import MeshClawError
from meshclaw.flow.conversation import Call, Got, Heard, Said
from meshclaw.flow.run import Run
from meshclaw.flow.units import new_id
from meshclaw.llm.messages import definition, messages
from meshclaw.llm.providers import model_of, settings_of
from meshclaw.runs.prompt import prompt
from meshclaw.runs.run import start
from meshclaw.settings.accounts import Account
from meshclaw.sqlite import connect
from meshclaw.testing.demo_mail import write_demo
from meshclaw.triggers import terminal
from meshclaw.wiring import Claw
from meshclaw.wiring.working import converse
from meshclaw.wiring.workplace import workplace
from tests.servers.aimock import PROGRAM, Aimock

ROUNDS = 7
ASKED = "What do my newest mails say? List them and read them."
STEPS = 12
"""Of one conversation: list once, read two at a time, and the answer."""
MODELS = (("anthropic:claude-haiku-4-5", ""), ("openai-chat:gpt-4o", "/v1"))


def script() -> Iterator[Said]:
    yield Said(calls=(Call(id="call_0", verb="mail.list", arguments={"newest": 2 * STEPS}),))
    for step in range(1, STEPS - 1):
        mails = [f"m{2 * step - 1}", f"m{2 * step}"]
        yield Said(calls=(Call(id=f"call_{step}", verb="mail.read", arguments={"mails": mails}),))
    yield Said(text="Nothing in them is urgent.")


def answers(folder: Path) -> Path:
    """The script as aimock reads it."""
    fixtures = [
        {
            "match": {"userMessage": ASKED, "turnIndex": turn},
            "response": {
                **({"content": said.text} if said.text else {}),
                **({"toolCalls": [
                    {"id": call.id, "name": call.verb.replace(".", "__"), "arguments": call.arguments}
                    for call in said.calls
                ]} if said.calls else {}),
                "usage": {"prompt_tokens": 900, "completion_tokens": 30, "input_tokens": 900, "output_tokens": 30},
            },
        }
        for turn, said in enumerate(script())
    ]  # fmt: skip
    path = folder / "answers.json"
    path.write_bytes(msgspec.json.encode({"fixtures": fixtures}))
    return path


@contextmanager
def claw_of(folder: Path, server: Aimock, model: str, path: str) -> Iterator[Claw]:
    write_demo(folder / "letters", datetime.now(UTC))
    lay_out(folder / "letters", folder / "Mail")
    os.environ["BENCH_KEY"] = "k"
    (folder / "models.toml").write_text(
        f'[classes]\nfast = ["{model}"]\n[models."{model}"]\nbase_url = "{server.url}{path}"\nkey = "env:BENCH_KEY"\n'
    )
    claw = Claw(folder)
    claw.accounts.put(Account(address=f"maildir:{folder / 'Mail'}", me=("ada@example.com",)))
    try:
        yield claw
    finally:
        claw.close()


def ours(claw: Claw) -> Run:
    account = claw.account(None)
    request = terminal.receive("ask", ASKED)
    run = start(claw.ledger, claw.contents, request=request, agent=CLAW, subject=account.address)
    answer = converse(claw, run, "fast")
    if (answer.end, answer.steps) != ("answered", STEPS):
        raise SystemExit(f"ours ended with {answer.end} after {answer.steps} steps: {answer.text}")
    return run


class Theirs:
    """pydantic-ai's direct requests with our tools and no loop around them: nothing is decided, kept or reserved."""

    def __init__(self, claw: Claw) -> None:
        self._runner = asyncio.Runner()
        self._claw = claw
        [entry] = claw.models.of("fast")
        self._entry = entry
        self._model = model_of(entry, "k")
        self._runner.run(self._model.__aenter__())
        self._run = Run(
            id=new_id(),
            request=terminal.receive("ask", ASKED),
            agent=CLAW.label,
            subject=claw.account(None).address,
        )
        with workplace(claw, self._run) as place:
            fixed = prompt(CLAW, place.tools, place.door.declaration)
        self._given = ModelRequestParameters(
            function_tools=[definition(tool) for tool in fixed.tools],
            instruction_parts=[InstructionPart(content=fixed.fixed)],
        )
        self._settings = settings_of(entry, entry.limit)

    def talk(self, keep: Callable[[object], None] = lambda _: None) -> None:
        shelf = Shelf()
        with workplace(self._claw, self._run) as place:
            tools, connector = place.tools["mail"], place.door.parts.connectors["mail"]
            said_before = messages((Heard(text=ASKED),), self._entry.name)
            for said in script():
                response = self._runner.run(
                    model_request(
                        self._model, said_before, model_settings=self._settings,
                        model_request_parameters=self._given,
                    )
                )  # fmt: skip
                keep(response)
                got = tuple(use(tools, connector, call, self._run.id, shelf) for call in said.calls)
                keep(got)
                said_before = [*said_before, response, *(messages(got, self._entry.name) if got else ())]

    def close(self) -> None:
        self._runner.run(self._model.__aexit__(None, None, None))
        self._runner.close()


def use(tools: Toolbox, connector: Connector, call: Call, run: str, shelf: Shelf) -> Got:
    """A tool's work and nothing else."""
    using = tools.use(call, run, shelf)
    try:
        wanted = next(using)
        while True:
            wanted = using.send([brought(one) for one in connector.perform(wanted)])
    except StopIteration as end:
        return Got(call=call.id, verb=call.verb, text=str(end.value))


def brought(outcome: object) -> object:
    if isinstance(outcome, MeshClawError):
        raise outcome
    value = getattr(outcome, "value", None)
    return list(value) if isinstance(value, Iterator) else value


def compared(claw: Claw, what: str) -> list[Row]:
    theirs, keep = Theirs(claw), kept_in(claw.folder / "kept.db")
    mine, other, kept = [], [], []
    works = ((lambda: ours(claw), mine), (theirs.talk, other), (lambda: theirs.talk(keep), kept))
    for _ in range(ROUNDS + 1):  # the first one only loads
        for work, found in works:
            start_s = time.process_time()
            work()
            found.append((time.process_time() - start_s) / STEPS * 1000)
    theirs.close()
    mine, other, kept = mine[1:], other[1:], kept[1:]
    return [
        Row(what=f"{what}: ours, CPU a step", values=mine, unit="ms"),
        Row(what=f"{what}: pydantic-ai and the tool alone", values=other, unit="ms"),
        Row(what=f"{what}: ours beyond it", values=[a - b for a, b in zip(mine, other, strict=True)], unit="ms"),
        Row(what=f"{what}: ours / theirs", values=ratios(mine, other), unit="times", at_most=1.15),
        Row(what=f"{what}: theirs kept / theirs", values=ratios(kept, other), unit="times"),
        Row(what=f"{what}: ours / theirs kept", values=ratios(mine, kept), unit="times"),
    ]  # fmt: skip


def kept_in(path: Path) -> Callable[[object], None]:
    connection = connect(path, "CREATE TABLE kept (body BLOB);")

    def keep(value: object) -> None:
        connection.execute("INSERT INTO kept VALUES (?)", (msgspec.json.encode(value),))

    return keep


def profiled(claw: Claw) -> None:
    ours(claw)
    profile = cProfile.Profile(time.thread_time)
    for _ in range(3):
        profile.runcall(ours, claw)
    pstats.Stats(profile).sort_stats("tottime").print_stats(45)
    pstats.Stats(profile).sort_stats("cumtime").print_stats("meshclaw|sqlite|asyncio", 90)


def main() -> int:
    if not PROGRAM.exists():
        raise SystemExit("aimock is not installed: make packages")
    rows: list[Row] = []
    with TemporaryDirectory() as scratch:
        server = Aimock(answers(Path(scratch)))
        try:
            for number, (model, path) in enumerate(MODELS):
                folder = Path(scratch) / str(number)
                folder.mkdir()
                with claw_of(folder, server, model, path) as claw:
                    if "--profile" in sys.argv:
                        profiled(claw)
                    else:
                        rows += compared(claw, model.partition(":")[0])
        finally:
            server.stop()
    return show(rows) if rows else 0


if __name__ == "__main__":
    raise SystemExit(main())
