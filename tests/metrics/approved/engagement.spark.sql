WITH `days` AS (
  SELECT DISTINCT
    `quarter`,
    `week`,
    `unit`,
    `who`,
    `day`
  FROM `facts`
  WHERE
    `kind` IN ('used', 'worked')
)
SELECT
  `quarter`,
  `week`,
  `unit`,
  '' AS `slice`,
  COUNT(*) AS `top`,
  COUNT(DISTINCT `who`) AS `bottom`
FROM `days`
GROUP BY
  `quarter`,
  `week`,
  `unit`
