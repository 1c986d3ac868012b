-- Signing keys take turns by their times. So far there was one key, which nothing ever replaced.

ALTER TABLE signing_keys ADD COLUMN signs_from INTEGER NOT NULL DEFAULT 0;
-- How long its tokens count at most, in microseconds; a day is the most that any setting allows.
ALTER TABLE signing_keys ADD COLUMN token_ttl INTEGER NOT NULL DEFAULT 86400000000;

-- `retired_at` says now that an operator ended a key.
UPDATE signing_keys SET signs_from = created_at, retired_at = NULL;
DROP INDEX signing_keys_current;
