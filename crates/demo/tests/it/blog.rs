//! The business functions: who sees and changes what.

use barewire_demo::blog::{Blog, BlogError, Identity, READ, WRITE};
use barewire_demo::post::{ListPosts, NewPost, Post, PostChange, Status};
use barewire_testkit::{TempDir, TestClock};

struct World {
    blog: Blog,
    john: Identity,
    jane: Identity,
    dir: TempDir,
}

async fn world() -> World {
    let dir = TempDir::new();
    let blog = Blog::open(&dir.join("blog.sqlite"), TestClock::default().clock()).await.unwrap();
    World { blog, john: identity("johndoe", &[READ, WRITE]), jane: identity("janedoe", &[READ, WRITE]), dir }
}

fn identity(subject: &str, scopes: &[&str]) -> Identity {
    Identity { subject: subject.to_owned(), scopes: scopes.iter().map(ToString::to_string).collect() }
}

async fn all(blog: &Blog, who: &Identity, mut what: ListPosts) -> Vec<Post> {
    let mut posts = Vec::new();
    loop {
        let page = blog.list(who, &what).await.unwrap();
        posts.extend(page.posts);
        what.cursor = page.next_cursor;
        if what.cursor.is_none() {
            return posts;
        }
    }
}

fn draft(title: &str) -> NewPost {
    NewPost {
        title: title.into(),
        content: "Zanzibar".into(),
        tags: vec!["Secret".into()],
        status: Status::Draft,
    }
}

#[tokio::test]
async fn paging_gives_every_visible_post_once_newest_first() {
    let w = world().await;
    for limit in [1, 7, 50] {
        let posts = all(&w.blog, &w.john, ListPosts { limit: Some(limit), ..Default::default() }).await;
        assert_eq!(posts.len(), 57, "60 less Jane's 3 drafts");
        assert!(posts.windows(2).all(|two| two[0].id > two[1].id));
        assert!(posts.iter().all(|post| post.status == Status::Published || post.author == "johndoe"));
    }
}

/// A megabyte of words took minutes, on a thread that others wait for.
#[tokio::test]
async fn a_query_of_thousands_of_words_is_refused() {
    let w = world().await;
    let search = async |query: String| {
        w.blog.list(&w.john, &ListPosts { query: Some(query), ..Default::default() }).await
    };
    for good in ["a ".repeat(16), "é".repeat(200), String::new()] {
        assert!(search(good.clone()).await.is_ok(), "{good}");
    }
    for bad in ["a ".repeat(17), "é".repeat(201), "a ".repeat(500_000)] {
        let refused = search(bad).await;
        assert!(matches!(refused, Err(BlogError::Invalid { field: "query", .. })), "{refused:?}");
    }
}

#[tokio::test]
async fn a_draft_is_seen_by_its_author_only_on_every_way() {
    let w = world().await;
    let post = w.blog.create(&w.john, draft("Hidden")).await.unwrap();
    let prefix = post.id.to_string();
    for (who, visible) in [(&w.john, true), (&w.jane, false)] {
        let query = |query: &str| ListPosts { query: Some(query.into()), ..Default::default() };
        let tag = ListPosts { tag: Some("secret".into()), ..Default::default() };
        let status = ListPosts { status: Some(Status::Draft), ..Default::default() };
        let has = |posts: Vec<Post>| posts.contains(&post);
        assert_eq!(w.blog.read(who, post.id).await.is_ok(), visible);
        assert_eq!(has(all(&w.blog, who, ListPosts::default()).await), visible);
        assert_eq!(has(all(&w.blog, who, query("zanz")).await), visible);
        assert_eq!(has(all(&w.blog, who, tag).await), visible);
        assert_eq!(has(all(&w.blog, who, status).await), visible);
        assert_eq!(
            w.blog.complete_tag(who, "SEC").await.unwrap(),
            if visible { &["secret"][..] } else { &[] }
        );
        assert_eq!(w.blog.complete_id(who, &prefix).await.unwrap().contains(&prefix), visible);
    }
    let nothing = PostChange::default();
    assert!(matches!(w.blog.update(&w.jane, post.id, nothing.clone()).await, Err(BlogError::NotFound(_))));
    assert!(matches!(w.blog.delete(&w.jane, post.id).await, Err(BlogError::NotFound(_))));
    let published = PostChange { status: Some(Status::Published), ..nothing };
    let public = w.blog.update(&w.john, post.id, published).await.unwrap();
    assert_eq!(w.blog.read(&w.jane, post.id).await.unwrap(), public);
    assert!(matches!(w.blog.delete(&w.jane, post.id).await, Err(BlogError::NotYours(_))));
    assert_eq!(w.blog.delete(&w.john, post.id).await.unwrap(), public);
    assert!(matches!(w.blog.read(&w.john, post.id).await, Err(BlogError::NotFound(_))));
}

#[tokio::test]
async fn each_function_asks_for_its_scope() {
    let w = world().await;
    let reader = identity("johndoe", &[READ]);
    let nobody = identity("johndoe", &[]);
    let scope = |error: BlogError| match error {
        BlogError::Scope(scope) => scope,
        other => panic!("{other}"),
    };
    assert_eq!(scope(w.blog.list(&nobody, &ListPosts::default()).await.unwrap_err()), READ);
    assert_eq!(scope(w.blog.read(&nobody, 1).await.unwrap_err()), READ);
    assert_eq!(scope(w.blog.complete_id(&nobody, "").await.unwrap_err()), READ);
    assert_eq!(scope(w.blog.complete_tag(&nobody, "").await.unwrap_err()), READ);
    assert_eq!(scope(w.blog.own(&reader, 1).await.unwrap_err()), WRITE);
    assert_eq!(scope(w.blog.create(&reader, draft("x")).await.unwrap_err()), WRITE);
    assert_eq!(scope(w.blog.update(&reader, 1, PostChange::default()).await.unwrap_err()), WRITE);
    assert_eq!(scope(w.blog.delete(&reader, 1).await.unwrap_err()), WRITE);
    assert_eq!(w.blog.me(&nobody).await.unwrap().full_name, "John Doe");
    let stranger = identity("ghost", &[READ, WRITE]);
    assert!(matches!(w.blog.create(&stranger, draft("x")).await, Err(BlogError::UnknownUser)));
}

#[tokio::test]
async fn search_takes_any_text_as_words() {
    let w = world().await;
    let search = async |query: &str| {
        all(&w.blog, &w.john, ListPosts { query: Some(query.into()), ..Default::default() }).await.len()
    };
    assert_eq!(search("heron").await, 3);
    assert_eq!(search("HERONS günzburg").await, 2);
    assert_eq!(search("heron zanzibar").await, 0);
    assert_eq!(search(" \u{0} ").await, 57, "no words, no condition");
    for hostile in ["\"", "a\" OR \"b", "NEAR(", "title:x", "*", "^", "-", "(((", "\0", "'; DROP TABLE posts"]
    {
        search(hostile).await;
    }
}

#[tokio::test]
async fn a_field_that_cannot_be_accepted_is_named() {
    let w = world().await;
    let post = |title: &str, content: &str, tags: &[&str]| NewPost {
        title: title.into(),
        content: content.into(),
        tags: tags.iter().map(ToString::to_string).collect(),
        status: Status::Published,
    };
    let long = "x".repeat(20_001);
    for (new, expected) in [
        (post(" ", "c", &[]), "title"),
        (post("a\nb", "c", &[]), "title"),
        (post(&long[..201], "c", &[]), "title"),
        (post("t", "", &[]), "content"),
        (post("t", &long, &[]), "content"),
        (post("t", "c", &["two words"]), "tags"),
        (post("t", "c", &["x"; 11]), "tags"),
    ] {
        match w.blog.create(&w.john, new).await {
            Err(BlogError::Invalid { field, .. }) => assert_eq!(field, expected),
            other => panic!("{expected}: {other:?}"),
        }
    }
    for (cursor, limit, expected) in [("x", 1, "cursor"), ("1", 0, "limit"), ("1", 51, "limit")] {
        let what = ListPosts { cursor: Some(cursor.into()), limit: Some(limit), ..Default::default() };
        match w.blog.list(&w.john, &what).await {
            Err(BlogError::Invalid { field, .. }) => assert_eq!(field, expected),
            other => panic!("{expected}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn what_was_written_is_there_after_opening_again() {
    let w = world().await;
    let mut changes = w.blog.changes();
    let post = w.blog.create(&w.jane, draft("Kept")).await.unwrap();
    assert_eq!((post.created_at.as_str(), &*post.tags), ("2026-08-01T00:00:00Z", &["secret".to_owned()][..]));
    let change = changes.recv().await.unwrap();
    assert_eq!((change.id, change.public), (post.id, false));
    let again = Blog::open(&w.dir.join("blog.sqlite"), TestClock::default().clock()).await.unwrap();
    assert_eq!(again.read(&w.jane, post.id).await.unwrap(), post);
    assert_eq!(all(&again, &w.jane, ListPosts::default()).await.len(), 58);
}

#[tokio::test]
async fn a_blog_for_everybody_begins_empty_and_keeps_people_of_two_issuers_apart() {
    let dir = TempDir::new();
    let (path, clock) = (dir.join("blog.sqlite"), TestClock::default().clock());
    let blog = Blog::open_to_everybody(&path, clock.clone()).await.unwrap();
    let of = |issuer: Option<&str>| Identity::of(issuer, "alice", vec![READ.to_owned(), WRITE.to_owned()]);
    let (here, there, elsewhere) = (of(None), of(Some("https://a.example")), of(Some("https://b.example")));
    assert!(all(&blog, &here, ListPosts::default()).await.is_empty());
    let mut drafts = Vec::new();
    for (who, name) in
        [(&here, "alice"), (&there, "alice (https://a.example)"), (&elsewhere, "alice (https://b.example)")]
    {
        assert_eq!(blog.me(who).await.unwrap().username, name);
        let post = blog.create(who, draft(name)).await.unwrap();
        assert_eq!((post.author.as_str(), blog.me(who).await.unwrap().username), (name, name.to_owned()));
        drafts.push(post);
    }
    for who in [&here, &there, &elsewhere] {
        assert_eq!(all(&blog, who, ListPosts::default()).await.len(), 1, "one's own draft");
    }
    assert!(matches!(blog.delete(&there, drafts[0].id).await, Err(BlogError::NotFound(_))));
    // Somebody who is called as another one looks gets no account, and not the other's.
    let disguised = Identity::of(None, "alice (https://a.example)", there.scopes.clone());
    assert!(matches!(blog.create(&disguised, draft("Mine")).await, Err(BlogError::UnknownUser)));
    assert!(all(&blog, &disguised, ListPosts::default()).await.is_empty());
    // In the demo's, nobody has an account but its people.
    let demo = Blog::open(&dir.join("demo.sqlite"), clock).await.unwrap();
    assert!(matches!(demo.create(&here, draft("Mine")).await, Err(BlogError::UnknownUser)));
    assert!(matches!(demo.me(&here).await, Err(BlogError::UnknownUser)));
}

#[tokio::test]
async fn two_that_open_a_new_blog_at_once_find_one() {
    let dir = TempDir::new();
    let path = dir.join("blog.sqlite");
    let open = || Blog::open(&path, TestClock::default().clock());
    let (one, other) = tokio::join!(open(), open());
    let (one, other) = (one.unwrap(), other.unwrap());
    let john = identity("johndoe", &[READ, WRITE]);
    let post = one.create(&john, draft("Shared")).await.unwrap();
    assert_eq!(other.read(&john, post.id).await.unwrap(), post);
    assert_eq!(all(&other, &john, ListPosts::default()).await.len(), 58);
}
