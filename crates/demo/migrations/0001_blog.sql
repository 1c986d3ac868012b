-- Who writes. `subject` is the `sub` of the authorization server's tokens; the password is its business, not ours.
CREATE TABLE users (
    subject   TEXT PRIMARY KEY,
    username  TEXT NOT NULL UNIQUE,
    full_name TEXT NOT NULL,
    email     TEXT NOT NULL
) STRICT;

-- Times are RFC 3339 in UTC, so that they sort as text and read well in a shell. Ids are never given twice.
CREATE TABLE posts (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    author     TEXT NOT NULL REFERENCES users (subject),
    title      TEXT NOT NULL,
    content    TEXT NOT NULL,
    tags       TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(tags)),
    status     TEXT NOT NULL CHECK (status IN ('draft', 'published')),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
) STRICT;

CREATE INDEX posts_by_author ON posts (author);

-- The words of the posts, kept equal to them by the database itself.
CREATE VIRTUAL TABLE words USING fts5 (title, content, tags, content = 'posts', content_rowid = 'id');

CREATE TRIGGER posts_insert AFTER INSERT ON posts BEGIN
    INSERT INTO words (rowid, title, content, tags) VALUES (new.id, new.title, new.content, new.tags);
END;

CREATE TRIGGER posts_delete AFTER DELETE ON posts BEGIN
    INSERT INTO words (words, rowid, title, content, tags)
    VALUES ('delete', old.id, old.title, old.content, old.tags);
END;

CREATE TRIGGER posts_update AFTER UPDATE ON posts BEGIN
    INSERT INTO words (words, rowid, title, content, tags)
    VALUES ('delete', old.id, old.title, old.content, old.tags);
    INSERT INTO words (rowid, title, content, tags) VALUES (new.id, new.title, new.content, new.tags);
END;
