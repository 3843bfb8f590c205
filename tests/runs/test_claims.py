"""An answer never says more than the receipts."""

from __future__ import annotations

import pytest

from meshclaw.runs.claims import check

CASES = [
    # answer, deeds with a receipt, deeds that wait, deeds that were wanted, sentences corrected
    ("I've sent the mail to Kim. Anything else?", ["send"], [], "send", []),
    ("I've sent the mail to Kim. Anything else?", [], [], "send", ["I've sent the mail to Kim."]),
    ("I\u2019ve just sent it!", [], [], "", ["I\u2019ve just sent it!"]),
    ("I have sent the report.\nI archived 12 mails.", ["move"] * 3, ["send"], "send move",
     ["I have sent the report.", "I archived 12 mails."]),
    ("Moved the 3 newsletters.", ["move"] * 3, [], "move", []),
    ("Moved 4 newsletters.", ["move"] * 3, [], "move", ["Moved 4 newsletters."]),
    ("The mail has been sent.", [], [], "send", ["The mail has been sent."]),
    ("Both tickets were closed and resolved.", [], [], "change", ["Both tickets were closed and resolved."]),
    ("The issue is fixed now.", [], [], "change", ["The issue is fixed now."]),
    # What others did, what was not done, what is only offered or asked.
    ("Kim has sent the report. The invoice was paid by Bo.", [], [], "send pay", []),
    ("I could not send it. I have not sent anything.", [], [], "send", []),
    ("I will send it tomorrow. Shall I send it? Have you sent yours?", [], [], "send", []),
    ("If I sent it now, Kim would read it.", [], [], "send", []),
    ("I sorted them by date and added up the numbers.", [], [], "", []),
    ("The parcel was moved to Leeds, says the mail.", [], [], "", []),
    ("You have 12 mails. 3 need an answer.", [], [], "", []),
    ("", [], [], "send", []),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "done", "waiting", "wanted", "corrected"), CASES)
def test_claims_are_compared_with_receipts(
    answer: str, done: list[str], waiting: list[str], wanted: str, corrected: list[str]
) -> None:
    checked = check(answer, done, waiting, frozenset(wanted.split()))
    assert list(checked.corrected) == corrected
    assert (checked.text == answer) == (not corrected)
    assert all(sentence in checked.text for sentence in corrected)


def test_it_says_whether_it_waits_or_never_was() -> None:
    assert "waits for your yes" in check("I sent it.", [], ["send"]).text
    assert "no receipt" in check("I sent it.", [], []).text
    assert "Receipts are there for 2" in check("I sent 5 mails.", ["send"] * 2, []).text
