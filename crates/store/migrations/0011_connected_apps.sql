-- What a person wants to know of a grant and of a session, and that a grant can be narrowed.

-- To whom a token of it was last issued.
ALTER TABLE grants ADD COLUMN last_used_from TEXT;
-- When it last lost a scope, and what it had at first.
ALTER TABLE grants ADD COLUMN narrowed_at INTEGER;
ALTER TABLE grants ADD COLUMN granted_scope TEXT;
CREATE INDEX grants_by_narrowing ON grants (narrowed_at) WHERE narrowed_at IS NOT NULL;
-- Lists, the newest first.
CREATE INDEX grants_by_user ON grants (user_id, created_at, id);
CREATE INDEX grants_by_creation ON grants (created_at, id);

-- Where a login came from, and the browser in words.
ALTER TABLE sessions ADD COLUMN started_from TEXT;
ALTER TABLE sessions ADD COLUMN browser TEXT;
