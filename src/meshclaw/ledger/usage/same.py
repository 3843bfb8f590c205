"""Which recordings are the same call, and which of them holds."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from meshclaw.flow.usage import Usage


def fuller(one: Usage, other: Usage) -> Usage:
    """Two recordings of one call as one: the counts of the fuller, the earlier time, what both tell of its work."""
    best, rest = (other, one) if _rank(other) > _rank(one) else (one, other)
    if best.at <= rest.at and best.did == rest.did and best.files == rest.files:
        return best
    return msgspec.structs.replace(
        best,
        at=min(best.at, rest.at),
        did=tuple(dict.fromkeys(best.did + rest.did)),
        files=tuple(dict.fromkeys(best.files + rest.files)),
    )


def settled(calls: Sequence[Usage]) -> list[Usage]:
    """Of recordings that share an answer (or, without one, a key), the calls there really were.

    What a side chain replays of an answer that is also elsewhere is no call of its own. In whatever order and in
    whatever portions recordings come, the same calls are left.
    """
    found: dict[tuple[str, str], Usage] = {}
    people = {call.evidence for call in calls if not call.by_machine}
    for call in calls:
        if call.message and call.by_machine:
            if call.evidence in people:
                continue
            slot = (call.evidence, "")
        else:
            slot = (call.evidence, call.key)
        known = found.get(slot)
        found[slot] = call if known is None else fuller(known, call)
    return list(found.values())


def _rank(call: Usage) -> tuple[bool, int, bool, str, str, str, str]:
    """The names are there to settle a tie the same way in every order."""
    tokens = call.tokens
    total = (
        tokens.input_uncached + tokens.cache_read + tokens.cache_write_5m + tokens.cache_write_1h + tokens.output
        + tokens.reasoning + tokens.tool + call.credits_milli
    )  # fmt: skip
    return not call.by_machine, total, bool(call.speed), call.session, call.repo, call.branch, call.key
