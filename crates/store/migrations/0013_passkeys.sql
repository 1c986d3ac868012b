-- Passkeys (WebAuthn): public keys, so nothing here lets anybody in.

CREATE TABLE passkeys (
    id           BLOB PRIMARY KEY,
    user_id      TEXT NOT NULL,
    name         TEXT NOT NULL,
    -- Its number in the COSE registry.
    algorithm    INTEGER NOT NULL,
    -- SubjectPublicKeyInfo, DER.
    public_key   BLOB NOT NULL,
    counter      INTEGER NOT NULL,
    backed_up    INTEGER NOT NULL CHECK (backed_up IN (0, 1)),
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER
) STRICT;
CREATE INDEX passkeys_by_user ON passkeys (user_id, created_at);

-- Challenges that were answered, until they are over: none is answered twice.
CREATE TABLE answered_challenges (
    digest     BLOB PRIMARY KEY CHECK (length(digest) = 32),
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX answered_challenges_by_expiry ON answered_challenges (expires_at);
