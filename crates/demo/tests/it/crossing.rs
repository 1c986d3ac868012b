//! Two users, both eras and REST at once, every call with the same JSON-RPC id: no answer crosses.

use futures_util::future::join_all;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::wire::{Caller, Era};
use crate::world::{BOTH, World, post};

/// Calls of each of the two users in each of the two eras.
const CALLS: usize = 800;
/// How many of them are under way at once.
const AT_ONCE: usize = 16;

#[tokio::test(flavor = "multi_thread")]
async fn equal_ids_of_two_users_in_both_eras_never_cross() {
    let world = World::start().await;
    let mut people = Vec::new();
    for user in ["johndoe", "janedoe"] {
        let token = world.token(user, BOTH).await;
        let draft =
            world.rest(reqwest::Method::POST, "/posts", Some(&token), Some(post(user, "draft"))).await.json();
        people.push((user, token, draft));
    }
    let mut callers = Vec::new();
    for (user, token, draft) in &people {
        for era in [Era::Legacy, Era::Modern] {
            // Several clients of one user share nothing but the user.
            let caller = Caller::open(&world, era, token.clone()).await;
            callers.push((*user, caller, draft.clone()));
        }
    }
    let runs = callers.iter().flat_map(|(user, caller, draft)| {
        (0..AT_ONCE).map(move |lane| async move {
            for n in (lane..CALLS).step_by(AT_ONCE) {
                one_call(n, user, caller, draft).await;
            }
        })
    });
    join_all(runs).await;
}

async fn one_call(n: usize, user: &str, caller: &Caller<'_>, draft: &Value) {
    let posts_of = |page: &Value, status: &str| {
        let posts = page["posts"].as_array().unwrap();
        assert!(!posts.is_empty());
        assert!(
            posts.iter().all(|post| post["status"] == status && post["author"] == user),
            "{user}: {page}"
        );
    };
    match n % 5 {
        0 => posts_of(&caller.tool("list_posts", json!({ "status": "draft" })).await, "draft"),
        1 => posts_of(
            &caller.tool("list_posts", json!({ "author": user, "status": "published" })).await,
            "published",
        ),
        2 => assert_eq!(caller.tool("read_post", json!({ "id": draft["id"] })).await, *draft),
        3 => {
            // All published posts, each a different answer.
            let id = 1 + n % 50;
            assert_eq!(caller.tool("read_post", json!({ "id": id })).await["id"], id);
        }
        _ => {
            let me = caller.world.get("/users/me/", &caller.token).await;
            assert_eq!((me.status, me.json()["id"].as_str()), (StatusCode::OK, Some(user)));
        }
    }
}
