"""What goes over the wire to each vendor and how its counts are read, beyond what aimock shows.

The answers have the shapes that the vendors publish: Anthropic's and OpenAI's guides to prompt caching, Google's
reference of UsageMetadata, AWS's of Converse. No server of Bedrock or Google can run here.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest

from meshclaw.errors import Cut, Garbled, NotReachable, Refused, SignInNeeded, TooLong, UserError
from meshclaw.flow.conversation import Call, Got, Heard, Prompt, Reply, Said, Tool, Turn
from meshclaw.flow.usage import Tokens
from meshclaw.llm.adapter import Adapter
from meshclaw.settings.models import Entry
from tests.servers.web import ADDRESS, Web, answer, running

MOVE = Tool(
    verb="mail.move",
    words="Move a mail.",
    schema={"type": "object", "properties": {"to": {"type": "string"}}},
)
SEND = Tool(verb="mail.send_it", words="Send.", schema={"type": "object", "properties": {}})
ASKED = Heard(text="file it")
PROMPT = Prompt(fixed="You are a claw.", tools=(MOVE, SEND), turns=(ASKED,))
Ask = Callable[..., Reply]

ANTHROPIC = {
    "id": "msg_013Zva2CMHLNnXjNJJKqJ2EF", "type": "message", "role": "assistant", "model": "claude-opus-4-8",
    "stop_reason": "tool_use", "stop_sequence": None,
    "content": [
        {"type": "thinking", "thinking": "Bulk mail.", "signature": "c2lnbmVk"},
        {"type": "text", "text": "Filing it."},
        {"type": "tool_use", "id": "toolu_01", "name": "mail__move", "input": {"to": "Bulk"}},
    ],
    "usage": {
        "input_tokens": 50, "cache_read_input_tokens": 1800, "cache_creation_input_tokens": 248,
        "cache_creation": {"ephemeral_5m_input_tokens": 148, "ephemeral_1h_input_tokens": 100},
        "output_tokens": 503,
    },
}  # fmt: skip
CHAT = {
    "id": "chatcmpl-1", "object": "chat.completion", "created": 1741569952, "model": "gpt-4o-2024-11-20",
    "choices": [{
        "index": 0, "finish_reason": "tool_calls",
        "message": {
            "role": "assistant", "content": "Filing it.",
            "tool_calls": [
                {"id": "toolu_01", "type": "function",
                 "function": {"name": "mail__move", "arguments": '{"to": "Bulk"}'}},
            ],
        },
    }],
    "usage": {
        "prompt_tokens": 2006, "completion_tokens": 300, "total_tokens": 2306,
        "prompt_tokens_details": {"cached_tokens": 1920}, "completion_tokens_details": {"reasoning_tokens": 120},
    },
}  # fmt: skip
RESPONSES = {
    "id": "resp_1", "object": "response", "created_at": 1741476542, "status": "completed", "model": "gpt-5-2025-08-07",
    "parallel_tool_calls": True, "tool_choice": "auto", "tools": [],
    "output": [
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "c2VjcmV0"},
        {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant",
         "content": [{"type": "output_text", "text": "Filing it.", "annotations": []}]},
        {"type": "function_call", "id": "fc_1", "call_id": "toolu_01", "name": "mail__move",
         "arguments": '{"to": "Bulk"}', "status": "completed"},
    ],
    "usage": {
        "input_tokens": 2006, "input_tokens_details": {"cached_tokens": 1920}, "output_tokens": 300,
        "output_tokens_details": {"reasoning_tokens": 120}, "total_tokens": 2306,
    },
}  # fmt: skip
GOOGLE = {
    "candidates": [{
        "content": {"role": "model", "parts": [
            {"text": "Filing it."},
            {"functionCall": {"id": "toolu_01", "name": "mail__move", "args": {"to": "Bulk"}},
             "thoughtSignature": "c2lnbmVk"},
        ]},
        "finishReason": "STOP", "index": 0,
    }],
    "usageMetadata": {
        "promptTokenCount": 2006, "cachedContentTokenCount": 1920, "candidatesTokenCount": 180,
        "thoughtsTokenCount": 120, "totalTokenCount": 2306,
    },
    "modelVersion": "gemini-2.5-flash", "responseId": "r1",
}  # fmt: skip
BEDROCK = {
    "output": {"message": {"role": "assistant", "content": [
        {"reasoningContent": {"reasoningText": {"text": "Bulk mail.", "signature": "c2lnbmVk"}}},
        {"text": "Filing it."},
        {"toolUse": {"toolUseId": "toolu_01", "name": "mail__move", "input": {"to": "Bulk"}}},
    ]}},
    "stopReason": "tool_use", "metrics": {"latencyMs": 1175},
    "usage": {
        "inputTokens": 50, "cacheReadInputTokens": 1800, "cacheWriteInputTokens": 248, "outputTokens": 503,
        "totalTokens": 2601, "cacheDetails": [{"ttl": "5m", "inputTokens": 148}, {"ttl": "1h", "inputTokens": 100}],
    },
}  # fmt: skip

CACHED = Tokens(input_uncached=50, cache_read=1800, cache_write_5m=148, cache_write_1h=100, output=503)
INCLUDED = Tokens(input_uncached=86, cache_read=1920, output=300, reasoning=120)
WIRES: dict[str, tuple[str, str, str, dict[str, Any], Tokens]] = {
    "anthropic": ("anthropic:claude-opus-4-8", "", "/v1/messages?beta=true", ANTHROPIC, CACHED),
    "openai-chat": ("openai-chat:gpt-4o", "/v1", "/v1/chat/completions", CHAT, INCLUDED),
    "compatible": ("compatible:house", "/v1", "/v1/chat/completions", CHAT, INCLUDED),
    "openai": ("openai:gpt-5", "/v1", "/v1/responses", RESPONSES, INCLUDED),
    "google": ("google:gemini-2.5-flash", "", "/v1beta/models/gemini-2.5-flash:generateContent", GOOGLE, INCLUDED),
    "bedrock": (
        "bedrock:anthropic.claude-opus-4-8-v1:0", "", "/model/anthropic.claude-opus-4-8-v1%3A0/converse",
        BEDROCK, CACHED,
    ),
}  # fmt: skip


class Vendor:
    def __init__(self, web: Web, name: str, stack: ExitStack) -> None:
        self.web, self.name, self._stack = web, name, stack
        self.model, base, self.path, self.body, self.tokens = WIRES[name]
        self.url = f"http://{ADDRESS}:{web.port}{base}"
        self.says(self.body)

    def adapter(self, **more: Any) -> Adapter:
        region = "us-east-1" if self.name == "bedrock" else ""
        fields = {
            "name": self.name,
            "model": self.model,
            "base_url": self.url,
            "timeout": 5,
            "region": region,
        } | more
        adapter = Adapter(Entry(**fields), lambda: "our-key")
        self._stack.callback(adapter.close)
        return adapter

    def says(self, body: Any, status: str = "200 OK") -> None:
        json = "Content-Type: application/json\r\n"
        self.web.answers[self.path] = answer(msgspec.json.encode(body), status=status, more=json)
        # Anthropic's path has a query only where a beta is asked for
        self.web.answers[self.path.partition("?")[0]] = self.web.answers[self.path]

    def streams(self, *events: Any) -> None:
        lines = "".join(
            f"event: {event['type']}\ndata: {msgspec.json.encode(event).decode()}\n\n" for event in events
        )
        raw = answer(lines.encode(), more="Content-Type: text/event-stream\r\n")
        self.web.answers[self.path] = self.web.answers[self.path.partition("?")[0]] = raw

    def sent(self, number: int = -1) -> Any:
        return msgspec.json.decode(self.web.requests[number].partition(b"\r\n\r\n")[2])


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Vendor]]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with running() as web, ExitStack() as stack:
        yield lambda name: Vendor(web, name, stack)


@pytest.fixture(params=list(WIRES))
def each(request: pytest.FixtureRequest, vendor: Callable[[str], Vendor]) -> Vendor:
    return vendor(request.param)


def test_tokens_are_counted_by_class_as_the_vendor_bills_them(each: Vendor) -> None:
    reply = each.adapter().ask(PROMPT, limit=700)
    assert (reply.tokens, reply.counted) == (each.tokens, True)
    assert reply.said.text == "Filing it."
    assert reply.said.calls == (Call(id="toolu_01", verb="mail.move", arguments={"to": "Bulk"}),)


def test_the_limit_goes_along_and_the_settings_lower_it(each: Vendor) -> None:
    each.adapter(limit=500).ask(PROMPT, limit=700)
    assert b"500" in each.web.requests[-1]
    assert b"700" not in each.web.requests[-1]


def test_the_fixed_part_is_the_same_bytes_in_every_step(each: Vendor) -> None:
    """Caches are kept by prefix: what comes before the turns must not change when turns are added."""
    adapter = each.adapter()
    first = adapter.ask(PROMPT, limit=700)
    got = Got(call="toolu_01", verb="mail.move", text="moved", failed=True)
    adapter.ask(Prompt(fixed=PROMPT.fixed, tools=PROMPT.tools, turns=(ASKED, first.said, got)), limit=700)
    for part in ("tools", "system", "instructions", "systemInstruction", "toolConfig"):
        assert each.sent(0).get(part) == each.sent(1).get(part)
    turns = next(each.sent(1)[name] for name in ("messages", "input", "contents") if name in each.sent(1))
    before = next(each.sent(0)[name] for name in ("messages", "input", "contents") if name in each.sent(0))
    assert [bare(turn) for turn in turns[: len(before)]] == [bare(turn) for turn in before]


def bare(turn: Any) -> Any:
    """Without cache marks, which move with the end of the conversation."""
    if isinstance(turn, dict):
        if turn.get("type") == "text" and "text" in turn and set(turn) <= {"type", "text", "cache_control"}:
            return turn["text"]
        return {key: bare(value) for key, value in turn.items() if key not in ("cache_control", "cachePoint")}
    if isinstance(turn, list):
        kept = [bare(one) for one in turn if not (isinstance(one, dict) and "cachePoint" in one)]
        return kept[0] if len(kept) == 1 else kept
    return turn


@pytest.mark.parametrize("name", ["anthropic", "bedrock"])
def test_the_fixed_part_and_the_tools_are_marked_for_the_cache(
    vendor: Callable[[str], Vendor], name: str
) -> None:
    one = vendor(name)
    one.adapter().ask(PROMPT, limit=700)
    sent = one.sent()
    if name == "anthropic":
        assert sent["system"][-1]["cache_control"]["type"] == "ephemeral"
        assert sent["tools"][-1]["cache_control"]["type"] == "ephemeral"
        assert "cache_control" not in sent["tools"][0]
    else:
        assert "cachePoint" in sent["system"][-1]
        assert "cachePoint" in sent["toolConfig"]["tools"][-1]
    one.adapter(cache="off").ask(PROMPT, limit=700)
    assert b"cache" not in one.web.requests[-1].partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize(
    ("name", "signed"),
    [("anthropic", "c2lnbmVk"), ("openai", "c2VjcmV0"), ("google", "c2lnbmVk"), ("bedrock", "c2lnbmVk")],
)
def test_what_a_vendor_signed_goes_back_to_the_same_model_alone(
    vendor: Callable[[str], Vendor], name: str, signed: str
) -> None:
    one = vendor(name)
    said = one.adapter().ask(PROMPT, limit=700).said
    assert signed in said.kept
    back = Prompt(
        fixed="f", tools=(MOVE,), turns=(ASKED, said, Got(call="toolu_01", verb="mail.move", text="ok"))
    )
    one.adapter().ask(back, limit=700)
    assert signed.encode() in one.web.requests[-1]
    for name_, changed in (("other", said), (name, msgspec.structs.replace(said, text="Not what it said."))):
        turns = (ASKED, changed, back.turns[2])
        one.adapter(name=name_).ask(msgspec.structs.replace(back, turns=turns), limit=700)
        assert signed.encode() not in one.web.requests[-1]
        assert b"Bulk mail." not in one.web.requests[-1]


@pytest.mark.parametrize("kept", ["", "{", "[]", '{"by":"anthropic","parts":[{"part_kind":"file"}]}', "null"])
def test_what_is_kept_and_cannot_be_read_is_left_out(vendor: Callable[[str], Vendor], kept: str) -> None:
    one = vendor("anthropic")
    turns = (ASKED, Said(text="Words that count.", kept=kept), Heard(text="go on"))
    one.adapter().ask(Prompt(fixed="f", turns=turns), limit=700)
    assert b"Words that count." in one.web.requests[-1]


def test_nothing_of_a_conversation_stays_at_openai(vendor: Callable[[str], Vendor]) -> None:
    one = vendor("openai")
    one.adapter().ask(PROMPT, limit=700)
    assert one.sent()["store"] is False
    assert one.sent()["include"] == ["reasoning.encrypted_content"]


def test_neither_address_nor_key_comes_from_the_environment(
    each: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    for vendor in ("ANTHROPIC", "OPENAI", "GOOGLE", "GEMINI", "OLLAMA"):
        monkeypatch.setenv(f"{vendor}_BASE_URL", "http://127.0.0.1:9/")
        monkeypatch.setenv(f"{vendor}_API_KEY", "somebody-elses-key")
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "somebody-elses-token")
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", "http://127.0.0.1:9/")
    each.adapter().ask(PROMPT, limit=700)
    assert b"somebody-elses" not in each.web.requests[-1]
    assert each.name == "bedrock" or b"our-key" in each.web.requests[-1]


def test_a_refusal_of_the_model_is_told_and_paid(vendor: Callable[[str], Vendor]) -> None:
    one = vendor("anthropic")
    one.says(ANTHROPIC | {"stop_reason": "refusal", "content": [{"type": "text", "text": "I will not."}]})
    reply = one.adapter().ask(PROMPT, limit=700)
    assert reply.declined
    assert reply.tokens == CACHED


START = {"type": "message_start", "message": ANTHROPIC | {"content": [], "stop_reason": None}}
CALLED = {
    "type": "content_block_start", "index": 0,
    "content_block": {"type": "tool_use", "id": "toolu_01", "name": "mail__move", "input": {}},
}  # fmt: skip
STOPPED = {"type": "content_block_stop", "index": 0}
ENDED = (
    {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 503}},
    {"type": "message_stop"},
)


def given(text: str) -> dict[str, Any]:
    return {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "input_json_delta", "partial_json": text},
    }


@pytest.mark.parametrize("arguments", ['{"to": "Bu', '{"to": NaN}', "[1]", '"Bulk"', "{} {}", '{"to": "a"} '])
def test_arguments_are_never_mended(vendor: Callable[[str], Vendor], arguments: str) -> None:
    one = vendor("anthropic")
    one.streams(START, CALLED, given(arguments), STOPPED, *ENDED)
    (call,) = one.adapter().ask(PROMPT, limit=700, heard=lambda _: None).said.calls
    if arguments.endswith('"} '):
        assert (call.malformed, call.arguments) == ("", {"to": "a"})
    else:
        assert "not one JSON object" in call.malformed
        assert call.arguments == {}


def test_a_streamed_answer_has_the_same_counts_as_a_whole_one(vendor: Callable[[str], Vendor]) -> None:
    one = vendor("anthropic")
    one.streams(START, CALLED, given('{"to": "Bulk"}'), STOPPED, *ENDED)
    assert one.adapter().ask(PROMPT, limit=700, heard=lambda _: None).tokens == CACHED


def test_a_stream_that_ends_without_its_end_is_no_answer(vendor: Callable[[str], Vendor]) -> None:
    one = vendor("anthropic")
    one.streams(START, CALLED, given('{"to": "Bulk"}'), STOPPED)
    with pytest.raises(Cut):
        one.adapter().ask(PROMPT, limit=700, heard=lambda _: None)
    one = vendor("compatible")
    delta = {"index": 0, "delta": {"role": "assistant", "content": "Filing"}, "finish_reason": None}
    one.streams(CHAT | {"type": "x", "object": "chat.completion.chunk", "choices": [delta], "usage": None})
    with pytest.raises((Cut, Garbled)):
        one.adapter().ask(PROMPT, limit=700, heard=lambda _: None)


def test_two_calls_with_one_id_are_refused(vendor: Callable[[str], Vendor]) -> None:
    one = vendor("anthropic")
    call = ANTHROPIC["content"][2]  # type: ignore[index]
    one.says(ANTHROPIC | {"content": [call, call]})
    with pytest.raises(Garbled, match="same id"):
        one.adapter().ask(PROMPT, limit=700)


@pytest.mark.parametrize("counts", [(0, 0), (0, 7), (9, 0)])
def test_a_call_that_nobody_counted_is_taken_for_the_most_it_can_be(
    vendor: Callable[[str], Vendor], counts: tuple[int, int]
) -> None:
    one = vendor("anthropic")
    one.says(ANTHROPIC | {"usage": dict(zip(("input_tokens", "output_tokens"), counts, strict=True))})
    reply = one.adapter().ask(PROMPT, limit=700)
    assert not reply.counted
    assert reply.tokens.input_uncached > 100
    assert reply.tokens.output > len("Filing it.") // 4


def of_openai(message: str, code: str) -> dict[str, Any]:
    return {"error": {"message": message, "code": code}}


def of_google(message: str, status: str) -> dict[str, Any]:
    return {"error": {"message": message, "status": status}}


POOR = {
    "type": "error", "error": {"type": "invalid_request_error", "message": "Your credit balance is too low"},
}  # fmt: skip
LONG = "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."
REFUSALS: list[tuple[str, str, Any, type[Exception]]] = [
    ("anthropic", "400 Bad Request", POOR, Refused),
    ("openai", "429 Too Many", of_openai("You exceeded your current quota", "insufficient_quota"), Refused),
    ("openai", "404 Not Found", of_openai("no such model", "model_not_found"), Refused),
    ("google", "400 Bad Request", of_google(LONG, "INVALID_ARGUMENT"), TooLong),
    ("google", "403 Forbidden", of_google("no", "PERMISSION_DENIED"), SignInNeeded),
    (
        "bedrock",
        "400 Bad",
        {"__type": "ValidationException", "message": "Input is too long for it."},
        TooLong,
    ),
    ("bedrock", "403 Forbidden", {"message": "The security token is invalid."}, SignInNeeded),
    ("bedrock", "500 Oops", {"message": "internal"}, NotReachable),
    ("compatible", "503 Not now", {}, NotReachable),
    ("compatible", "200 OK", [1, 2], Garbled),
    ("compatible", "200 OK", {"choices": []}, Garbled),
]


@pytest.mark.parametrize(("name", "status", "body", "error"), REFUSALS)
def test_refusals_are_told_apart(
    vendor: Callable[[str], Vendor], name: str, status: str, body: Any, error: type[Exception]
) -> None:
    one = vendor(name)
    one.says(body, status)
    with pytest.raises(error) as told:
        one.adapter().ask(PROMPT, limit=700)
    assert type(told.value) is error
    assert name in str(told.value)
    assert len(one.web.requests) == 1


def test_what_a_server_says_is_passed_on_bounded_and_without_control_characters(
    vendor: Callable[[str], Vendor],
) -> None:
    one = vendor("compatible")
    one.says({"error": {"message": "\x1b[2J\nno " * 1000}}, "400 Bad Request")
    with pytest.raises(Refused) as told:
        one.adapter().ask(PROMPT, limit=700)
    assert str(told.value).isprintable()
    assert len(str(told.value)) < 500


def test_a_server_that_takes_the_question_and_says_nothing_is_given_up(
    vendor: Callable[[str], Vendor],
) -> None:
    for name in WIRES:
        with socket.create_server((ADDRESS, 0)) as silent:
            url = f"http://{ADDRESS}:{silent.getsockname()[1]}/v1"
            with pytest.raises(Cut):
                vendor(name).adapter(base_url=url, timeout=1).ask(PROMPT, limit=700)


@pytest.mark.parametrize(
    "turns",
    [
        (), (Heard(text=""),), (Heard(text="a\x00\ud800b"),), (ASKED, Heard(text="and")), (ASKED, Said(text="x")),
        (ASKED, Said(), Heard(text="go on")),
        (ASKED, Said(calls=(Call(id="toolu_01", verb="mail.move", arguments={}),)),
         Got(call="toolu_01", verb="mail.move", text="\udcff")),
    ],
)  # fmt: skip
def test_no_conversation_is_too_odd_to_be_sent(each: Vendor, turns: tuple[Turn, ...]) -> None:
    each.adapter().ask(Prompt(fixed="f\ud800", tools=(MOVE,), turns=turns), limit=700)
    assert len(each.web.requests) == 1


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"region": "us-east-1"}, SignInNeeded),
        ({}, UserError),
        ({"region": "us-east-1", "profile": "nope"}, UserError),
    ],
)
def test_without_credentials_or_a_region_of_aws_it_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, more: dict[str, str], error: type[Exception]
) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    adapter = Adapter(Entry(name="b", model="bedrock:anthropic.claude-opus-4-8-v1:0", **more), lambda: "")
    with pytest.raises(error, match="b"):
        adapter.ask(PROMPT, limit=9)
    adapter.close()


@pytest.mark.parametrize("key", ["sk\n", "sk-é", "sk\x00"])
def test_what_cannot_be_a_key_is_not_sent_and_not_shown(key: str) -> None:
    adapter = Adapter(Entry(name="a", model="openai:x", base_url="http://127.0.0.1:9/v1"), lambda: key)
    with pytest.raises(SignInNeeded, match="no key has") as told:
        adapter.ask(PROMPT, limit=9)
    assert "sk" not in str(told.value)


def test_a_key_is_asked_for_again_after_a_server_did_not_take_it(vendor: Callable[[str], Vendor]) -> None:
    one = vendor("anthropic")
    keys = iter(["old-key", "new-key"])
    adapter = Adapter(Entry(name="a", model=one.model, base_url=one.url), lambda: next(keys))
    one.says(
        {"type": "error", "error": {"type": "authentication_error", "message": "no"}}, "401 Unauthorized"
    )
    with pytest.raises(SignInNeeded, match="a does not take the key") as told:
        adapter.ask(PROMPT, limit=700)
    assert told.value.fix == "meshclaw models connect a"
    one.says(ANTHROPIC)
    adapter.ask(PROMPT, limit=700)
    assert b"new-key" in one.web.requests[-1]
    adapter.close()


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("meshclaw.llm.providers", "pydantic_ai.models"):
        monkeypatch.setitem(__import__("sys").modules, name, None)
    adapter = Adapter(Entry(name="a", model="anthropic:x"), lambda: "k")
    with pytest.raises(UserError, match="not installed") as told:
        adapter.ask(PROMPT, limit=10)
    assert "openmeshclaw[models]" in told.value.fix
