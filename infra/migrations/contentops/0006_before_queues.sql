-- Heartbeats change `until` alone: as long as no index holds it, they stay in place.
DROP INDEX coordination.leases_of_tenant;
CREATE INDEX leases_held ON coordination.leases (role, tenant)
WHERE owner <> '' AND NOT done;
ALTER TABLE coordination.leases SET (fillfactor = 70);
