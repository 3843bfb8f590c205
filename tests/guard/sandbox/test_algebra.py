"""What must hold for any rules, any request and any bytes."""

from __future__ import annotations

import asyncio
import string
from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from meshclaw.guard.sandbox.egress.hello import read_hello
from meshclaw.guard.sandbox.egress.refuse import Refuse
from meshclaw.guard.sandbox.egress.request import MOST_HEAD, read_request
from meshclaw.guard.sandbox.egress.rules import Rule, judge, name
from meshclaw.guard.sandbox.egress.secret import Watch

HOSTS = st.sampled_from(["x.example", "a.x.example", "y.example"])
METHODS = st.sampled_from(["GET", "POST"])
PATHS = st.lists(st.sampled_from(["a", "b", "..", ".", "%2e", "", "ab"]), max_size=4).map(
    lambda parts: "/" + "/".join(parts)
)
RULES = st.builds(
    Rule,
    host=st.sampled_from(["x.example", "*.x.example", "y.example"]),
    methods=st.frozensets(METHODS),
    paths=st.lists(st.sampled_from(["/a", "/a/b", "/"]), max_size=2).map(tuple),
)


def passes(rules: list[Rule], host: str, method: str, target: str) -> bool:
    return not judge(rules, host=host, port=443, method=method, target=target).rule


@given(st.lists(RULES, max_size=4), RULES, HOSTS, METHODS, PATHS)
def test_a_rule_less_never_lets_more_out(
    rules: list[Rule], more: Rule, host: str, method: str, target: str
) -> None:
    if passes(rules, host, method, target):
        assert passes([*rules, more], host, method, target)


@given(RULES, HOSTS, METHODS, METHODS, PATHS)
def test_a_narrower_rule_never_lets_more_out(
    rule: Rule, host: str, only: str, method: str, target: str
) -> None:
    narrower = msgspec.structs.replace(
        rule, methods=(rule.methods or frozenset({"GET", "POST"})) & {only}, paths=(*rule.paths, "/a")[:1]
    )
    if narrower.methods and passes([narrower], host, method, target):
        assert passes([rule], host, method, target)


@given(
    st.lists(RULES, max_size=4).flatmap(lambda rules: st.tuples(st.just(rules), st.permutations(rules))),
    HOSTS,
    METHODS,
    PATHS,
)
def test_the_order_of_rules_does_not_matter(
    both: tuple[list[Rule], list[Rule]], host: str, method: str, target: str
) -> None:
    assert passes(both[0], host, method, target) == passes(both[1], host, method, target)


@given(st.text(max_size=40) | st.text(string.ascii_letters + string.digits + ".:-_[]%x@", max_size=40))
def test_a_host_has_one_form(text: str) -> None:
    once = name(text)
    assert once is None or (name(once) == once and once.isascii() and "@" not in once and "%" not in once)


def read(raw: bytes, how: Callable[[asyncio.StreamReader], Awaitable[Any]]) -> Any:
    """What it read, the refusal, or None where the bytes ended too early."""

    async def inner() -> Any:
        reader = asyncio.StreamReader(limit=MOST_HEAD)
        reader.feed_data(raw)
        reader.feed_eof()
        try:
            return await how(reader)
        except Refuse as refusal:
            return refusal
        except asyncio.IncompleteReadError:
            return None

    return asyncio.run(inner())


FRAGMENTS = st.lists(
    st.sampled_from(
        [b"GET ", b"http://x/", b" HTTP/1.1", b"\r\n", b"\n", b"Host: x", b"Content-Length: 1", b": ", b"\r\n\r\n",
         b"\x00", b"Transfer-Encoding: chunked", b"\xff", b" ", b"\t"]
    ), max_size=12,
).map(b"".join)  # fmt: skip


@given(st.binary(max_size=200) | FRAGMENTS)
def test_any_bytes_are_a_request_a_refusal_or_an_end(raw: bytes) -> None:
    request = read(raw, read_request)
    assert request is None or isinstance(request, Refuse) or b"\r\n\r\n" in raw


GREETINGS = st.binary(max_size=255).map(lambda tail: b"\x16\x03\x01\x00" + bytes([len(tail)]) + tail)


@given(GREETINGS | st.binary(max_size=99))
def test_any_bytes_are_a_greeting_a_refusal_or_an_end(raw: bytes) -> None:
    hello = read(raw, read_hello)
    assert hello is None or isinstance(hello, Refuse) or raw.startswith(hello.raw)


@given(st.binary(min_size=1, max_size=9), st.binary(max_size=60), st.lists(st.integers(0, 60), max_size=6))
def test_a_needle_is_found_however_the_stream_is_cut(needle: bytes, text: bytes, cuts: list[int]) -> None:
    watch = Watch([needle])
    edges = [0, *sorted(cuts), len(text)]
    found = [watch.found(text[start:end]) for start, end in pairwise(edges)]
    assert any(found) == (needle in text)
