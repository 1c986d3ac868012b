-- Logins at an organisation's identity provider.

-- On their way, by the digest of the state that was sent.
CREATE TABLE upstream_logins (
    state      BLOB PRIMARY KEY CHECK (length(state) = 32),
    provider   TEXT NOT NULL,
    browser    BLOB NOT NULL CHECK (length(browser) = 32),
    query      TEXT NOT NULL,
    source     BLOB CHECK (source IS NULL OR length(source) = 32),
    started_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER
) STRICT;
CREATE INDEX upstream_logins_by_expiry ON upstream_logins (expires_at);
CREATE INDEX upstream_logins_by_source ON upstream_logins (source, started_at);

-- Who is whom: by issuer and subject, never by a name or an address.
CREATE TABLE upstream_accounts (
    issuer    TEXT NOT NULL,
    subject   TEXT NOT NULL,
    user_id   TEXT NOT NULL,
    linked_at INTEGER NOT NULL,
    PRIMARY KEY (issuer, subject)
) STRICT, WITHOUT ROWID;
CREATE INDEX upstream_accounts_by_user ON upstream_accounts (user_id);
CREATE TRIGGER users_delete_upstream AFTER DELETE ON users BEGIN
    DELETE FROM upstream_accounts WHERE user_id = old.id;
END;

-- What a provider said at a login. `browser` is the digest of the session that began with it.
CREATE TABLE upstream_sessions (
    id         TEXT PRIMARY KEY,
    provider   TEXT NOT NULL,
    issuer     TEXT NOT NULL,
    subject    TEXT NOT NULL,
    user_id    TEXT NOT NULL,
    browser    BLOB NOT NULL CHECK (length(browser) = 32),
    scope      TEXT NOT NULL,
    -- The refresh token under AES-256-GCM; the key is in the file beside the store.
    sealed     BLOB,
    started_at INTEGER NOT NULL,
    checked_at INTEGER NOT NULL,
    tried_at   INTEGER NOT NULL,
    refused_at INTEGER,
    generation INTEGER NOT NULL
) STRICT;
CREATE INDEX upstream_sessions_by_browser ON upstream_sessions (browser);

CREATE TABLE upstream_grants (
    grant_id    TEXT PRIMARY KEY,
    upstream_id TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX upstream_grants_by_session ON upstream_grants (upstream_id);

-- It goes with the last thing that needs it: the browser's session, a grant, or what would still become one.
CREATE TRIGGER sessions_delete_upstream AFTER DELETE ON sessions BEGIN
    DELETE FROM upstream_sessions WHERE browser = old.digest
        AND NOT EXISTS (SELECT 1 FROM upstream_grants WHERE upstream_id = upstream_sessions.id);
END;
CREATE TRIGGER grants_delete_upstream AFTER DELETE ON grants BEGIN
    DELETE FROM upstream_grants WHERE grant_id = old.id;
END;
CREATE TRIGGER codes_delete_upstream AFTER DELETE ON codes WHEN old.redeemed_at IS NULL BEGIN
    DELETE FROM upstream_grants WHERE grant_id = old.grant_id;
END;
CREATE TRIGGER devices_delete_upstream AFTER DELETE ON devices WHEN old.redeemed_at IS NULL BEGIN
    DELETE FROM upstream_grants WHERE grant_id = old.grant_id;
END;
CREATE TRIGGER upstream_grants_delete AFTER DELETE ON upstream_grants BEGIN
    DELETE FROM upstream_sessions WHERE id = old.upstream_id
        AND NOT EXISTS (SELECT 1 FROM upstream_grants WHERE upstream_id = old.upstream_id)
        AND NOT EXISTS (SELECT 1 FROM sessions WHERE digest = upstream_sessions.browser);
END;
