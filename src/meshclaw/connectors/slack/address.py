"""Names that mean one thing in the whole world: a channel or person of one workspace, a message in a channel.

``C0123@acme.slack.com``   a channel, a direct conversation or a person, and the workspace it is of
``C0123/1700000000.000100`` a message; the part before the slash is its channel
"""

from __future__ import annotations

import re

from meshclaw.errors import Refused

_ID = re.compile(r"[CDGUWTEF][A-Z0-9]{1,30}")
_TS = re.compile(r"\d{1,12}\.\d{1,9}")


def at(id_: str, host: str) -> str:
    return f"{id_}@{host}"


def id_of(address: str, host: str) -> str:
    """The id, where it is one of this workspace; Refused anything else."""
    id_, _, where = address.partition("@")
    if where != host or not _ID.fullmatch(id_):
        raise Refused(f"{address!r} is nothing of the workspace {host}", fix="Take one that was listed.")
    return id_


def ref(channel: str, ts: str) -> str:
    return f"{channel}/{ts}"


def parts_of(ref_: str) -> tuple[str, str]:
    """Channel id and ``ts`` of a message; Refused where it is none."""
    channel, _, ts = ref_.partition("/")
    if not _ID.fullmatch(channel) or not _TS.fullmatch(ts):
        raise Refused(f"{ref_!r} is no message", fix="Take one that was listed.")
    return channel, ts


def link(host: str, channel: str, ts: str, thread: str = "") -> str:
    """Where a person looks at the message."""
    where = f"https://{host}/archives/{channel}/p{ts.replace('.', '')}"
    return f"{where}?thread_ts={thread}&cid={channel}" if thread else where
