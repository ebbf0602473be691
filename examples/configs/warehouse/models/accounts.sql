-- Churned accounts stay in Gainsight as they are: what a model does not return is left alone.
SELECT
  trim(name) AS name,
  region,
  seats,
  arr,
  renews_on,
  stage,
  owner
FROM accounts
WHERE churned = 0
