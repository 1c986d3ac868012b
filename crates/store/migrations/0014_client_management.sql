-- With what a client manages its own registration (RFC 7592): the digest of its token.
ALTER TABLE clients ADD COLUMN registration_token BLOB CHECK (length(registration_token) = 32);
