"""What every model must do: the fake that we ship, and the adapter against a server with the vendors' wire formats."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from meshclaw.errors import (
    Cut,
    Garbled,
    MeshClawError,
    NotReachable,
    Refused,
    SignInNeeded,
    Throttled,
    TooLong,
)
from meshclaw.flow.conversation import Call, Got, Heard, Prompt, Reply, Said, Tool, Turn
from meshclaw.flow.usage import Tokens
from meshclaw.llm.model import Model
from meshclaw.settings.models import Entry
from meshclaw.testing.model import Answer, FakeModel
from tests.servers.aimock import Aimock, aimock  # noqa: F401 (a fixture)

READ = Tool(
    verb="tickets.read",
    words="Read a ticket.",
    schema={
        "type": "object",
        "properties": {"id": {"type": "integer"}, "why": {"type": "string"}},
        "required": ["id"],
    },
)
LOOK = Call(id="call_1", verb="tickets.read", arguments={"id": 42, "why": "ünï"})
TALK: dict[str, Answer] = {
    "say hello": Reply(
        said=Said(text="Hello there, Ada. All is well."), model="m", provider="fake",
        tokens=Tokens(input_uncached=40, output=9),
    ),
    "what is in ticket 42": lambda prompt: (
        "It asks for a refund." if isinstance(prompt.turns[-1], Got) else Said(text="Looking.", calls=(LOOK,))
    ),
    "do both": Said(
        calls=(
            Call(id="call_a", verb="tickets.read", arguments={"id": 1}),
            Call(id="call_b", verb="tickets.read", arguments={"id": 2}),
        )
    ),
    "use another tool": Call(id="call_1", verb="disk__wipe", arguments={}, malformed="there is no tool 'disk__wipe'"),
    "talk on and on": Reply(
        said=Said(text="And so"), tokens=Tokens(output=5), model="m", provider="fake", cut=True
    ),
    "be busy": Throttled("busy", retry_after=7.0),
    "be overloaded": Throttled("overloaded"),
    "fail": NotReachable("failed"),
    "break off": Cut("broke off"),
    "hang up": Cut("hung up"),
    "talk nonsense": Garbled("nonsense"),
    "take no key": SignInNeeded("no such key"),
    "refuse": Refused("bad shape"),
    "be too long": TooLong("too long"),
}  # fmt: skip
"""What the fake says to each; ``aimock/answers.json`` has the same for the wire."""

BASES = {
    "anthropic": ("anthropic:claude-haiku-4-5", ""),
    "openai": ("openai:gpt-5-mini", "/v1"),
    "openai-chat": ("openai-chat:gpt-4o", "/v1"),
    "ollama": ("ollama:qwen3:8b", "/v1"),
    "vllm": ("vllm:Qwen/Qwen3-8B", "/v1"),
    "litellm": ("litellm:openai/gpt-4o", "/v1"),
    "compatible": ("compatible:house-model", "/v1"),
}
Asking = Callable[..., Reply]


class Scripted(FakeModel):
    """Looks up what to say by the person's last words, as the server does."""

    def ask(self, prompt: Prompt, *, limit: int, heard: Callable[[str], None] | None = None) -> Reply:
        words = next(turn.text for turn in reversed(prompt.turns) if isinstance(turn, Heard))
        self.answers.append(TALK[words])
        return super().ask(prompt, limit=limit, heard=heard)


@pytest.fixture(params=["fake", *BASES])
def model(request: pytest.FixtureRequest) -> Iterator[Model]:
    if request.param == "fake":
        yield Scripted(before_fault="This will be cut")
        return
    server: Aimock = request.getfixturevalue("aimock")
    name, path = BASES[request.param]
    from meshclaw.llm.adapter import Adapter

    adapter = Adapter(
        Entry(name=request.param, model=name, base_url=server.url + path, timeout=10), lambda: "key"
    )
    yield adapter
    adapter.close()


def prompt(words: str, *turns: Turn) -> Prompt:
    return Prompt(fixed="You are a claw.", tools=(READ,), turns=(Heard(text=words), *turns))


@pytest.mark.parametrize("streams", [False, True])
def test_an_answer_comes_whole_and_with_what_it_used(model: Model, *, streams: bool) -> None:
    heard: list[str] = []
    reply = model.ask(prompt("say hello"), limit=100, heard=heard.append if streams else None)
    assert reply.said.text == "Hello there, Ada. All is well."
    assert "".join(heard) == (reply.said.text if streams else "")
    assert (reply.tokens, reply.counted) == (Tokens(input_uncached=40, output=9), True)
    assert not reply.cut
    assert not reply.declined
    assert reply.model
    assert reply.provider


@pytest.mark.parametrize("streams", [False, True])
def test_a_call_keeps_its_verb_and_arguments_and_its_result_goes_back(model: Model, *, streams: bool) -> None:
    heard = (lambda _: None) if streams else None
    words = "what is in ticket 42"
    first = model.ask(prompt(words), limit=100, heard=heard)
    assert (first.said.text, first.said.calls) == ("Looking.", (LOOK,))
    got = Got(call="call_1", verb="tickets.read", text="wants a refund")
    second = model.ask(prompt(words, first.said, got), limit=100, heard=heard)
    assert (second.said.text, second.said.calls) == ("It asks for a refund.", ())


def test_several_calls_come_in_their_order(model: Model) -> None:
    calls = model.ask(prompt("do both"), limit=100).said.calls
    assert [(call.id, call.arguments) for call in calls] == [("call_a", {"id": 1}), ("call_b", {"id": 2})]


def test_a_tool_that_was_not_offered_cannot_be_done(model: Model) -> None:
    (call,) = model.ask(prompt("use another tool"), limit=100).said.calls
    assert "disk__wipe" in call.malformed
    assert call.arguments == {}


def test_an_answer_at_its_limit_says_that_it_may_be_half(model: Model) -> None:
    assert model.ask(prompt("talk on and on"), limit=5).cut
    assert model.ask(prompt("talk on and on"), limit=5, heard=lambda _: None).cut


FAULTS: list[tuple[str, type[MeshClawError]]] = [
    ("be busy", Throttled), ("be overloaded", Throttled), ("fail", NotReachable), ("hang up", Cut),
    ("talk nonsense", Garbled), ("take no key", SignInNeeded), ("refuse", Refused), ("be too long", TooLong),
]  # fmt: skip


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize(("words", "error"), FAULTS)
def test_each_fault_is_told_apart_and_nothing_is_asked_twice(
    model: Model, request: pytest.FixtureRequest, words: str, error: type[MeshClawError], *, streams: bool
) -> None:
    server: Aimock | None = None if isinstance(model, FakeModel) else request.getfixturevalue("aimock")
    if server:
        server.forget()
    with pytest.raises(MeshClawError) as told:
        model.ask(prompt(words), limit=100, heard=(lambda _: None) if streams else None)
    assert type(told.value) is error
    assert server is None or server.asked() == 1
    model.ask(prompt("say hello"), limit=100)  # and it can be asked again


def test_how_long_to_wait_is_told(model: Model) -> None:
    with pytest.raises(Throttled) as busy:
        model.ask(prompt("be busy"), limit=100)
    with pytest.raises(Throttled) as overloaded:
        model.ask(prompt("be overloaded"), limit=100)
    assert (busy.value.retry_after, overloaded.value.retry_after) == (7.0, None)


def test_what_was_heard_of_an_answer_that_breaks_off_is_no_reply(model: Model) -> None:
    heard: list[str] = []
    with pytest.raises(Cut):
        model.ask(prompt("break off"), limit=100, heard=heard.append)
    assert "".join(heard).startswith("This will")


def test_many_threads_may_ask_at_once(model: Model) -> None:
    with ThreadPoolExecutor(8) as threads:
        replies = threads.map(lambda _: model.ask(prompt("say hello"), limit=100).said.text, range(24))
        assert set(replies) == {"Hello there, Ada. All is well."}


def test_a_closed_model_can_be_asked_again(model: Model) -> None:
    model.close()
    assert model.ask(prompt("say hello"), limit=100).said.text
    model.close()
    model.close()
    assert model.ask(prompt("say hello"), limit=100).said.text


def test_whoever_listens_may_fail_and_the_model_goes_on(model: Model) -> None:
    def fails(_: str) -> None:
        raise NotReachable("the channel is gone")

    with pytest.raises(NotReachable, match="channel"):
        model.ask(prompt("say hello"), limit=100, heard=fails)
    assert model.ask(prompt("say hello"), limit=100).said.text
