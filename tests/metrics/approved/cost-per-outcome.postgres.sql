SELECT
  "quarter",
  "week",
  "unit",
  "intent" AS "slice",
  SUM("cost_micros") AS "top",
  SUM(CASE WHEN "kind" = 'settled' THEN "count" ELSE 0 END) AS "bottom"
FROM "facts"
WHERE
  "kind" = 'used' OR (
    "kind" = 'settled' AND "outcome" IN ('stood', 'edited')
  )
GROUP BY
  "quarter",
  "week",
  "unit",
  "intent"
