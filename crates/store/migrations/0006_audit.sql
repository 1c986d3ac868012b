-- The audit log: a row holds many records, and each record's hash covers the one before (crates/audit). Numbers count
-- from 1 without gaps; what is deleted is deleted from the beginning, and a record of the log says so.

CREATE TABLE audit_segments (
    first    INTEGER PRIMARY KEY,
    count    INTEGER NOT NULL CHECK (count > 0),
    from_at  INTEGER NOT NULL,
    until_at INTEGER NOT NULL,
    before   BLOB NOT NULL CHECK (length(before) = 32),
    after    BLOB NOT NULL CHECK (length(after) = 32),
    -- The last column: a reader of the others does not read it.
    records  BLOB NOT NULL
) STRICT;

-- Against mistakes. Whoever means it can drop the trigger, and is found out by the hashes.
CREATE TRIGGER audit_segments_are_not_changed BEFORE UPDATE ON audit_segments BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
