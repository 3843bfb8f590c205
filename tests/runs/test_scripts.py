"""A skill's script in the real sandbox: what it may do, and how each attempt at more ends."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from meshclaw.errors import Refused
from meshclaw.guard.sandbox import run as sandbox
from meshclaw.runs.scripts import execute

pytestmark = pytest.mark.skipif(
    sandbox.find().kind == "none", reason="needs a sandbox (apt install bubblewrap)"
)


def python(text: str, seconds: int = 20, **arguments: object) -> str:
    return execute(
        {"scripts/it.py": text.encode(), "notes.md": b"hello"}, "scripts/it.py", arguments, seconds
    )  # type: ignore[arg-type]


def test_it_gets_its_arguments_reads_its_own_files_and_is_gone_afterwards() -> None:
    text = """
import json, os, sys
given = json.load(sys.stdin)
open("left.txt", "w").write("x")
print(given["a"] + open("notes.md").read(), os.getcwd())
"""
    said, place = python(text, a="oh ").split()[:2], Path(python("import os; print(os.getcwd())").strip())
    assert said == ["oh", "hello"]
    assert not place.exists()


def test_a_shell_script_runs_too() -> None:
    assert execute({"scripts/it.sh": b"cat; echo done"}, "scripts/it.sh", {"a": 1}, 20) == '{"a":1}done\n'


def test_what_it_printed_is_bounded_and_odd_bytes_are_text() -> None:
    assert len(python("print('x' * 10_000_000)")) <= 70_000
    assert "\ufffd" in python(r"import sys; sys.stdout.buffer.write(b'\xff')")


FAULTS = {
    "writes outside its folder": "open('/usr/evil', 'w')",
    "writes into the home folder": "import pathlib; (pathlib.Path({home!r}) / 'evil').write_text('x')",
    "reads keys": "print(open({home!r} + '/.ssh/id_ed25519').read())",
    "reads the state folder": "print(open({state!r} + '/ledger.db').read())",
    "changes its own definition": "open({state!r} + '/agents/x', 'w')",
    "opens the network": "import socket; socket.create_connection(('1.1.1.1', 443), 2)",
    "asks a name server": "import socket; print(socket.getaddrinfo('example.org', 443))",
    "reads the environment": "import os; print(os.environ['MESHCLAW_SECRET'])",
    "fills the disk": "open('big', 'wb').write(bytes(64 << 20))",
    "takes all memory": "x = bytearray(2 << 30)",
    "fails": "import sys; sys.exit('my own complaint')",
    "forks endlessly": "import os\nwhile True: os.fork()",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_more_than_it_may_ends_in_a_word(
    fault: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = tmp_path / "person"
    (person / ".ssh").mkdir(parents=True)
    (person / ".ssh" / "id_ed25519").write_text("key")
    (home / "ledger.db").write_text("ledger")
    monkeypatch.setenv("MESHCLAW_SECRET", "s3cret")
    with pytest.raises(Refused, match=r"scripts/it\.py"):
        python(FAULTS[fault].format(home=str(person), state=str(home)))
    assert not (person / "evil").exists()
    assert not (home / "agents").exists()


def test_one_that_never_ends_is_stopped() -> None:
    started = time.monotonic()
    with pytest.raises(Refused, match="used up its time"):
        python("import time\nwhile True: time.sleep(1)", seconds=2)
    assert time.monotonic() - started < 30


def test_what_it_forks_into_the_background_ends_with_it(tmp_path: Path) -> None:
    python(
        f"import os, time\nif os.fork() == 0:\n os.setsid(); time.sleep(3); open({str(tmp_path)!r} + '/evil', 'w')"
    )
    time.sleep(4)
    assert not list(tmp_path.iterdir())


def test_without_a_sandbox_nothing_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "find", lambda: sandbox.Found(kind="none"))
    with pytest.raises(Refused, match="no sandbox"):
        python("print(1)")
