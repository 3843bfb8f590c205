"""Every metric there is, one file per family."""

from __future__ import annotations

from meshclaw.errors import NotFound
from meshclaw.metrics.catalog import adoption, approvals, decisions, depth, outcomes, spend
from meshclaw.metrics.metric import Metric

ALL: tuple[Metric, ...] = (
    *adoption.METRICS, *depth.METRICS, *spend.METRICS, *outcomes.METRICS, *approvals.METRICS, *decisions.METRICS,
)  # fmt: skip


def find(slug: str) -> Metric:
    for metric in ALL:
        if metric.slug == slug:
            return metric
    raise NotFound(f"there is no metric {slug!r}", fix="meshclaw metrics list")
