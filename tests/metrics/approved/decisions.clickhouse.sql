SELECT
  "quarter",
  "week",
  "unit",
  "rule" AS "slice",
  SUM("count") AS "top",
  0 AS "bottom"
FROM "facts"
WHERE
  "kind" = 'decided'
GROUP BY
  "quarter",
  "week",
  "unit",
  "rule"
