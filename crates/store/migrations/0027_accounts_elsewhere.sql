-- Who was made by a login at an identity provider, and was never given a password since, has none: what stood there was the
-- hash of random bytes, which looked as if there were a password to ask for. No password hashes to this.
UPDATE users SET password_hash = x'21'
    WHERE password_changed_at IS NULL AND EXISTS (
        SELECT 1 FROM upstream_accounts WHERE user_id = users.id AND linked_at = users.created_at
    );

-- What was said of one account, for when an operator takes the account away.
CREATE INDEX upstream_sessions_by_account ON upstream_sessions (issuer, subject);

-- Of the codes that nobody has fetched there was an index by user beside the one by client and user. Each login wrote into
-- both, twice; of use was the first only when a user is disabled, and then the second is short enough to be read.
DROP INDEX codes_waiting;
