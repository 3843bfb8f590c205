"""The stable shape of ``meshclaw code report --json``; what it may grow is new names."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from meshclaw.changes.report import Group, Report, Repository, Share


def shape(report: Report) -> dict[str, object]:
    """Of one repository itself; of several, each and all together."""
    said: dict[str, object] = {
        "spend": report.spend,
        "definitions": report.definitions,
        "version": report.version,
    }
    if len(report.repositories) == 1 and not report.failed:
        return _repository(report.together) | said
    return {
        "repositories": [_repository(one) for one in report.repositories],
        "together": _repository(report.together),
        "failed": report.failed,
    } | said


def _repository(one: Repository) -> dict[str, object]:
    """The head of several together is empty: ``heads`` has them by name."""
    return {
        "head": one.heads[0] if len(one.heads) == 1 else "",
        "commits": one.commits,
        "lines": {"added": one.added, "died": one.died, "alive": one.alive},
        "by_origin": _groups(one.by_origin),
        "by_tool": _groups(one.by_tool),
        "excluded": one.excluded,
        "caveats": [caveat.text for caveat in one.caveats],
        "caveats_about": [caveat.about for caveat in one.caveats],
        "heads": dict(zip(one.names, one.heads, strict=True))
        if len(set(one.names)) == len(one.names)
        else one.heads,
        "names": one.names,
        "first": one.first,
        "until": one.until,
        "since": one.since,
        "matched": one.comparisons,
        "layers": one.layers,
    }


def _groups(groups: Mapping[str, Group]) -> dict[str, object]:
    return {name: _group(group) for name, group in groups.items()}


def _group(group: Group) -> dict[str, object]:
    """Shares are fractions, null where nothing was seen for so long; ``few`` names those that rest on too little."""
    survival = group.survival
    shares = {
        "s14": survival.s14, "s30": survival.s30, "s90": survival.s90, "rework14": survival.rework14,
        "churn14": _rest(survival.s14), "reverted": group.reverted, "fixed": group.fixed,
    }  # fmt: skip
    return {
        "commits": group.commits, "added": group.added, "alive": group.alive, "died": group.died,
        **{name: one.share for name, one in shares.items()},
        "reverts": group.reverts, "fixes": group.fixes, "deleted": group.deleted, "churn_ratio": group.churn_ratio,
        "intervals": {
            name: [one.low, one.high] for name, one in shares.items() if one.share is not None
        },
        "rests_on": {name: {"lines": one.lines, "commits": one.commits} for name, one in shares.items()},
        "few": [name for name, one in shares.items() if one.is_few],
        "curve": survival.curve, "cycle": group.cycle,
    }  # fmt: skip


def _rest(share: Share) -> Share:
    """Of those that are not alive."""
    if share.share is None or share.low is None or share.high is None:
        return share
    return msgspec.structs.replace(share, share=1 - share.share, low=1 - share.high, high=1 - share.low)
