//! The laws of `barewire_oauth_server::store`, for whatever implements it: each takes a store that is
//! empty. `sqlite.rs` lists them all; a second backend has such a list of its own.

pub(crate) mod changes;
pub(crate) mod clients;
pub(crate) mod codes;
pub(crate) mod devices;
pub(crate) mod families;
pub(crate) mod grants;
pub(crate) mod keys;
pub(crate) mod oversight;
pub(crate) mod passkeys;
pub(crate) mod people;
pub(crate) mod pushed_requests;
pub(crate) mod second_factors;
pub(crate) mod statements;
pub(crate) mod sweep;
pub(crate) mod upstream;

use std::time::{Duration, SystemTime};

use barewire_oauth::client::{
    ApplicationType, Client, ClientAuthentication, Demands, GrantType, RedirectUri, Registration,
};
use barewire_oauth::grant::Holder;
use barewire_oauth_server::store::{
    ClientRecord, CodeRecord, Digest, FamilyRecord, GrantRecord, Insert, ReplacedToken, Secret, Store,
    UserRecord,
};
use barewire_testkit::TestClock;

/// Seconds after the test clock's start, with a fraction that has to survive.
pub(crate) fn at(seconds: u64) -> SystemTime {
    TestClock::default().now() + Duration::from_secs(seconds) + Duration::from_micros(7)
}

pub(crate) fn digest(n: u8) -> Digest {
    Digest([n; 32])
}

pub(crate) fn secret(text: &str) -> Secret {
    Secret::new(text.as_bytes().to_vec())
}

/// A user whose password hash is `hash`.
pub(crate) fn user(id: &str) -> UserRecord {
    UserRecord {
        id: id.to_owned(),
        name: format!("user {id}"),
        password_hash: secret("hash"),
        created_at: at(0),
        password_changed_at: None,
        administrator: false,
        disabled_at: None,
    }
}

/// Adds such users.
pub(crate) async fn users(store: &impl Store, ids: &[&str]) {
    for id in ids {
        assert_eq!(store.insert_user(&user(id)).await.unwrap(), Insert::Inserted);
    }
}

pub(crate) fn client(id: &str, registration: Registration) -> ClientRecord {
    ClientRecord {
        client: Client {
            id: id.to_owned(),
            registration,
            name: Some(format!("Client {id}")),
            uri: None,
            redirect_uris: vec![RedirectUri::parse("http://localhost:5173/callback").unwrap()],
            grant_types: vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
            application_type: ApplicationType::Native,
            authentication: ClientAuthentication::None,
            demands: Demands { dpop_bound_access_tokens: true, ..Demands::default() },
        },
        fingerprint: None,
        registration_token: None,
        source: None,
        registered_at: at(0),
        activated_at: None,
        last_used_at: None,
        added: false,
        disabled_at: None,
    }
}

pub(crate) fn code(n: u8, client_id: &str) -> CodeRecord {
    CodeRecord {
        digest: digest(n),
        client_id: client_id.to_owned(),
        client_name: Some("A client".to_owned()),
        user_id: "u1".to_owned(),
        redirect_uri: "http://localhost:5173/callback".to_owned(),
        scope: "posts:read".to_owned(),
        resource: "http://localhost:8000/mcp".to_owned(),
        code_challenge: "c".repeat(43),
        refreshable: true,
        client_has_keys: n.is_multiple_of(2),
        grant_id: format!("g{n}"),
        issued_at: at(1),
        expires_at: at(61),
        redeemed_at: None,
        holder: Holder { key: Some(format!("key {n}")), proof_required: n % 2 == 1 },
    }
}

pub(crate) fn grant(n: u8, client_id: &str) -> GrantRecord {
    GrantRecord {
        id: format!("g{n}"),
        user_id: "u1".to_owned(),
        client_id: client_id.to_owned(),
        client_name: None,
        scope: "posts:read".to_owned(),
        resource: "http://localhost:8000/mcp".to_owned(),
        client_has_keys: n.is_multiple_of(2),
        created_at: at(2),
        last_used_at: at(2),
        last_used_from: None,
        expires_at: at(1000),
        narrowed: None,
        revoked: None,
    }
}

pub(crate) fn family(n: u8, generation: u64) -> FamilyRecord {
    FamilyRecord {
        handle: digest(n),
        grant_id: format!("g{n}"),
        generation,
        current: Digest([u8::try_from(generation).unwrap(); 32]),
        expires_at: at(100 + generation),
        replaced: (0..generation)
            .map(|g| ReplacedToken {
                digest: Digest([u8::try_from(g).unwrap(); 32]),
                at: at(g),
                sealed_successor: Secret::new(vec![0xff, 0, u8::try_from(g).unwrap()]),
            })
            .collect(),
        holder: Holder { key: (generation > 0).then(|| format!("key {n}")), proof_required: n % 2 == 1 },
        suspended: false,
    }
}
