"""An entry of the settings as a model of pydantic-ai. Imported only when a model is asked.

Every address and key is handed over: a library that finds neither would take them from its environment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

from pydantic_ai.models import Model
from pydantic_ai.profiles.openai import OpenAIModelProfile
from pydantic_ai.settings import ModelSettings

from meshclaw.errors import UserError
from meshclaw.settings.models import Entry

if TYPE_CHECKING:
    from pydantic_ai.models.openai import OpenAIResponsesModelSettings

NO_KEY = "none"
"""For servers without keys: the clients insist on one."""
ADDRESSES = {
    "anthropic": "https://api.anthropic.com",
    "openai": "https://api.openai.com/v1",
    "openai-chat": "https://api.openai.com/v1",
    "google": "https://generativelanguage.googleapis.com",
}
STRICT = OpenAIModelProfile(openai_chat_streaming_requires_finish_reason=True)
"""A stream that just ends was cut on the way, whatever some servers leave out."""
CONNECT_S = 10
WHOLE_S = 900
"""No answer takes longer: a server that trickles would hold a run for ever."""


def model_of(entry: Entry, key: str) -> Model:
    """Its clients open no connection yet. ImportError where the library of that provider is not installed."""
    if entry.provider == "bedrock":
        return _bedrock(entry)
    url = entry.base_url or ADDRESSES[entry.provider]
    return _MAKERS[entry.provider](entry.at_provider, key or NO_KEY, url)


def _anthropic(name: str, key: str, url: str) -> Model:
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.providers.anthropic import AnthropicProvider

    return AnthropicModel(name, provider=AnthropicProvider(api_key=key, base_url=url))


def _google(name: str, key: str, url: str) -> Model:
    from pydantic_ai.models.google import GoogleModel
    from pydantic_ai.providers.google import GoogleProvider

    return GoogleModel(name, provider=GoogleProvider(api_key=key, base_url=url))


def _responses(name: str, key: str, url: str) -> Model:
    from pydantic_ai.models.openai import OpenAIResponsesModel
    from pydantic_ai.providers.openai import OpenAIProvider

    return OpenAIResponsesModel(name, provider=OpenAIProvider(api_key=key, base_url=url))


def _chat(name: str, key: str, url: str) -> Model:
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    return OpenAIChatModel(name, provider=OpenAIProvider(api_key=key, base_url=url), profile=STRICT)


def _ollama(name: str, key: str, url: str) -> Model:
    from pydantic_ai.models.ollama import OllamaModel
    from pydantic_ai.providers.ollama import OllamaProvider

    return OllamaModel(name, provider=OllamaProvider(api_key=key, base_url=url), profile=STRICT)


def _vllm(name: str, key: str, url: str) -> Model:
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.vllm import VLLMProvider

    return OpenAIChatModel(name, provider=VLLMProvider(api_key=key, base_url=url), profile=STRICT)


def _litellm(name: str, key: str, url: str) -> Model:
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.litellm import LiteLLMProvider

    return OpenAIChatModel(name, provider=LiteLLMProvider(api_key=key, api_base=url), profile=STRICT)


def _compatible(name: str, key: str, url: str) -> Model:
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider

    return OpenAIChatModel(
        name, provider=OpenAICompatibleProvider("compatible", api_key=key, base_url=url), profile=STRICT
    )


_MAKERS: Mapping[str, Callable[[str, str, str], Model]] = {
    "anthropic": _anthropic,
    "openai": _responses,
    "openai-chat": _chat,
    "ollama": _ollama,
    "vllm": _vllm,
    "litellm": _litellm,
    "compatible": _compatible,
    "google": _google,
}


def _bedrock(entry: Entry) -> Model:
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError
    from pydantic_ai.models.bedrock import BedrockConverseModel
    from pydantic_ai.providers.bedrock import BedrockProvider

    config = Config(read_timeout=entry.timeout, connect_timeout=CONNECT_S, retries={"total_max_attempts": 1})
    try:
        session = boto3.Session(region_name=entry.region or None, profile_name=entry.profile or None)
        make = cast("Any", session.client)  # pyright: ignore[reportUnknownMemberType] # boto3 has no types
        client = make("bedrock-runtime", config=config, endpoint_url=entry.base_url or None)
    except BotoCoreError as error:
        raise UserError(
            f"{entry.name} cannot be asked: {error}",
            fix="Give region and profile in models.toml, or AWS's own settings.",
        ) from error
    return BedrockConverseModel(entry.at_provider, provider=BedrockProvider(bedrock_client=client))


def of_credentials(entry: Entry) -> tuple[type[Exception], ...]:
    """What AWS's chain of credentials raises, at the first request, which is when it looks."""
    if entry.provider != "bedrock":
        return ()
    from botocore.exceptions import BotoCoreError

    return (BotoCoreError,)


def settings_of(entry: Entry, limit: int) -> ModelSettings:
    """For one call. Nothing is tried again inside: that is ours to do and to show."""
    settings = ModelSettings(max_tokens=min(limit, entry.limit), request_timeout=WHOLE_S)
    if entry.cache != "off":
        settings["cache"] = entry.cache
    if entry.thinking:
        settings["thinking"] = entry.thinking != "off" and entry.thinking
    if entry.provider != "bedrock":  # its client was made with them
        settings["max_retries"] = 0
        settings["timeout"] = entry.timeout
    if entry.provider == "openai":  # nothing of a conversation stays at the vendor
        cast("OpenAIResponsesModelSettings", settings)["openai_store"] = False
    return settings
