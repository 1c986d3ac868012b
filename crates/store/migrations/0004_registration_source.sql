-- Where a client registered from (a digest over the network), so that a flood from one place makes room at its own cost.
ALTER TABLE clients ADD COLUMN source BLOB CHECK (length(source) = 32);
