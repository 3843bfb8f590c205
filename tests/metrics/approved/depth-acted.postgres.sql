SELECT
  "quarter",
  "week",
  "unit",
  '' AS "slice",
  COUNT(DISTINCT CASE WHEN "kind" = 'settled' THEN "who" END) AS "top",
  COUNT(DISTINCT "who") AS "bottom"
FROM "facts"
WHERE
  "kind" IN ('used', 'worked', 'settled')
GROUP BY
  "quarter",
  "week",
  "unit"
