from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import msgspec
import pytest

from meshclaw.cli.main import main
from meshclaw.connectors.mail.mailbox.from_dir import lay_out
from meshclaw.testing.demo_mail import write_demo


class Said(msgspec.Struct, frozen=True):
    """What one command said."""

    code: int
    out: str
    err: str

    def json(self) -> dict:
        return msgspec.json.decode(self.out)


Meshclaw = Callable[..., Said]


@pytest.fixture
def meshclaw(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Meshclaw:
    """Runs ``meshclaw`` with these words, in this process, as a person would."""

    def call(*words: str, stdin: str = "") -> Said:
        monkeypatch.setattr(sys, "argv", ["meshclaw", *words])
        monkeypatch.setattr(sys, "stdin", StringIO(stdin))
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main()
        said = capsys.readouterr()
        return Said(stopped.value.code or 0, said.out, said.err)  # type: ignore[arg-type]

    return call


@pytest.fixture
def letters(tmp_path: Path) -> Path:
    """The demo's mails as files."""
    folder = tmp_path / "letters"
    write_demo(folder, datetime.now(UTC))
    return folder


@pytest.fixture
def maildir(tmp_path: Path, letters: Path) -> Path:
    """The demo's mails as a Maildir."""
    lay_out(letters, tmp_path / "Mail")
    return tmp_path / "Mail"


def snapshot(maildir: Path) -> dict[str, bytes]:
    """Folder and content of every mail, whatever its flags: two equal snapshots are the same mailbox to a person."""
    mails: dict[str, bytes] = {}
    for path in sorted(maildir.rglob("*")):
        if path.parent.name in ("cur", "new") and path.is_file():
            folder = path.parent.parent.relative_to(maildir)
            mails[f"{folder}/{path.name.partition(':')[0]}"] = path.read_bytes()
    return mails


MODELS = '[classes]\nfast = ["anthropic:claude-haiku-4-5"]\n'


@pytest.fixture
def connected(meshclaw: Meshclaw, maildir: Path, home: Path) -> Meshclaw:
    assert meshclaw("mail", "connect", f"maildir:{maildir}", "--me", "ada@example.com").code == 0
    (home / "models.toml").write_text(MODELS)
    return meshclaw
