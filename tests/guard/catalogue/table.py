"""The catalogue as one table."""

from __future__ import annotations

from tests.guard.catalogue import (
    approval,
    audit,
    content,
    deployment,
    exfiltration,
    files_code,
    identity,
    network,
    targets,
)

CHAPTERS = tuple(
    module.CHAPTER
    for module in (content, targets, exfiltration, network, files_code, deployment, approval, identity, audit)
)
CASES = [case for chapter in CHAPTERS for case in chapter.cases]
