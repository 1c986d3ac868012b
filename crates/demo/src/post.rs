//! What the blog is about: the words that REST, MCP and the database share.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who can see a post: everybody, or its author only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(rename_all = "lowercase")]
pub enum Status {
    /// Visible to its author only.
    Draft,
    /// Visible to every user.
    Published,
}

/// A post as its reader sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Post {
    /// Number of the post; never given twice.
    pub id: i64,
    /// Username of its author.
    pub author: String,
    /// One line of plain text.
    pub title: String,
    /// Plain text, paragraphs separated by an empty line.
    pub content: String,
    /// Lower-case words.
    pub tags: Vec<String>,
    /// Draft or published.
    pub status: Status,
    /// RFC 3339, UTC.
    pub created_at: String,
    /// RFC 3339, UTC.
    pub updated_at: String,
}

/// A part of a list of posts, newest first.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct PostPage {
    /// The posts of this page.
    pub posts: Vec<Post>,
    /// Give this as `cursor` to read on; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// Which posts, and which part of them.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ListPosts {
    /// Only posts of this author (a username).
    pub author: Option<String>,
    /// Only posts with this tag.
    pub tag: Option<String>,
    /// Only drafts (your own) or only published posts.
    pub status: Option<Status>,
    /// Only posts that contain all of these words, or words that begin with them.
    pub query: Option<String>,
    /// Where to read on: the `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// How many posts a page has, 1 to 50.
    pub limit: Option<u32>,
}

/// A post to be.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPost {
    /// One line of plain text, at most 200 characters.
    pub title: String,
    /// Plain text, at most 20,000 characters.
    pub content: String,
    /// At most 10 lower-case words.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Published at once unless it says `draft`.
    #[serde(default = "published")]
    pub status: Status,
}

/// What to change about a post; what is absent stays.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PostChange {
    /// One line of plain text, at most 200 characters.
    pub title: Option<String>,
    /// Plain text, at most 20,000 characters.
    pub content: Option<String>,
    /// At most 10 lower-case words; replaces all tags.
    pub tags: Option<Vec<String>>,
    /// `published` shows the post to everybody, `draft` hides it again.
    pub status: Option<Status>,
}

/// The person behind a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, sqlx::FromRow)]
pub struct Profile {
    /// Stable id, the `sub` of the person's tokens.
    pub id: String,
    /// What the person logs in with.
    pub username: String,
    /// For greeting.
    pub full_name: String,
    /// For writing to.
    pub email: String,
}

fn published() -> Status {
    Status::Published
}
