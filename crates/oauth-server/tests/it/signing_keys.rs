//! Signing keys over time: published before they sign, kept until their last token has ended, one for all processes.

use std::sync::Arc;
use std::time::Duration;

use barewire_oauth::bearer::{BearerError, Standing};
use barewire_oauth::resource::Resource;
use barewire_oauth::scope::ScopeSet;
use barewire_oauth::signing_keys::KeyState;
use barewire_oauth_server::signing_keys::{SigningKeyError, list, retire, rotate};
use barewire_oauth_server::store::Keys as _;
use barewire_oauth_server::{AuthConfig, AuthorizationServer, Issued};
use barewire_store::Store;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::world::{BACKEND_SECRET, World, config};

const DAY: u64 = 86_400;
const PERIOD: u64 = 90 * DAY;
const ANNOUNCEMENT: u64 = DAY;
const TTL: u64 = 900;
/// How much longer than its tokens a key is shown.
const OVERLAP: u64 = 60;

/// The defaults, but the store is asked often enough for a test.
fn quick() -> AuthConfig {
    AuthConfig { signing_key_poll: Duration::from_millis(20), ..config() }
}

/// An access token, and the key that signed it.
async fn token(world: &World) -> (String, String) {
    let form =
        [("grant_type", "client_credentials"), ("client_id", "backend"), ("client_secret", BACKEND_SECRET)];
    let (_, answer) = world.token(&form).await;
    let token = answer["access_token"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    (token, header["kid"].as_str().unwrap().to_owned())
}

/// The published keys.
async fn published(world: &World) -> Vec<String> {
    let keys: Value = world.http.get(world.at("/jwks")).send().await.unwrap().json().await.unwrap();
    let keys = keys["keys"].as_array().unwrap().iter();
    keys.map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

/// The published keys once there are so many.
async fn until_published(world: &World, count: usize) -> Vec<String> {
    for _ in 0..500 {
        let keys = published(world).await;
        if keys.len() == count {
            return keys;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("there are never {count} keys: {:?}", published(world).await);
}

#[tokio::test]
async fn a_key_is_published_before_it_signs_and_until_its_last_token_has_ended() {
    let world = World::with(quick()).await;
    let (_, old) = token(&world).await;
    assert_eq!(published(&world).await, std::slice::from_ref(&old));
    // A day before its turn the next one is there, and does not sign.
    world.advance(PERIOD - ANNOUNCEMENT);
    let both = until_published(&world, 2).await;
    assert_eq!(both[0], old);
    assert_eq!(token(&world).await.1, old);
    world.advance(ANNOUNCEMENT - 1);
    let (last_of_old, kid) = token(&world).await;
    assert_eq!(kid, old);
    // Its turn begins by the clock, whatever is polled when.
    world.advance(1);
    let (first_of_new, kid) = token(&world).await;
    assert_eq!(kid, both[1]);
    assert_eq!(world.verify(&first_of_new), Ok(()));
    assert_eq!(world.verify(&last_of_old), Ok(()));
    world.advance(TTL - 2);
    assert_eq!(world.verify(&last_of_old), Ok(()));
    assert_eq!(published(&world).await, both);
    world.advance(OVERLAP + 2);
    assert_eq!(until_published(&world, 1).await, both[1..]);
    assert_eq!(world.store.signing_keys().await.unwrap().len(), 1, "a private key is kept for nothing");
    assert_eq!(world.witness.at("/jwks"), ["published", "withdrawn"]);
}

#[tokio::test]
async fn a_restart_takes_over_all_keys_and_makes_up_for_what_was_missed() {
    let world = World::with(quick()).await;
    let (good, old) = token(&world).await;
    world.advance(10);
    let world = world.restarted(quick()).await;
    assert_eq!(world.verify(&good), Ok(()));
    assert_eq!(published(&world).await, std::slice::from_ref(&old));
    // Nobody ran for a year: what is new is announced all the same.
    world.advance(4 * PERIOD);
    let world = world.restarted(quick()).await;
    let both = until_published(&world, 2).await;
    assert_eq!(token(&world).await.1, old);
    world.advance(ANNOUNCEMENT);
    assert_eq!(token(&world).await.1, both[1]);
}

#[tokio::test]
async fn a_longer_token_of_the_process_before_keeps_its_key() {
    let long = AuthConfig { access_token_ttl: Duration::from_secs(DAY), ..quick() };
    let world = World::with(long).await;
    let (good, old) = token(&world).await;
    let world = world.restarted(quick()).await;
    let new = rotate(&*world.store, &quick(), true, world.clock.now()).await.unwrap();
    until_published(&world, 2).await;
    world.advance(DAY - 1);
    assert_eq!(published(&world).await, [old, new.clone()]);
    assert_eq!(world.verify(&good), Ok(()));
    world.advance(OVERLAP + 1);
    assert_eq!(until_published(&world, 1).await, [new]);
}

#[tokio::test]
async fn several_processes_make_one_key() {
    let world = World::with(quick()).await;
    let mut others = Vec::new();
    for _ in 0..4 {
        let store = Arc::new(Store::open(world.dir.join("auth.sqlite")).await.unwrap());
        let other = AuthorizationServer::builder(world.server.issuer(), store)
            .resource("https://rs.example/mcp")
            .scope("posts:read", "Read")
            .scope("posts:write", "Write")
            .config(quick())
            .clock(world.clock.clock())
            .build();
        others.push(other.await.unwrap());
    }
    let (good, _) = token(&world).await;
    let resource = [Resource::parse("https://rs.example/mcp").unwrap()];
    for other in &others {
        assert!(other.access_tokens().verify(&good, &resource, world.clock.now()).is_ok());
    }
    world.advance(PERIOD - ANNOUNCEMENT);
    until_published(&world, 2).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(world.store.signing_keys().await.unwrap().len(), 2, "each made its own");
    world.advance(ANNOUNCEMENT);
    let (good, _) = token(&world).await;
    for other in &others {
        assert!(other.access_tokens().verify(&good, &resource, world.clock.now()).is_ok());
    }
}

#[tokio::test]
async fn what_an_operator_does_beside_it_is_noticed() {
    let world = World::with(quick()).await;
    let beside = Store::open(world.dir.join("auth.sqlite")).await.unwrap();
    let now = || world.clock.now();
    let (stolen, old) = token(&world).await;
    let refused = retire(&beside, &old, now()).await.unwrap_err();
    assert!(matches!(refused, SigningKeyError::Signing(_)), "{refused}");
    // One that is announced, and one that signs at once.
    let next = rotate(&beside, &quick(), false, now()).await.unwrap();
    let fresh = rotate(&beside, &quick(), true, now()).await.unwrap();
    assert_eq!(until_published(&world, 3).await, [old.clone(), next.clone(), fresh.clone()]);
    assert_eq!(token(&world).await.1, fresh);
    let states = list(&beside, now()).await.unwrap().into_iter().map(|key| key.state);
    assert!(states.eq([KeyState::Old, KeyState::Next, KeyState::Signing]));
    // Whoever has the old key's private half has nothing any more, and neither have its tokens.
    assert_eq!(world.verify(&stolen), Ok(()));
    retire(&beside, &old, now()).await.unwrap();
    until_published(&world, 2).await;
    assert_eq!(world.verify(&stolen), Err(BearerError::Invalid));
    // Whoever remembers its tokens as good is told, and about others' nothing has changed.
    let scope = ScopeSet::parse("posts:read").unwrap();
    let standing = |kid: &str| {
        let (id, subject, client_id, signed_by) = ("j", "u", "c", Some(kid));
        let token = Issued { id, subject, client_id, grant_id: None, at: 0, scope: &scope, signed_by };
        world.server.access_tokens().standing(&token)
    };
    assert_eq!([standing(&old), standing(&fresh)], [Standing::Revoked, Standing::Unchanged]);
    assert!(matches!(retire(&beside, &old, now()).await, Err(SigningKeyError::Unknown(_))));
    assert!(matches!(retire(&beside, "other", now()).await, Err(SigningKeyError::Unknown(_))));
    world.advance(ANNOUNCEMENT);
    assert_eq!(token(&world).await.1, next);
}

#[tokio::test]
async fn there_are_never_too_many_keys() {
    let world = World::with(quick()).await;
    let refused = loop {
        match rotate(&*world.store, &quick(), true, world.clock.now()).await {
            Ok(_) => assert!(world.store.signing_keys().await.unwrap().len() < 40),
            Err(refused) => break refused,
        }
    };
    assert!(matches!(refused, SigningKeyError::TooMany), "{refused}");
    world.advance(TTL + OVERLAP);
    assert!(rotate(&*world.store, &quick(), true, world.clock.now()).await.is_ok(), "the old ones are over");
}

#[tokio::test]
async fn a_clock_that_jumps_ahead_and_back_leaves_a_key_that_signs() {
    let world = World::with(quick()).await;
    let start = world.clock.now();
    world.advance(10 * 365 * DAY);
    until_published(&world, 2).await;
    let (_, first) = token(&world).await;
    world.advance(ANNOUNCEMENT + TTL + OVERLAP);
    let far = until_published(&world, 1).await;
    assert_ne!(far, [first]);
    // The key of the right time is gone by now; the one that is there signs although its turn is in ten years.
    world.clock.set(start);
    let (good, kid) = token(&world).await;
    assert_eq!((world.verify(&good), [kid]), (Ok(()), [far[0].clone()]));
    // And the turns go on with one that is announced now.
    let both = until_published(&world, 2).await;
    world.advance(ANNOUNCEMENT);
    assert_eq!(token(&world).await.1, both[1]);
}
