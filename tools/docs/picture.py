"""README's picture: what ``meshclaw demo`` really prints on a terminal. ``python tools/docs/picture.py``"""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

PICTURE = Path(__file__).parents[2] / "docs" / "demo.svg"
COLUMNS, LINES = 92, 46


def main() -> None:
    text = on_a_terminal(["meshclaw", "demo"])
    lines = Text.from_ansi(text).split("\n")
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(Text("$ meshclaw demo", style="bold green"))
    for line in lines[:LINES]:
        console.print(line)
    console.print(Text("  ...", style="dim"))
    svg = console.export_svg(title="meshclaw demo")
    # The exporter's fonts are fetched from a server; a README's picture must not fetch anything.
    PICTURE.write_text(re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL), "utf-8")
    sys.stdout.write(f"{PICTURE} written\n")


def on_a_terminal(command: list[str]) -> str:
    """The output of ``command`` as a terminal of ``COLUMNS`` gets it, colours and all."""
    leader, follower = pty.openpty()
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "MESHCLAW_HOME": f"{home}/claw", "COLUMNS": str(COLUMNS - 2)}
        with subprocess.Popen(
            [str(Path(sys.executable).with_name(command[0])), *command[1:]],
            stdout=follower, stderr=follower, stdin=follower, env=environment,
        ) as running:  # fmt: skip
            os.close(follower)
            chunks: list[bytes] = []
            try:
                while chunk := os.read(leader, 65536):
                    chunks.append(chunk)
            except OSError:  # the other end is closed: the command is done
                pass
            running.wait()
        os.close(leader)
    return b"".join(chunks).decode().replace("\r\n", "\n").replace(f"{home}/claw", "~/.local/share/meshclaw")


if __name__ == "__main__":
    main()
