-- Private keys and the server's own secrets are sealed like the rest. What was written before is sealed when the store
-- is unlocked for the first time; the old column is empty from then on.

CREATE TABLE sealing (
    one    INTEGER PRIMARY KEY CHECK (one = 1),
    -- A known text under the key that seals: who comes with another key finds out before anything is written.
    sealed BLOB NOT NULL
) STRICT;

ALTER TABLE secrets ADD COLUMN sealed BLOB;
ALTER TABLE signing_keys ADD COLUMN sealed BLOB;
