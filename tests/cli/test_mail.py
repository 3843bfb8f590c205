"""The main job as a person and as a program sees it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.cli.conftest import Meshclaw, snapshot

ME = ("--me", "ada@example.com")


def triaged(meshclaw: Meshclaw, maildir: Path) -> dict:
    said = meshclaw("mail", "triage", f"maildir:{maildir}", *ME, "--json")
    assert said.code == 0, said.err
    return said.json()


def folders(maildir: Path) -> dict[str, int]:
    counts: dict[str, int] = {}
    for name in snapshot(maildir):
        folder = name.rpartition("/")[0]
        counts[folder] = counts.get(folder, 0) + 1
    return counts


def test_triage_prints_one_object_for_programs_with_the_promised_fields(
    meshclaw: Meshclaw, letters: Path
) -> None:
    said = meshclaw("mail", "triage", "--from-dir", str(letters), "--json").json()
    assert {"run", "messages", "tokens", "categories", "placements"} <= set(said)
    assert said["messages"] == len(said["placements"]) == len(list(letters.glob("*.eml")))
    assert said["tokens"] == 0
    assert sum(said["categories"].values()) == said["messages"]
    for placement in said["placements"]:
        assert {"id", "source", "category", "folder", "why"} <= set(placement)
        assert all(placement.values())
    assert {placement["source"] for placement in said["placements"]} == {p.name for p in letters.iterdir()}


def test_from_dir_leaves_the_files_alone_and_its_run_can_be_undone(meshclaw: Meshclaw, letters: Path) -> None:
    before = {path: path.read_bytes() for path in letters.iterdir()}
    said = meshclaw("mail", "triage", "--from-dir", str(letters), "--json").json()
    assert {path: path.read_bytes() for path in letters.iterdir()} == before
    undone = meshclaw("run", "undo", said["run"], "--json")
    assert (undone.code, undone.json()) == (0, {"undone": said["messages"], "failed": 0})


def test_the_same_folder_can_be_triaged_again_and_again(meshclaw: Meshclaw, letters: Path) -> None:
    first, second = (
        meshclaw("mail", "triage", "--from-dir", str(letters), "--json").json() for _ in range(2)
    )
    assert first["run"] != second["run"]
    for said in (first, second):
        assert len(said["placements"]) == 24
    assert meshclaw("run", "undo", first["run"], second["run"], "--json").json() == {
        "undone": 48,
        "failed": 0,
    }


def test_mail_is_where_the_placements_say_and_nothing_is_lost(meshclaw: Meshclaw, maildir: Path) -> None:
    before = snapshot(maildir)
    placements = triaged(meshclaw, maildir)["placements"]
    after = snapshot(maildir)
    assert sorted(after.values()) == sorted(before.values())
    wanted = {"INBOX": "."}
    counts: dict[str, int] = {}
    for placement in placements:
        folder = wanted.get(placement["folder"], f".{placement['folder']}")
        counts[folder] = counts.get(folder, 0) + 1
    assert folders(maildir) == counts


def test_undo_puts_every_mail_back_and_takes_the_labels_off(meshclaw: Meshclaw, maildir: Path) -> None:
    before = snapshot(maildir)
    run = triaged(meshclaw, maildir)["run"]
    assert snapshot(maildir) != before
    assert meshclaw("run", "undo", run, "--json").json() == {"undone": len(before), "failed": 0}
    assert snapshot(maildir) == before
    flags = [path.name.partition(":2,")[2] for path in (maildir / "cur").iterdir()]
    assert all(
        not any(letter.islower() for letter in flag) for flag in flags
    )  # keywords are lower case letters
    assert meshclaw("run", "undo", run, "--json").json() == {"undone": 0, "failed": 0}


def test_a_second_triage_places_nothing_twice_and_nothing_that_was_put_back(
    meshclaw: Meshclaw, maildir: Path
) -> None:
    run = triaged(meshclaw, maildir)["run"]
    assert triaged(meshclaw, maildir)["messages"] == 0
    meshclaw("run", "undo", run)
    assert triaged(meshclaw, maildir)["messages"] == 0


def test_undoing_a_whole_run_is_an_outcome_and_teaches_nothing(
    meshclaw: Meshclaw, maildir: Path, home: Path
) -> None:
    run = triaged(meshclaw, maildir)["run"]
    meshclaw("run", "undo", run)
    assert triaged(meshclaw, maildir)["observed"] == {"undone": 24}
    assert sqlite3.connect(home / "lessons.db").execute("SELECT count(*) FROM learned").fetchone() == (0,)
    assert triaged(meshclaw, maildir)["observed"] == {}


def test_a_sender_whose_domain_imitates_the_person_s_own_is_flagged(
    meshclaw: Meshclaw, maildir: Path
) -> None:
    """Pay-roll fraud: a colleague's name under a domain one letter away from the company's."""
    letter = (
        b"From: Dana <dana@examp1e.com>\nTo: ada@example.com\nSubject: Account\n\nPlease change my account.\n"
    )
    (maildir / "new" / "1.twin.host").write_bytes(letter)
    [placed] = [p for p in triaged(meshclaw, maildir)["placements"] if p["source"].endswith("twin.host")]
    card = meshclaw("mail", "why", placed["id"], "--json").json()["card"]
    assert [finding["kind"] for finding in card["findings"]] == ["look-alike-sender"]


def test_dry_run_changes_nothing_and_says_what_it_would_do(meshclaw: Meshclaw, maildir: Path) -> None:
    before = snapshot(maildir)
    said = meshclaw("mail", "triage", f"maildir:{maildir}", *ME, "--dry-run")
    assert said.code == 0
    assert "Would place 24" in said.out
    assert snapshot(maildir) == before
    assert triaged(meshclaw, maildir)["messages"] == 24


def test_what_needs_the_person_stays_in_the_inbox(meshclaw: Meshclaw, maildir: Path) -> None:
    for placement in triaged(meshclaw, maildir)["placements"]:
        if placement["category"] in ("reply", "act", "waiting"):
            assert placement["folder"] == "INBOX"


def test_the_ledger_holds_no_content_of_any_mail(meshclaw: Meshclaw, maildir: Path, home: Path) -> None:
    triaged(meshclaw, maildir)
    meshclaw("mail", "draft", "--account", f"maildir:{maildir}", "--to", "x@example.com", "--subject", "s")
    events = b"".join(row[0] for row in sqlite3.connect(home / "ledger.db").execute("SELECT body FROM event"))
    for word in (b"Budget", b"Lunch", b"contract", b"gadgets.test", b"ignore previous", b"Noor"):
        assert word.lower() not in events.lower(), word


def test_why_gives_the_sentence_and_the_evidence(meshclaw: Meshclaw, maildir: Path) -> None:
    [phish] = [p for p in triaged(meshclaw, maildir)["placements"] if "mixes letters" in p["why"]]
    said = meshclaw("mail", "why", phish["id"][:8])
    assert said.code == 0
    assert phish["why"] in said.out
    assert "look-alike" in said.out
    assert meshclaw("mail", "why", phish["id"], "--json").json()["outcome"] == "pending"


def test_undoing_one_mail_puts_only_that_one_back_and_learns(
    meshclaw: Meshclaw, maildir: Path, home: Path
) -> None:
    first = triaged(meshclaw, maildir)
    filed = next(p for p in first["placements"] if p["folder"] == "Bulk")
    before = folders(maildir)
    assert meshclaw("mail", "undo", filed["id"], "--json").json() == {"undone": 1, "failed": 0}
    after = folders(maildir)
    assert after["."] == before["."] + 1
    assert after[".Bulk"] == before[".Bulk"] - 1
    learned = sqlite3.connect(home / "lessons.db").execute("SELECT category FROM learned").fetchall()
    assert learned == [("reply",)]


def test_a_mail_moved_back_by_hand_is_an_outcome_and_a_lesson(meshclaw: Meshclaw, maildir: Path) -> None:
    triaged(meshclaw, maildir)
    for path in list((maildir / ".Bulk" / "cur").iterdir()) + list((maildir / ".Bulk" / "new").iterdir()):
        path.rename(maildir / "cur" / (path.name if ":" in path.name else path.name + ":2,"))
    said = meshclaw("mail", "triage", f"maildir:{maildir}", *ME, "--json").json()
    assert (said["messages"], said["observed"]) == (0, {"undone": 3})
    [bulk] = [row for row in meshclaw("outcomes", "--json").json() if row["category"] == "bulk"]
    assert (bulk["settled"], bulk["undone"]["count"], bulk["pending"]) == (3, 3, 0)
    assert 0 < bulk["undone"]["low"] < 1 == bulk["undone"]["high"]
    # The next issue of the same list now stays in the inbox, and says why.
    newsletter = next(iter((maildir / "cur").glob("*"))).read_bytes()
    source = next(p for p in (maildir / "cur").iterdir() if b"Gadget Weekly" in p.read_bytes())
    fresh = source.read_bytes().replace(b"Gadget Weekly 4", b"Gadget Weekly 5")
    assert newsletter
    (maildir / "new" / "1.next.issue").write_bytes(fresh)
    [placement] = meshclaw("mail", "triage", f"maildir:{maildir}", *ME, "--json").json()["placements"]
    assert placement["folder"] == "INBOX"
    assert "you moved 3 mails" in placement["why"]


def test_the_digest_names_what_needs_the_person_and_the_one_command_back(
    meshclaw: Meshclaw, maildir: Path, tmp_path: Path
) -> None:
    run = triaged(meshclaw, maildir)["run"]
    said = meshclaw("mail", "digest")
    assert "24 mails" in said.out
    assert f"meshclaw run undo {run[-8:]}" in said.out
    page = tmp_path / "digest.html"
    assert meshclaw("mail", "digest", "--html", str(page)).code == 0
    assert "Gadget Weekly" in page.read_text("utf-8")


def test_a_list_that_piles_up_unread_is_asked_about_and_never_left_alone(
    meshclaw: Meshclaw, maildir: Path
) -> None:
    meshclaw("mail", "connect", f"maildir:{maildir}", *ME, "--trusted-host", "mx.example.com")
    said = meshclaw("mail", "triage", "--json").json()
    [approval] = said["approvals"]
    [waiting] = meshclaw("approvals", "list", "--json").json()
    assert (waiting["id"], waiting["verb"], waiting["effect"]) == (approval, "mail.unsubscribe", "send")
    assert waiting["arguments"]["url"].startswith("https://gadgets.test/")
    assert "gadgets.test" in meshclaw("approvals", "why", approval).out
    assert meshclaw("approvals", "deny", approval).code == 0
    assert meshclaw("approvals", "list", "--json").json() == []
    assert meshclaw("approvals", "allow", approval).code == 2


def test_a_draft_is_kept_and_a_send_waits_for_a_word(meshclaw: Meshclaw, maildir: Path) -> None:
    address = f"maildir:{maildir}"
    meshclaw("mail", "connect", address, *ME)
    drafted = meshclaw(
        "mail", "draft", "--to", "kim@partner.test", "--subject", "Samples", stdin="They are ready.\n"
    )
    assert drafted.code == 0, drafted.err
    [draft] = [body for name, body in snapshot(maildir).items() if name.startswith(".Drafts/")]
    assert b"They are ready." in draft
    from meshclaw.connectors.mail.message.parse import parse

    asked = meshclaw("mail", "send", parse(draft).id[:8])
    assert asked.code == 0
    assert "approvals allow" in asked.err
    [waiting] = meshclaw("approvals", "list", "--json").json()
    assert waiting["arguments"]["recipients"] == ["kim@partner.test"]
    allowed = meshclaw("approvals", "allow", waiting["id"])
    assert (allowed.code, "no way to send" in allowed.err) == (1, True)


def test_one_mail_is_archived_on_the_person_s_word_and_taken_back(meshclaw: Meshclaw, maildir: Path) -> None:
    meshclaw("mail", "connect", f"maildir:{maildir}", *ME)
    before = snapshot(maildir)
    placed = meshclaw("mail", "triage", "--json", "--dry-run").json()["placements"][0]
    assert meshclaw("mail", "archive", placed["id"], "--dry-run").code == 0
    assert snapshot(maildir) == before
    said = meshclaw("mail", "archive", placed["id"])
    assert said.code == 0, said.err
    assert folders(maildir)[".Archive"] == 1
    assert meshclaw("run", "undo", said.err.split()[-1]).code == 0
    assert snapshot(maildir) == before


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("mail", "triage"), 2, "which mailbox?"),
        (("mail", "triage", "maildir:/nowhere/at/all"), 2, "/nowhere/at/all"),
        (("mail", "triage", "gopher:x"), 2, "does not name a mailbox"),
        (("mail", "triage", "imap://ada@mail.example.com"), 2, "encrypted"),
        (("mail", "why", "zz"), 2, "no mail has"),
        (("mail", "undo", ""), 2, "no mail has"),
        (("mail", "digest"), 2, "nothing was triaged"),
        (("run", "show", "zz"), 2, "no run has"),
        (("run", "undo", "zz"), 2, "no run has"),
        (("approvals", "allow", "zz"), 2, "no approval has"),
        (("ledger", "show", "zz"), 2, "no event has"),
        (("autonomy", "set", "mail-triage", "mail.fly", "draft"), 2, "no connector declares"),
        (("daemon", "run", "--no-page"), 2, "nothing is connected"),
        (("fly",), 2, "No such command"),
        (("mail", "disconnect", "maildir:/x"), 2, "not connected"),
        (("mail", "triage", "--from-dir", "/nowhere/at/all"), 2, "does not exist"),
    ],
)
def test_bad_input_says_what_and_which_and_exits_as_promised(
    meshclaw: Meshclaw, words: tuple[str, ...], code: int, told: str
) -> None:
    said = meshclaw(*words)
    assert said.code == code, said.err
    assert told in said.err
    assert said.out == ""
