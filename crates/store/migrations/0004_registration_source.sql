-- Where a client registered from (a digest over the network), so that a flood from one place makes room at its own cost.
ALTER TABLE clients ADD COLUMN source BLOB CHECK (length(source) = 32);
DROP INDEX clients_never_activated;
CREATE INDEX clients_never_activated ON clients (source, registered_at) WHERE dynamic AND activated_at IS NULL;
