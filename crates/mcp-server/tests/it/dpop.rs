//! Tokens that are bound to a key: who may use one, and what thieves get.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Router;
use barewire_mcp_server::{Limits, McpServer, McpServerBuilder};
use barewire_testkit::{Holder, TestClock};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::mounting::serve;
use crate::support::{Client, Reply, Server, resource_server, toolbox};

/// As clients know it; where it listens is nobody's business.
const MCP: &str = "https://api.example.com/mcp";
const ALGS: &str = r#"algs="ES256 ES384 EdDSA Ed25519 PS256 RS256""#;
const METADATA: &str =
    r#"resource_metadata="https://api.example.com/.well-known/oauth-protected-resource/mcp""#;

struct World {
    server: Server,
    clock: TestClock,
}

impl World {
    async fn with(limits: Limits, change: impl FnOnce(McpServerBuilder) -> McpServerBuilder) -> Self {
        let clock = TestClock::default();
        let builder = toolbox(&Arc::default()).auth(resource_server()).limits(limits).clock(clock.clock());
        Self { server: Server::start(change(builder).build().unwrap()).await, clock }
    }

    async fn start() -> Self {
        Self::with(Limits::default(), |builder| builder).await
    }

    fn now(&self) -> SystemTime {
        self.clock.now()
    }

    /// A call with this token and this proof.
    async fn call(&self, token: &str, proof: &str) -> Reply {
        self.client(token, proof).call("whoami", json!({})).await
    }

    fn client(&self, token: &str, proof: &str) -> Client {
        presenting(self.server.modern(), token, proof)
    }

    /// With a good proof.
    async fn call_as(&self, holder: &Holder, token: &str) -> Reply {
        self.call(token, &holder.proof("POST", MCP, Some(token), self.now())).await
    }
}

fn presenting(client: Client, token: &str, proof: &str) -> Client {
    client.with_header("authorization", &format!("DPoP {token}")).with_header("dpop", proof)
}

fn token_of(holder: &Holder) -> String {
    format!("ann.read.{}", holder.thumbprint())
}

/// Status, scheme and error.
fn refusal(reply: &Reply) -> (u16, String, Option<String>) {
    let challenge = barewire_oauth::challenge::Challenge::select([reply.header("www-authenticate")]);
    let challenge = challenge.unwrap_or_else(|| panic!("no challenge: {reply:?}"));
    let error = challenge.error().map(|error| error.as_str().to_owned());
    (reply.status.as_u16(), challenge.scheme, error)
}

fn refused(reply: &Reply, scheme: &str, error: &str) {
    assert_eq!(refusal(reply), (401, scheme.to_owned(), Some(error.to_owned())), "{}", reply.body);
}

#[tokio::test]
async fn a_bound_token_is_good_with_a_proof_each_time() {
    let (world, holder) = (World::start().await, Holder::new());
    let token = token_of(&holder);
    for _ in 0..3 {
        assert_eq!(world.call_as(&holder, &token).await.text(), "ann");
    }
    // It was good a moment ago, and remembered; without a proof it is not.
    let reply = world.server.modern().with_header("authorization", &format!("DPoP {token}"));
    let reply = reply.call("whoami", json!({})).await;
    refused(&reply, "dpop", "invalid_dpop_proof");
    assert_eq!(
        reply.header("www-authenticate"),
        format!(
            r#"DPoP {ALGS}, error="invalid_dpop_proof", error_description="this needs a DPoP proof", scope="read", {METADATA}"#
        )
    );
    // One that is bound to nothing is as it was.
    assert_eq!(world.server.modern().with_token("ann.read").call("whoami", json!({})).await.text(), "ann");
}

#[tokio::test]
async fn a_stolen_token_is_of_no_use() {
    let (world, holder, thief) = (World::start().await, Holder::new(), Holder::new());
    let token = token_of(&holder);
    assert_eq!(world.call_as(&holder, &token).await.text(), "ann");
    // As if it were bound to nothing.
    refused(
        &world.server.modern().with_token(&token).call("whoami", json!({})).await,
        "dpop",
        "invalid_token",
    );
    // With the thief's own key.
    refused(&world.call_as(&thief, &token).await, "dpop", "invalid_token");
    // With a proof that the thief signs in the holder's name.
    let forged = thief.proof_with("POST", MCP, Some(&token), world.now(), |header, _| {
        header["jwk"] = holder.jwk();
    });
    refused(&world.call(&token, &forged).await, "dpop", "invalid_dpop_proof");
}

#[tokio::test]
async fn a_token_that_is_bound_to_nothing_is_none_for_dpop() {
    let (world, holder) = (World::start().await, Holder::new());
    refused(&world.call_as(&holder, "ann.read").await, "bearer", "invalid_token");
}

#[tokio::test]
async fn a_proof_counts_once() {
    let (world, holder) = (World::start().await, Holder::new());
    let token = token_of(&holder);
    let proof = holder.proof("POST", MCP, Some(&token), world.now());
    assert_eq!(world.call(&token, &proof).await.text(), "ann");
    refused(&world.call(&token, &proof).await, "dpop", "invalid_dpop_proof");
    // Of many at once, one.
    let proof = holder.proof("POST", MCP, Some(&token), world.now());
    let calls = (0..20).map(|_| world.call(&token, &proof));
    let replies = futures_util::future::join_all(calls).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == StatusCode::OK).count(), 1);
}

#[tokio::test]
async fn a_proof_is_for_one_request_and_one_token() {
    let (world, holder) = (World::start().await, Holder::new());
    let (token, now) = (token_of(&holder), world.now());
    let (mine, other) = (Some(token.as_str()), format!("ann.write.{}", holder.thumbprint()));
    for (what, proof) in [
        ("another method", holder.proof("GET", MCP, mine, now)),
        ("another URL", holder.proof("POST", "https://api.example.com/other", mine, now)),
        ("another scheme", holder.proof("POST", "http://api.example.com/mcp", mine, now)),
        ("where it listens", holder.proof("POST", &world.server.url, mine, now)),
        ("another token", holder.proof("POST", MCP, Some(&other), now)),
        ("the token endpoint", holder.proof("POST", MCP, None, now)),
        ("two at once", format!("{0}, {0}", holder.proof("POST", MCP, mine, now))),
        ("nothing", String::from("x")),
    ] {
        let reply = world.call(&token, &proof).await;
        assert_eq!(refusal(&reply).2.as_deref(), Some("invalid_dpop_proof"), "{what}");
    }
    // Query, slash and case make no difference.
    for url in ["HTTPS://API.example.com:443/mcp?session=1", "https://api.example.com/mcp/"] {
        assert_eq!(world.call(&token, &holder.proof("POST", url, mine, now)).await.text(), "ann", "{url}");
    }
}

#[tokio::test]
async fn a_proof_with_a_private_or_symmetric_key_is_none() {
    let (world, holder) = (World::start().await, Holder::new());
    let token = token_of(&holder);
    let with = |change: fn(&mut Value)| {
        holder.proof_with("POST", MCP, Some(&token), world.now(), |header, _| change(header))
    };
    for proof in [
        with(|header| header["jwk"]["d"] = "AA".into()),
        with(|header| header["jwk"] = json!({ "kty": "oct", "k": "AA" })),
        with(|header| header["alg"] = "HS256".into()),
        with(|header| header["alg"] = "none".into()),
        with(|header| header["typ"] = "JWT".into()),
    ] {
        refused(&world.call(&token, &proof).await, "dpop", "invalid_dpop_proof");
    }
}

#[tokio::test]
async fn a_proof_of_another_time_needs_the_nonce() {
    let (world, holder) = (World::start().await, Holder::new());
    let token = token_of(&holder);
    world.clock.advance(Duration::from_secs(3_600));
    let late = world.now() - Duration::from_secs(301);
    let proof = |nonce: Option<&str>| match nonce {
        None => holder.proof("POST", MCP, Some(&token), late),
        Some(nonce) => holder.proof_for(nonce, "POST", MCP, Some(&token), late),
    };
    let reply = world.call(&token, &proof(None)).await;
    refused(&reply, "dpop", "use_dpop_nonce");
    let nonce = reply.header("dpop-nonce").to_owned();
    // The client's clock is wrong, and that is all: the nonce says when it was made.
    assert_eq!(world.call(&token, &proof(Some(&nonce))).await.text(), "ann");
    refused(&world.call(&token, &proof(Some("AAAA"))).await, "dpop", "use_dpop_nonce");
    world.clock.advance(Duration::from_secs(601));
    refused(&world.call(&token, &proof(Some(&nonce))).await, "dpop", "use_dpop_nonce");
    // In time it is good without one.
    assert_eq!(world.call_as(&holder, &token).await.text(), "ann");
}

#[tokio::test]
async fn where_every_proof_needs_a_nonce_each_answer_gives_the_next() {
    let limits = Limits { dpop_nonces: true, dpop_window: Duration::from_secs(30), ..Limits::default() };
    let (world, holder) = (World::with(limits, |builder| builder).await, Holder::new());
    let token = token_of(&holder);
    let reply = world.call_as(&holder, &token).await;
    refused(&reply, "dpop", "use_dpop_nonce");
    let mut nonce = reply.header("dpop-nonce").to_owned();
    for _ in 0..3 {
        let proof = holder.proof_for(&nonce, "POST", MCP, Some(&token), world.now());
        let reply = world.call(&token, &proof).await;
        assert_eq!(reply.text(), "ann");
        assert_ne!(reply.header("dpop-nonce"), "");
        nonce = reply.header("dpop-nonce").to_owned();
        world.clock.advance(Duration::from_secs(50));
    }
    // Who has nothing to do with it gets none.
    let reply = world.server.modern().with_token("ann.read").call("whoami", json!({})).await;
    assert_eq!((reply.text(), reply.header("dpop-nonce")), ("ann", ""));
}

#[tokio::test]
async fn a_flood_of_proofs_costs_their_sender_a_round_trip() {
    let limits = Limits { dpop_remembered: 64 * 8, ..Limits::default() };
    let (world, holder) = (World::with(limits, |builder| builder).await, Holder::new());
    let token = token_of(&holder);
    let (mut first, mut wanted) = (None, 0);
    for _ in 0..20 {
        let proof = holder.proof("POST", MCP, Some(&token), world.now());
        first.get_or_insert(proof.clone());
        let reply = world.call(&token, &proof).await;
        if reply.status != StatusCode::OK {
            refused(&reply, "dpop", "use_dpop_nonce");
            wanted += 1;
        }
    }
    assert_eq!(wanted, 12);
    assert_ne!(
        world.call(&token, &first.unwrap()).await.status,
        StatusCode::OK,
        "a forgotten one counts again"
    );
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(world.call_as(&holder, &token).await.text(), "ann");
}

#[tokio::test]
async fn where_only_bound_tokens_are_taken() {
    let auth = |builder: McpServerBuilder| builder.auth(resource_server().require_dpop());
    let (world, holder) = (World::with(Limits::default(), auth).await, Holder::new());
    let token = token_of(&holder);
    assert_eq!(world.call_as(&holder, &token).await.text(), "ann");
    let reply = world.server.modern().call("whoami", json!({})).await;
    assert_eq!(reply.header("www-authenticate"), format!(r#"DPoP {ALGS}, scope="read", {METADATA}"#));
    let bearer = world.server.modern().with_token("ann.read").call("whoami", json!({})).await;
    refused(&bearer, "dpop", "invalid_token");
    let metadata: Value = reqwest::Client::new()
        .get(format!("{}/.well-known/oauth-protected-resource", world.server.url))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(metadata["dpop_bound_access_tokens_required"], true);
    assert_eq!(metadata["dpop_signing_alg_values_supported"][0], "ES256");
}

#[tokio::test]
async fn a_missing_scope_is_asked_for_by_the_same_scheme() {
    let builder = |builder: McpServerBuilder| builder.auth(resource_server().required_scopes(["admin"]));
    let (world, holder) = (World::with(Limits::default(), builder).await, Holder::new());
    let reply = world.call_as(&holder, &token_of(&holder)).await;
    assert_eq!(refusal(&reply), (403, "dpop".to_owned(), Some("insufficient_scope".to_owned())));
}

#[tokio::test]
async fn every_method_and_every_endpoint_wants_its_own_proof() {
    let (clock, holder) = (TestClock::default(), Holder::new());
    let mcp: McpServer = toolbox(&Arc::default())
        .auth(resource_server())
        .sse_transport("/sse", "/messages")
        .clock(clock.clock())
        .build()
        .unwrap();
    let (stream, messages) = mcp.sse_services().unwrap();
    let router = Router::new()
        .route_service("/mcp", mcp.service())
        .route_service("/sse", stream)
        .route_service("/messages", messages);
    let url = serve(router).await;
    let (token, now) = (token_of(&holder), clock.now());
    let mut client = Client::new(&format!("{url}/mcp"), "2025-11-25");
    let proof = |method: &str, path: &str| {
        holder.proof(method, &format!("https://api.example.com{path}"), Some(&token), now)
    };
    // The handshake is two requests, each with a proof of its own.
    let hello = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } });
    let reply =
        presenting(client.clone(), &token, &proof("POST", "/mcp")).request(1, "initialize", hello).await;
    client.session = Some(reply.header("mcp-session-id").to_owned());
    for method in [Method::GET, Method::DELETE] {
        let wrong = presenting(client.clone(), &token, &proof("POST", "/mcp")).bare(method.clone()).await;
        assert_eq!(wrong.status(), StatusCode::UNAUTHORIZED, "{method}");
        let right =
            presenting(client.clone(), &token, &proof(method.as_str(), "/mcp")).bare(method.clone()).await;
        assert!(right.status().is_success(), "{method}: {}", right.status());
    }
    for (path, status) in [("/mcp", 401), ("/sse", 200)] {
        let mut old = Client::new(&format!("{url}/sse"), "2024-11-05");
        old = presenting(old, &token, &proof("GET", path));
        assert_eq!(old.bare(Method::GET).await.status().as_u16(), status, "{path}");
    }
    // One resource, two URLs. There is no such session, and that is said to whoever has proven himself.
    for (path, status) in [("/sse", 401), ("/mcp", 401), ("/messages", 404), ("/messages?sessionId=x", 404)] {
        let old = Client::new(&format!("{url}/messages?sessionId=x"), "2024-11-05");
        let ping = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
        let answer = presenting(old, &token, &proof("POST", path)).post(&ping).await;
        assert_eq!(answer.status().as_u16(), status, "{path}");
        let challenge = answer.headers().get("www-authenticate").map(|value| value.to_str().unwrap());
        assert_eq!(challenge.is_some_and(|challenge| challenge.contains("resource/sse\"")), status == 401);
    }
}

#[tokio::test]
async fn a_page_may_send_proofs_and_read_nonces() {
    let world = World::start().await;
    let request = |method| {
        reqwest::Client::new()
            .request(method, &world.server.url)
            .header("origin", "https://api.example.com")
            .header("access-control-request-headers", "dpop, authorization")
    };
    let preflight = request(Method::OPTIONS).send().await.unwrap();
    let allowed = preflight.headers()["access-control-allow-headers"].to_str().unwrap();
    assert!(allowed.split(", ").any(|name| name == "dpop"), "{allowed}");
    let answer = request(Method::GET).header("accept", "text/event-stream").send().await.unwrap();
    let exposed = answer.headers()["access-control-expose-headers"].to_str().unwrap();
    assert!(exposed.split(", ").any(|name| name == "dpop-nonce"), "{exposed}");
}
