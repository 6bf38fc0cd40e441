\set city random(1, 2)
\set county random(1, 3)
\set town random(1, 10)
\set village random(1, 10)
SELECT o.* FROM service_orders o WHERE substr(o.region_code, 1, 12) = CAST(330000000000 + CAST(:city AS bigint) * 100000000 + CAST(:county AS bigint) * 1000000 + CAST(:town AS bigint) * 1000 + CAST(:village AS bigint) AS text) AND o.state IN ('confirmed') ORDER BY o.created_at DESC, o.id DESC LIMIT 51;
