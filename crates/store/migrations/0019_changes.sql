-- What verifiers have to know of, numbered in the order in which it became durable: SQLite has one writer. Whoever knows
-- all up to one number asks for those after it. Numbers are never given twice, even when old ones are deleted.
CREATE TABLE changes (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    at     INTEGER NOT NULL,
    kind   TEXT NOT NULL,
    id     TEXT NOT NULL,
    -- Of a grant that was narrowed, the scopes that it has left.
    left   TEXT
) STRICT;
CREATE INDEX changes_by_time ON changes (at);

-- By triggers, so that no statement can forget it, whoever writes it.
CREATE TRIGGER grants_revoked AFTER UPDATE OF revoked_at ON grants
WHEN old.revoked_at IS NULL AND new.revoked_at IS NOT NULL BEGIN
    INSERT INTO changes (at, kind, id) VALUES (new.revoked_at, 'grant_revoked', new.id);
END;
CREATE TRIGGER grants_narrowed AFTER UPDATE OF narrowed_at ON grants
WHEN new.narrowed_at IS NOT NULL BEGIN
    INSERT INTO changes (at, kind, id, left) VALUES (new.narrowed_at, 'grant_narrowed', new.id, new.scope);
END;
CREATE TRIGGER tokens_revoked AFTER INSERT ON revoked_access_tokens BEGIN
    INSERT INTO changes (at, kind, id) VALUES (new.revoked_at, 'token_revoked', new.jti);
END;

INSERT INTO changes (at, kind, id)
    SELECT revoked_at, 'grant_revoked', id FROM grants WHERE revoked_at IS NOT NULL ORDER BY revoked_at;
INSERT INTO changes (at, kind, id, left)
    SELECT narrowed_at, 'grant_narrowed', id, scope FROM grants WHERE narrowed_at IS NOT NULL ORDER BY narrowed_at;
INSERT INTO changes (at, kind, id)
    SELECT revoked_at, 'token_revoked', jti FROM revoked_access_tokens ORDER BY revoked_at;

-- These were for asking by time.
DROP INDEX revoked_access_tokens_by_revocation;
DROP INDEX grants_by_narrowing;
