-- What the host keeps for its page: browser sessions (by digest), their servers, and the log of each server. The
-- documents are the host's own JSON; secrets are masked before they come here.

CREATE TABLE host_sessions (
    session TEXT PRIMARY KEY,
    seen_at INTEGER NOT NULL
) STRICT;
CREATE INDEX host_sessions_by_time ON host_sessions (seen_at);

CREATE TABLE host_servers (
    session  TEXT NOT NULL REFERENCES host_sessions (session) ON DELETE CASCADE,
    server   TEXT NOT NULL,
    added_at INTEGER NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (session, server)
) STRICT;

CREATE TABLE host_exchanges (
    session  TEXT NOT NULL,
    server   TEXT NOT NULL,
    number   INTEGER NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (session, server, number),
    FOREIGN KEY (session, server) REFERENCES host_servers (session, server) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
