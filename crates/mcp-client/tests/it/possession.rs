//! Tokens that are bound to a key (DPoP): a proof with each request, and nonces of both servers.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use axum::response::Response;
use barewire_exchange::Step;
use barewire_mcp::types::json::RawJson;
use barewire_mcp_client::{CallOptions, Client, ClientOptions, ConnectError};
use barewire_oauth::client_flow::DpopUse;
use barewire_oauth::jwk::PublicJwk;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use serde_json::{Value, json};

use crate::login::Headless;
use crate::stage::{Seen, Stage, json_reply, reply, with_header};
use crate::watcher::{Watcher, options};

/// What the world does.
#[derive(Default)]
struct Rules {
    /// Whether both servers want a nonce, and which.
    nonces: AtomicBool,
    /// Whether the nonce is another one in each answer.
    restless: AtomicBool,
    count: AtomicUsize,
    /// Whether tokens are for everybody.
    bearer: AtomicBool,
    key: Mutex<Option<Value>>,
    expired: AtomicBool,
    ids: Mutex<Vec<String>>,
}

impl Rules {
    fn nonce(&self, of: &str) -> Option<String> {
        let count =
            if self.restless.load(Ordering::SeqCst) { self.count.fetch_add(1, Ordering::SeqCst) } else { 0 };
        self.nonces.load(Ordering::SeqCst).then(|| format!("{of}-nonce-{count}"))
    }

    /// Checks a proof; the nonce that it lacks is the error.
    fn check(&self, seen: &Seen, url: &str, token: Option<&str>, nonce: Option<&str>) -> Result<(), String> {
        let (header, claims) =
            verified(seen.headers.get("dpop").map(|value| value.to_str().unwrap()).unwrap());
        let mut known = self.key.lock().unwrap();
        assert_eq!(*known.get_or_insert_with(|| header["jwk"].clone()), header["jwk"], "one key");
        assert_eq!(claims["htm"], seen.verb.as_str());
        assert_eq!(claims["htu"], url);
        assert_eq!(claims.get("ath").is_some(), token.is_some());
        let id = claims["jti"].as_str().unwrap().to_owned();
        let mut ids = self.ids.lock().unwrap();
        assert!(!ids.contains(&id), "a fresh proof each time");
        ids.push(id);
        match nonce {
            Some(nonce) if claims["nonce"] != nonce => Err(nonce.to_owned()),
            _ => Ok(()),
        }
    }
}

/// Header and claims of a proof whose signature holds.
fn verified(proof: &str) -> (Value, Value) {
    let (message, signature) = proof.rsplit_once('.').unwrap();
    let (header, claims) = message.split_once('.').unwrap();
    let json = |part: &str| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    let (header, claims) = (json(header), json(claims));
    assert_eq!((&header["typ"], &header["alg"]), (&json!("dpop+jwt"), &json!("ES256")));
    let PublicJwk::Ec { x, y, .. } = serde_json::from_value(header["jwk"].clone()).unwrap() else { panic!() };
    let point = [vec![4], URL_SAFE_NO_PAD.decode(x).unwrap(), URL_SAFE_NO_PAD.decode(y).unwrap()].concat();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message.as_bytes(), &signature).unwrap();
    (header, claims)
}

async fn world(rules: Arc<Rules>) -> Stage {
    Stage::new(move |seen| {
        let origin = format!("http://{}", seen.header("host").unwrap());
        match seen.path.as_str() {
            "/.well-known/oauth-protected-resource/mcp" => json_reply(
                200,
                &json!({"resource": format!("{origin}/mcp"), "authorization_servers": [origin],
                    "dpop_signing_alg_values_supported": ["ES256"]}),
            ),
            "/.well-known/oauth-authorization-server" => json_reply(
                200,
                &json!({
                    "issuer": origin,
                    "authorization_endpoint": format!("{origin}/authorize"),
                    "token_endpoint": format!("{origin}/token"),
                    "registration_endpoint": format!("{origin}/register"),
                    "code_challenge_methods_supported": ["S256"],
                    "token_endpoint_auth_methods_supported": ["none"],
                    "dpop_signing_alg_values_supported": ["ES256"],
                }),
            ),
            "/register" => json_reply(201, &json!({"client_id": "c"})),
            "/authorize" => {
                let query = url::form_urlencoded::parse(seen.query.as_bytes());
                let state = query.into_owned().find(|(name, _)| name == "state").unwrap().1;
                let back = format!("http://localhost/callback?code=c&state={state}");
                with_header(reply(302, "text/plain", ""), "location", &back)
            }
            "/token" => token(&rules, &seen, &format!("{origin}/token")),
            "/mcp" => resource(&rules, &seen, &format!("{origin}/mcp")),
            _ => reply(404, "text/plain", ""),
        }
    })
    .await
}

fn token(rules: &Rules, seen: &Seen, url: &str) -> Response {
    if rules.bearer.load(Ordering::SeqCst) {
        return json_reply(200, &json!({"access_token": "for-everybody-1234", "token_type": "Bearer"}));
    }
    let nonce = rules.nonce("server");
    if let Err(nonce) = rules.check(seen, url, None, nonce.as_deref()) {
        return with_header(json_reply(400, &json!({"error": "use_dpop_nonce"})), "dpop-nonce", &nonce);
    }
    rules.expired.store(false, Ordering::SeqCst);
    json_reply(
        200,
        &json!({"access_token": "bound-to-a-key-1234", "token_type": "DPoP", "refresh_token": "refresh-token-1234"}),
    )
}

fn resource(rules: &Rules, seen: &Seen, url: &str) -> Response {
    match seen.header("authorization") {
        None => {
            return with_header(
                reply(401, "text/plain", ""),
                "www-authenticate",
                "Bearer, DPoP algs=\"ES256\"",
            );
        }
        Some("Bearer for-everybody-1234") => assert!(seen.header("dpop").is_none()),
        Some("DPoP bound-to-a-key-1234") => {
            let nonce = rules.nonce("resource");
            let checked = rules.check(seen, url, Some("bound-to-a-key-1234"), nonce.as_deref());
            if let Err(nonce) = checked {
                let challenge = "DPoP error=\"use_dpop_nonce\"";
                let refused = with_header(reply(401, "text/plain", ""), "www-authenticate", challenge);
                return with_header(refused, "dpop-nonce", &nonce);
            }
            if rules.expired.load(Ordering::SeqCst) {
                let challenge = "DPoP error=\"invalid_token\"";
                return with_header(reply(401, "text/plain", ""), "www-authenticate", challenge);
            }
        }
        Some(other) => panic!("{other}"),
    }
    match seen.method().as_str() {
        "server/discover" => seen.discovered(),
        _ => seen.result(json!({"resultType": "complete", "content": [{"type": "text", "text": "done"}]})),
    }
}

fn with_browser(watcher: &Arc<Watcher>) -> ClientOptions {
    let mut options = options(watcher);
    options.authorizer = Some(Headless::new());
    options
}

async fn call(client: &Client) {
    client.call_tool("t", RawJson::empty_object(), CallOptions::default()).await.unwrap();
}

#[tokio::test]
async fn a_proof_goes_with_each_request_and_with_each_renewal() {
    let rules = Arc::new(Rules::default());
    let stage = world(Arc::clone(&rules)).await;
    let watcher = Watcher::new();
    let client = Client::connect(stage.url(), with_browser(&watcher)).await.unwrap();
    call(&client).await;
    rules.expired.store(true, Ordering::SeqCst);
    call(&client).await;
    assert!(watcher.steps().contains(&Step::RefreshToken), "bound tokens are renewed like others");
    assert_eq!(rules.ids.lock().unwrap().len(), 6, "token, discover, call; call, renewal, call");
    let grant = client.grant().await.unwrap().unwrap();
    assert_eq!(json!(grant.proof_key.unwrap().public), rules.key.lock().unwrap().clone().unwrap());

    let shown = serde_json::to_string(&watcher.exchanges()).unwrap();
    for seen in stage.seen() {
        for name in ["dpop", "authorization"] {
            let value = seen.header(name).map(|value| value.trim_start_matches("DPoP "));
            assert!(value.is_none_or(|secret| !shown.contains(secret)), "{name} is in the record");
        }
    }
    assert!(shown.contains("dpop+jwt"), "but the reader sees what a proof says");
}

#[tokio::test]
async fn nonces_are_taken_up_and_kept() {
    let rules = Arc::new(Rules::default());
    rules.nonces.store(true, Ordering::SeqCst);
    let stage = world(Arc::clone(&rules)).await;
    let watcher = Watcher::new();
    let client = Client::connect(stage.url(), with_browser(&watcher)).await.unwrap();
    call(&client).await;
    let asked = |path: &str| stage.seen().iter().filter(|seen| seen.path == path).count();
    assert_eq!(asked("/token"), 2, "refused once, and again with the nonce");
    assert_eq!(asked("/mcp"), 4, "without a token, without a nonce, with it; and the call at once");
    let told: Vec<_> =
        watcher.exchanges().into_iter().filter(|exchange| exchange.step == Step::RedeemCode).collect();
    assert_eq!(told[1].repeats.as_ref(), Some(&told[0].id));
    assert!(
        told[0].narration.conclusions.iter().any(|it| it.text.contains("nonce")),
        "{:?}",
        told[0].narration
    );
}

#[tokio::test]
async fn a_server_that_wants_another_nonce_each_time_does_not_keep_us_busy() {
    let rules = Arc::new(Rules::default());
    let stage = world(Arc::clone(&rules)).await;
    let watcher = Watcher::new();
    let client = Client::connect(stage.url(), with_browser(&watcher)).await.unwrap();
    let before = stage.seen().len();
    rules.nonces.store(true, Ordering::SeqCst);
    rules.restless.store(true, Ordering::SeqCst);
    client.call_tool("t", RawJson::empty_object(), CallOptions::default()).await.unwrap_err();
    let after = stage.seen().len() - before;
    assert!((6..=40).contains(&after), "{after} requests");
}

#[tokio::test]
async fn the_key_survives_a_restart() {
    let rules = Arc::new(Rules::default());
    let stage = world(Arc::clone(&rules)).await;
    let options = with_browser(&Watcher::new());
    Client::connect(stage.url(), options.clone()).await.unwrap();
    let mut later = ClientOptions::new("later", "1");
    later.credentials = options.credentials;
    call(&Client::connect(stage.url(), later).await.unwrap()).await;
}

#[tokio::test]
async fn tokens_for_everybody_are_taken_unless_they_must_not_be() {
    for (dpop, good) in [(DpopUse::WhenOffered, true), (DpopUse::Never, true), (DpopUse::Always, false)] {
        let rules = Arc::new(Rules::default());
        rules.bearer.store(true, Ordering::SeqCst);
        let stage = world(rules).await;
        let mut options = with_browser(&Watcher::new());
        options.login.dpop = dpop;
        let connected = Client::connect(stage.url(), options).await.map(|_| ());
        assert_eq!(connected.is_ok(), good, "{dpop:?}: {connected:?}");
        let proven = |headers: &HeaderMap| headers.contains_key("dpop");
        let token = stage.seen().into_iter().find(|seen| seen.path == "/token").unwrap();
        assert_eq!(proven(&token.headers), dpop != DpopUse::Never);
        if let Err(error) = connected {
            assert!(
                matches!(&error, ConnectError::Login(it) if it.to_string().contains("not bound")),
                "{error:?}"
            );
        }
    }
}

#[tokio::test]
async fn who_wants_bound_tokens_only_does_not_use_an_old_one() {
    let rules = Arc::new(Rules::default());
    rules.bearer.store(true, Ordering::SeqCst);
    let stage = world(Arc::clone(&rules)).await;
    let mut options = with_browser(&Watcher::new());
    Client::connect(stage.url(), options.clone()).await.unwrap();
    rules.bearer.store(false, Ordering::SeqCst);
    options.login.dpop = DpopUse::Always;
    let client = Client::connect(stage.url(), options).await.unwrap();
    assert!(client.grant().await.unwrap().unwrap().tokens.is_bound());
}
