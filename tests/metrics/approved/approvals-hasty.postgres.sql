SELECT
  "quarter",
  "week",
  "unit",
  '' AS "slice",
  SUM("hasty") AS "top",
  SUM("count") AS "bottom"
FROM "facts"
WHERE
  "kind" = 'answered' AND "verdict" IN ('allowed', 'denied')
GROUP BY
  "quarter",
  "week",
  "unit"
