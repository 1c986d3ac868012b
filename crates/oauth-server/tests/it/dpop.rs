//! Tokens that are bound to a key ([RFC 9449](https://www.rfc-editor.org/rfc/rfc9449)), at the token endpoint.

use std::sync::Arc;
use std::time::Duration;

use barewire_oauth::client::Demands;
use barewire_oauth::resource::Resource;
use barewire_oauth_server::{AuthConfig, AuthorizationServer, Dpop};
use barewire_store::Store;
use barewire_testkit::{Browser, Holder, TempDir};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::world::{
    BACKEND_SECRET, CALLBACK, Tokens, WEB_CALLBACK, World, config, documented, query, redemption,
};

impl World {
    fn token_url(&self) -> String {
        self.at("/token").into()
    }

    fn proof(&self, holder: &Holder) -> String {
        holder.proof("POST", &self.token_url(), None, self.clock.now())
    }

    /// The thumbprint that an access token is bound to.
    fn bound_to(&self, token: &str) -> Option<String> {
        let resource = Resource::parse("https://rs.example/mcp").unwrap();
        let claims = self.server.access_tokens().verify(token, &[resource], self.clock.now()).unwrap();
        claims.cnf.map(|cnf| cnf.jkt)
    }

    /// A registered client whose tokens are bound to the holder's key.
    async fn bound(&self, holder: &Holder) -> (String, Tokens) {
        let client = self.register().await;
        let code = self.code(&client).await;
        let (status, answer, _) =
            self.token_with(&self.proof(holder), &redemption(&client, &code, CALLBACK)).await;
        assert_eq!((status, &answer["token_type"]), (StatusCode::OK, &json!("DPoP")), "{answer}");
        (client, Tokens::read(&answer))
    }

    async fn refresh_with(&self, proof: &str, client: &str, token: &str) -> (StatusCode, Value) {
        let form = [("grant_type", "refresh_token"), ("client_id", client), ("refresh_token", token)];
        let (status, answer, _) = self.token_with(proof, &form).await;
        (status, answer)
    }
}

fn refused((status, answer): (StatusCode, Value), error: &str) {
    assert_eq!((status, answer["error"].as_str()), (StatusCode::BAD_REQUEST, Some(error)), "{answer}");
}

#[tokio::test]
async fn tokens_are_bound_to_the_key_that_was_proven() {
    let (world, holder) = (World::new().await, Holder::new());
    let (client, tokens) = world.bound(&holder).await;
    assert_eq!(world.bound_to(&tokens.access), Some(holder.thumbprint()));
    let (status, answer) = world.refresh_with(&world.proof(&holder), &client, &tokens.refresh).await;
    assert_eq!((status, &answer["token_type"]), (StatusCode::OK, &json!("DPoP")));
    assert_eq!(world.bound_to(&Tokens::read(&answer).access), Some(holder.thumbprint()));
    // Who proves nothing gets what he got before.
    let (_, plain) = world.logged_in().await;
    assert_eq!(world.bound_to(&plain.access), None);
}

/// A resource that asks about tokens learns whose key it has to see.
#[tokio::test]
async fn whoever_asks_about_a_token_is_told_of_its_key() {
    let (world, holder) = (World::new().await, Holder::new());
    let url = world.authorize_url("backend", WEB_CALLBACK, &[]);
    let callback = Browser::new().login_and_consent(&url, "johndoe", "secret").await.unwrap();
    let code = query(&callback)["code"].clone();
    let secret = [("client_secret", BACKEND_SECRET)];
    let form = [&redemption("backend", &code, WEB_CALLBACK)[..], &secret[..]].concat();
    let (_, answer, _) = world.token_with(&world.proof(&holder), &form).await;
    let token = answer["access_token"].as_str().unwrap();
    let question = [("client_id", "backend"), ("client_secret", BACKEND_SECRET), ("token", token)];
    let (_, answer) = world.introspect(&question).await;
    assert_eq!(answer["cnf"], json!({ "jkt": holder.thumbprint() }), "{answer}");
    assert_eq!(answer["token_type"], "DPoP");
}

#[tokio::test]
async fn a_stolen_refresh_token_is_of_no_use_without_the_key() {
    let (world, holder, thief) = (World::new().await, Holder::new(), Holder::new());
    let (client, tokens) = world.bound(&holder).await;
    refused(world.refresh(&client, &tokens.refresh).await, "invalid_dpop_proof");
    refused(world.refresh_with(&world.proof(&thief), &client, &tokens.refresh).await, "invalid_grant");
    // It was not used up, and nobody is logged out.
    let (status, answer) = world.refresh_with(&world.proof(&holder), &client, &tokens.refresh).await;
    assert_eq!(status, StatusCode::OK);
    let next = Tokens::read(&answer);
    // Nor does an old one help the thief to end the grant, nor to learn the successor within the grace.
    refused(world.refresh_with(&world.proof(&thief), &client, &tokens.refresh).await, "invalid_grant");
    world.advance(3_600);
    refused(world.refresh_with(&world.proof(&thief), &client, &tokens.refresh).await, "invalid_grant");
    let (status, _) = world.refresh_with(&world.proof(&holder), &client, &next.refresh).await;
    assert_eq!(status, StatusCode::OK);
}

#[tokio::test]
async fn the_binding_survives_a_restart() {
    let (world, holder, thief) = (World::new().await, Holder::new(), Holder::new());
    let (client, tokens) = world.bound(&holder).await;
    let world = world.restarted(config()).await;
    refused(world.refresh_with(&world.proof(&thief), &client, &tokens.refresh).await, "invalid_grant");
    let (status, _) = world.refresh_with(&world.proof(&holder), &client, &tokens.refresh).await;
    assert_eq!(status, StatusCode::OK);
}

#[tokio::test]
async fn a_refresh_token_is_bound_from_the_first_proof_on() {
    let (world, holder) = (World::new().await, Holder::new());
    let (client, tokens) = world.logged_in().await;
    let (status, answer) = world.refresh_with(&world.proof(&holder), &client, &tokens.refresh).await;
    assert_eq!(status, StatusCode::OK);
    refused(world.refresh(&client, &Tokens::read(&answer).refresh).await, "invalid_dpop_proof");
}

#[tokio::test]
async fn a_client_with_a_secret_may_change_its_key() {
    let (world, one, other) = (World::new().await, Holder::new(), Holder::new());
    let url = world.authorize_url("backend", WEB_CALLBACK, &[("scope", "posts:read offline_access")]);
    let callback = Browser::new().login_and_consent(&url, "johndoe", "secret").await.unwrap();
    let code = query(&callback)["code"].clone();
    let secret = [("client_secret", BACKEND_SECRET)];
    let form = [&redemption("backend", &code, WEB_CALLBACK)[..], &secret[..]].concat();
    let (status, answer, _) = world.token_with(&world.proof(&one), &form).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let tokens = Tokens::read(&answer);
    assert_eq!(world.bound_to(&tokens.access), Some(one.thumbprint()));
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", "backend"),
        ("client_secret", BACKEND_SECRET),
        ("refresh_token", &tokens.refresh),
    ];
    let (status, answer, _) = world.token_with(&world.proof(&other), &form).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(world.bound_to(&Tokens::read(&answer).access), Some(other.thumbprint()));
}

#[tokio::test]
async fn a_code_that_is_bound_to_a_key_is_for_its_holder() {
    let (world, holder, thief) = (World::new().await, Holder::new(), Holder::new());
    let client = world.register().await;
    let code = world.code_with(&client, &[("dpop_jkt", &holder.thumbprint())]).await;
    let form = redemption(&client, &code, CALLBACK);
    refused(world.token(&form).await, "invalid_dpop_proof");
    let (status, answer, _) = world.token_with(&world.proof(&thief), &form).await;
    refused((status, answer), "invalid_grant");
    let (status, answer, _) = world.token_with(&world.proof(&holder), &form).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    // A thumbprint that is none is told to the client.
    let url = world.authorize_url(&client, CALLBACK, &[("dpop_jkt", "short")]);
    let answer = world.http.get(url).send().await.unwrap();
    assert!(answer.headers()["location"].to_str().unwrap().contains("error=invalid_request"));
}

#[tokio::test]
async fn a_proof_counts_once_for_this_endpoint_and_now() {
    let (world, holder) = (World::new().await, Holder::new());
    let client = world.register().await;
    let code = world.code(&client).await;
    let form = redemption(&client, &code, CALLBACK);
    let (url, now) = (world.token_url(), world.clock.now());
    world.advance(3_600 * 24);
    let code = world.code(&client).await;
    let form = {
        let _old = form;
        redemption(&client, &code, CALLBACK)
    };
    for proof in [
        holder.proof("GET", &url, None, world.clock.now()),
        holder.proof("POST", world.at("/par").as_str(), None, world.clock.now()),
        holder.proof("POST", "https://as.example/token", None, world.clock.now()),
        holder
            .proof_with("POST", &url, None, world.clock.now(), |header, _| header["jwk"]["d"] = "AA".into()),
        holder.proof_with("POST", &url, None, world.clock.now(), |header, _| header["alg"] = "HS256".into()),
        "x".to_owned(),
    ] {
        let (status, answer, _) = world.token_with(&proof, &form).await;
        refused((status, answer), "invalid_dpop_proof");
    }
    // A clock that is a day behind: the nonce helps.
    let (status, answer, nonce) = world.token_with(&holder.proof("POST", &url, None, now), &form).await;
    refused((status, answer), "use_dpop_nonce");
    let proof = holder.proof_for(&nonce.unwrap(), "POST", &url, None, now);
    let (status, answer, _) = world.token_with(&proof, &form).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    // The same proof again, with a refresh token that is good.
    let tokens = Tokens::read(&answer);
    refused(world.refresh_with(&proof, &client, &tokens.refresh).await, "invalid_dpop_proof");
    let (status, _) = world.refresh_with(&world.proof(&holder), &client, &tokens.refresh).await;
    assert_eq!(status, StatusCode::OK);
}

#[tokio::test]
async fn where_every_proof_needs_a_nonce() {
    let config = AuthConfig { dpop_nonces: true, dpop_window: Duration::from_secs(30), ..config() };
    let (world, holder) = (World::with(config).await, Holder::new());
    let client = world.register().await;
    let code = world.code(&client).await;
    let form = redemption(&client, &code, CALLBACK);
    let (status, answer, nonce) = world.token_with(&world.proof(&holder), &form).await;
    refused((status, answer), "use_dpop_nonce");
    let url = world.token_url();
    for nonce in ["AAAA", &holder.thumbprint()] {
        let proof = holder.proof_for(nonce, "POST", &url, None, world.clock.now());
        let (status, answer, _) = world.token_with(&proof, &form).await;
        refused((status, answer), "use_dpop_nonce");
    }
    let proof = holder.proof_for(&nonce.unwrap(), "POST", &url, None, world.clock.now());
    let (status, answer, next) = world.token_with(&proof, &form).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    // A minute later the first is over, and the one that came with the tokens, too.
    world.advance(61);
    let proof = holder.proof_for(&next.unwrap(), "POST", &url, None, world.clock.now());
    refused(world.refresh_with(&proof, &client, &Tokens::read(&answer).refresh).await, "use_dpop_nonce");
}

#[tokio::test]
async fn who_demands_bound_tokens_gets_no_others() {
    let (world, holder) = (World::new().await, Holder::new());
    let registered = world.register_with(json!({ "dpop_bound_access_tokens": true })).await;
    assert_eq!(registered["dpop_bound_access_tokens"], true);
    let client = registered["client_id"].as_str().unwrap();
    let code = world.code(client).await;
    let form = redemption(client, &code, CALLBACK);
    refused(world.token(&form).await, "invalid_dpop_proof");
    let (status, answer, _) = world.token_with(&world.proof(&holder), &form).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    // The same without the demand is another client.
    assert_ne!(world.register().await, client);
}

#[tokio::test]
async fn what_the_operator_decides() {
    for (dpop, listed, without, with) in [
        (Dpop::Off, false, StatusCode::OK, "Bearer"),
        (Dpop::Offered, true, StatusCode::OK, "DPoP"),
        (Dpop::Required, true, StatusCode::BAD_REQUEST, "DPoP"),
    ] {
        let (world, holder) = (World::with(AuthConfig { dpop, ..config() }).await, Holder::new());
        let metadata: Value = world
            .http
            .get(world.at("/.well-known/oauth-authorization-server"))
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        assert_eq!(metadata["dpop_signing_alg_values_supported"].is_array(), listed, "{dpop:?}");
        let client = world.register().await;
        let code = world.code_with(&client, &[("dpop_jkt", &holder.thumbprint())]).await;
        let form = redemption(&client, &code, CALLBACK);
        let (status, answer, _) = world.token_with(&world.proof(&holder), &form).await;
        assert_eq!((status, &answer["token_type"]), (StatusCode::OK, &json!(with)), "{dpop:?}: {answer}");
        let code = world.code(&client).await;
        assert_eq!(world.redeem(&client, &code).await.0, without, "{dpop:?}");
    }
}

/// It would get nothing: better it learns that before anybody logs in.
#[tokio::test]
async fn who_demands_bound_tokens_is_refused_where_there_are_none() {
    let off = AuthConfig { dpop: Dpop::Off, client_documents_from_loopback: true, ..config() };
    let world = World::with(off).await;
    let demand = json!({ "dpop_bound_access_tokens": true });
    let mut body = json!({ "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none" });
    body.as_object_mut().unwrap().extend(demand.as_object().unwrap().clone());
    let answer = world.http.post(world.at("/register")).json(&body).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["error"], "invalid_client_metadata");
    assert!(answer["error_description"].as_str().unwrap().contains("dpop_bound_access_tokens"), "{answer}");
    // One with a document is told on a page.
    let url = world.authorize_url(&documented(demand).await, CALLBACK, &[]);
    let page = world.http.get(url).send().await.unwrap();
    assert_eq!(page.status(), StatusCode::BAD_REQUEST);
    assert!(page.text().await.unwrap().contains("dpop_bound_access_tokens"));
    // The operator's own mistake is found at start.
    let mut config = AuthConfig { dpop: Dpop::Off, ..config() };
    config.clients[0].demands = Demands { dpop_bound_access_tokens: true, ..Demands::default() };
    let store = Arc::new(Store::open(TempDir::new().join("auth.sqlite")).await.unwrap());
    let built = AuthorizationServer::builder("http://127.0.0.1:1", store).config(config).build().await;
    assert!(built.err().unwrap().to_string().contains("auth.dpop"));
}

#[tokio::test]
async fn configured_clients_can_demand_it_too() {
    let mut config = config();
    config.clients[0].demands = Demands { dpop_bound_access_tokens: true, ..Demands::default() };
    let world = World::with(config).await;
    let url = world.authorize_url("web", WEB_CALLBACK, &[]);
    let callback = Browser::new().login_and_consent(&url, "johndoe", "secret").await.unwrap();
    let code = query(&callback)["code"].clone();
    refused(world.redeem_at("web", &code, WEB_CALLBACK).await, "invalid_dpop_proof");
}

#[tokio::test]
async fn a_page_may_send_proofs_and_read_nonces() {
    let world = World::new().await;
    let preflight = world
        .http
        .request(reqwest::Method::OPTIONS, world.at("/token"))
        .header("origin", "https://page.example")
        .send()
        .await
        .unwrap();
    assert!(preflight.headers()["access-control-allow-headers"].to_str().unwrap().contains("DPoP"));
    let answer =
        world.http.post(world.at("/token")).header("origin", "https://page.example").send().await.unwrap();
    assert!(answer.headers()["access-control-expose-headers"].to_str().unwrap().contains("DPoP-Nonce"));
}
