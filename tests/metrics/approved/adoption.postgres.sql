WITH "active" AS (
  SELECT
    "quarter",
    "week",
    "unit",
    COUNT(DISTINCT "who") AS "people"
  FROM "facts"
  WHERE
    "kind" IN ('used', 'worked')
  GROUP BY
    "quarter",
    "week",
    "unit"
)
SELECT
  "weeks"."quarter",
  "weeks"."week",
  "people"."unit",
  '' AS "slice",
  COALESCE("active"."people", 0) AS "top",
  "people"."people" AS "bottom"
FROM "weeks"
JOIN "people"
  ON "people"."quarter" = "weeks"."quarter"
LEFT JOIN "active"
  ON "active"."quarter" = "weeks"."quarter"
  AND "active"."week" = "weeks"."week"
  AND "active"."unit" = "people"."unit"
