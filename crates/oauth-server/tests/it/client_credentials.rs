//! `POST /token` of clients that ask for themselves.

use barewire_oauth::resource::Resource;
use barewire_oauth::scope::ScopeSet;
use barewire_oauth_server::store::Clients as _;
use barewire_oauth_server::{AuthConfig, AuthorizationServer, ConfiguredClient};
use barewire_store::Store;
use barewire_testkit::TempDir;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::signing::{ASSERTION_TYPE, SigningKey};
use crate::world::{BACKEND_SECRET, World, config};

const BACKEND: [(&str, &str); 3] =
    [("grant_type", "client_credentials"), ("client_id", "backend"), ("client_secret", BACKEND_SECRET)];

#[tokio::test]
async fn a_client_gets_a_token_for_itself() {
    let world = World::new().await;
    let (status, answer) = world.token(&BACKEND).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer["scope"], "posts:read posts:write");
    assert_eq!(answer["token_type"], "Bearer");
    assert!(answer.get("refresh_token").is_none());
    let resource = Resource::parse("https://rs.example/mcp").unwrap();
    let token = answer["access_token"].as_str().unwrap();
    let claims = world.server.access_tokens().verify(token, &[resource], world.clock.now()).unwrap();
    assert_eq!((claims.sub.as_str(), claims.client_id.as_str()), ("client:backend", "backend"));
    // For another resource, and less of it.
    let more = [("resource", "https://rs.example/other"), ("scope", "posts:read")];
    let (_, answer) = world.token(&[&BACKEND[..], &more].concat()).await;
    assert_eq!(answer["scope"], "posts:read");
    assert!(world.verify(answer["access_token"].as_str().unwrap()).is_err());
}

#[tokio::test]
async fn nobody_gets_more_for_itself_than_the_operator_says() {
    let world = World::new().await;
    let mut config = config();
    config.own_access.insert("web".to_owned(), ScopeSet::parse("posts:read").unwrap());
    let own_public = World::with(config).await;
    let registered = world.register_with(json!({ "token_endpoint_auth_method": "client_secret_post" })).await;
    let (id, secret) =
        (registered["client_id"].as_str().unwrap(), registered["client_secret"].as_str().unwrap());
    let grant = ("grant_type", "client_credentials");
    for (world, form, expected) in [
        (&world, vec![grant, ("client_id", id), ("client_secret", secret)], "unauthorized_client"),
        (&world, vec![grant, ("client_id", "web")], "unauthorized_client"),
        (&own_public, vec![grant, ("client_id", "web")], "unauthorized_client"),
        (&world, vec![grant, ("client_id", "backend")], "invalid_client"),
        (&world, vec![grant, ("client_id", "backend"), ("client_secret", "guessed")], "invalid_client"),
        (&world, [&BACKEND[..], &[("scope", "posts:read admin")]].concat(), "invalid_scope"),
        (&world, [&BACKEND[..], &[("scope", "offline_access")]].concat(), "invalid_scope"),
        (&world, [&BACKEND[..], &[("resource", "https://evil.example/mcp")]].concat(), "invalid_target"),
        (
            &world,
            [
                &BACKEND[..],
                &[("resource", "https://rs.example/mcp"), ("resource", "https://rs.example/other")],
            ]
            .concat(),
            "invalid_target",
        ),
    ] {
        let (_, answer) = world.token(&form).await;
        assert_eq!(answer["error"], expected, "{form:?}: {answer}");
    }
}

#[tokio::test]
async fn who_signs_gets_one_too_however_it_became_known() {
    let key = SigningKey::new("k");
    let mut world = World::new().await;
    let metadata = json!({
        "grant_types": ["client_credentials"], "redirect_uris": [], "token_endpoint_auth_method": "private_key_jwt",
        "jwks": key.set()
    });
    let registered = world.register_with(metadata).await;
    let client = registered["client_id"].as_str().unwrap();
    let ask = async |world: &World, id: &str| {
        let statement = key.client(world, client, id);
        let form = [
            ("grant_type", "client_credentials"),
            ("client_assertion_type", ASSERTION_TYPE),
            ("client_assertion", statement.as_str()),
        ];
        world.token(&form).await
    };
    assert_eq!(ask(&world, "1").await.1["error"], "unauthorized_client");
    // The operator allows it.
    let mut config = config();
    config.own_access.insert(client.to_owned(), ScopeSet::parse("posts:read").unwrap());
    world = world.restarted(config).await;
    let (status, answer) = ask(&world, "2").await;
    assert_eq!((status, &answer["scope"]), (StatusCode::OK, &json!("posts:read")), "{answer}");
    assert_eq!(world.verify(answer["access_token"].as_str().unwrap()), Ok(()));
}

#[tokio::test]
async fn a_client_that_gets_tokens_for_itself_is_not_forgotten() {
    let mut world = World::new().await;
    let metadata = json!({
        "grant_types": ["client_credentials"], "redirect_uris": [],
        "token_endpoint_auth_method": "client_secret_post"
    });
    let registered = world.register_with(metadata).await;
    let (id, secret) =
        (registered["client_id"].as_str().unwrap(), registered["client_secret"].as_str().unwrap());
    let mut config = config();
    config.own_access.insert(id.to_owned(), ScopeSet::parse("posts:read").unwrap());
    world = world.restarted(config).await;
    assert_eq!(world.store.client(id).await.unwrap().unwrap().activated_at, None);
    let form = [("grant_type", "client_credentials"), ("client_id", id), ("client_secret", secret)];
    assert_eq!(world.token(&form).await.0, StatusCode::OK);
    let used = world.store.client(id).await.unwrap().unwrap();
    assert_eq!((used.activated_at, used.last_used_at), (Some(world.clock.now()), Some(world.clock.now())));
}

#[tokio::test]
async fn no_user_is_called_like_a_client() {
    let world = World::new().await;
    let error = world.server.create_user("client:backend", "secret").await.unwrap_err();
    assert!(error.to_string().contains("client:"), "{error}");
}

#[tokio::test]
async fn what_does_not_exist_cannot_be_allowed() {
    let build = async |config: AuthConfig| {
        let dir = TempDir::new();
        let store = std::sync::Arc::new(Store::open(dir.join("auth.sqlite")).await.unwrap());
        let server =
            AuthorizationServer::builder("http://localhost:1", store).resource("http://localhost:1/mcp");
        server
            .scope("posts:read", "Read")
            .config(config)
            .build()
            .await
            .map(drop)
            .map_err(|error| error.to_string())
    };
    let own = [("backend".to_owned(), ScopeSet::parse("posts:read admin").unwrap())].into();
    let refused = build(AuthConfig { own_access: own, ..AuthConfig::default() }).await.unwrap_err();
    assert!(refused.contains("backend") && refused.contains("admin"), "{refused}");
    let client = ConfiguredClient {
        client_id: "rs".to_owned(),
        introspects: vec!["https://other.example".to_owned()],
        ..ConfiguredClient::default()
    };
    let refused = build(AuthConfig { clients: vec![client], ..AuthConfig::default() }).await.unwrap_err();
    assert!(refused.contains("other.example"), "{refused}");
}

#[tokio::test]
async fn revoking_one_token_of_a_client_leaves_the_next() {
    let world = World::new().await;
    let token = async || world.token(&BACKEND).await.1["access_token"].as_str().unwrap().to_owned();
    let (first, second) = (token().await, token().await);
    let form = [("token", first.as_str()), BACKEND[1], BACKEND[2]];
    assert_eq!(
        world.http.post(world.at("/revoke")).form(&form).send().await.unwrap().status(),
        StatusCode::OK
    );
    assert!(world.verify(&first).is_err());
    assert_eq!(world.verify(&second), Ok(()));
    let metadata = world.http.get(world.at("/.well-known/oauth-authorization-server")).send().await.unwrap();
    let metadata: Value = metadata.json().await.unwrap();
    assert!(metadata["grant_types_supported"].as_array().unwrap().contains(&json!("client_credentials")));
}
