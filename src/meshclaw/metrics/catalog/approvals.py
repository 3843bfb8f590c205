"""Whether what people are asked is read before it is answered."""

from meshclaw.metrics.metric import Metric

HASTY = Metric(
    slug="approvals-hasty",
    words="Answers to asks that were given in under two seconds, of all answers",
    unit="answers",
    adds="ratio",
    query="""
SELECT quarter, week, unit, '' AS slice, SUM(hasty) AS top, SUM(count) AS bottom
FROM facts WHERE kind = 'answered' AND verdict IN ('allowed', 'denied') GROUP BY quarter, week, unit
""",
)

METRICS = (HASTY,)
