-- Devices without a browser that wait for their user (RFC 8628). Codes are digests; `allowed_by` is empty when the user
-- has denied.
CREATE TABLE devices (
    device_code     BLOB PRIMARY KEY CHECK (length(device_code) = 32),
    user_code       BLOB NOT NULL UNIQUE CHECK (length(user_code) = 32),
    client_id       TEXT NOT NULL,
    client_name     TEXT,
    registration    TEXT NOT NULL,
    client_has_keys INTEGER NOT NULL CHECK (client_has_keys IN (0, 1)),
    scope           TEXT NOT NULL,
    resource        TEXT NOT NULL,
    refreshable     INTEGER NOT NULL CHECK (refreshable IN (0, 1)),
    proof_required  INTEGER NOT NULL CHECK (proof_required IN (0, 1)),
    source          BLOB CHECK (length(source) = 32),
    grant_id        TEXT NOT NULL UNIQUE,
    issued_at       INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL,
    decided_at      INTEGER,
    allowed_by      TEXT,
    redeemed_at     INTEGER,
    CHECK (allowed_by IS NULL OR decided_at IS NOT NULL),
    CHECK (redeemed_at IS NULL OR allowed_by IS NOT NULL)
) STRICT;
CREATE INDEX devices_by_expiry ON devices (expires_at);
CREATE INDEX devices_by_source ON devices (source, issued_at);
