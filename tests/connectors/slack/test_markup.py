"""Slack's markup, both ways: nothing that we post means more than it says, and nothing that we read hides."""

from __future__ import annotations

import html
import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshclaw.connectors.mail.message.characters import tidy
from meshclaw.connectors.slack.address import id_of, link, parts_of, ref
from meshclaw.connectors.slack.files import marked, safe_name
from meshclaw.connectors.slack.markup import EVERYONE, plain, posted
from meshclaw.errors import Refused

TEXTS = st.text(
    st.sampled_from("<>&!@#|:/. aUkim.stone-here_channel\n\u200b\U000e0041") | st.characters(codec="utf-8")
)
PEOPLE = {"kim.stone": "U01", "kim": "U02", "kim.stone2": "U03"}


@given(TEXTS)
def test_without_mentions_nothing_is_markup_and_nothing_is_lost(text: str) -> None:
    out = posted(text)
    assert not set(out) & {"<", ">"}
    assert html.unescape(out) == text
    assert plain(out) == tidy(html.unescape(out)).text


@given(TEXTS, st.sets(st.sampled_from(sorted(EVERYONE))), st.sets(st.sampled_from(sorted(PEOPLE))))
def test_markup_is_only_what_was_named(text: str, everyone: set[str], people: set[str]) -> None:
    out = posted(text, mentions={name: PEOPLE[name] for name in people}, everyone=everyone)
    meant = {f"<@{PEOPLE[one]}>" for one in people} | {f"<!{EVERYONE[one]}>" for one in everyone}
    assert set(re.findall(r"<[^>]*>", out)) <= meant
    assert out.count("<") == out.count(">") == len(re.findall(r"<[^>]*>", out))


READ = [
    ("<@U01> and <@U99>", "@kim.stone and @U99"), ("<#C01|deploys> <#C02>", "#deploys #C02"),
    ("<!channel> <!here|here> <!subteam^S1|@ops> <!date^1^{date}|today>", "@channel @here @ops @today"),
    ("<https://a.example/x>", "https://a.example/x"), ("<https://evil.example|acme.example>",
    "acme.example (https://evil.example)"),
    ("<mailto:a@b.example|a@b.example>", "mailto:a@b.example"), ("1 &lt; 2 &amp;&amp; 3 &gt; 2", "1 < 2 && 3 > 2"),
    ("&lt;!channel&gt;", "<!channel>"), ("hid\u200bden \U000e0041text", "hidden text"), ("a < b\nc > d",
    "a < b\nc > d"),
    ("<>", "<>"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "shown"), READ)
def test_what_is_read_shows_names_and_where_links_lead(text: str, shown: str) -> None:
    assert plain(text, lambda id_: {"U01": "kim.stone"}.get(id_, id_)) == shown


@given(st.text())
def test_reading_never_fails(text: str) -> None:
    plain(text)


@given(st.text())
def test_a_file_s_name_is_one_name(name: str) -> None:
    for one in (safe_name(name), marked(safe_name(name), "0" * 32)):
        assert one.strip(". ")
        assert not set(one) & set("/\\\0\n")
        assert not one.startswith(".")
        assert len(one) <= 120


@pytest.mark.parametrize(
    "wrong", ["", "C1", "C1/", "/1.1", "C1/1", "c1/1.1", "C1/1.1/2", "C1/../x", "C1/1.1\n"]
)
def test_what_names_no_message_is_refused(wrong: str) -> None:
    with pytest.raises(Refused):
        parts_of(wrong)


def test_addresses_go_both_ways() -> None:
    assert parts_of(ref("C01", "1700000000.000100")) == ("C01", "1700000000.000100")
    assert id_of("C01@acme.slack.com", "acme.slack.com") == "C01"
    assert link("acme.slack.com", "C01", "17.01", "16.02") == (
        "https://acme.slack.com/archives/C01/p1701?thread_ts=16.02&cid=C01"
    )


def test_nothing_of_slack_sdk_is_loaded_before_it_is_needed() -> None:
    """Nor anything of what it needs: a claw without Slack pays nothing for it."""
    look = (
        "import sys, meshclaw.wiring.workplace, meshclaw.connectors.slack.tools, meshclaw.connectors.slack.connector;"
        "print([one for one in ('slack_sdk', 'aiohttp', 'keyring') if one in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
