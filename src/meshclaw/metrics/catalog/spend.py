"""What AI tools cost, and where that belongs. What belongs nowhere is shown beside the rest, never left out."""

from meshclaw.metrics.metric import Metric

SPEND = Metric(
    slug="spend",
    words="What calls of AI tools cost, by cell of the spend partition",
    unit="micro-dollars",
    adds="sum",
    slices="cell",
    query="""
SELECT quarter, week, unit, cell AS slice, SUM(cost_micros) AS top, 0 AS bottom
FROM facts WHERE kind = 'used' GROUP BY quarter, week, unit, cell
""",
)

COST_PER_OUTCOME = Metric(
    slug="cost-per-outcome",
    words="What an intent cost, per deed of it that stood, as it was or edited",
    unit="micro-dollars per deed",
    adds="ratio",
    slices="intent",
    query="""
SELECT quarter, week, unit, intent AS slice,
  SUM(cost_micros) AS top, SUM(CASE WHEN kind = 'settled' THEN count ELSE 0 END) AS bottom
FROM facts WHERE kind = 'used' OR (kind = 'settled' AND outcome IN ('stood', 'edited'))
GROUP BY quarter, week, unit, intent
""",
)

METRICS = (SPEND, COST_PER_OUTCOME)
