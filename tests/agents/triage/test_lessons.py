from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshclaw.agents.triage.lessons import Lessons
from meshclaw.agents.triage.tokens import MAX_TOKENS, tokens
from meshclaw.errors import Busy, Damaged
from meshclaw.flow.placement import CATEGORIES
from tests.agents.triage.mails import mail, messages

FEW = settings(max_examples=40, deadline=None)
categories = st.sampled_from(CATEGORIES)


def stored(lessons: Lessons) -> dict[str, list[tuple[object, ...]]]:
    db = lessons._db
    return {
        "tokens": db.execute("SELECT hash, wanted, junk FROM tokens ORDER BY hash").fetchall(),
        "learned": db.execute("SELECT digest, category FROM learned ORDER BY digest").fetchall(),
    }


@FEW
@given(
    before=st.lists(st.tuples(messages(), categories), max_size=3), message=messages(), category=categories
)
def test_unlearning_restores_exactly_the_counts_of_before(before, message, category):
    lessons = Lessons.open(":memory:")
    for earlier, said in before:
        lessons.learn(earlier, said)
    lessons.unlearn(message, lessons.learned(message) or category)
    original = stored(lessons)

    assert lessons.learn(message, category)
    assert stored(lessons) != original
    assert lessons.unlearn(message, category)

    assert stored(lessons) == original
    lessons.close()


@FEW
@given(
    pairs=st.lists(st.tuples(messages(), categories), max_size=5, unique_by=lambda pair: pair[0].digest),
    seed=st.randoms(),
)
def test_the_order_of_learning_does_not_matter_to_the_counts(pairs, seed):
    shuffled = list(pairs)
    seed.shuffle(shuffled)
    first, second = Lessons.open(":memory:"), Lessons.open(":memory:")
    second._salt = first._salt
    for message, category in pairs:
        first.learn(message, category)
    for message, category in shuffled:
        second.learn(message, category)

    assert stored(first) == stored(second)
    assert first.totals() == second.totals()
    first.close()
    second.close()


def test_learning_the_same_mail_twice_counts_once_and_another_category_moves_it():
    lessons = Lessons.open(":memory:")
    message = mail(text="cheap watches for everybody")

    assert lessons.learn(message, "suspicious")
    once = stored(lessons)
    assert not lessons.learn(message, "suspicious")
    assert stored(lessons) == once
    assert lessons.totals() == (0, 1)

    assert lessons.learn(message, "read")
    assert lessons.totals() == (1, 0)
    assert {(wanted, junk) for _, wanted, junk in stored(lessons)["tokens"]} == {(1, 0)}
    assert lessons.of_sender("robin@example.com").counts == {"read": 1}
    lessons.close()


def test_unlearning_in_a_category_the_mail_was_not_learned_in_changes_nothing():
    lessons = Lessons.open(":memory:")
    message = mail(text="hello")
    lessons.learn(message, "read")
    before = stored(lessons)

    assert not lessons.unlearn(message, "bulk")
    assert stored(lessons) == before
    lessons.close()


def test_a_failed_batch_leaves_nothing_behind():
    lessons = Lessons.open(":memory:")

    def fail_half_way() -> None:
        with lessons.batch():
            lessons.learn(mail(text="one"), "read")
            lessons.note_sent(["kim@partner.test"])
            assert lessons.wrote_to("kim@partner.test") == 1
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()

    assert stored(lessons) == {"tokens": [], "learned": []}
    assert lessons.wrote_to("kim@partner.test") == 0
    assert lessons.totals() == (0, 0)
    lessons.close()


def test_correspondents_are_counted_and_the_same_mail_only_once():
    lessons = Lessons.open(":memory:")
    for _ in range(2):
        lessons.note_sent(["Kim@partner.test", "sam@example.com"], mail="digest-1")
        lessons.note_received("kim@partner.test", mail="digest-2")
    lessons.note_sent(["kim@partner.test"], mail="digest-3")

    assert lessons.wrote_to("kim@PARTNER.test") == 2
    assert lessons.wrote_to("sam@example.com") == 1
    assert lessons.received_from("kim@partner.test") == 1
    assert lessons.wrote_to("stranger@example.com") == 0
    assert lessons.counts().people == 2
    lessons.close()


def test_the_most_recent_correction_wins_a_tie_and_a_majority_wins_otherwise():
    lessons = Lessons.open(":memory:")
    lessons.learn(mail(text="1"), "bulk")
    lessons.learn(mail(text="2"), "read")
    assert lessons.of_sender("robin@example.com").majority == "read"
    lessons.learn(mail(text="3"), "bulk")
    lessons.learn(mail(text="4"), "read")
    lessons.learn(mail(text="5"), "bulk")
    lessons.learn(mail("other@example.com", text="6"), "act")
    assert lessons.of_sender("robin@example.com").majority == "bulk"
    lessons.close()


def test_the_file_keeps_lessons_and_holds_no_word_and_no_address_of_a_mail(tmp_path: Path):
    path = tmp_path / "lessons.sqlite"
    lessons = Lessons.open(path)
    message = mail("secretive@partner.test", subject="Quarterlyfigures", text="xylophone confidential")
    lessons.learn(message, "suspicious")
    lessons.note_sent(["secretive@partner.test"])
    lessons.close()

    held = b"".join(file.read_bytes() for file in tmp_path.iterdir()).lower()
    assert len(held) > 4096
    for word in (b"xylophone", b"quarterlyfigures", b"secretive", b"partner.test"):
        assert word not in held
    again = Lessons.open(path)
    assert again.learned(message) == "suspicious"
    assert again.wrote_to("secretive@partner.test") == 1
    assert [one.junk for one in again.occurrences(["xylophone", "never"])] == [1]
    again.close()


def test_two_files_hash_the_same_word_differently(tmp_path: Path):
    first, second = Lessons.open(tmp_path / "a"), Lessons.open(tmp_path / "b")
    assert first._hash("word") != second._hash("word")
    first.close()
    second.close()


def filled(path: Path) -> None:
    lessons = Lessons.open(path)
    with lessons.batch():
        for number in range(60):
            words = " ".join(f"word{number}x{at}" for at in range(60))
            lessons.learn(mail(text=words), "read")
    lessons.close()


@pytest.mark.parametrize("kept", [0, 100, 4096, 20_000])
def test_a_truncated_file_is_called_damaged_with_a_way_out(tmp_path: Path, kept: int):
    path = tmp_path / "lessons.sqlite"
    filled(path)
    assert path.stat().st_size > 40_000
    path.write_bytes(path.read_bytes()[:kept])

    with pytest.raises(Damaged) as caught:
        Lessons.open(path)
    assert caught.value.fix


def test_a_file_of_noise_and_a_file_of_another_version_are_called_damaged(tmp_path: Path):
    noise = tmp_path / "noise"
    noise.write_bytes(b"no database at all " * 500)
    with pytest.raises(Damaged):
        Lessons.open(noise)

    newer = tmp_path / "newer"
    Lessons.open(newer).close()
    connection = sqlite3.connect(newer)
    connection.execute("PRAGMA user_version=99")
    connection.close()
    with pytest.raises(Damaged, match="version 99"):
        Lessons.open(newer)


def test_a_second_writer_is_told_to_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("meshclaw.sqlite.BUSY_MS", 1)
    path = tmp_path / "lessons.sqlite"
    first, second = Lessons.open(path), Lessons.open(path)
    with first.batch():
        first.note_sent(["kim@partner.test"])
        with pytest.raises(Busy):
            second.note_sent(["sam@example.com"])
    second.note_sent(["sam@example.com"])
    assert first.counts().people == 2
    first.close()
    second.close()


def test_tokens_are_bounded_and_leave_the_recipients_out():
    message = mail(text="ada " + " ".join(f"w{n:x}" for n in range(5000)), subject="ada")
    found = tokens(message)
    assert 100 < len(found) <= MAX_TOKENS
    assert "ada" not in found
    assert "subject:ada" not in found
