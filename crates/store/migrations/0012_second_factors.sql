-- What people prove themselves with besides their passwords.

CREATE TABLE totp (
    user_id      TEXT PRIMARY KEY,
    -- Under AES-256-GCM; the key is in the file beside the store.
    sealed       BLOB NOT NULL,
    created_at   INTEGER NOT NULL,
    -- NULL until its owner has shown that the app has it.
    confirmed_at INTEGER,
    -- The last code that was accepted; none at or before it is accepted again.
    last_step    INTEGER NOT NULL
) STRICT;

CREATE TABLE recovery_codes (
    user_id TEXT NOT NULL,
    digest  BLOB NOT NULL CHECK (length(digest) = 32),
    used_at INTEGER,
    PRIMARY KEY (user_id, digest)
) STRICT, WITHOUT ROWID;

ALTER TABLE users ADD COLUMN password_changed_at INTEGER;
