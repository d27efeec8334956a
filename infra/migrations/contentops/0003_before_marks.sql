-- The mark of the record before the position: the log is the one that was read as long
-- as that record lies there unchanged. Empty: nothing is known of it.
ALTER TABLE coordination.positions ADD COLUMN mark text NOT NULL DEFAULT '';

-- What was on the log of a delivery that waits, should it have to be parked.
ALTER TABLE coordination.inbound_waiting
ADD COLUMN topic text NOT NULL DEFAULT '',
ADD COLUMN partition int NOT NULL DEFAULT -1,
ADD COLUMN "offset" bigint NOT NULL DEFAULT -1;
