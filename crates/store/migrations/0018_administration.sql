-- What administrators see of all users and clients, and do about them.

ALTER TABLE users ADD COLUMN administrator INTEGER NOT NULL DEFAULT 0 CHECK (administrator IN (0, 1));
ALTER TABLE users ADD COLUMN disabled_at INTEGER;
-- Lists in the order of names, whatever their case, and those that begin with something.
CREATE INDEX users_in_order ON users (name COLLATE NOCASE, name);

-- Whether an administrator added it, and no configuration names it.
ALTER TABLE clients ADD COLUMN added INTEGER NOT NULL DEFAULT 0 CHECK (added IN (0, 1));
CREATE INDEX clients_by_name ON clients (json_extract(client, '$.name') COLLATE NOCASE, id);

-- By identifier and not a column of clients: one with a document has no row there.
CREATE TABLE disabled_clients (
    client_id   TEXT PRIMARY KEY,
    disabled_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- A registered client's id never comes back.
CREATE TRIGGER clients_delete_disabled AFTER DELETE ON clients WHEN old.dynamic BEGIN
    DELETE FROM disabled_clients WHERE client_id = old.id;
END;

-- What a user has allowed and nobody has fetched yet.
CREATE INDEX codes_waiting ON codes (user_id) WHERE redeemed_at IS NULL;
