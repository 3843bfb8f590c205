"""What a person gives for a program that is to run in a box: its command, folders, hosts and secrets."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import click

from meshclaw.errors import UserError


def program_of(program: tuple[str, ...]) -> tuple[str, ...]:
    """With the absolute path of its first word: what is found first on a PATH can change."""
    if not program:
        return ()
    found = shutil.which(program[0])
    if found is None:
        raise UserError(
            f"there is no program {program[0]!r}", fix="Install it, and name it by its whole path."
        )
    return (absolute(found), *program[1:])


def absolute(path: str) -> str:
    """Links in it stay: a Python environment is known by where its program lies."""
    return str(Path(path).expanduser().absolute())


def needed(program: tuple[str, ...]) -> tuple[str, ...]:
    if not program:
        return ()
    from meshclaw.runs.boxing import shown_for

    return tuple(shown_for(program[0]))


def check_hosts(hosts: Iterable[str], secrets: Mapping[str, str]) -> None:
    if hosts or secrets:
        from meshclaw.runs.boxing import rule

        for place in (*hosts, *secrets.values()):
            rule(place)


def pairs(given: tuple[str, ...]) -> dict[str, str]:
    if odd := [one for one in given if "=" not in one]:
        raise UserError(f"{odd[0]!r} is no NAME=VALUE")
    return {one.partition("=")[0]: one.partition("=")[2] for one in given}


def keep_secrets(wanted: Mapping[str, str], *, from_stdin: bool) -> None:
    """``wanted``: by what each is called, its place in the keyring."""
    from meshclaw.settings.secrets import to_keyring

    for what, place in wanted.items():
        asked = sys.stdin.readline() if from_stdin else click.prompt(what, hide_input=True, err=True)
        if not (value := asked.strip()):
            raise UserError(f"there is no value for {what}", fix="Give one secret on each line.")
        to_keyring(place, value, other_ways="It needs one: a secret must not stand in a file or an argument.")
