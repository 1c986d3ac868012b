-- Attempts to connect, from the first 401 to the first call (crates/audit/src/funnel): a view of the records of the audit
-- log, kept so that it can be read without going through all of them. `change` counts writes, for whoever follows.

CREATE TABLE connection_attempts (
    id        INTEGER PRIMARY KEY,
    change    INTEGER NOT NULL,
    last_at   INTEGER NOT NULL,
    -- Where it stands or stopped.
    step      TEXT,
    outcome   TEXT NOT NULL,
    client    TEXT,
    -- What the client calls itself and what its requests say they are sent by, in lower case.
    named     TEXT NOT NULL,
    -- It never had a client: such ones are cheap to make, and kept apart.
    anonymous INTEGER NOT NULL,
    attempt   TEXT NOT NULL
) STRICT;

CREATE UNIQUE INDEX connection_attempts_by_change ON connection_attempts (change);
CREATE INDEX connection_attempts_by_kind ON connection_attempts (anonymous, id);
CREATE INDEX connection_attempts_by_time ON connection_attempts (last_at);
