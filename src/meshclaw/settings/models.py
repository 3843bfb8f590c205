"""Which models there are and where their keys lie: ``models.toml`` of the state folder. No key is ever in it.

[classes]
fast = ["anthropic:claude-haiku-4-5", "local"]    # the first one that answers; the rest stand by
strong = ["anthropic:claude-opus-4-8"]
[models.local]                                    # only what differs from the usual
model = "ollama:qwen3:8b"
base_url = "http://127.0.0.1:11434/v1"
[models."anthropic:claude-haiku-4-5"]
key = "env:ANTHROPIC_API_KEY"                     # else the keyring; "none" where there is none
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Annotated, Literal, get_args
from urllib.parse import urlsplit

import msgspec

from meshclaw.errors import NotFound, SignInNeeded, UserError
from meshclaw.settings.loopback import is_loopback
from meshclaw.settings.secrets import from_keyring

Provider = Literal[
    "anthropic", "openai", "openai-chat", "ollama", "vllm", "litellm", "compatible", "bedrock", "google"
]
"""``openai`` is its Responses API; ``compatible`` any other server with OpenAI's Chat Completions."""
LOCAL: tuple[Provider, ...] = ("ollama", "vllm", "litellm", "compatible")
"""They have no address of their own, and mostly no key."""
FILE = "models.toml"

Count = Annotated[int, msgspec.Meta(gt=0)]


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model as it is to be asked."""

    model: str = ""
    """``provider:name``; left out where the entry's own name says it."""
    name: str = ""
    """What the file calls it; set from there."""
    base_url: str = ""
    """Empty: the vendor's own address. It is never taken from the environment."""
    key: str = ""
    """``env:NAME``, ``keyring`` or ``none``; empty: ``keyring`` for a vendor, ``none`` for a server of one's own.
    Bedrock takes AWS's own chain of credentials."""
    limit: Count = 8_192
    """Most output tokens of one answer."""
    timeout: Count = 120
    """Seconds without a byte before it counts as gone."""
    cache: Literal["off", "5m", "1h"] = "5m"
    """How long a vendor is asked to keep the unchanged beginning of a prompt."""
    thinking: Literal["", "off", "low", "medium", "high"] = ""
    """Empty: as the model does by default."""
    priced_as: str = ""
    """``provider:name`` in the price list or sheet; empty: its own."""
    region: str = ""
    profile: str = ""
    """Of AWS, for Bedrock."""

    @property
    def provider(self) -> Provider:
        return _provider(self.model)

    @property
    def at_provider(self) -> str:
        """The model's name without the provider."""
        return self.model.partition(":")[2]

    @property
    def priced(self) -> tuple[str, str]:
        """Provider and model to ask the price list for."""
        provider, _, model = (self.priced_as or self.model).partition(":")
        return "openai" if provider == "openai-chat" else provider, model

    @property
    def where_key(self) -> str:
        return self.key or ("none" if self.provider in (*LOCAL, "bedrock") else "keyring")

    @property
    def keyring(self) -> str:
        """One key for all models of a vendor; another address has another key, so none is sent to a stranger."""
        return f"model:{self.provider}" + (f"@{urlsplit(self.base_url).netloc}" if self.base_url else "")


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    classes: dict[str, tuple[str, ...]] = {}
    models: dict[str, Entry] = {}


class Models:
    def __init__(self, file: _File) -> None:
        self.classes = file.classes
        self._entries = file.models

    @property
    def usual(self) -> str:
        """The class that is asked where nobody names one: the first in the file."""
        if not self.classes:
            raise UserError(
                f"no model is set up: {FILE} names no class",
                fix='Write [classes] and strong = ["anthropic:claude-sonnet-4-5"] into it: docs/models.md',
            )
        return next(iter(self.classes))

    def all(self) -> tuple[Entry, ...]:
        """Every model that a class or an entry names, once."""
        named = (*self._entries, *(name for names in self.classes.values() for name in names))
        return tuple(self.one(name) for name in dict.fromkeys(named))

    def one(self, name: str) -> Entry:
        """The entry of that name, or ``provider:model`` as it stands. NotFound where it is neither."""
        entry = self._entries.get(name, Entry())
        if not entry.model and ":" not in name:
            known = ", ".join((*self.classes, *self._entries)) or "none"
            raise NotFound(
                f"there is no model or class {name!r}; named in {FILE}: {known}",
                fix="Name one as provider:model, as in anthropic:claude-haiku-4-5; see docs/models.md",
            )
        return _checked(msgspec.structs.replace(entry, model=entry.model or name, name=name))

    def of(self, name: str) -> tuple[Entry, ...]:
        """The models of a class in their order, or the one model called that."""
        return tuple(self.one(member) for member in self.classes.get(name, (name,)))


def load(folder: Path) -> Models:
    """UserError where the file cannot be understood; without one, any ``provider:model`` still works."""
    path = folder / FILE
    try:
        file = msgspec.convert(tomllib.loads(path.read_text("utf-8")), _File)
        models = Models(file)
        models.all()
    except FileNotFoundError:
        return Models(_File())
    except (OSError, ValueError, UserError) as error:
        raise UserError(
            f"{str(path)!r} cannot be understood ({error})",
            fix="Mend it; what may stand in it: docs/models.md",
        ) from error
    for name, members in models.classes.items():
        if not members:
            raise UserError(f"the class {name!r} in {str(path)!r} names no model", fix="Name at least one.")
    return models


def key_of(entry: Entry) -> str:
    """Asked for each time a connection is opened; empty where there is none. SignInNeeded where it is missing."""
    if entry.where_key == "none":
        return ""
    if entry.where_key == "keyring":
        return from_keyring(
            entry.keyring, fix=f"meshclaw models connect {entry.name}", other_ways=_OTHER_WAYS
        )
    variable = entry.where_key.removeprefix("env:")
    if not (key := os.environ.get(variable, "")):
        raise SignInNeeded(
            f"the environment variable {variable!r}, which should hold the key of {entry.name}, is not set",
            fix=f"Set it, or take that line out of {FILE}: meshclaw models connect {entry.name}",
        )
    return key


_OTHER_WAYS = f'Name an environment variable in {FILE}: key = "env:NAME".'


def _provider(model: str) -> Provider:
    prefix = model.partition(":")[0]
    for known in get_args(Provider):
        if prefix == known:
            return known
    raise UserError(
        f"{model!r} does not begin with a provider",
        fix=f"Write provider:model; the providers are {', '.join(get_args(Provider))}",
    )


def _checked(entry: Entry) -> Entry:
    provider, key = entry.provider, entry.where_key
    if not entry.at_provider:
        raise UserError(f"{entry.model!r} names no model after its provider")
    if key not in ("none", "keyring") and not (key.startswith("env:") and key[4:].isidentifier()):
        raise UserError(  # what stands there may be a key: it is not repeated
            f"the key of {entry.name!r} is neither keyring nor none nor env:NAME; a key itself must not stand in a file"
        )
    if provider == "bedrock" and key != "none":
        raise UserError(f"{entry.name!r}: Bedrock takes AWS's own credentials, and no key")
    if provider in LOCAL and not entry.base_url:
        raise UserError(f"{entry.name!r} needs a base_url: {provider} is a server of your own")
    url = urlsplit(entry.base_url)
    if entry.base_url and not (
        url.scheme == "https" or (url.scheme == "http" and is_loopback(url.hostname or ""))
    ):
        raise UserError(f"the base_url of {entry.name!r} must be https://, or http:// on this machine")
    if url.username or url.password:
        raise UserError(f"the base_url of {entry.name!r} must not hold a name or password")
    return entry
