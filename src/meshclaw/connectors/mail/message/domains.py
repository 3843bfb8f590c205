"""Host names and the organisation behind them.

The Public Suffix List is read straight from the file that the package ``publicsuffix2`` carries:
importing the package and building its tree costs ten times as much CPU, for one question.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path

from meshclaw.connectors.mail.message.addresses import unicode_domain

# WHATWG URL Standard: browsers read a backslash as a slash and do not care how many there are.
_AUTHORITY = re.compile(r"https?:[/\\]*(?:[^/\\?#]*@)?([^/\\?#:@]+)", re.IGNORECASE)


def host_of(url: str) -> str:
    """The host an http(s) URL leads to, IDN labels in Unicode; empty for any other scheme."""
    found = _AUTHORITY.match(url)
    return unicode_domain(found[1][:255]) if found else ""


def same_organisation(one: str, other: str) -> bool:
    """Whether two host names share their registered domain."""
    if one == other:
        return True
    # Different in the last two labels is different under every suffix, without looking at the list.
    if one.split(".")[-2:] != other.split(".")[-2:]:
        return False
    return registered_domain(one) == registered_domain(other)


@cache
def _suffixes() -> frozenset[str]:
    spec = find_spec("publicsuffix2")
    if spec is None or spec.origin is None:
        return frozenset()
    text = (Path(spec.origin).parent / "public_suffix_list.dat").read_text("utf-8")
    return frozenset(line for line in text.splitlines() if line and not line.startswith("//"))


def registered_domain(host: str) -> str:
    """The public suffix and one label (the list's own algorithm, an unknown top level counts as a suffix)."""
    return _registered(host[:255])


@lru_cache(maxsize=4096)
def _registered(host: str) -> str:
    labels = host.rstrip(".").split(".")
    rules = _suffixes()
    for i in range(len(labels)):
        rest = ".".join(labels[i + 1 :])
        if f"!{'.'.join(labels[i:])}" in rules:
            return ".".join(labels[i:])
        if ".".join(labels[i:]) in rules or (rest and f"*.{rest}" in rules):
            return ".".join(labels[max(i - 1, 0) :])
    return ".".join(labels[-2:])
