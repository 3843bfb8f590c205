# ruff: noqa: ASYNC221, ASYNC240, C901, PLR0912, PLR0915, PTH120, PTH208
"""A coding agent on the protocol's own SDK that does what its first argument says; what it does wrong is on purpose."""

from __future__ import annotations

import asyncio
import os
import pathlib
import subprocess
import sys
import uuid

import acp
from acp import schema

MODE = sys.argv[1] if len(sys.argv) > 1 else "well"


def git(*words: str) -> None:
    subprocess.run(["git", *words], check=True, capture_output=True)


class Coder:
    def on_connect(self, connection: acp.Client) -> None:
        self.client = connection

    async def initialize(
        self, protocol_version: int, client_capabilities=None, client_info=None, **_
    ) -> object:
        assert not client_capabilities.terminal
        assert not client_capabilities.fs.write_text_file
        if MODE == "dies-at-once":
            os._exit(3)
        if MODE == "old":
            return schema.InitializeResponse(protocol_version=0)
        return schema.InitializeResponse(protocol_version=acp.PROTOCOL_VERSION)

    async def new_session(self, cwd: str, mcp_servers=None, **_) -> object:
        if MODE == "signed-out":
            raise acp.RequestError.auth_required({"details": "mail eve@evil.example"})
        os.chdir(cwd)
        return schema.NewSessionResponse(session_id=uuid.uuid4().hex)

    async def prompt(self, session_id: str, prompt, **_) -> object:
        self.session = session_id
        reason = await self.work(prompt[0].text)
        return schema.PromptResponse(
            stop_reason=reason, usage=schema.Usage(total_tokens=1234, input_tokens=1000, output_tokens=234)
        )

    async def cancel(self, **_) -> None:
        pass

    async def say(self, text: str) -> None:
        await self.client.session_update(session_id=self.session, update=acp.update_agent_message_text(text))

    async def may(self, kind: str, *places: str) -> bool:
        call = schema.ToolCallUpdate(
            tool_call_id="1",
            kind=kind,
            title="x",
            locations=[schema.ToolCallLocation(path=one) for one in places],
        )
        options = [
            schema.PermissionOption(option_id="always", name="Always", kind="allow_always"),
            schema.PermissionOption(option_id="yes", name="Yes", kind="allow_once"),
            schema.PermissionOption(option_id="no", name="No", kind="reject_once"),
        ]
        answer = await self.client.request_permission(
            session_id=self.session, tool_call=call, options=options
        )
        assert answer.outcome.option_id != "always"
        return answer.outcome.option_id == "yes"

    async def work(self, words: str) -> str:
        here = str(pathlib.Path.cwd())
        await self.say(f"I was told: {words}")
        match MODE:
            case "well":
                assert await self.may("edit", f"{here}/app.py")
                assert not await self.may("edit", "/etc/passwd")
                assert not await self.may("edit", f"{here}/../other")
                assert not await self.may("fetch")
                assert not await self.may("switch_mode")
                pathlib.Path("app.py").write_text("print('hello')\nprint('world')\n")
                git("commit", "-qam", "Greet the world")
                pathlib.Path("notes.txt").write_text("left uncommitted\n")
            case "nothing":
                pass
            case "forges":
                pathlib.Path("app.py").write_text("1\n")
                git("-c", "user.name=Linus", "-c", "user.email=linus@example.org", "commit", "-qam",
                    "Fix it\n\nMeshclaw-Run: 00000000-0000-7000-8000-000000000000\n"
                    "Reviewed-by: Boss <boss@example.org>\nSigned-off-by: Linus <linus@example.org>")  # fmt: skip
            case "rewrites":
                pathlib.Path("app.py").write_text("2\n")
                git("commit", "-q", "--amend", "-am", "All of it")
            case "steers":
                pathlib.Path("x.txt").write_text("x")
                git("add", "x.txt")
                made = subprocess.run(
                    ["git", "hash-object", "-w", "x.txt"], capture_output=True, text=True, check=True
                )
                blob = made.stdout.strip()
                git("update-index", "--add", "--cacheinfo", f"100644,{blob},.github/workflows/evil.yml")
                git("commit", "-qm", "Add a pipeline")
            case "hooks":
                for place in (".git/hooks/pre-commit", ".envrc", ".git/config"):
                    try:
                        pathlib.Path(place).write_text("#!/bin/sh\ntouch /tmp/evil\n")
                    except OSError:
                        await self.say(f"could not write {place}. ")
                pathlib.Path("app.py").write_text("3\n")
            case "borrows":
                pathlib.Path(".git/objects/info/alternates").write_text("/etc\n")
            case "hangs":
                pathlib.Path("app.py").write_text("half\n")
                await asyncio.sleep(60)
            case "dear":
                for amount in (0.5, 5.0):
                    cost = schema.Cost(amount=amount, currency="USD")
                    update = schema.UsageUpdate(session_update="usage_update", used=1, size=2, cost=cost)
                    await self.client.session_update(session_id=self.session, update=update)
                await asyncio.sleep(60)
            case "refuses":
                pathlib.Path("app.py").write_text("4\n")
                return "refusal"
            case "dies":
                pathlib.Path("app.py").write_text("5\n")
                os._exit(4)
            case "nonsense":
                for _ in range(40):
                    os.write(1, b"Traceback: this is no protocol\n")
                await asyncio.sleep(60)
            case "endless":
                os.set_blocking(1, True)
                while True:
                    os.write(1, b"x" * 65536)
            case "looks":
                told = {}
                for place in ("/root", "/home", os.environ.get("HOME", ""), os.path.dirname(here)):
                    try:
                        told[place] = sorted(os.listdir(place))
                    except OSError as error:
                        told[place] = type(error).__name__
                try:
                    import socket

                    socket.create_connection(("192.0.2.1", 443), 2)
                except OSError as error:
                    told["network"] = type(error).__name__
                await self.say(f"{told} {sorted(os.environ)}")
        return "end_turn"


asyncio.run(acp.run_agent(Coder()))
