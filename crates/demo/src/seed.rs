//! The users and the posts of a new blog.

use sqlx::sqlite::SqlitePool;
use time::format_description::well_known::Rfc3339;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

/// Somebody who can log in to the demo.
#[derive(Debug, Clone, Copy)]
pub struct SeedUser {
    /// For the login page, and the `sub` of the person's tokens.
    pub username: &'static str,
    /// For the login page; this is a demo.
    pub password: &'static str,
    /// For greeting.
    pub full_name: &'static str,
    /// For writing to.
    pub email: &'static str,
}

/// The two users of the demo.
pub const USERS: [SeedUser; 2] = [
    SeedUser { username: "johndoe", password: "secret", full_name: "John Doe", email: "johndoe@example.com" },
    SeedUser { username: "janedoe", password: "secret", full_name: "Jane Doe", email: "janedoe@example.com" },
];

/// The administrator, where only this machine can reach the demo. Not a user of the blog: what an administrator can do with
/// other people's posts is nothing.
pub const ADMINISTRATOR: SeedUser = SeedUser {
    username: "admin",
    password: "secret",
    full_name: "Administrator",
    email: "admin@example.com",
};

/// `# title`, then `author | tag, tag [| draft]`, then the text.
const POSTS: &str = include_str!("../seed/posts.md");
const FIRST: OffsetDateTime = datetime!(2025-03-02 08:30 UTC);
const APART: Duration = Duration::hours(8 * 24 + 7);

/// Fills a database that has no users yet, all or nothing.
pub(crate) async fn fill(db: &SqlitePool) -> Result<(), sqlx::Error> {
    let mut tx = db.begin_with("BEGIN IMMEDIATE").await?;
    let users: i64 = sqlx::query_scalar("SELECT count(*) FROM users").fetch_one(&mut *tx).await?;
    if users > 0 {
        return Ok(());
    }
    for user in USERS {
        sqlx::query("INSERT INTO users (subject, username, full_name, email) VALUES (?1, ?1, ?2, ?3)")
            .bind(user.username)
            .bind(user.full_name)
            .bind(user.email)
            .execute(&mut *tx)
            .await?;
    }
    let mut at = FIRST;
    for post in posts() {
        sqlx::query(concat!(
            "INSERT INTO posts (author, title, content, tags, status, created_at, updated_at)",
            " SELECT subject, ?2, ?3, ?4, ?5, ?6, ?6 FROM users WHERE username = ?1"
        ))
        .bind(post.author)
        .bind(post.title)
        .bind(post.content)
        .bind(serde_json::json!(post.tags).to_string())
        .bind(if post.draft { "draft" } else { "published" })
        .bind(at.format(&Rfc3339).unwrap_or_default())
        .execute(&mut *tx)
        .await?;
        at += APART;
    }
    tx.commit().await
}

struct SeedPost {
    author: &'static str,
    title: &'static str,
    content: String,
    tags: Vec<&'static str>,
    draft: bool,
}

fn posts() -> impl Iterator<Item = SeedPost> {
    let posts = POSTS.split("# ").skip(1);
    posts.map(|post| {
        let mut lines = post.lines();
        let title = lines.next().unwrap_or_default();
        let mut facts = lines.next().unwrap_or_default().split('|').map(str::trim);
        let author = facts.next().unwrap_or_default();
        let tags = facts.next().unwrap_or_default().split(", ").collect();
        let draft = facts.next() == Some("draft");
        // The file is wrapped for its reader; a page wraps for its own.
        let content = lines.collect::<Vec<_>>().join("\n").trim().replace('\n', " ");
        SeedPost { author, title, content, tags, draft }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_post_is_whole() {
        let posts: Vec<SeedPost> = posts().collect();
        assert_eq!(posts.len(), 60);
        for post in &posts {
            assert!(USERS.iter().any(|user| user.username == post.author), "{}", post.title);
            assert!(post.content.len() > 100 && !post.tags.is_empty(), "{}", post.title);
        }
        assert_eq!(posts.iter().filter(|post| post.draft).count(), 6);
    }
}
