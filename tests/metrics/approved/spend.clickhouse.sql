SELECT
  "quarter",
  "week",
  "unit",
  "cell" AS "slice",
  SUM("cost_micros") AS "top",
  0 AS "bottom"
FROM "facts"
WHERE
  "kind" = 'used'
GROUP BY
  "quarter",
  "week",
  "unit",
  "cell"
