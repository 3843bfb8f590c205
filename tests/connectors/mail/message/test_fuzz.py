"""Any byte string gives a Message, within 2 s of CPU and 200 MB (the issue's bound)."""

from __future__ import annotations

import subprocess
import sys

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshclaw.connectors.mail.message.characters import strip
from meshclaw.connectors.mail.message.parse import parse
from meshclaw.flow.message import MAX_TEXT, Message
from tests.connectors.mail.message.bombs import BOMBS

CPU_S = 2
MEMORY_BYTES = 200 * 1024 * 1024

NAMES = [
    *(
        "From",
        "To",
        "Subject",
        "Date",
        "Content-Type",
        "Content-Transfer-Encoding",
        "Content-Disposition",
        "References",
    ),
    *(
        "Authentication-Results",
        "DKIM-Signature",
        "List-Unsubscribe",
        "List-Unsubscribe-Post",
        "Message-ID",
        "Reply-To",
    ),
]
PIECES = [
    *(
        "multipart/mixed; boundary=x",
        "multipart/alternative; boundary=x",
        "text/html",
        "text/calendar",
        "message/rfc822",
    ),
    *(
        "charset=",
        "utf-16",
        "base64",
        "quoted-printable",
        "attachment; filename*0*=utf-8''%",
        "=?utf-8?b?",
        "?=",
        "x-uuencode",
    ),
    *(
        "<a@b>",
        '"',
        "(",
        "\\",
        "mx.test; dkim=pass header.d=a",
        "v=1; a=rsa-sha256; d=a; s=b; h=from; bh=YQ==; b=YQ==",
        "\u202e",
    ),
]
BODIES = [
    *(
        "--x\n",
        "--x--\n",
        "\n\n",
        "<p style='",
        "<style>",
        "}",
        "{",
        "<!--",
        "<a href=",
        "&#x110000;",
        "display:none",
        "BEGIN:VEVENT\n",
    ),
    *("DTSTART:x\n", "SUMMARY;X=", "https://", "xn--a.", "\x00", "\r", "=", "\udcff", "\U000e0041"),
]
VALUES = st.lists(st.sampled_from(PIECES) | st.text(max_size=8), max_size=5).map("".join)
HEADERS = st.lists(st.tuples(st.sampled_from(NAMES), VALUES), max_size=8).map(
    lambda fields: "".join(f"{name}: {value}\n" for name, value in fields)
)
CONTENT = st.lists(HEADERS | st.sampled_from(BODIES) | st.text(max_size=12), max_size=12).map("".join)


def read(raw: bytes) -> Message:
    """Parse with everything switched on, and hold the result to what its type promises."""
    message = parse(
        raw,
        trusted_host="mx.test",
        lookup=lambda _: "v=DKIM1; p=AA==",
        known_domains=frozenset({"bank.example"}),
    )
    msgspec.json.decode(msgspec.json.encode(message), type=Message)
    assert len(message.text) <= MAX_TEXT
    for shown in (message.subject, message.sender.name, *(a.name for a in message.attachments)):
        assert strip(shown).text == shown
        assert "\n" not in shown
    assert strip(message.text).removed == 0
    return message


@given(st.binary(max_size=2000))
@settings(deadline=None)
def test_random_bytes_give_a_message(raw: bytes) -> None:
    assert read(raw).size == len(raw)


@given(HEADERS, CONTENT)
@settings(deadline=None, max_examples=400)
def test_random_headers_and_mime_trees_give_a_message(headers: str, content: str) -> None:
    raw = f"{headers}\n{content}".encode("utf-8", "surrogateescape")
    assert read(raw).size == len(raw)


@given(st.lists(st.sampled_from(BODIES) | st.text(max_size=12), max_size=20).map("".join))
@settings(deadline=None)
def test_random_html_gives_a_message(content: str) -> None:
    raw = b"Content-Type: text/html; charset=utf-8\n\n" + content.encode("utf-8", "surrogateescape")
    assert read(raw).size == len(raw)


# The limits are set after the imports: they bound the reading, above whatever the interpreter needs.
CHILD = """
import resource, sys
import authres, dkim, icalendar
from meshclaw.connectors.mail.message.parse import parse
from tests.connectors.mail.message.bombs import BOMBS
parse(b"From: a@b.example\\nContent-Type: text/html\\n\\n<p>warm", trusted_host="mx.test", lookup=lambda _: None)
raw = BOMBS[sys.argv[1]]()
pages = int(open("/proc/self/statm").read().split()[0])
memory = pages * resource.getpagesize() + int(sys.argv[3])
resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
used = resource.getrusage(resource.RUSAGE_SELF)
seconds = int(used.ru_utime + used.ru_stime) + 1 + int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
message = parse(raw, trusted_host="mx.test", lookup=lambda _: None)
print("read", message.size)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the memory bound is set through /proc and RLIMIT_AS")
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_read_within_its_bounds(name: str) -> None:
    command = [sys.executable, "-c", CHILD, name, str(CPU_S), str(MEMORY_BYTES)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr[-500:]
    assert done.stdout.startswith("read ")
    assert int(done.stdout.split()[1]) > 0


def test_the_bounds_of_the_bomb_test_do_stop_a_reader_that_has_none() -> None:
    """The oracle itself: the same limits kill a loop and a large allocation."""
    for spoil in ("while True: pass", "bytearray(300 * 1024 * 1024)"):
        spoiled = CHILD.replace(
            "message = parse(raw, trusted_host", f"{spoil}\nmessage = parse(raw, trusted_host"
        )
        command = [sys.executable, "-c", spoiled, "nul", str(CPU_S), str(MEMORY_BYTES)]
        assert subprocess.run(command, capture_output=True, check=False, timeout=60).returncode != 0
