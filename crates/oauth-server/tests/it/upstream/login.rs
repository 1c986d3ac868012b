//! Somebody comes in through an identity provider, and what they may have then.

use barewire_oauth_server::AuthConfig;
use barewire_oauth_server::store::{Insert, Users as _};
use barewire_testkit::{Browser, Landing};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::idp::{Idp, allow, page, through, tokens};
use crate::world::{CALLBACK, World, query};

/// The claims of an access token.
pub(super) fn claims(answer: &Value) -> Value {
    let token = answer["access_token"].as_str().unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

/// The name of the user of a token.
async fn name(world: &World, answer: &Value) -> String {
    let id = claims(answer)["sub"].as_str().unwrap().to_owned();
    world.store.user(&id).await.unwrap().unwrap().name
}

#[tokio::test]
async fn a_login_elsewhere_leads_to_a_grant_here() {
    let idp = Idp::start().await;
    let world = idp.world(json!({})).await;
    let (client, answer) = tokens(&world, &mut Browser::new(), "posts:read").await;
    assert_eq!(name(&world, &answer).await, "corporate:ada@example.com");
    assert_eq!(world.verify(answer["access_token"].as_str().unwrap()), Ok(()));
    assert_eq!(world.witness.at("/login/upstream/{provider}/callback"), ["upstream"]);

    let asked = idp.asked("authorize").remove(0);
    let callback = world.at("/login/upstream/corporate/callback").to_string();
    assert_eq!((&*asked["client_id"], &*asked["redirect_uri"]), ("our-id", callback.as_str()));
    assert_eq!((&*asked["scope"], &*asked["prompt"]), ("openid profile email offline_access", "consent"));
    assert_eq!(asked["code_challenge_method"], "S256");
    assert!(asked["state"].len() >= 43 && asked["nonce"].len() >= 43 && asked["state"] != asked["nonce"]);
    let redeemed = idp.asked("token").remove(0);
    assert_eq!(redeemed["redirect_uri"], callback);
    for asked in [asked, redeemed] {
        assert!(!asked.contains_key("resource"), "{asked:?}");
        assert!(
            !asked.values().any(|value| value.contains(&client)),
            "our client is nobody's business: {asked:?}"
        );
    }
    // Nothing of the provider's goes to the client.
    assert!(!answer.to_string().contains("upstream"), "{answer}");
    let claims = claims(&answer);
    assert_eq!(claims["iss"], world.server.issuer());
    assert!(!claims.to_string().contains("ada"), "{claims}");
}

#[tokio::test]
async fn an_address_or_a_name_makes_nobody_somebody_else() {
    let idp = Idp::start().await;
    let world = idp.world(json!({})).await;
    let log_in = async |claims: Value| {
        idp.does().claims = claims;
        let (_, answer) = tokens(&world, &mut Browser::new(), "posts:read").await;
        let id = super::login::claims(&answer)["sub"].as_str().unwrap().to_owned();
        (id, name(&world, &answer).await)
    };
    let (ada, name) = log_in(json!({ "sub": "1", "email": "ada@example.com", "email_verified": true })).await;
    assert_eq!(name, "corporate:ada@example.com");
    // The same person, whatever they are called by now.
    let (again, name) = log_in(json!({ "sub": "1", "email": "lovelace@example.com" })).await;
    assert_eq!((&again, &*name), (&ada, "corporate:ada@example.com"));
    // Somebody else to whom the address was given since.
    let (heir, name) =
        log_in(json!({ "sub": "2", "email": "ada@example.com", "email_verified": true })).await;
    assert_ne!(heir, ada);
    assert!(name.starts_with("corporate:ada@example.com "), "{name}");
    // Whoever calls themselves as a user here is called.
    for claims in [
        json!({ "sub": "3", "preferred_username": "johndoe", "email": "johndoe" }),
        json!({ "sub": "johndoe" }),
        json!({ "sub": "4", "preferred_username": "\u{202E}johndoe" }),
    ] {
        let (id, name) = log_in(claims.clone()).await;
        assert!(id != "johndoe" && name.starts_with("corporate:johndoe"), "{claims}: {id} {name}");
    }
}

#[tokio::test]
async fn a_login_on_its_way_outlives_a_restart() {
    let idp = Idp::start().await;
    let mut world = idp.world(json!({})).await;
    let client = world.register().await;
    let mut browser = Browser::new();
    let page = browser.open(&world.authorize_url(&client, CALLBACK, &[])).await.unwrap();
    let link = page.link("Sign in with Corporate").unwrap();
    let back = world.at("/login/upstream/corporate/callback");
    let Landing::Left(back) = browser.open_until(&link, &back).await.unwrap() else { panic!("no way back") };
    world = world.restarted(idp.config(json!({}))).await;
    let consent = browser.open(&back).await.unwrap();
    let code = allow(&mut browser, &consent).await["code"].clone();
    assert_eq!(world.redeem(&client, &code).await.0, StatusCode::OK);
}

#[tokio::test]
async fn scopes_are_those_of_the_groups() {
    let idp = Idp::start().await;
    let section = json!({
        "required_groups": ["staff", "guests"], "everybody": "posts:read", "groups": { "writers": "posts:write" }
    });
    let world = idp.world(section).await;
    let client = world.register().await;
    let both = [("scope", "posts:read posts:write")];
    let scope = async |groups: &[&str]| {
        idp.does().claims = json!({ "sub": "1", "groups": groups });
        let mut browser = Browser::new();
        let consent = page(&world, &mut browser, &client, &both).await;
        let asked_to_write = consent.text().contains("Write posts as you");
        let code = allow(&mut browser, &consent).await["code"].clone();
        let granted = world.redeem(&client, &code).await.1["scope"].as_str().unwrap().to_owned();
        assert_eq!(asked_to_write, granted.contains("posts:write"));
        granted
    };
    assert_eq!(scope(&["staff", "writers"]).await, "posts:read posts:write");
    assert_eq!(scope(&["staff"]).await, "posts:read");

    // Nothing of what the client asks for: it is told so.
    let landed = through(&world, &mut Browser::new(), &client, &[("scope", "posts:write")]).await;
    let Landing::Left(url) = landed else { panic!("a page") };
    assert_eq!(query(&url)["error"], "access_denied");
    // In no group that may come in: the person is told so.
    idp.does().claims = json!({ "sub": "1", "groups": ["writers"] });
    let refused = page(&world, &mut Browser::new(), &client, &both).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.text().contains("in none of the groups that may sign in here"), "{}", refused.text());
    assert_eq!(world.witness.count("login /login/upstream/{provider}/callback upstream_group_missing"), 1);
}

#[tokio::test]
async fn groups_may_be_at_the_userinfo_endpoint() {
    let idp = Idp::start().await;
    let world = idp.world(json!({ "required_groups": ["staff"] })).await;
    let client = world.register().await;
    let status = async |userinfo: Value| {
        idp.does().userinfo = userinfo;
        page(&world, &mut Browser::new(), &client, &[]).await.status
    };
    assert_eq!(status(json!({ "groups": ["staff"] })).await, StatusCode::OK);
    assert_eq!(status(json!({ "groups": ["guests"] })).await, StatusCode::FORBIDDEN);
    // About somebody else: then none of it counts.
    assert_eq!(status(json!({ "groups": ["staff"], "sub": "eve" })).await, StatusCode::BAD_GATEWAY);
}

#[tokio::test]
async fn without_local_logins_passwords_open_nothing() {
    let idp = Idp::start().await;
    let config = AuthConfig { local_logins: false, ..idp.config(json!({})) };
    let world = World::with(config).await;
    let page = Browser::new().open(&world.at("/login")).await.unwrap();
    assert!(page.form_with("password").is_none() && page.link("Sign in with Corporate").is_some());
    let form = [("username", "johndoe"), ("password", "secret"), ("csrf", "x")];
    for path in ["/login", "/login/code", "/login/passkey"] {
        let answer = world.http.post(world.at(path)).form(&form).send().await.unwrap();
        assert!(matches!(answer.status().as_u16(), 404 | 405), "{path} {}", answer.status());
    }
    let (_, answer) = tokens(&world, &mut Browser::new(), "posts:read").await;
    assert_eq!(name(&world, &answer).await, "corporate:ada@example.com");
}

#[tokio::test]
async fn whom_the_operator_does_not_know_stays_outside() {
    let idp = Idp::start().await;
    let world = idp.world(json!({ "create_users": false })).await;
    let client = world.register().await;
    let refused = page(&world, &mut Browser::new(), &client, &[]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.text().contains("not known here"), "{}", refused.text());
    let issuer = idp.does().issuer.clone();
    let link =
        async |name: &str, subject: &str| world.server.link_account(name, &issuer, subject).await.unwrap();
    assert_eq!(link("nobody", "ada-1").await, None);
    assert_eq!(link("janedoe", "ada-1").await, Some(Insert::Inserted));
    assert_eq!(link("johndoe", "ada-1").await, Some(Insert::Exists));
    let (_, answer) = tokens(&world, &mut Browser::new(), "posts:read").await;
    assert_eq!(claims(&answer)["sub"], "janedoe");
}

#[tokio::test]
async fn a_client_may_want_the_person_to_be_asked_anew() {
    let idp = Idp::start().await;
    let world = idp.world(json!({})).await;
    let client = world.register().await;
    let anew = [("prompt", "login"), ("login_hint", "ada@example.com")];
    let mut browser = Browser::new();
    let consent = page(&world, &mut browser, &client, &anew).await;
    allow(&mut browser, &consent).await;
    let asked = idp.asked("authorize").remove(0);
    assert_eq!((&*asked["prompt"], &*asked["login_hint"]), ("login consent", "ada@example.com"));
    // The provider lets them through with a login of yesterday.
    idp.does().claims["auth_time"] = json!(1);
    let refused = page(&world, &mut Browser::new(), &client, &anew).await;
    assert!(refused.text().contains("did not ask the person again"), "{}", refused.text());
}

#[tokio::test]
async fn a_device_gets_what_its_users_organisation_allows() {
    let idp = Idp::start().await;
    let world = idp.world(json!({ "everybody": "posts:read" })).await;
    let device_grant = "urn:ietf:params:oauth:grant-type:device_code";
    let client = world.register_with(json!({ "grant_types": [device_grant, "refresh_token"] })).await;
    let client = client["client_id"].as_str().unwrap();
    let allowed = async |scope: &str| {
        let form = [("client_id", client), ("scope", scope)];
        let answer = world.http.post(world.at("/device_authorization")).form(&form).send().await.unwrap();
        let begun: Value = answer.json().await.unwrap();
        let mut browser = Browser::new();
        let url = begun["verification_uri_complete"].as_str().unwrap().parse().unwrap();
        let page = browser.open(&url).await.unwrap();
        let page = browser.open(&page.link("Sign in with Corporate").unwrap()).await.unwrap();
        let form = page.form_with("user_code").unwrap();
        let page = browser.send(&page, &form).await;
        let Some(form) = page.forms().into_iter().find_map(|form| form.press(&["allow"])) else {
            return Err(page.text());
        };
        browser.send(&page, &form).await;
        let code = begun["device_code"].as_str().unwrap();
        let form = [("grant_type", device_grant), ("client_id", client), ("device_code", code)];
        Ok(world.token(&form).await.1)
    };
    let answer = allowed("posts:read posts:write").await.unwrap();
    assert_eq!(answer["scope"], "posts:read");
    // Its grant is asked about, as any.
    idp.does().refresh_answer = Some((400, json!({ "error": "invalid_grant" })));
    world.advance(61);
    let refresh = answer["refresh_token"].as_str().unwrap();
    assert_eq!(world.refresh(client, refresh).await.1["error"], "invalid_grant");
    idp.does().refresh_answer = None;
    let refused = allowed("posts:write").await.unwrap_err();
    assert!(refused.contains("Your organisation allows you nothing"), "{refused}");
}

#[tokio::test]
async fn settings_that_cannot_be_end_the_start() {
    use barewire_oauth_server::{AuthorizationServer, BuildError};
    let idp = Idp::start().await;
    let world = idp.world(json!({})).await;
    let build = async |config: AuthConfig| {
        let builder = AuthorizationServer::builder("http://localhost:1", world.store.clone());
        let builder = builder
            .resource("https://rs.example/mcp")
            .scope("posts:read", "Read")
            .scope("posts:write", "Write");
        builder.config(config).build().await.map(|_| ()).unwrap_err()
    };
    for (changes, expected) in [
        (json!({ "client_secret": null }), "one of client_secret"),
        (json!({ "issuer": "http://idp.example" }), "https"),
        (json!({ "everybody": "posts:all" }), "posts:all"),
    ] {
        let error = build(idp.config(changes)).await;
        let BuildError::Upstream { name, source } = &error else { panic!("{error}") };
        assert!(name == "corporate" && source.to_string().contains(expected), "{source}");
    }
    let nobody = AuthConfig { local_logins: false, ..crate::world::config() };
    assert!(matches!(build(nobody).await, BuildError::Setting(text) if text.contains("local_logins")));
}
