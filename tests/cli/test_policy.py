"""``meshclaw policy`` and ``meshclaw stop`` as a person uses them."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshclaw.guard.layers import stop
from tests.cli.conftest import Meshclaw, snapshot

NIGHT = (
    '@id("mail") permit (principal, action in Action::"mail", resource);\n'
    '@id("stay") @reason("nothing moves") forbid (principal, action == Action::"mail.move", resource)\n'
    "when { context.hour >= 0 };\n"
)


@pytest.fixture
def night(tmp_path: Path) -> Path:
    (tmp_path / "night.cedar").write_text(NIGHT)
    return tmp_path / "night.cedar"


def test_check_says_where_and_what(meshclaw: Meshclaw, tmp_path: Path, night: Path) -> None:
    assert meshclaw("policy", "check").code == 0
    assert meshclaw("policy", "check", str(night)).code == 0
    bad = tmp_path / "bad.cedar"
    bad.write_text("permit (principal, action, resource)\nwhen { resource.colour };")
    said = meshclaw("policy", "check", str(bad), "--json")
    assert said.code == 1
    assert [(one["line"], one["column"]) for one in said.json()] == [(2, 17)]
    assert f"{bad}:2:17: attribute `colour`" in meshclaw("policy", "check", str(bad)).out


def test_check_works_where_the_policy_in_force_is_broken(meshclaw: Meshclaw, home: Path) -> None:
    (home / "policy.cedar").write_text("permit")
    assert meshclaw("policy", "check").code == 1
    assert meshclaw("mail", "accounts").code == 1  # nothing else runs


def test_explain_names_what_decides_and_what_is_needed(meshclaw: Meshclaw, home: Path, night: Path) -> None:
    said = meshclaw("policy", "explain", "mail.move", "--agent", "mail-triage", "--json")
    assert (said.code, said.json()["decision"]["verdict"]) == (0, "allow")
    night.replace(home / "policy.cedar")
    said = meshclaw("policy", "explain", "mail.move", "--agent", "mail-triage")
    assert said.code == 3
    assert "nothing moves" in said.out
    assert "needed: person:stay must not hold: when { context.hour >= 0 }" in said.out
    (home / "policy.cedar").write_text(
        'permit (principal, action == Action::"mail.read", resource);\n'
        '@id("day") permit (principal, action in Action::"mail", resource) when { context.hour > 7 };\n'
    )
    said = meshclaw("policy", "explain", "mail.move", "--agent", "mail-triage", "--hour", "3")
    assert "about something else" in said.out
    assert "nearest: day when { context.hour > 7 }" in said.out
    assert meshclaw("policy", "explain", "mail.fly").code == 2


def test_explain_knows_the_other_layers(meshclaw: Meshclaw) -> None:
    said = meshclaw("policy", "explain", "mail.send", "--agent", "mail-triage")
    assert said.code == 3
    assert "the agent does not allow it" in said.out


def test_a_table_of_cases_is_tried(meshclaw: Meshclaw, tmp_path: Path, night: Path) -> None:
    table = tmp_path / "cases.toml"
    table.write_text(
        '[[case]]\nverb = "mail.move"\nexpect = "deny"\nbecause = ["person:stay"]\n'
        '[[case]]\nverb = "mail.read"\nexpect = "allow"\n'
    )
    assert meshclaw("policy", "test", str(table), str(night)).code == 0
    said = meshclaw("policy", "test", str(table))
    assert said.code == 1
    assert "case 1, mail.move: expected deny, got allow" in said.out
    as_json = tmp_path / "cases.json"
    as_json.write_text('{"case": [{"verb": "mail.read", "expect": "deny"}]}')
    assert len(meshclaw("policy", "test", str(as_json), "--json").json()["wrong"]) == 1
    for text in (
        "[[case]]\nverb = 'mail.fly'\nexpect = 'deny'",
        "[[case]]\nverb = 'mail.read'",
        "case = 1",
        "[",
    ):
        table.write_text(text)
        assert meshclaw("policy", "test", str(table)).code == 2


def test_diff_finds_what_changes_for_whom(
    meshclaw: Meshclaw, tmp_path: Path, night: Path, letters: Path
) -> None:
    meshclaw("mail", "triage", "--from-dir", str(letters))
    plain = tmp_path / "plain.cedar"
    plain.write_text(NIGHT.partition("\n")[0])
    assert meshclaw("policy", "diff", str(plain), str(plain)).code == 0
    said = meshclaw("policy", "diff", str(plain), str(night), "--json")
    assert said.code == 1
    assert {(one["verb"], one["was"], one["now"]) for one in said.json()["grid"]["changes"]} == {
        ("mail.move", "allow", "deny")
    }
    assert {one["agent"] for one in said.json()["ledger"]["changes"]} == {"mail-triage"}


def test_diff_tries_the_numbers_that_the_policies_name(meshclaw: Meshclaw, tmp_path: Path) -> None:
    old, new = tmp_path / "old.cedar", tmp_path / "new.cedar"
    text = "permit (principal, action, resource) unless { context has amount && context.amount > %d };"
    old.write_text(text % 7_000_000)
    new.write_text(text % 7_000_001)
    assert meshclaw("policy", "diff", str(old), str(new)).code == 1


def test_replay_tells_what_the_ledger_would_have_been(
    meshclaw: Meshclaw, home: Path, night: Path, letters: Path
) -> None:
    meshclaw("mail", "triage", "--from-dir", str(letters))
    assert meshclaw("policy", "replay").code == 0
    said = meshclaw("policy", "replay", str(night), "--json")
    assert said.code == 1
    moves = said.json()["counts"]["allow -> deny"]
    assert {one["verb"] for one in said.json()["changed"]} == {"mail.move"}
    assert f"allow -> deny: {moves}" in meshclaw("policy", "replay", str(night), "--as", "company").out
    assert meshclaw("policy", "replay", str(night), "--since", "yesterday").code == 2
    assert not (home / "policy.cedar").exists()


def test_the_decision_s_policies_are_in_the_ledger(meshclaw: Meshclaw, letters: Path) -> None:
    meshclaw("mail", "triage", "--from-dir", str(letters))
    exported = meshclaw("ledger", "export").out
    assert '"policies":["default:own-mail"]' in exported


def test_stop_holds_everything_until_it_is_lifted(meshclaw: Meshclaw, home: Path, maildir: Path) -> None:
    address = f"maildir:{maildir}"
    run = meshclaw("mail", "triage", address, "--json").json()["run"]
    after = snapshot(maildir)
    assert meshclaw("stop", "--dry-run").code == 0
    assert stop.read(home) is None
    assert meshclaw("stop", "--reason", "odd").code == 0
    for words in (("mail", "triage", address), ("run", "undo", run)):
        said = meshclaw(*words)
        assert said.code == 3
        assert "odd" in said.err
    assert snapshot(maildir) == after
    assert meshclaw("run", "undo", run, "--dry-run").code == 0
    assert meshclaw("doctor", "--json").code in (0, 1)
    assert meshclaw("stop", "--lift").code == 0
    assert meshclaw("run", "undo", run).code == 0
    kinds = meshclaw("ledger", "export").out
    assert kinds.count('"claw.stopped"') == kinds.count('"stop.lifted"') == 1


def test_a_broken_ledger_does_not_stand_in_the_way_of_a_stop(meshclaw: Meshclaw, home: Path) -> None:
    (home / "ledger.db").write_bytes(b"no database, whatever its name says" * 100)
    assert meshclaw("stop").code == 0
    assert stop.read(home) is not None
