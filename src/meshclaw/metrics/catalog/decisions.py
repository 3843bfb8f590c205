"""What the guard decided, and by which rule."""

from meshclaw.metrics.metric import Metric

DECISIONS = Metric(
    slug="decisions",
    words="Decisions of the guard by the rule that decided",
    unit="decisions",
    adds="sum",
    slices="rule",
    query="""
SELECT quarter, week, unit, rule AS slice, SUM(count) AS top, 0 AS bottom
FROM facts WHERE kind = 'decided' GROUP BY quarter, week, unit, rule
""",
)

METRICS = (DECISIONS,)
