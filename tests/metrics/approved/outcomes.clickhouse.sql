SELECT
  "quarter",
  "week",
  "unit",
  "outcome" AS "slice",
  SUM("count") AS "top",
  0 AS "bottom"
FROM "facts"
WHERE
  "kind" = 'settled'
GROUP BY
  "quarter",
  "week",
  "unit",
  "outcome"
