"""What became of deeds, the good beside the bad."""

from meshclaw.metrics.metric import Metric

OUTCOMES = Metric(
    slug="outcomes",
    words="Deeds of agents by what became of them",
    unit="deeds",
    adds="sum",
    slices="outcome",
    query="""
SELECT quarter, week, unit, outcome AS slice, SUM(count) AS top, 0 AS bottom
FROM facts WHERE kind = 'settled' GROUP BY quarter, week, unit, outcome
""",
)

METRICS = (OUTCOMES,)
