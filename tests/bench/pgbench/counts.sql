\set city random(1, 2)
\set county random(1, 3)
\set town random(1, 10)
SELECT substr(c.region_code, 1, 12), c.state, CAST(SUM(c.orders) AS BIGINT) FROM order_counters c WHERE c.region_code >= CAST(330000000 + CAST(:city AS bigint) * 100000 + CAST(:county AS bigint) * 1000 + CAST(:town AS bigint) AS text) AND c.region_code < CAST(330000000 + CAST(:city AS bigint) * 100000 + CAST(:county AS bigint) * 1000 + CAST(:town AS bigint) + 1 AS text) GROUP BY 1, 2 HAVING SUM(c.orders) > 0 ORDER BY 1, 2;
