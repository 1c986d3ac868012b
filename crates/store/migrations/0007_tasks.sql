-- Tasks of the MCP server: calls that go on after they were answered. The document is the server's own JSON, results
-- and the user's answers in it.

CREATE TABLE tasks (
    id          TEXT PRIMARY KEY,
    owner       BLOB NOT NULL,
    account     BLOB NOT NULL,
    version     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    alive_until INTEGER NOT NULL,
    finished    INTEGER NOT NULL CHECK (finished IN (0, 1)),
    document    TEXT NOT NULL
) STRICT;
CREATE INDEX tasks_by_account ON tasks (account, finished, created_at);
CREATE INDEX tasks_by_end ON tasks (expires_at);
