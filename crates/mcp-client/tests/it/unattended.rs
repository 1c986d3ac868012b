//! Tokens without a browser, against a scripted authorization server and identity provider.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::response::Response;
use barewire_exchange::{Phase, Step};
use barewire_mcp::types::json::RawJson;
use barewire_mcp_client::{
    AssertionSource, CallError, CallOptions, Client, ClientOptions, ConnectError, Enterprise, LoginError,
    LoginRequired, PreRegistered, Unattended, log_in_unattended,
};
use barewire_oauth::client_flow::{AuthMethod, FlowError, GrantKind};
use barewire_oauth::scope::ScopeSet;
use barewire_testkit::TestClock;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::stage::{Seen, Stage, challenge, json_reply, reply};
use crate::watcher::{Watcher, options};

/// What the world does.
#[derive(Default)]
struct Rules {
    methods: Mutex<Vec<&'static str>>,
    refuses: Mutex<Option<(u16, &'static str)>>,
    issued: AtomicUsize,
}

/// A modern MCP server at `/mcp`, its authorization server at the origin, an identity provider at `/idp`.
async fn world(rules: Arc<Rules>) -> Stage {
    Stage::new(move |seen| {
        let origin = format!("http://{}", seen.header("host").unwrap());
        match seen.path.as_str() {
            "/.well-known/oauth-protected-resource/mcp" => json_reply(
                200,
                &json!({"resource": format!("{origin}/mcp"), "authorization_servers": [origin],
                    "scopes_supported": ["basic"]}),
            ),
            "/.well-known/oauth-authorization-server" => {
                let mut metadata = json!({
                    "issuer": origin, "token_endpoint": format!("{origin}/token"),
                    "grant_types_supported":
                        ["client_credentials", "urn:ietf:params:oauth:grant-type:jwt-bearer"],
                });
                let methods = rules.methods.lock().unwrap();
                if !methods.is_empty() {
                    metadata["token_endpoint_auth_methods_supported"] = json!(*methods);
                }
                json_reply(200, &metadata)
            }
            "/.well-known/openid-configuration/idp" | "/.well-known/oauth-authorization-server/idp" => {
                let issuer = format!("{origin}/idp");
                json_reply(200, &json!({"issuer": issuer, "token_endpoint": format!("{issuer}/exchange")}))
            }
            "/idp/exchange" => json_reply(
                200,
                &json!({
                    "access_token": jwt("the id-jag"), "token_type": "N_A",
                    "issued_token_type": "urn:ietf:params:oauth:token-type:id-jag",
                }),
            ),
            "/token" => match *rules.refuses.lock().unwrap() {
                Some((status, error)) => json_reply(status, &json!({"error": error})),
                None => {
                    let number = rules.issued.fetch_add(1, Ordering::SeqCst) + 1;
                    let token = format!("access-token-number-{number}");
                    json_reply(
                        200,
                        &json!({"access_token": token, "token_type": "Bearer", "expires_in": 600}),
                    )
                }
            },
            "/mcp" => resource(&rules, &seen),
            _ => reply(404, "text/plain", ""),
        }
    })
    .await
}

fn resource(rules: &Rules, seen: &Seen) -> Response {
    let current = format!("Bearer access-token-number-{}", rules.issued.load(Ordering::SeqCst));
    if seen.header("authorization") != Some(&current) {
        return challenge(401, "Bearer");
    }
    match seen.method().as_str() {
        "server/discover" => seen.discovered(),
        _ => seen.result(json!({"resultType": "complete", "content": [{"type": "text", "text": "done"}]})),
    }
}

/// Something that has the shape of a token.
fn jwt(subject: &str) -> String {
    jwt_for(subject, "nobody")
}

fn jwt_for(subject: &str, audience: &str) -> String {
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = json!({"sub": subject, "aud": audience});
    format!("{}.{}.{}", part(json!({"alg": "ES256"})), part(claims), "c2lnbmF0dXJlIG9mIGl0")
}

fn machine(watcher: &Arc<Watcher>, client: PreRegistered) -> ClientOptions {
    let mut options = options(watcher);
    options.login.client = Some(client);
    options.unattended = Some(Unattended::ClientCredentials { assertion: None });
    options
}

fn with_secret() -> PreRegistered {
    PreRegistered { client_secret: Some("a-long-enough-secret".into()), ..PreRegistered::new("service") }
}

fn with_key() -> PreRegistered {
    PreRegistered {
        private_key: Some(include_str!("../keys/p256.pem").into()),
        key_id: Some("k1".into()),
        ..PreRegistered::new("service")
    }
}

async fn call(client: &Client) -> Result<(), CallError> {
    client.call_tool("t", RawJson::empty_object(), CallOptions::default()).await.map(|_| ())
}

fn tokens_asked_for(stage: &Stage) -> Vec<std::collections::HashMap<String, String>> {
    stage.seen().into_iter().filter(|seen| seen.path == "/token").map(|seen| seen.form()).collect()
}

#[tokio::test]
async fn the_metadata_decides_how_a_secret_is_shown() {
    for (methods, in_body) in [(vec![], false), (vec!["client_secret_post"], true)] {
        let rules = Arc::new(Rules::default());
        *rules.methods.lock().unwrap() = methods;
        let stage = world(Arc::clone(&rules)).await;
        let watcher = Watcher::new();
        let client = Client::connect(stage.url(), machine(&watcher, with_secret())).await.unwrap();
        call(&client).await.unwrap();
        let grant = client.grant().await.unwrap().unwrap();
        assert_eq!(grant.kind, GrantKind::ClientCredentials);
        assert_eq!(
            grant.client.auth_method,
            if in_body { AuthMethod::ClientSecretPost } else { AuthMethod::ClientSecretBasic }
        );
        let form = &tokens_asked_for(&stage)[0];
        assert_eq!(form["grant_type"], "client_credentials");
        assert_eq!(form["scope"], "basic");
        assert_eq!(form.contains_key("client_secret"), in_body);
        assert!(watcher.steps().contains(&Step::ClientCredentials));
    }
}

#[tokio::test]
async fn a_key_signs_anew_each_time() {
    let stage = world(Arc::default()).await;
    let watcher = Watcher::new();
    let clock = TestClock::default();
    let mut options = machine(&watcher, with_key());
    options.clock = clock.clock();
    let client = Client::connect(stage.url(), options.clone()).await.unwrap();
    clock.advance(Duration::from_secs(595));
    call(&client).await.unwrap();

    let forms = tokens_asked_for(&stage);
    assert_eq!(forms.len(), 2, "renewed before the end, without a 401");
    assert_ne!(forms[0]["client_assertion"], forms[1]["client_assertion"]);
    let renewal =
        watcher.exchanges().into_iter().rfind(|exchange| exchange.step == Step::ClientCredentials).unwrap();
    assert_eq!(renewal.phase, Phase::Refresh);
    // A command that knows nothing of the key goes on with what is kept.
    let mut later = ClientOptions::new("later", "1");
    later.credentials = options.credentials.clone();
    later.clock = clock.clock();
    clock.advance(Duration::from_secs(595));
    call(&Client::connect(stage.url(), later).await.unwrap()).await.unwrap();
    assert_eq!(tokens_asked_for(&stage).len(), 3);
}

#[tokio::test]
async fn the_extension_is_declared() {
    let stage = world(Arc::default()).await;
    let client = Client::connect(stage.url(), machine(&Watcher::new(), with_secret())).await.unwrap();
    call(&client).await.unwrap();
    for seen in stage.seen().iter().filter(|seen| seen.path == "/mcp") {
        let capabilities =
            &seen.json()["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"]["extensions"];
        assert_eq!(capabilities["io.modelcontextprotocol/oauth-client-credentials"], json!({}));
    }
}

#[tokio::test]
async fn a_workloads_token_is_read_each_time() {
    let folder = std::env::temp_dir().join(format!("barewire-workload-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("token");
    let stage = world(Arc::default()).await;
    let jwt = |subject| jwt_for(subject, &stage.origin);
    std::fs::write(&path, jwt("first")).unwrap();
    let (watcher, clock) = (Watcher::new(), TestClock::default());
    let mut options = options(&watcher);
    options.clock = clock.clock();
    options.unattended =
        Some(Unattended::WorkloadIdentity { assertion: AssertionSource::File(path.clone()), issuer: None });
    let client = Client::connect(stage.url(), options).await.unwrap();
    std::fs::write(&path, jwt("second")).unwrap();
    clock.advance(Duration::from_secs(595));
    call(&client).await.unwrap();
    let forms = tokens_asked_for(&stage);
    let assertions: Vec<_> = forms.iter().map(|form| form["assertion"].clone()).collect();
    assert_eq!(assertions, [jwt("first"), jwt("second")]);
    assert!(!forms[0].contains_key("client_id"));
    let refused =
        stage.seen().iter().filter(|seen| seen.path == "/mcp" && seen.method() == "tools/call").count();
    assert_eq!(refused, 1, "a token that has ended is not shown");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn a_refusal_is_told_and_nothing_else_is_tried() {
    for error in ["invalid_grant", "unauthorized_client"] {
        let rules = Arc::new(Rules::default());
        *rules.refuses.lock().unwrap() = Some((400, error));
        let stage = world(rules).await;
        let mut options = options(&Watcher::new());
        let assertion = AssertionSource::Text(jwt_for("workload", &stage.origin).into());
        options.unattended = Some(Unattended::WorkloadIdentity { assertion, issuer: None });
        let Err(ConnectError::Login(error)) = Client::connect(stage.url(), options).await.map(|_| ()) else {
            panic!("it connected");
        };
        let told = error.to_string();
        assert!(told.contains("does not accept the assertion"), "{told}");
        assert_eq!(tokens_asked_for(&stage).len(), 1);
    }
}

#[tokio::test]
async fn the_organisation_decides() {
    let stage = world(Arc::default()).await;
    let watcher = Watcher::new();
    let mut options = machine(&watcher, with_secret());
    options.unattended = Some(Unattended::Enterprise(Box::new(Enterprise {
        issuer: format!("{}/idp", stage.origin),
        token_endpoint: None,
        client: PreRegistered {
            client_secret: Some("another-long-secret".into()),
            ..PreRegistered::new("idp")
        },
        subject_token: AssertionSource::Text(jwt("the user").into()),
        subject_token_type: Default::default(),
    })));
    let client = Client::connect(stage.url(), options).await.unwrap();
    call(&client).await.unwrap();
    let exchange = stage.seen().into_iter().find(|seen| seen.path == "/idp/exchange").unwrap();
    assert_eq!(exchange.form()["audience"], stage.origin);
    assert_eq!(exchange.form()["resource"], stage.url());
    assert_eq!(tokens_asked_for(&stage)[0]["assertion"], jwt("the id-jag"));
    for step in [Step::ProviderMetadata, Step::ExchangeToken, Step::RedeemAssertion] {
        assert!(watcher.steps().contains(&step), "{step:?}");
    }

    // Nothing of it is in the record, in whatever form.
    let shown = serde_json::to_string(&watcher.exchanges()).unwrap();
    for secret in
        [jwt("the user"), jwt("the id-jag"), "a-long-enough-secret".into(), "another-long-secret".into()]
    {
        assert!(!shown.contains(&secret), "{secret}");
    }
    assert!(!shown.contains("c2lnbmF0dXJlIG9mIGl0"), "the signature alone");
}

#[tokio::test]
async fn statements_and_proofs_are_not_recorded() {
    let stage = world(Arc::default()).await;
    let watcher = Watcher::new();
    Client::connect(stage.url(), machine(&watcher, with_key())).await.unwrap();
    let statement = tokens_asked_for(&stage)[0]["client_assertion"].clone();
    let shown = serde_json::to_string(&watcher.exchanges()).unwrap();
    assert!(!shown.contains(&statement) && !shown.contains(statement.rsplit('.').next().unwrap()));
    assert!(!shown.contains("PRIVATE KEY"));
}

#[tokio::test]
async fn who_asks_to_be_somebody_does_not_get_by_with_somebody_elses_token() {
    let stage = world(Arc::default()).await;
    let first = machine(&Watcher::new(), with_secret());
    Client::connect(stage.url(), first.clone()).await.unwrap();
    let mut second = first;
    second.login.client = Some(PreRegistered { client_id: "another".into(), ..with_secret() });
    let client = Client::connect(stage.url(), second).await.unwrap();
    assert_eq!(client.grant().await.unwrap().unwrap().client.client_id, "another");
}

#[tokio::test]
async fn a_client_stays_with_the_issuer_it_was_used_with() {
    let stage = world(Arc::default()).await;
    let mut options = machine(&Watcher::new(), with_secret());
    let required = || LoginRequired::to(stage.url());
    let grant = log_in_unattended(options.clone(), required(), ScopeSet::new()).await.unwrap();
    assert_eq!(grant.issuer, stage.origin);
    // As if the server had named another one before.
    let mut elsewhere = grant;
    elsewhere.client.issuer = "https://before.example".to_owned();
    let key = barewire_mcp_client::GrantKey { owner: String::new(), server: stage.url() };
    options.credentials.save_grant(&key, &elsewhere).await.unwrap();
    let again = log_in_unattended(options.clone(), required(), ScopeSet::new()).await;
    let Err(LoginError::Flow(error)) = again else { panic!("{again:?}") };
    assert!(matches!(*error, FlowError::OtherIssuersClient { .. }), "{error}");
    assert_eq!(tokens_asked_for(&stage).len(), 1);
    // With its issuer named, there is no doubt.
    options.login.client.as_mut().unwrap().issuer = Some(stage.origin.clone());
    log_in_unattended(options, required(), ScopeSet::new()).await.unwrap();
}

#[tokio::test]
async fn a_key_that_is_none_stops_the_login() {
    let stage = world(Arc::default()).await;
    let client = PreRegistered { private_key: Some("no key".into()), ..PreRegistered::new("service") };
    let error = Client::connect(stage.url(), machine(&Watcher::new(), client)).await.map(|_| ()).unwrap_err();
    assert!(
        matches!(&error, ConnectError::Login(error) if matches!(**error, LoginError::Key(_))),
        "{error:?}"
    );
    assert!(error.what_next().unwrap().contains("PEM"));
}
