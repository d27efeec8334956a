-- The project is the asset's, written by other events of the same stream.
CREATE OR REPLACE VIEW read.videos WITH (security_invoker = true) AS
SELECT v.*, a.project_id
FROM {table} AS v
LEFT JOIN read.assets AS a ON a.tenant = v.tenant AND a.id = v.asset_id;
