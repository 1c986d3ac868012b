-- Signed statements that count once, and were used: of clients about themselves, of identity providers about users. They
-- are forgotten when they no longer count. Rows are numbered in the order in which they came, so that first and last
-- number bound how many there are without counting them.
CREATE TABLE used_statements (
    number INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE CHECK (length(digest) = 32),
    owner  BLOB NOT NULL CHECK (length(owner) = 32),
    until  INTEGER NOT NULL
) STRICT;
CREATE INDEX used_statements_by_owner ON used_statements (owner);
CREATE INDEX used_statements_by_end ON used_statements (until);

-- Whether the client's own document says that it has keys: then nobody redeems the code, or refreshes, without them.
ALTER TABLE codes ADD COLUMN client_has_keys INTEGER NOT NULL DEFAULT 0 CHECK (client_has_keys IN (0, 1));
ALTER TABLE grants ADD COLUMN client_has_keys INTEGER NOT NULL DEFAULT 0 CHECK (client_has_keys IN (0, 1));
