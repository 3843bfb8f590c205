"""The rules of ``rules.toml``, read once and compiled."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cached_property, lru_cache
from importlib.resources import files

import msgspec

from meshclaw.code.commits import Identity
from meshclaw.flow.attribution import Confidence, Origin, Source

LONGEST_NAME = 200
NOREPLY = "@users.noreply.github.com"
APP = "[bot]"


class Who(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody who signs commits: an agent, a bot, or nobody."""

    name: str
    tool: str
    origin: Origin = "ai"
    emails: list[str] = []
    apps: list[str] = []
    logins: list[str] = []
    accounts: list[int] = []
    names: str | None = None
    bare: str | None = None
    author: Confidence | None = None
    trailer: Confidence | None = None
    committer: Confidence | None = None
    seen: int = 0
    repositories: int = 0


class Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``Key: value`` that a tool writes."""

    name: str
    keys: list[str]
    confidence: Confidence
    tool: str = ""
    value: str = ".*"
    session: str | None = None
    model: str | None = None
    product: bool = False
    source: Source = "trailer"
    seen: int = 0
    repositories: int = 0


class Footer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A line that begins as ``pattern`` says; its groups are ``product`` and ``session``."""

    name: str
    pattern: str
    confidence: Confidence
    tool: str = ""
    product: bool = False
    seen: int = 0
    repositories: int = 0


class Product(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    pattern: str


def _any(patterns: Sequence[tuple[int, str]]) -> re.Pattern[str]:
    """One pattern whose group ``rN`` says that the Nth rule fits, the first that does."""
    return re.compile("|".join(f"(?P<r{at}>{pattern})" for at, pattern in patterns) or r"(?!)", re.IGNORECASE)


class Rules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    people: list[str]
    identity: list[Who]
    line: list[Line]
    footer: list[Footer]
    product: list[Product]

    def who(self, identity: Identity) -> Who | None:
        """The first rule that this name and address fit."""
        name, email = identity.name.strip().lower()[:LONGEST_NAME], identity.email.strip().lower()
        account, login = _account(email)
        by_login = self._by_login.get(login, self._by_login.get(name) if name.endswith(APP) else None)
        places = [self._by_email.get(email), by_login, self._by_name(name, email)]
        if by_login is None:  # an app may commit under another one's account: what it is called comes first
            places.append(self._by_account.get(account))
        found = [place for place in places if place is not None]
        return self.identity[min(found)] if found else None

    def _by_name(self, name: str, email: str) -> int | None:
        fits = self._names.fullmatch(name) or (None if email else self._bare.fullmatch(name))
        return int(fits.lastgroup[1:]) if fits and fits.lastgroup else None

    def product_of(self, text: str) -> tuple[str, str] | None:
        """The tool that ``text`` begins with, and what follows its name."""
        fits = self._products.match(text)
        return (
            (self.product[int(fits.lastgroup[1:])].name, text[fits.end() :])
            if fits and fits.lastgroup
            else None
        )

    def tool_of(self, said: str) -> str:
        """The stable name of a tool that a record names."""
        lowered = said.strip().lower()
        if lowered in self._tools:
            return lowered
        found = self.product_of(lowered)
        return found[0] if found else "other-agent"

    @cached_property
    def _tools(self) -> frozenset[str]:
        return frozenset(
            [who.tool for who in self.identity if who.origin == "ai"] + [one.name for one in self.product]
        )

    @cached_property
    def keyed(self) -> dict[str, list[tuple[Line, re.Pattern[str]]]]:
        found: dict[str, list[tuple[Line, re.Pattern[str]]]] = {}
        for line in self.line:
            for key in line.keys:
                found.setdefault(key, []).append((line, re.compile(line.value, re.IGNORECASE)))
        return found

    @cached_property
    def sharers(self) -> frozenset[str]:
        return frozenset(self.people)

    @cached_property
    def footers(self) -> list[tuple[Footer, re.Pattern[str]]]:
        return [(footer, re.compile(footer.pattern, re.IGNORECASE)) for footer in self.footer]

    @cached_property
    def any_footer(self) -> re.Pattern[str]:
        """Fits where one of the footers may; named groups are theirs alone."""
        plain = [re.sub(r"\(\?P<\w+>", "(?:", footer.pattern) for footer in self.footer]
        return re.compile("|".join(f"(?:{pattern})" for pattern in plain) or r"(?!)", re.IGNORECASE)

    @cached_property
    def _by_email(self) -> dict[str, int]:
        return _first((email, at) for at, who in enumerate(self.identity) for email in who.emails)

    @cached_property
    def _by_login(self) -> dict[str, int]:
        return _first(
            (login, at)
            for at, who in enumerate(self.identity)
            for login in [*who.logins, *(app + APP for app in who.apps)]
        )

    @cached_property
    def _by_account(self) -> dict[str, int]:
        return _first((str(number), at) for at, who in enumerate(self.identity) for number in who.accounts)

    @cached_property
    def _names(self) -> re.Pattern[str]:
        return _any([(at, who.names) for at, who in enumerate(self.identity) if who.names is not None])

    @cached_property
    def _bare(self) -> re.Pattern[str]:
        return _any([(at, who.bare) for at, who in enumerate(self.identity) if who.bare is not None])

    @cached_property
    def _products(self) -> re.Pattern[str]:
        return _any([(at, product.pattern) for at, product in enumerate(self.product)])


def _account(email: str) -> tuple[str, str]:
    """Number and login of a forge's own address; empty where it is another one."""
    if not email.endswith(NOREPLY):
        return "", ""
    account, _, login = email.removesuffix(NOREPLY).rpartition("+")
    return account, login


def _first(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for word, at in pairs:
        found.setdefault(word, at)
    return found


@lru_cache(maxsize=1)
def shipped() -> Rules:
    text = files("meshclaw.code.attribution").joinpath("rules.toml").read_bytes()
    return msgspec.toml.decode(text, type=Rules)
