-- What a client must not lose: who it is at each issuer, and what it was granted at each server. `sealed` is JSON
-- under AES-256-GCM; the key is in a file of its own, so a copy of the database alone opens nothing.

CREATE TABLE credential_identities (
    issuer    TEXT PRIMARY KEY,
    client_id TEXT NOT NULL,
    sealed    BLOB NOT NULL
) STRICT;

CREATE TABLE credential_grants (
    owner  TEXT NOT NULL,
    server TEXT NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (owner, server)
) STRICT;
