"""LiteLLM's own database as a person names it: where its connection stands, never the connection itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from meshclaw.errors import SignInNeeded
from tests.cli.conftest import Meshclaw
from tests.usage.spend_table import now, put


@pytest.fixture
def password(log: psycopg.Connection) -> Iterator[str]:
    """Of the role ``reader``, from whom the server wants it."""
    log.execute("DROP ROLE IF EXISTS reader")
    log.execute("CREATE ROLE reader LOGIN PASSWORD 'hunter2'")
    log.execute('GRANT SELECT ON "LiteLLM_SpendLogs" TO reader')
    [path] = log.execute("SHOW hba_file").fetchone() or ()
    rules = Path(path).read_text("utf-8")
    Path(path).write_text(f"local all reader scram-sha-256\n{rules}", "utf-8")
    log.execute("SELECT pg_reload_conf()")
    yield "hunter2"
    Path(path).write_text(rules, "utf-8")
    log.execute("SELECT pg_reload_conf()")
    log.execute("DROP OWNED BY reader")
    log.execute("DROP ROLE reader")


def test_a_person_names_where_the_connection_stands(
    log: psycopg.Connection, meshclaw: Meshclaw, conninfo: str, *, password: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    put(log, "r1")
    words = ("usage", "import", "--from", "litellm", "--postgres")
    reader = psycopg.conninfo.make_conninfo(conninfo, user="reader", password=password)
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    monkeypatch.setenv("SPEND_LOG", reader)
    assert "1 calls new" in meshclaw(*words, "env:SPEND_LOG").out
    assert meshclaw(*words, "env:SPEND_LOG", "--json").json()["calls"] == 0
    events = meshclaw("ledger", "tail", "--json").out
    assert events.count("usage.imported") == 1
    secret = tmp_path / "secret"
    secret.write_text(reader)
    secret.chmod(0o600)
    put(log, "r2", now())
    assert "1 calls new" in meshclaw(*words, f"file:{secret}").out
    info = psycopg.conninfo.conninfo_to_dict(reader)
    service = tmp_path / "service.conf"
    service.write_text("[spend]\n" + "".join(f"{name}={value}\n" for name, value in info.items()))
    monkeypatch.setenv("PGSERVICEFILE", str(service))
    assert meshclaw(*words, "service:spend", "--json").json()["calls"] == 0
    assert meshclaw("usage", "show", "--json").json()["by_tool"]["litellm"]["calls"] == 2
    monkeypatch.setenv("SPEND_LOG", reader.replace(password, "hunter3"))
    refused = meshclaw(*words, "env:SPEND_LOG")
    assert (refused.code, "sign-in" in refused.err) == (SignInNeeded.exit_code, True)


@pytest.mark.parametrize(
    ("where", "value", "code"),
    [
        ("postgresql://u:hunter2@host/db", "", 2),
        ("hunter2", "", 2),
        ("env:SPEND_LOG", "", 4),
        ("env:SPEND_LOG", "hunter2", 2),
        ("env:SPEND_LOG", "postgresql://u:hunter2@127.0.0.1:1/db", 1),
        ("env:SPEND_LOG", "postgresql://u:hunter2@127.0.0.1:1/db?pool_timeout=5", 2),
        ("service:x y", "", 2),
        ("service:nowhere", "", 1),
    ],
)
def test_no_error_says_a_password(
    meshclaw: Meshclaw, where: str, value: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPEND_LOG", value)
    said = meshclaw("usage", "import", "--from", "litellm", "--postgres", where)
    assert (said.code, "hunter2" in said.err + said.out) == (code, False)
    assert said.err


def test_the_database_goes_with_its_tool_and_without_files(meshclaw: Meshclaw, tmp_path: Path) -> None:
    assert meshclaw("usage", "import", "--from", "kiro", "--postgres", "env:X").code == 2
    assert meshclaw("usage", "import", "--from", "litellm", "--postgres", "env:X", __file__).code == 2
