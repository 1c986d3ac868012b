//! The business functions. REST and MCP call these and nothing below them, so that one place decides what a user
//! sees and changes: published posts and own drafts are seen, own posts are changed.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use barewire_oauth::stranger::visible;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow};
use sqlx::{FromRow, Row};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::broadcast;

use crate::post::{ListPosts, NewPost, Post, PostChange, PostPage, Profile, Status};
use crate::seed;

/// The scope for seeing anything.
pub const READ: &str = "posts:read";
/// The scope for changing anything.
pub const WRITE: &str = "posts:write";

/// Where the time comes from; a test owns its own.
pub type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

const TITLE_CHARS: usize = 200;
const CONTENT_CHARS: usize = 20_000;
const TAGS: usize = 10;
const TAG_CHARS: usize = 32;
const NAME_CHARS: usize = 256;
/// Each word is looked up by itself, and the search for thousands of them keeps the database busy for minutes.
const QUERY_WORDS: usize = 16;
const QUERY_CHARS: usize = 200;
/// Posts on one page, at most.
pub(crate) const PAGE: u32 = 50;
const POSTS_PER_AUTHOR: i64 = 10_000;

/// For whom something is done, and what that person has granted the calling client. Made from a verified token, one
/// per request.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The `sub` of the token; of another issuer than our own authorization server, with that before it ([`Identity::of`]).
    pub subject: String,
    /// The scopes of the token.
    pub scopes: Vec<String>,
}

/// Why the blog did not do it. REST and MCP translate it once each.
#[derive(Debug, thiserror::Error)]
pub enum BlogError {
    /// No such post, or one that this user cannot see: the two look the same.
    #[error("there is no post {0}")]
    NotFound(i64),
    /// Somebody else's post.
    #[error("post {0} is not yours to change")]
    NotYours(i64),
    /// A field that cannot be accepted.
    #[error("{field} {problem}")]
    Invalid {
        /// Its name, as the caller wrote it.
        field: &'static str,
        /// What is wrong, as the end of a sentence that begins with the name.
        problem: &'static str,
    },
    /// The token lacks this scope.
    #[error("this needs the scope {0}")]
    Scope(&'static str),
    /// The token's subject has no account here.
    #[error("no user has this token's subject")]
    UnknownUser,
    /// The author has as many posts as the blog keeps.
    #[error("an author can have {POSTS_PER_AUTHOR} posts; delete some first")]
    Full,
    /// Our fault.
    #[error("the blog's database failed")]
    Database(#[from] sqlx::Error),
    /// Our fault, or the file is not ours.
    #[error("the blog's database cannot be prepared")]
    Migrate(#[from] sqlx::migrate::MigrateError),
}

/// Something that was written.
#[derive(Debug, Clone)]
pub struct Change {
    /// The post.
    pub id: i64,
    /// Whether everybody sees it, now or until now.
    pub public: bool,
    /// Whether everybody's list of posts has one more or one less now.
    pub listing: bool,
}

/// The blog. Clones share the database.
#[derive(Clone)]
pub struct Blog {
    db: SqlitePool,
    clock: Clock,
    to_everybody: bool,
    changes: broadcast::Sender<Change>,
}

impl Blog {
    /// Opens or creates the database at `path`; a new one is filled with the people and posts of `seed/posts.md`, and nobody
    /// else has an account.
    ///
    /// # Errors
    /// [`BlogError::Database`] or [`BlogError::Migrate`].
    pub async fn open(path: &Path, clock: Clock) -> Result<Self, BlogError> {
        let blog = Self::prepare(path, clock, false).await?;
        seed::fill(&blog.db).await?;
        Ok(blog)
    }

    /// The same with nobody and nothing in it at first: whoever has a token has an account, which is made with the first post.
    ///
    /// # Errors
    /// [`BlogError::Database`] or [`BlogError::Migrate`].
    pub async fn open_to_everybody(path: &Path, clock: Clock) -> Result<Self, BlogError> {
        Self::prepare(path, clock, true).await
    }

    async fn prepare(path: &Path, clock: Clock, to_everybody: bool) -> Result<Self, BlogError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .busy_timeout(Duration::from_secs(5));
        let db = SqlitePoolOptions::new().max_connections(4).connect_with(options).await?;
        // With the write lock from the start, so that two processes can begin at once.
        let mut tx = db.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::migrate!("./migrations").run_direct(None, &mut *tx, false).await?;
        tx.commit().await?;
        Ok(Self { db, clock, to_everybody, changes: broadcast::channel(256).0 })
    }

    /// Every change from now on, whoever makes it.
    pub fn changes(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }

    /// Whether the database answers.
    pub async fn is_ready(&self) -> bool {
        sqlx::query("SELECT 1 FROM users").fetch_optional(&self.db).await.is_ok()
    }

    /// The person themself. Needs no scope: a token tells its bearer who it is for.
    ///
    /// # Errors
    /// [`BlogError::UnknownUser`].
    pub async fn me(&self, who: &Identity) -> Result<Profile, BlogError> {
        const ME: &str = "SELECT subject AS id, username, full_name, email FROM users WHERE subject = ?1";
        match sqlx::query_as(ME).bind(&who.subject).fetch_optional(&self.db).await? {
            None if self.to_everybody => Ok(Profile {
                id: who.subject.clone(),
                username: who.called(),
                full_name: who.called(),
                email: String::new(),
            }),
            profile => profile.ok_or(BlogError::UnknownUser),
        }
    }

    /// Makes sure that `who` has an account to write with.
    async fn account(&self, who: &Identity) -> Result<(), BlogError> {
        const OPEN: &str =
            "INSERT OR IGNORE INTO users (subject, username, full_name, email) VALUES (?1, ?2, ?2, '')";
        const HAS: &str = "SELECT count(*) FROM users WHERE subject = ?1";
        if self.to_everybody {
            sqlx::query(OPEN).bind(&who.subject).bind(who.called()).execute(&self.db).await?;
        }
        // There may be none in spite of that: somebody else is called so.
        match sqlx::query_scalar(HAS).bind(&who.subject).fetch_one(&self.db).await? {
            0_i64 => Err(BlogError::UnknownUser),
            _ => Ok(()),
        }
    }

    /// Posts that `who` may see, newest first.
    ///
    /// # Errors
    /// [`BlogError::Invalid`] for `cursor` and `limit`.
    pub async fn list(&self, who: &Identity, what: &ListPosts) -> Result<PostPage, BlogError> {
        who.may(READ)?;
        let before = what.cursor.as_deref().map(str::parse::<i64>).transpose();
        let before = before.map_err(|_| invalid("cursor", "is not one that a page of posts gave"))?;
        let limit = what.limit.unwrap_or(20);
        if !(1..=PAGE).contains(&limit) {
            return Err(invalid("limit", "must be between 1 and 50"));
        }
        let words = what.query.as_deref().map(all_words).transpose()?.flatten();
        let mut posts: Vec<Post> = sqlx::query_as(concat!(
            "SELECT p.*, u.username FROM posts p JOIN users u ON u.subject = p.author",
            " WHERE (p.status = 'published' OR p.author = ?1)",
            " AND (?2 IS NULL OR p.id < ?2)",
            " AND (?3 IS NULL OR u.username = ?3)",
            " AND (?4 IS NULL OR EXISTS (SELECT 1 FROM json_each(p.tags) WHERE value = ?4))",
            " AND (?5 IS NULL OR p.status = ?5)",
            " AND (?6 IS NULL OR p.id IN (SELECT rowid FROM words WHERE words MATCH ?6))",
            " ORDER BY p.id DESC LIMIT ?7"
        ))
        .bind(&who.subject)
        .bind(before)
        .bind(&what.author)
        .bind(&what.tag)
        .bind(what.status)
        .bind(words)
        // One more than asked for tells whether there is a next page.
        .bind(i64::from(limit) + 1)
        .fetch_all(&self.db)
        .await?;
        let more = posts.len() > limit as usize;
        posts.truncate(limit as usize);
        let next_cursor = posts.last().filter(|_| more).map(|last| last.id.to_string());
        Ok(PostPage { posts, next_cursor })
    }

    /// One post.
    ///
    /// # Errors
    /// [`BlogError::NotFound`] also for other people's drafts.
    pub async fn read(&self, who: &Identity, id: i64) -> Result<Post, BlogError> {
        who.may(READ)?;
        self.visible(who, id).await
    }

    /// One post that `who` may change; what a caller looks at before it asks a person to confirm.
    ///
    /// # Errors
    /// [`BlogError::NotFound`], [`BlogError::NotYours`].
    pub async fn own(&self, who: &Identity, id: i64) -> Result<Post, BlogError> {
        who.may(WRITE)?;
        let post = self.visible(who, id).await?;
        if post.author == self.me(who).await?.username { Ok(post) } else { Err(BlogError::NotYours(id)) }
    }

    /// Publishes a post, or keeps a draft, as `who`.
    ///
    /// # Errors
    /// [`BlogError::Invalid`], [`BlogError::Full`], [`BlogError::UnknownUser`].
    pub async fn create(&self, who: &Identity, new: NewPost) -> Result<Post, BlogError> {
        who.may(WRITE)?;
        let (title, tags) = (title(&new.title)?, tags(&new.tags)?);
        content(&new.content)?;
        self.account(who).await?;
        let id: Option<i64> = sqlx::query_scalar(concat!(
            "INSERT INTO posts (author, title, content, tags, status, created_at, updated_at)",
            " SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?6",
            " WHERE (SELECT count(*) FROM posts WHERE author = ?1) < ?7 RETURNING id"
        ))
        .bind(&who.subject)
        .bind(title)
        .bind(&new.content)
        .bind(tags)
        .bind(new.status)
        .bind(self.now())
        .bind(POSTS_PER_AUTHOR)
        .fetch_optional(&self.db)
        .await?;
        let post = self.visible(who, id.ok_or(BlogError::Full)?).await?;
        self.changed(&post, None);
        Ok(post)
    }

    /// Changes a post of `who`.
    ///
    /// # Errors
    /// [`BlogError::NotFound`], [`BlogError::NotYours`], [`BlogError::Invalid`].
    pub async fn update(&self, who: &Identity, id: i64, change: PostChange) -> Result<Post, BlogError> {
        let before = self.own(who, id).await?;
        change.content.as_deref().map(content).transpose()?;
        let done = sqlx::query(concat!(
            "UPDATE posts SET title = coalesce(?3, title), content = coalesce(?4, content),",
            " tags = coalesce(?5, tags), status = coalesce(?6, status), updated_at = ?7",
            " WHERE id = ?1 AND author = ?2"
        ))
        .bind(id)
        .bind(&who.subject)
        .bind(change.title.as_deref().map(title).transpose()?)
        .bind(&change.content)
        .bind(change.tags.as_deref().map(tags).transpose()?)
        .bind(change.status)
        .bind(self.now())
        .execute(&self.db)
        .await?;
        if done.rows_affected() == 0 {
            return Err(BlogError::NotFound(id));
        }
        let post = self.visible(who, id).await?;
        self.changed(&post, Some(before.status));
        Ok(post)
    }

    /// Deletes a post of `who` for good and returns what it was.
    ///
    /// # Errors
    /// [`BlogError::NotFound`], [`BlogError::NotYours`].
    pub async fn delete(&self, who: &Identity, id: i64) -> Result<Post, BlogError> {
        let post = self.own(who, id).await?;
        let done = sqlx::query("DELETE FROM posts WHERE id = ?1 AND author = ?2")
            .bind(id)
            .bind(&who.subject)
            .execute(&self.db)
            .await?;
        if done.rows_affected() == 0 {
            return Err(BlogError::NotFound(id));
        }
        self.changed(&post, None);
        Ok(post)
    }

    /// Ids of posts that `who` may see and that begin with `prefix`, newest first, at most 100.
    ///
    /// # Errors
    /// [`BlogError::Scope`], [`BlogError::Database`].
    pub async fn complete_id(&self, who: &Identity, prefix: &str) -> Result<Vec<String>, BlogError> {
        who.may(READ)?;
        const IDS: &str = concat!(
            "SELECT CAST(id AS TEXT) FROM posts WHERE (status = 'published' OR author = ?1)",
            " AND substr(id, 1, length(?2)) = ?2 ORDER BY id DESC LIMIT 100"
        );
        Ok(sqlx::query_scalar(IDS).bind(&who.subject).bind(prefix).fetch_all(&self.db).await?)
    }

    /// Tags of posts that `who` may see and that begin with `prefix`, the most used first, at most 100.
    ///
    /// # Errors
    /// [`BlogError::Scope`], [`BlogError::Database`].
    pub async fn complete_tag(&self, who: &Identity, prefix: &str) -> Result<Vec<String>, BlogError> {
        who.may(READ)?;
        const TAGS: &str = concat!(
            "SELECT t.value FROM posts p, json_each(p.tags) t WHERE (p.status = 'published' OR p.author = ?1)",
            " AND substr(t.value, 1, length(?2)) = ?2 GROUP BY t.value ORDER BY count(*) DESC, t.value LIMIT 100"
        );
        Ok(sqlx::query_scalar(TAGS)
            .bind(&who.subject)
            .bind(prefix.to_lowercase())
            .fetch_all(&self.db)
            .await?)
    }

    async fn visible(&self, who: &Identity, id: i64) -> Result<Post, BlogError> {
        const ONE: &str = concat!(
            "SELECT p.*, u.username FROM posts p JOIN users u ON u.subject = p.author",
            " WHERE p.id = ?2 AND (p.status = 'published' OR p.author = ?1)"
        );
        let post = sqlx::query_as(ONE).bind(&who.subject).bind(id).fetch_optional(&self.db).await?;
        post.ok_or(BlogError::NotFound(id))
    }

    fn changed(&self, post: &Post, before: Option<Status>) {
        let public = post.status == Status::Published || before == Some(Status::Published);
        let listing = public && before != Some(post.status);
        // Nobody listens before the MCP server is mounted, which is fine.
        let _ = self.changes.send(Change { id: post.id, public, listing });
    }

    fn now(&self) -> String {
        let now =
            OffsetDateTime::from((self.clock)()).replace_nanosecond(0).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        now.format(&Rfc3339).unwrap_or_default()
    }
}

impl Identity {
    /// The one whom an issuer calls `subject`. Another issuer may call somebody else so; the line break keeps these apart from
    /// people of our own authorization server, none of whom has one in the name.
    pub fn of(issuer: Option<&str>, subject: &str, scopes: Vec<String>) -> Self {
        let subject = match issuer {
            Some(issuer) => format!("{issuer}\n{subject}"),
            None => subject.to_owned(),
        };
        Self { subject, scopes }
    }

    /// What others read of somebody of whom nothing but the subject is known.
    fn called(&self) -> String {
        match self.subject.split_once('\n') {
            Some((issuer, subject)) => format!("{} ({issuer})", visible(subject, NAME_CHARS)),
            None => visible(&self.subject, NAME_CHARS),
        }
    }

    fn may(&self, scope: &'static str) -> Result<(), BlogError> {
        if self.scopes.iter().any(|s| s == scope) { Ok(()) } else { Err(BlogError::Scope(scope)) }
    }
}

impl FromRow<'_, SqliteRow> for Post {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        let tags = serde_json::from_str(row.try_get("tags")?);
        Ok(Self {
            id: row.try_get("id")?,
            author: row.try_get("username")?,
            title: row.try_get("title")?,
            content: row.try_get("content")?,
            tags: tags.map_err(|error| sqlx::Error::Decode(error.into()))?,
            status: row.try_get("status")?,
            created_at: row.try_get("created_at")?,
            updated_at: row.try_get("updated_at")?,
        })
    }
}

/// Words as SQLite's full-text search takes them: each quoted, so that none is an operator, each the start of a word.
/// Text without words asks for nothing.
fn all_words(query: &str) -> Result<Option<String>, BlogError> {
    let long = || invalid("query", "must have at most 16 words and 200 characters");
    // In bytes first, so that nobody's megabytes are counted.
    if query.len() > 4 * QUERY_CHARS || query.chars().count() > QUERY_CHARS {
        return Err(long());
    }
    let words = query.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let quoted: Vec<String> = words.map(|word| format!("\"{}\"*", word.replace('"', "\"\""))).collect();
    match quoted.len() {
        0 => Ok(None),
        n if n > QUERY_WORDS => Err(long()),
        _ => Ok(Some(quoted.join(" "))),
    }
}

fn title(title: &str) -> Result<&str, BlogError> {
    let title = title.trim();
    match title.chars().count() {
        0 => Err(invalid("title", "must not be empty")),
        n if n > TITLE_CHARS => Err(invalid("title", "must have at most 200 characters")),
        _ if title.contains(char::is_control) => Err(invalid("title", "must be one line of text")),
        _ => Ok(title),
    }
}

fn content(content: &str) -> Result<(), BlogError> {
    match content.chars().count() {
        0 => Err(invalid("content", "must not be empty")),
        n if n > CONTENT_CHARS => Err(invalid("content", "must have at most 20,000 characters")),
        _ => Ok(()),
    }
}

fn tags(tags: &[String]) -> Result<String, BlogError> {
    let fits = |tag: &String| {
        !tag.is_empty() && tag.chars().count() <= TAG_CHARS && !tag.contains(char::is_whitespace)
    };
    if tags.len() > TAGS || !tags.iter().all(fits) {
        return Err(invalid("tags", "must be at most 10 words of at most 32 characters"));
    }
    let lower: Vec<String> = tags.iter().map(|tag| tag.to_lowercase()).collect();
    Ok(serde_json::json!(lower).to_string())
}

fn invalid(field: &'static str, problem: &'static str) -> BlogError {
    BlogError::Invalid { field, problem }
}
