-- What the authorization server must not forget. Times are microseconds since 1970, digests are SHA-256.
--
-- Users, clients and grants point at each other by id without foreign keys where the other side may live elsewhere:
-- users in another directory, clients in their own metadata documents.

-- "BWre": how a file says that it is Barewire's.
PRAGMA application_id = 1113027173;

CREATE TABLE users (
    id            TEXT PRIMARY KEY,
    name          TEXT NOT NULL UNIQUE,
    password_hash BLOB NOT NULL,
    created_at    INTEGER NOT NULL
) STRICT;

CREATE TABLE sessions (
    digest           BLOB PRIMARY KEY CHECK (length(digest) = 32),
    user_id          TEXT NOT NULL,
    authenticated_at INTEGER NOT NULL,
    expires_at       INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_by_user ON sessions (user_id, expires_at);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE login_attempts (
    key     BLOB PRIMARY KEY CHECK (length(key) = 32),
    count   INTEGER NOT NULL,
    last_at INTEGER NOT NULL
) STRICT;
CREATE INDEX login_attempts_by_time ON login_attempts (last_at);

CREATE TABLE clients (
    id            TEXT PRIMARY KEY,
    client        TEXT NOT NULL CHECK (json_valid(client)),
    dynamic       INTEGER NOT NULL CHECK (dynamic IN (0, 1)),
    fingerprint   BLOB UNIQUE CHECK (length(fingerprint) = 32),
    registered_at INTEGER NOT NULL,
    activated_at  INTEGER,
    last_used_at  INTEGER
) STRICT;
CREATE INDEX clients_never_activated ON clients (registered_at) WHERE dynamic AND activated_at IS NULL;
CREATE INDEX clients_dynamic ON clients (last_used_at) WHERE dynamic;

CREATE TABLE consents (
    user_id       TEXT NOT NULL,
    client_id     TEXT NOT NULL,
    resource      TEXT NOT NULL,
    redirect_host TEXT NOT NULL,
    scope         TEXT NOT NULL,
    granted_at    INTEGER NOT NULL,
    PRIMARY KEY (user_id, client_id, resource, redirect_host)
) STRICT, WITHOUT ROWID;
CREATE INDEX consents_by_client ON consents (client_id);

-- A registered client's id never comes back, so what was allowed to it is of no use any more.
CREATE TRIGGER clients_delete AFTER DELETE ON clients BEGIN
    DELETE FROM consents WHERE client_id = old.id;
END;

CREATE TABLE codes (
    digest         BLOB PRIMARY KEY CHECK (length(digest) = 32),
    client_id      TEXT NOT NULL,
    client_name    TEXT,
    user_id        TEXT NOT NULL,
    redirect_uri   TEXT NOT NULL,
    scope          TEXT NOT NULL,
    resource       TEXT NOT NULL,
    code_challenge TEXT NOT NULL,
    refreshable    INTEGER NOT NULL CHECK (refreshable IN (0, 1)),
    grant_id       TEXT NOT NULL UNIQUE,
    issued_at      INTEGER NOT NULL,
    expires_at     INTEGER NOT NULL,
    redeemed_at    INTEGER
) STRICT;
CREATE INDEX codes_by_expiry ON codes (expires_at);

CREATE TABLE grants (
    id             TEXT PRIMARY KEY,
    user_id        TEXT NOT NULL,
    client_id      TEXT NOT NULL,
    client_name    TEXT,
    scope          TEXT NOT NULL,
    resource       TEXT NOT NULL,
    created_at     INTEGER NOT NULL,
    last_used_at   INTEGER NOT NULL,
    expires_at     INTEGER NOT NULL,
    revoked_at     INTEGER,
    revoked_reason TEXT,
    CHECK ((revoked_at IS NULL) = (revoked_reason IS NULL))
) STRICT;
CREATE INDEX grants_by_client ON grants (client_id);
CREATE INDEX grants_by_expiry ON grants (expires_at);
CREATE INDEX grants_by_revocation ON grants (revoked_at) WHERE revoked_at IS NOT NULL;

CREATE TABLE families (
    handle     BLOB PRIMARY KEY CHECK (length(handle) = 32),
    grant_id   TEXT NOT NULL UNIQUE REFERENCES grants (id) ON DELETE CASCADE,
    generation INTEGER NOT NULL,
    current    BLOB NOT NULL CHECK (length(current) = 32),
    expires_at INTEGER NOT NULL,
    replaced   TEXT NOT NULL CHECK (json_valid(replaced))
) STRICT;

CREATE TABLE revoked_access_tokens (
    jti        TEXT PRIMARY KEY,
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER NOT NULL
) STRICT;
CREATE INDEX revoked_access_tokens_by_expiry ON revoked_access_tokens (expires_at);

CREATE TABLE signing_keys (
    kid         TEXT PRIMARY KEY,
    algorithm   TEXT NOT NULL,
    private_key BLOB NOT NULL,
    created_at  INTEGER NOT NULL,
    retired_at  INTEGER
) STRICT;
-- One key signs.
CREATE UNIQUE INDEX signing_keys_current ON signing_keys ((1)) WHERE retired_at IS NULL;

CREATE TABLE secrets (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT;
