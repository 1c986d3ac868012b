-- Codes and refresh tokens that are bound to a key of their client (RFC 9449): the thumbprint of that key, and whether some
-- key has to be proven in any case.
ALTER TABLE codes ADD COLUMN key TEXT;
ALTER TABLE codes ADD COLUMN proof_required INTEGER NOT NULL DEFAULT 0 CHECK (proof_required IN (0, 1));
ALTER TABLE families ADD COLUMN key TEXT;
ALTER TABLE families ADD COLUMN proof_required INTEGER NOT NULL DEFAULT 0 CHECK (proof_required IN (0, 1));

-- Pushed authorization requests (RFC 9126), by the digest of their reference.
CREATE TABLE pushed_requests (
    digest     BLOB PRIMARY KEY CHECK (length(digest) = 32),
    client_id  TEXT NOT NULL,
    query      TEXT NOT NULL,
    source     BLOB CHECK (source IS NULL OR length(source) = 32),
    pushed_at  INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER
) STRICT;
CREATE INDEX pushed_requests_by_expiry ON pushed_requests (expires_at);
CREATE INDEX pushed_requests_by_source ON pushed_requests (source, pushed_at);
