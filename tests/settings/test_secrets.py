"""Passwords come from the keyring, a file or standard input, and stand nowhere else."""

from __future__ import annotations

import stat
from pathlib import Path

import keyring
import pytest
from keyring.backends.fail import Keyring as NoKeyring

from meshclaw.errors import SignInNeeded, UserError
from meshclaw.settings.accounts import Account, Accounts
from meshclaw.settings.secrets import read_file, secret_of, to_keyring
from tests.conftest import InMemory


def test_what_is_put_into_the_keyring_is_found_again(ring: InMemory) -> None:
    to_keyring("imaps://ada@mail.example.com", "geheim")
    account = Account(address="imaps://ada@mail.example.com")
    assert secret_of(account, account.address)() == "geheim"
    assert ring.kept == {("meshclaw", "imaps://ada@mail.example.com"): "geheim"}


def test_a_missing_password_says_how_to_give_it(ring: InMemory) -> None:
    with pytest.raises(SignInNeeded, match="no password") as caught:
        secret_of(Account(address="imaps://x@y.example"), "imaps://x@y.example")()
    assert "meshclaw mail connect" in caught.value.fix


def test_a_system_without_a_keyring_says_which_other_way_there_is() -> None:
    before = keyring.get_keyring()
    keyring.set_keyring(NoKeyring())
    try:
        with pytest.raises(UserError, match="no keyring") as put:
            to_keyring("k", "s")
        with pytest.raises(SignInNeeded) as got:
            secret_of(Account(address="imaps://x@y.example"), "k")()
    finally:
        keyring.set_keyring(before)
    assert "--secret-file" in put.value.fix
    assert "--secret-file" in got.value.fix


def test_a_secret_file_is_read_only_where_nobody_else_can(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("geheim\n")
    path.chmod(0o644)
    with pytest.raises(UserError, match="other users"):
        read_file(path)
    path.chmod(0o600)
    assert read_file(path) == "geheim"
    with pytest.raises(SignInNeeded, match="cannot be read"):
        read_file(tmp_path / "nowhere")


def test_no_secret_is_kept_with_the_accounts(tmp_path: Path) -> None:
    accounts = Accounts(tmp_path)
    accounts.put(Account(address="imaps://ada@mail.example.com", secret_file="/somewhere/secret"))
    assert accounts.get("imaps://ada@mail.example.com").secret_file == "/somewhere/secret"
    assert "geheim" not in accounts.path.read_text()
    assert stat.S_ISREG(accounts.path.stat().st_mode)
