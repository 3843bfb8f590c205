"""``meshclaw approvals``: what a person sees and answers, a second person's answer, canaries, health."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from meshclaw import wiring
from meshclaw.runs.ask import Persons
from tests.cli.conftest import Meshclaw

ME = ("--me", "ada@example.com")


@pytest.fixture
def asked(meshclaw: Meshclaw, maildir: Path) -> Callable[..., str]:
    """Drafts a mail, asks to send it, and returns the id of the approval."""
    meshclaw("mail", "connect", f"maildir:{maildir}", *ME)

    def ask(text: str = "They are ready.\n", to: str = "kim@partner.test") -> str:
        drafted = meshclaw("mail", "draft", "--to", to, "--subject", "Samples", stdin=text)
        assert drafted.code == 0, drafted.err
        said = meshclaw("mail", "send", drafted.err.split()[-1])
        assert said.code == 0, said.err
        return said.err.split()[-1]

    return ask


def drafts(maildir: Path) -> list[Path]:
    return [path for path in (maildir / ".Drafts").rglob("*") if path.parent.name in ("cur", "new")]


def test_the_person_sees_the_mail_that_would_be_sent(meshclaw: Meshclaw, asked: Callable[..., str]) -> None:
    id_ = asked("See [your bank](https://evil.test/x)\u200b\nLook: nothing.\n")
    out = meshclaw("approvals", "why", id_).out
    for line in (
        "   │ kim@partner.test", "subject (text):", "   │ Samples", "   │ Look: nothing.",
        "Look: It holds invisible characters (1).", "   │ your bank → https://evil.test/x",
        "Effect: send, cannot be taken back. Verb: mail.send. Agent: mail-clerk@1.",
    ):  # fmt: skip
        assert line in out.splitlines(), (line, out)
    assert "Look: nothing." not in out.splitlines()


def test_allow_shows_it_first(meshclaw: Meshclaw, asked: Callable[..., str]) -> None:
    said = meshclaw("approvals", "allow", asked(), "--dry-run")
    assert said.code == 0
    assert "   │ They are ready." in said.err
    assert said.err.splitlines()[-1] == "Would do this."


def test_a_draft_that_changed_since_is_denied(
    meshclaw: Meshclaw, asked: Callable[..., str], maildir: Path
) -> None:
    id_ = asked()
    [draft] = drafts(maildir)
    draft.write_bytes(draft.read_bytes().replace(b"ready", b"rotten"))
    said = meshclaw("approvals", "allow", id_)
    assert (said.code, "no longer what you were shown" in said.err) == (3, True)


def test_the_greatest_risk_comes_first_and_alike_ones_are_told(
    meshclaw: Meshclaw, asked: Callable[..., str], maildir: Path
) -> None:
    meshclaw("autonomy", "set", "mail-triage", "mail.move", "one_tap")
    meshclaw("mail", "triage", f"maildir:{maildir}")
    sent = asked()
    rows = meshclaw("approvals", "list", "--json").json()
    assert rows[0]["effect"] == "send"  # type: ignore[index]
    assert [row["alike"] for row in rows if row["id"] == sent] == [[]]
    moves = [row for row in rows if row["verb"] == "mail.move"]
    assert any(row["alike"] for row in moves)
    for row in moves:
        others = {other["id"]: other for other in moves}
        assert all(others[id_]["arguments"]["to"] == row["arguments"]["to"] for id_ in row["alike"])


def test_one_answer_stands_for_alike_ones_only(meshclaw: Meshclaw, maildir: Path) -> None:
    meshclaw("autonomy", "set", "mail-triage", "mail.move", "one_tap")
    run = meshclaw("mail", "triage", f"maildir:{maildir}", "--json").json()["run"]
    rows = meshclaw("approvals", "list", "--json").json()

    def moves_done() -> int:
        actions = meshclaw("run", "show", run, "--json").json()["actions"]
        return sum(action["stand"] == "done" for action in actions if action["verb"] == "mail.move")

    first = next(row for row in rows if row["alike"])
    stranger = next(row for row in rows if row["id"] not in (first["id"], *first["alike"]))
    said = meshclaw("approvals", "allow", first["id"], stranger["id"])
    assert (said.code, "not alike" in said.err) == (2, True)
    assert moves_done() == 0
    said = meshclaw("approvals", "allow", first["id"], "--group")
    assert said.code == 0, said.err
    assert said.err.splitlines().count("Done.") == moves_done() == len(first["alike"]) + 1
    left = {row["id"] for row in meshclaw("approvals", "list", "--json").json()}
    assert left == {row["id"] for row in rows} - {first["id"], *first["alike"]}


def test_sends_are_never_answered_together(meshclaw: Meshclaw, asked: Callable[..., str]) -> None:
    one, other = asked(), asked()
    assert meshclaw("approvals", "allow", one, other).code == 2
    said = meshclaw("approvals", "allow", one, "--group", "--dry-run")
    assert said.err.splitlines()[-1] == "Would do this."


# -- a second person -----------------------------------------------------------------------


@pytest.fixture
def colleague(
    meshclaw: Meshclaw, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., str]:
    """Runs a command as another person, on their own claw; they are the one approver, and sends take two."""
    folder = tmp_path / "colleague"

    def call(*words: str) -> str:
        monkeypatch.setenv("MESHCLAW_HOME", str(folder))
        said = meshclaw(*words)
        monkeypatch.setenv("MESHCLAW_HOME", str(home))
        assert said.code == 0, said.err
        assert not said.err or "Error" not in said.err
        return said.out

    key = bytes.fromhex(call("approvals", "key").strip())
    monkeypatch.setattr(
        wiring.Claw, "persons", Persons(two_person=frozenset({"send"}), approvers={"bo": key})
    )
    return call


def test_two_persons_each_at_their_own_machine(
    meshclaw: Meshclaw, asked: Callable[..., str], colleague: Callable[..., str], tmp_path: Path
) -> None:
    id_ = asked()
    slip, answer = tmp_path / "slip.json", tmp_path / "answer.json"
    said = meshclaw("approvals", "allow", id_)
    assert (said.code, "signed by another person" in said.err) == (0, True)
    [waits] = meshclaw("approvals", "list", "--json").json()
    assert (waits["state"], waits["needs"]) == ("one_of_two", ["an answer signed by another person"])
    slip.write_text(meshclaw("approvals", "export", id_).out)
    answer.write_text(colleague("approvals", "sign", str(slip)))
    said = meshclaw("approvals", "accept", str(answer))
    assert (said.code, "no way to send" in said.err) == (1, True)  # allowed; this account has no server
    assert meshclaw("approvals", "accept", str(answer)).code == 2


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            lambda e: e["slip"]["arguments"].update(recipients=["ann@partner.test"]),
            "not what its digest says",
        ),
        (lambda e: e["slip"].update(declaration="0" * 64), "not at all or otherwise"),
        (lambda e: e["slip"].update(verb="mail.launch"), "not at all or otherwise"),
        (lambda e: e.update(expires="2020-01-01T00:00:00Z"), "it ran out"),
        (lambda e: e.update(digest="0" * 64), "not the action"),
        (lambda e: e.pop("slip"), "cannot be read"),
        (lambda e: e.update(more=1), "cannot be read"),
    ],
)
def test_what_was_changed_on_its_way_is_not_signed(
    meshclaw: Meshclaw, asked: Callable[..., str], tmp_path: Path, change: Callable[[dict], object], told: str
) -> None:
    exported = json.loads(meshclaw("approvals", "export", asked()).out)
    change(exported)
    slip = tmp_path / "slip.json"
    slip.write_text(json.dumps(exported))
    said = meshclaw("approvals", "sign", str(slip))
    assert (said.code, told in said.err, said.out) == (2, True, "")


def test_an_answer_by_somebody_who_is_not_listed_does_not_count(
    meshclaw: Meshclaw, asked: Callable[..., str], tmp_path: Path
) -> None:
    id_ = asked()
    slip, answer = tmp_path / "slip.json", tmp_path / "answer.json"
    slip.write_text(meshclaw("approvals", "export", id_).out)
    answer.write_text(meshclaw("approvals", "sign", str(slip)).out)
    said = meshclaw("approvals", "accept", str(answer))
    assert (said.code, "does not list" in said.err) == (2, True)


# -- canaries and health -------------------------------------------------------------------


def test_a_canary_looks_like_any_other_ask_until_it_is_answered(
    meshclaw: Meshclaw, asked: Callable[..., str]
) -> None:
    real = asked()
    assert meshclaw("approvals", "canary", "plant").code == 0
    rows = meshclaw("approvals", "list", "--json").json()
    [bird] = [row for row in rows if row["id"] != real]
    [other] = [row for row in rows if row["id"] == real]
    assert bird.keys() == other.keys()
    assert {name for name in bird if bird[name] != other[name]} <= {
        "id", "arguments", "run", "digest", "shown", "asked", "expires"
    }  # fmt: skip
    assert "canary" not in meshclaw("approvals", "why", bird["id"]).out
    said = meshclaw("approvals", "allow", bird["id"])
    assert (said.code, "this was a canary" in said.err) == (3, True)
    assert "canary" in meshclaw("approvals", "why", bird["id"]).out
    assert meshclaw("approvals", "health", "--json").json()["canaries"]["missed"] == 1
    assert "1 of 1 canaries" in meshclaw("approvals", "health").err


def test_a_canary_that_is_refused_is_caught_and_demotes_nobody(
    meshclaw: Meshclaw, asked: Callable[..., str]
) -> None:
    asked()
    meshclaw("autonomy", "set", "mail-clerk", "mail.send", "one_tap")
    meshclaw("approvals", "canary", "plant")
    birds = [
        row for row in meshclaw("approvals", "list", "--json").json() if ".invalid" in str(row["arguments"])
    ]
    assert "you caught it" in meshclaw("approvals", "deny", birds[0]["id"]).err
    levels = {(r["agent"], r["verb"]): r["level"] for r in meshclaw("autonomy", "show", "--json").json()}
    assert levels["mail-clerk@1", "mail.send"] == "one_tap"
    found = meshclaw("approvals", "health", "--json").json()
    assert (found["canaries"]["caught"]["count"], found["all"]["denied"]["count"]) == (1, 0)


def test_health_of_nothing_and_of_one_answer(meshclaw: Meshclaw, asked: Callable[..., str]) -> None:
    id_ = asked()
    assert meshclaw("approvals", "deny", id_).code == 0
    found = meshclaw("approvals", "health", "--json").json()
    assert (found["all"]["denied"]["count"], found["warnings"]) == (1, [])
    assert "autonomy.draft" in meshclaw("approvals", "health").out


def test_the_slip_in_the_store_is_what_was_exported(meshclaw: Meshclaw, asked: Callable[..., str]) -> None:
    exported = meshclaw("approvals", "export", asked()).json()
    from meshclaw.flow.slip import Slip

    assert msgspec.convert(exported["slip"], Slip).digest == exported["shown"]
