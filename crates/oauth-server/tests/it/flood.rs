//! A flood of logins, and everybody else.

use barewire_oauth_server::AuthConfig;
use barewire_oauth_server::store::{Insert, Secret, UserRecord, Users as _};
use futures_util::future::join_all;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use futures_util::{Future, FutureExt as _};
use reqwest::StatusCode;
use sqlx::{ConnectOptions as _, Connection as _};

use crate::world::{RawForm, World, config};

/// One at work, two waiting.
const PLACES: usize = 3;
const LOGINS: usize = 40;

async fn crowded() -> World {
    World::with(AuthConfig { password_hashers: 1, password_queue: PLACES - 1, ..config() }).await
}

/// A login as each of many users, all at once; their statuses in the order in which they come.
async fn logins(world: &World) -> FuturesUnordered<impl Future<Output = StatusCode>> {
    let forms = (0..LOGINS).map(|_| RawForm::get(world, world.at("/login"), "/login", None));
    let forms = join_all(forms).await;
    let posts = forms.into_iter().enumerate().map(|(number, form)| async move {
        let name = format!("user {number}");
        form.post(world, &[("username", &name), ("password", "a guess")]).await.status()
    });
    posts.collect()
}

/// A flood of logins must not fill the line before the only writer, where tokens wait as well: while nobody at all can write, all
/// without a place are answered.
#[tokio::test(flavor = "multi_thread")]
async fn logins_without_a_place_write_nothing() {
    let world = crowded().await;
    let mut logins = logins(&world).await;
    let file = sqlx::sqlite::SqliteConnectOptions::new().filename(world.dir.join("auth.sqlite"));
    let mut other_process = file.connect().await.unwrap();
    let writing = other_process.begin_with("BEGIN IMMEDIATE").await.unwrap();
    for _ in PLACES..LOGINS {
        assert_eq!(logins.next().await, Some(StatusCode::SERVICE_UNAVAILABLE));
    }
    assert_eq!(logins.next().now_or_never(), None, "who has a place waits for the writer");
    writing.rollback().await.unwrap();
    assert_eq!(logins.collect::<Vec<_>>().await, [StatusCode::FORBIDDEN; PLACES]);
}

/// While all places are taken by passwords that take long, tokens are given and asked about.
#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_given_while_passwords_are_hashed() {
    let world = crowded().await;
    let (client, tokens) = world.logged_in().await;
    // The hash says how much work it is: a second or so.
    let slow = format!("$argon2id$v=19$m=65536,t=16,p=1$c29tZSBzYWx0${}", "A".repeat(43));
    for number in 0..LOGINS {
        let user = UserRecord {
            id: format!("u{number}"),
            name: format!("user {number}"),
            password_hash: Secret::new(slow.clone().into_bytes()),
            created_at: world.clock.now(),
            password_changed_at: None,
            administrator: false,
            disabled_at: None,
        };
        assert_eq!(world.store.insert_user(&user).await.unwrap(), Insert::Inserted);
    }
    let mut logins = logins(&world).await;
    for _ in PLACES..LOGINS {
        assert_eq!(logins.next().await, Some(StatusCode::SERVICE_UNAVAILABLE));
    }
    let (status, answer) = world.refresh(&client, &tokens.refresh).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(logins.next().now_or_never(), None, "a password was faster than a token");
    assert_eq!(logins.collect::<Vec<_>>().await, [StatusCode::FORBIDDEN; PLACES]);
}
