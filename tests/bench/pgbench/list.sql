\set city random(1, 2)
\set county random(1, 3)
\set town random(1, 10)
\set village random(1, 10)
SELECT o.* FROM service_orders o WHERE substr(o.region_code, 1, 12) = CAST(330000000000 + :city * 100000000 + :county * 1000000 + :town * 1000 + :village AS text) AND o.state IN ('confirmed') ORDER BY o.created_at DESC, o.id DESC LIMIT 51;
