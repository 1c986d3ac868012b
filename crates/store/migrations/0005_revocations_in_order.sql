-- Verifiers ask every second what was revoked since they last asked.
CREATE INDEX revoked_access_tokens_by_revocation ON revoked_access_tokens (revoked_at);
