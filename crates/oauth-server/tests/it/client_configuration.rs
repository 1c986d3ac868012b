//! `/register/{client_id}`: a client and its own registration (RFC 7592).

use barewire_oauth::bearer::BearerError;
use barewire_oauth::resource::Resource;
use barewire_oauth::scope::ScopeSet;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::signing::{ASSERTION_TYPE, SigningKey};
use crate::world::{CALLBACK, Tokens, World, config, redemption};

const METADATA: [&str; 3] = ["registration_access_token", "registration_client_uri", "client_id_issued_at"];

/// A client with a secret that manages its registration.
struct Managed {
    id: String,
    secret: String,
    token: String,
    uri: String,
}

impl Managed {
    async fn register(world: &World) -> Self {
        let answer = world.register_with(json!({ "token_endpoint_auth_method": "client_secret_post" })).await;
        Self::read(&answer)
    }

    fn read(answer: &Value) -> Self {
        let text =
            |name: &str| answer[name].as_str().unwrap_or_else(|| panic!("no {name} in {answer}")).to_owned();
        Self {
            id: text("client_id"),
            secret: text("client_secret"),
            token: text("registration_access_token"),
            uri: text("registration_client_uri"),
        }
    }

    async fn send(&self, world: &World, method: Method, body: Option<&Value>) -> (StatusCode, Value) {
        send(world, method, &self.uri, &format!("Bearer {}", self.token), body).await
    }

    /// A user's tokens for it.
    async fn tokens(&self, world: &World) -> Tokens {
        let code = world.code(&self.id).await;
        let secret = [("client_secret", self.secret.as_str())];
        let form = [&redemption(&self.id, &code, CALLBACK)[..], &secret[..]].concat();
        let (status, answer) = world.token(&form).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        Tokens::read(&answer)
    }

    async fn refresh(&self, world: &World, token: &str) -> (StatusCode, Value) {
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", self.id.as_str()),
            ("client_secret", self.secret.as_str()),
            ("refresh_token", token),
        ];
        world.token(&form).await
    }
}

async fn send(
    world: &World,
    method: Method,
    uri: &str,
    authorization: &str,
    body: Option<&Value>,
) -> (StatusCode, Value) {
    let request = world.http.request(method, uri).header("authorization", authorization);
    let request = if let Some(body) = body { request.json(body) } else { request };
    let answer = request.send().await.unwrap();
    assert_eq!(answer.headers()["cache-control"], "no-store");
    assert_eq!(answer.headers()["access-control-allow-origin"], "*");
    let (status, challenge) = (answer.status(), answer.headers().get("www-authenticate").cloned());
    let text = answer.text().await.unwrap();
    if status == StatusCode::UNAUTHORIZED {
        // Whoever shows no token is told of no error (RFC 6750 §3.1).
        let shows_one = authorization.starts_with("Bearer") || authorization.starts_with("DPoP");
        let error = if shows_one { r#", error="invalid_token""# } else { "" };
        assert_eq!(challenge.unwrap(), format!(r#"Bearer realm="registration"{error}"#));
    }
    (status, if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() })
}

/// What `GET` gave, as it may be sent back.
fn without_what_is_ours(answer: &Value) -> Value {
    let mut metadata = answer.clone();
    METADATA.iter().for_each(|name| drop(metadata.as_object_mut().unwrap().remove(*name)));
    metadata
}

#[tokio::test]
async fn a_client_reads_replaces_and_deletes_its_registration() {
    let world = World::new().await;
    let client = Managed::register(&world).await;
    assert_eq!(client.uri, world.at(&format!("/register/{}", client.id)).as_str());
    let (status, read) = client.send(&world, Method::GET, None).await;
    assert_eq!(status, StatusCode::OK, "{read}");
    assert_eq!((&read["client_id"], &read["client_name"]), (&json!(client.id), &json!("A client")));
    // The token stays; the secret was shown once.
    assert_eq!(
        (&read["registration_access_token"], &read["registration_client_uri"]),
        (&json!(client.token), &json!(client.uri))
    );
    assert!(read.get("client_secret").is_none());

    // Everything is said anew; what is left out is gone.
    let mut metadata = without_what_is_ours(&read);
    metadata["client_name"] = json!("Renamed");
    metadata["redirect_uris"] = json!(["http://localhost:9/other"]);
    let (status, replaced) = client.send(&world, Method::PUT, Some(&metadata)).await;
    assert_eq!(status, StatusCode::OK, "{replaced}");
    assert_eq!(
        (&replaced["client_name"], &replaced["redirect_uris"]),
        (&metadata["client_name"], &metadata["redirect_uris"])
    );
    assert!(replaced.get("client_secret").is_none(), "the secret stays");
    let now = Managed { token: replaced["registration_access_token"].as_str().unwrap().into(), ..client };
    // With the registration, the token was replaced.
    let before = format!("Bearer {}", client.token);
    assert_eq!(send(&world, Method::GET, &now.uri, &before, None).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(now.send(&world, Method::GET, None).await.1["client_name"], "Renamed");
    let old = world.authorize_url(&now.id, CALLBACK, &[]);
    assert_eq!(world.http.get(old).send().await.unwrap().status(), StatusCode::BAD_REQUEST);

    let (status, nothing) = now.send(&world, Method::DELETE, None).await;
    assert_eq!((status, nothing), (StatusCode::NO_CONTENT, Value::Null));
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        assert_eq!(now.send(&world, method, Some(&metadata)).await.0, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(
        world.witness.at("/register/{client_id}"),
        [
            "replaced",
            "registration_token",
            "deleted",
            "registration_token",
            "registration_token",
            "registration_token"
        ]
    );
}

#[tokio::test]
async fn deletion_ends_all_that_a_client_has_at_once() {
    let world = World::new().await;
    let (client, other) = (Managed::register(&world).await, Managed::register(&world).await);
    let (one, two) = (client.tokens(&world).await, client.tokens(&world).await);
    let bystander = other.tokens(&world).await;
    let pending = world.code(&client.id).await;
    assert_eq!(client.send(&world, Method::DELETE, None).await.0, StatusCode::NO_CONTENT);
    for tokens in [&one, &two] {
        assert_eq!(world.verify(&tokens.access), Err(BearerError::Revoked));
        assert_eq!(client.refresh(&world, &tokens.refresh).await.1["error"], "invalid_client");
    }
    let secret = [("client_secret", client.secret.as_str())];
    let form = [&redemption(&client.id, &pending, CALLBACK)[..], &secret[..]].concat();
    assert_eq!(world.token(&form).await.1["error"], "invalid_client");
    assert_eq!(world.verify(&bystander.access), Ok(()));
    assert_eq!(other.refresh(&world, &bystander.refresh).await.0, StatusCode::OK);
    // Two grants, and the client itself.
    assert_eq!(world.witness.at("/register/{client_id}"), ["client", "client", "deleted"]);

    let world = world.restarted(config()).await;
    assert_eq!(world.verify(&one.access), Err(BearerError::Revoked));
    assert_eq!(client.send(&world, Method::GET, None).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(other.send(&world, Method::GET, None).await.0, StatusCode::OK);
}

#[tokio::test]
async fn deletion_ends_what_a_client_got_for_itself() {
    let key = SigningKey::new("k");
    let world = World::new().await;
    let metadata = json!({
        "grant_types": ["client_credentials"], "redirect_uris": [], "token_endpoint_auth_method": "private_key_jwt",
        "jwks": key.set()
    });
    let answer = world.register_with(metadata).await;
    let id = answer["client_id"].as_str().unwrap();
    let mut config = config();
    config.own_access.insert(id.to_owned(), ScopeSet::parse("posts:read").unwrap());
    let world = world.restarted(config.clone()).await;
    let assertion = key.client(&world, id, "1");
    let form = [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", ASSERTION_TYPE),
        ("client_assertion", &assertion),
    ];
    let (status, tokens) = world.token(&form).await;
    assert_eq!(status, StatusCode::OK, "{tokens}");
    let token = tokens["access_token"].as_str().unwrap();
    assert_eq!(world.verify(token), Ok(()));
    let bearer = format!("Bearer {}", answer["registration_access_token"].as_str().unwrap());
    let uri = answer["registration_client_uri"].as_str().unwrap();
    assert_eq!(send(&world, Method::DELETE, uri, &bearer, None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(world.verify(token), Err(BearerError::Revoked));
    let world = world.restarted(config).await;
    assert_eq!(world.verify(token), Err(BearerError::Revoked));
}

#[tokio::test]
async fn only_the_clients_own_token_manages_it() {
    let world = World::new().await;
    let (client, other) = (Managed::register(&world).await, Managed::register(&world).await);
    let access = client.tokens(&world).await.access;
    let unknown = world.at("/register/client_nobody");
    let confidential = world.at("/register/backend");
    let good = format!("Bearer {}", client.token);
    for (uri, authorization) in [
        (client.uri.as_str(), String::new()),
        (&client.uri, "Bearer".into()),
        (&client.uri, format!("Bearer {}", other.token)),
        (&client.uri, format!("Bearer {}x", client.token)),
        (&client.uri, format!("Bearer {access}")),
        (&client.uri, format!("Bearer {}", client.secret)),
        (&client.uri, format!("DPoP {}", client.token)),
        (&client.uri, format!("Basic {}", client.token)),
        (unknown.as_str(), good.clone()),
        (confidential.as_str(), good),
    ] {
        for method in [Method::GET, Method::PUT, Method::DELETE] {
            let (status, answer) = send(&world, method, uri, &authorization, Some(&json!({}))).await;
            // Alike, whether there is such a client or not.
            assert_eq!(
                (status, &answer["error"]),
                (StatusCode::UNAUTHORIZED, &json!("invalid_token")),
                "{authorization}"
            );
        }
    }
    assert_eq!(client.send(&world, Method::GET, None).await.0, StatusCode::OK);
    // It is no access token either.
    let resource = [Resource::parse("https://rs.example/mcp").unwrap()];
    assert!(world.server.access_tokens().verify(&client.token, &resource, world.clock.now()).is_err());
    let post = world.http.post(&client.uri).send().await.unwrap();
    assert_eq!(post.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(post.headers()["allow"], "GET, HEAD, PUT, DELETE, OPTIONS");
    let preflight = world.http.request(Method::OPTIONS, &client.uri).send().await.unwrap();
    assert!(preflight.headers()["access-control-allow-methods"].to_str().unwrap().contains("PUT, DELETE"));
}

/// Equal public clients are one client: who registers the same could change where the others' users are sent.
#[tokio::test]
async fn a_client_that_others_share_manages_nothing() {
    let world = World::new().await;
    let answer = world.register_with(json!({})).await;
    assert!(METADATA[..2].iter().all(|name| answer.get(name).is_none()), "{answer}");
    let uri = world.at(&format!("/register/{}", answer["client_id"].as_str().unwrap()));
    for authorization in ["Bearer ", "Bearer bwm_", &format!("Bearer bwm_{}", "A".repeat(43))] {
        let (status, _) = send(&world, Method::DELETE, uri.as_str(), authorization, None).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn a_refused_replacement_changes_nothing() {
    let world = World::new().await;
    let client = Managed::register(&world).await;
    let (_, before) = client.send(&world, Method::GET, None).await;
    for (change, expected) in [
        (json!({ "client_id": "web" }), "invalid_client_metadata"),
        (json!({ "client_secret": "chosen" }), "invalid_client_metadata"),
        (json!({ "registration_access_token": client.token }), "invalid_client_metadata"),
        (json!({ "token_endpoint_auth_method": "none" }), "invalid_client_metadata"),
        (json!({ "redirect_uris": ["http://evil.example/cb"] }), "invalid_redirect_uri"),
        (
            json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "https://x" , "jwks": { "keys": [] } }),
            "invalid_client_metadata",
        ),
    ] {
        let mut metadata = without_what_is_ours(&before);
        metadata.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let (status, answer) = client.send(&world, Method::PUT, Some(&metadata)).await;
        assert_eq!((status, &answer["error"]), (StatusCode::BAD_REQUEST, &json!(expected)), "{change}");
    }
    let form = world.http.put(&client.uri).bearer_auth(&client.token).form(&[("client_id", &client.id)]);
    assert_eq!(form.send().await.unwrap().status(), StatusCode::BAD_REQUEST);
    assert_eq!(client.send(&world, Method::GET, None).await.1, before);
}

/// What self-registered clients were allowed is not remembered, so nobody allows one under a name that it has no more.
#[tokio::test]
async fn who_calls_itself_another_is_asked_about_under_that_name() {
    let world = World::new().await;
    let client = Managed::register(&world).await;
    let tokens = client.tokens(&world).await;
    let (_, read) = client.send(&world, Method::GET, None).await;
    let mut metadata = without_what_is_ours(&read);
    metadata["client_name"] = json!("Your\u{202E} bank");
    let (_, replaced) = client.send(&world, Method::PUT, Some(&metadata)).await;
    assert_eq!(replaced["client_name"], "Your bank");
    let url = world.authorize_url(&client.id, CALLBACK, &[("scope", "posts:read")]);
    let page = world.signed_in("johndoe").await.open(&url).await.unwrap();
    assert_eq!(page.url.path(), "/consent");
    assert!(page.text().contains("Your bank") && !page.text().contains("A client"), "{}", page.text());
    // What he has allowed it to do goes on.
    assert_eq!(world.verify(&tokens.access), Ok(()));
}

/// What an administrator has stopped changes neither its name nor where its users are sent, and does not vanish.
#[tokio::test]
async fn a_disabled_client_does_not_manage_its_registration() {
    let world = World::new().await;
    let client = Managed::register(&world).await;
    let (_, read) = client.send(&world, Method::GET, None).await;
    let metadata = without_what_is_ours(&read);
    let admin = world.admin_token("admin", "admin:write").await;
    let path = format!("/clients/{}", client.id);
    let switch = async |disabled: bool| {
        let change = Some(json!({ "disabled": disabled }));
        assert_eq!(world.call(&admin, Method::PATCH, &path, change).await.0, StatusCode::NO_CONTENT);
    };
    switch(true).await;
    for (method, body) in [(Method::GET, None), (Method::PUT, Some(&metadata)), (Method::DELETE, None)] {
        let (status, answer) = client.send(&world, method.clone(), body).await;
        assert_eq!((status, &answer["error"]), (StatusCode::FORBIDDEN, &json!("access_denied")), "{method}");
    }
    // Only whoever has its token is told so.
    let (status, _) = send(&world, Method::GET, &client.uri, "Bearer bwm_x", None).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    switch(false).await;
    assert_eq!(client.send(&world, Method::GET, None).await.0, StatusCode::OK);
}

#[tokio::test]
async fn of_many_replacements_at_once_one_counts() {
    let world = World::new().await;
    let client = Managed::register(&world).await;
    let (_, read) = client.send(&world, Method::GET, None).await;
    let metadata = without_what_is_ours(&read);
    let one = || client.send(&world, Method::PUT, Some(&metadata));
    let answers = futures_util::future::join_all((0..20).map(|_| one())).await;
    let won: Vec<_> = answers.iter().filter(|(status, _)| *status == StatusCode::OK).collect();
    assert_eq!(won.len(), 1);
    assert!(
        answers.iter().all(|(status, _)| *status == StatusCode::OK || *status == StatusCode::UNAUTHORIZED)
    );
    let winner = Managed { token: won[0].1["registration_access_token"].as_str().unwrap().into(), ..client };
    assert_eq!(winner.send(&world, Method::GET, None).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_registration_and_its_token_outlive_a_restart_and_the_token_is_not_in_the_file() {
    let world = World::new().await;
    let client = Managed::register(&world).await;
    let world = world.restarted(config()).await;
    assert_eq!(client.send(&world, Method::GET, None).await.0, StatusCode::OK);
    let mut bytes = Vec::new();
    for entry in std::fs::read_dir(world.dir.path()).unwrap() {
        bytes.extend(std::fs::read(entry.unwrap().path()).unwrap());
    }
    let contains = |needle: &str| bytes.windows(needle.len()).any(|window| window == needle.as_bytes());
    assert!(contains(&client.id), "this is the right file");
    assert!(!contains(client.token.trim_start_matches("bwm_")));
}
