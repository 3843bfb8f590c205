"""How far the work of active people's agents got: to a deed, and to one that stood."""

from meshclaw.metrics.metric import Metric

ACTED = Metric(
    slug="depth-acted",
    words="Active people for whom an agent did something that something became of",
    unit="people",
    adds="distinct",
    query="""
SELECT quarter, week, unit, '' AS slice,
  COUNT(DISTINCT CASE WHEN kind = 'settled' THEN who END) AS top, COUNT(DISTINCT who) AS bottom
FROM facts WHERE kind IN ('used', 'worked', 'settled') GROUP BY quarter, week, unit
""",
)

SETTLED = Metric(
    slug="depth-settled",
    words="Active people for whom an agent did something that stood, as it was or edited",
    unit="people",
    adds="distinct",
    query="""
SELECT quarter, week, unit, '' AS slice,
  COUNT(DISTINCT CASE WHEN kind = 'settled' AND outcome IN ('stood', 'edited') THEN who END) AS top,
  COUNT(DISTINCT who) AS bottom
FROM facts WHERE kind IN ('used', 'worked', 'settled') GROUP BY quarter, week, unit
""",
)

METRICS = (ACTED, SETTLED)
