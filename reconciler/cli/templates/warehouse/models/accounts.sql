-- Churned accounts stay in Gainsight as they are: what a model does not return is left alone.
SELECT name, region, seats, arr, renews_on, stage
FROM accounts
WHERE churned = 0
