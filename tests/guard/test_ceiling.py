"""The ceiling: root's alone, complete or nothing; and the kill switch beside it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from meshclaw.errors import Damaged, UserError
from meshclaw.guard import ceiling, owned
from meshclaw.guard.ceiling import DEFAULT_RIGHTS, Ceiling, load
from meshclaw.guard.layers import stop


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(owned, "ROOT", os.getuid())
    folder = tmp_path / "etc"
    folder.mkdir(mode=0o755)
    return folder / "ceiling.toml"


def test_no_file_means_the_careful_default(file: Path) -> None:
    assert load(file) == Ceiling()
    assert load(file).rights == DEFAULT_RIGHTS
    assert load(file).sandbox == "required"


def test_the_file_in_the_docstring_is_understood(file: Path) -> None:
    file.write_text((ceiling.__doc__ or "").partition("\n\n")[2])
    found = load(file)
    assert (found.rights.verbs, found.rights.denied) == ({"mail.*"}, {"mail.unsubscribe"})
    assert (found.company.domains, found.company.unit) == ({"example.com"}, "sales")
    assert found.company.lists == {"sales@example.com": ("kim@example.com",)}
    assert (found.two_person, found.separate) == ({"deploy", "mail.send"}, {"mail", "webhook", "mcp"})
    assert {name: len(key) for name, key in found.approvers.items()} == {"kim": 32}


def test_an_empty_file_allows_nothing(file: Path) -> None:
    file.write_text("")
    assert load(file).rights.effects == frozenset()


def test_limits_are_handed_on_as_they_stand(file: Path) -> None:
    file.write_text("[limits.run]\nrecipients = 20\n")
    assert load(file).limits == {"run": {"recipients": 20}}


@pytest.mark.parametrize(
    "text",
    [
        "[allow", "[allow]\neffects = ['fly']", "[allow]\nverb = ['mail.*']", "[alow]\n", "allow = 1", "\x00",
        "\udcff", "sandbox = 'maybe'", "[approvers]\nkim = 'AAAA'", "[approvers]\nkim = '!'", "[approvers]\nkim = 1",
        "[approvals]\ntwo_person = 'deploy'", "[approvals]\nsame_way = ['smoke']",
        "[company.lists]\nteam = []", "[company.lists]\n'a@x.org' = ['b']",
        "[company.lists]\n'a@x.org' = 'b@x.org'",
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_understood_stops_everything(file: Path, text: str) -> None:
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(Damaged, match=r"ceiling\.toml.*nothing runs"):
        load(file)


def test_an_error_names_the_line_or_the_field(file: Path) -> None:
    file.write_text("[allow]\neffects = [\n")
    with pytest.raises(Damaged, match="line"):
        load(file)
    file.write_text("sandbox = 'maybe'\n")
    with pytest.raises(Damaged, match=r"\$\.sandbox"):
        load(file)


@pytest.mark.parametrize("mode", [0o664, 0o646, 0o666])
def test_a_file_that_others_can_write_is_refused(file: Path, mode: int) -> None:
    file.write_text("[allow]\n")
    file.chmod(mode)
    with pytest.raises(Damaged, match="others than root"):
        load(file)


def test_a_file_of_another_owner_is_refused(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("[allow]\n")
    monkeypatch.setattr(owned, "ROOT", os.getuid() + 1)
    with pytest.raises(Damaged, match="others than root"):
        load(file)


def test_a_folder_in_which_others_can_replace_it_is_refused(file: Path) -> None:
    file.write_text("[allow]\n")
    file.parent.chmod(0o777)
    with pytest.raises(Damaged, match="others than root"):
        load(file)


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(stop, "FLEET", tmp_path / "etc-stop")
    return tmp_path / "etc-stop"


def test_the_person_stops_and_goes_on(tmp_path: Path, fleet: Path) -> None:
    assert not fleet.exists()
    assert stop.read(tmp_path) is None
    stop.put(tmp_path, "odd mails")
    found = stop.read(tmp_path)
    assert found is not None
    assert (found.by, found.reason) == ("person", "odd mails")
    stop.lift(tmp_path)
    assert stop.read(tmp_path) is None
    with pytest.raises(UserError, match="nothing stops"):
        stop.lift(tmp_path)


def test_the_fleet_s_stop_is_not_the_person_s_to_lift(tmp_path: Path, fleet: Path) -> None:
    stop.put(tmp_path, "mine")
    fleet.write_text("recall")
    with pytest.raises(UserError, match="recall"):
        stop.lift(tmp_path)
    found = stop.read(tmp_path)
    assert found is not None
    assert (found.by, stop.refusal(found).rule) == ("fleet", "stop.fleet")


@pytest.mark.parametrize("what", ["folder", "dangling", "binary"])
def test_whatever_lies_there_stops(tmp_path: Path, fleet: Path, what: str) -> None:
    assert not fleet.exists()
    place = tmp_path / "stop"
    match what:
        case "folder":
            place.mkdir()
        case "dangling":
            place.symlink_to(tmp_path / "gone")
        case _:
            place.write_bytes(b"\xff\x00\x1b[2J")
    stop.put(tmp_path, "again")
    assert stop.read(tmp_path) is not None
