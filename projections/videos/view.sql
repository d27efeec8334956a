-- The project is the asset's, written by other events of the same stream; pictures are
-- of the cover, in the shapes that destinations take.
CREATE OR REPLACE VIEW read.videos WITH (security_invoker = true) AS
SELECT v.*, a.project_id, i.pictures
FROM {table} AS v
LEFT JOIN read.assets AS a ON a.tenant = v.tenant AND a.id = v.asset_id
LEFT JOIN read.images AS i ON i.tenant = v.tenant AND i.id = v.pictures_id;
