"""How many people work with AI tools or agents, and on how many days. How much they call them is not asked."""

from meshclaw.metrics.metric import Metric

ADOPTION = Metric(
    slug="adoption",
    words="People who used an AI tool or had an agent work for them, of all people",
    unit="people",
    adds="distinct",
    query="""
WITH active AS (
  SELECT quarter, week, unit, COUNT(DISTINCT who) AS people
  FROM facts WHERE kind IN ('used', 'worked') GROUP BY quarter, week, unit
)
SELECT weeks.quarter, weeks.week, people.unit, '' AS slice, COALESCE(active.people, 0) AS top, people.people AS bottom
FROM weeks
JOIN people ON people.quarter = weeks.quarter
LEFT JOIN active ON active.quarter = weeks.quarter AND active.week = weeks.week AND active.unit = people.unit
""",
)

ENGAGEMENT = Metric(
    slug="engagement",
    words="Days on which active people were active, per active person and week",
    unit="days per person",
    adds="ratio",
    query="""
WITH days AS (
  SELECT DISTINCT quarter, week, unit, who, day FROM facts WHERE kind IN ('used', 'worked')
)
SELECT quarter, week, unit, '' AS slice, COUNT(*) AS top, COUNT(DISTINCT who) AS bottom
FROM days GROUP BY quarter, week, unit
""",
)

METRICS = (ADOPTION, ENGAGEMENT)
