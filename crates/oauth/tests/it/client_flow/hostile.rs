//! What a hostile server can write, and what must not happen then.

use barewire_oauth::client::RedirectUri;
use barewire_oauth::client_flow::{Answer, ClientSettings, FlowLimits, Step};
use serde_json::{Value, json};

use super::world::*;

/// Endpoints out of metadata that must not be touched, whichever it is.
#[test]
fn endpoints_that_are_not_touched() {
    for url in [
        "javascript:alert(document.cookie)",
        "data:text/html,<script>",
        "file:///etc/passwd",
        "http://as.example/x",
        "http://169.254.169.254/latest/meta-data",
        "https://127.0.0.1/x",
        "http://localhost:9200/_shutdown",
        "https://user:secret@as.example/x",
        "https://as.example/x#fragment",
        "/relative",
        "https://",
        "",
    ] {
        for name in ["authorization_endpoint", "token_endpoint", "registration_endpoint"] {
            let mut world = World::new();
            let story = world.page(SERVER_METADATA, &with(server_metadata(ISSUER), name, json!(url))).run();
            assert_eq!(story.ending(), "UnusableEndpoint", "{name}: {url}");
            assert!(story.browser.is_none());
            assert_eq!(story.requests.len(), 2, "nothing but metadata was fetched");
            let error = story.error();
            assert!(error.to_string().contains(name), "{error}");
        }
        // One that is not needed is left out.
        let mut world = World::new();
        let metadata = with(server_metadata(ISSUER), "revocation_endpoint", json!(url));
        let story = world.page(SERVER_METADATA, &metadata).run();
        assert_eq!(story.grant().revocation_endpoint, None);
    }
}

#[test]
fn missing_endpoints_are_told() {
    for name in ["authorization_endpoint", "token_endpoint"] {
        let mut world = World::new();
        let story = world.page(SERVER_METADATA, &with(server_metadata(ISSUER), name, json!(null))).run();
        assert_eq!(story.error().to_string(), format!("the {name} of {ISSUER} is missing"));
    }
}

#[test]
fn plain_http_is_for_this_machine_only() {
    let local = "http://localhost:8000/mcp";
    let issuer = "http://localhost:9000";
    let mut world = World::new();
    world.login.endpoint = local.to_owned();
    let place = "http://localhost:8000/.well-known/oauth-protected-resource/mcp";
    world.page(place, &resource_metadata(local, &[issuer]));
    let server = "http://localhost:9000/.well-known/oauth-authorization-server";
    world.authorization_server(server, issuer, &server_metadata(issuer));
    world.callback = Callback::Code(vec![("iss", issuer.to_owned())]);
    assert_eq!(world.run().ending(), "grant");

    // Assumed endpoints are endpoints too.
    let mut world = World::new();
    world.login.endpoint = "http://lab.example/mcp".to_owned();
    let story = world.run();
    assert_eq!(story.ending(), "UnusableEndpoint");
    assert!(story.asked().iter().all(|asked| asked.starts_with("GET http://lab.example/.well-known/")));
}

#[test]
fn where_metadata_must_not_be_fetched_from() {
    for url in [
        "http://other.example/prm",
        "https://localhost/prm",
        "https://10.0.0.1/prm",
        "javascript:x",
        "prm",
        "https://u:p@mcp.example/prm",
    ] {
        let mut world = World::new();
        let story = world.challenge(&format!("Bearer resource_metadata=\"{url}\"")).run();
        assert!(!story.asked().iter().any(|asked| asked.contains("/prm")), "{:?}", story.asked());
        assert_eq!(story.ending(), "grant", "the well-known places are still there");
    }
}

#[test]
fn issuers_that_are_not_asked() {
    for (issuers, expected) in [
        (json!([]), "NoAuthorizationServer"),
        (json!(null), "NoAuthorizationServer"),
        (json!("https://as.example"), "NoAuthorizationServer"),
        (json!(["http://as.example"]), "NoAuthorizationServer"),
        (json!(["https://as.example?x=1"]), "NoAuthorizationServer"),
        (json!(["https://as.example#f"]), "NoAuthorizationServer"),
        (json!(["https://192.168.1.1"]), "NoAuthorizationServer"),
        (json!(["nonsense", "", "http://as.example", ISSUER]), "grant"),
    ] {
        let mut world = World::new();
        let document = json!({ "resource": MCP, "authorization_servers": issuers });
        let story = world.page(RESOURCE_METADATA, &document).run();
        assert_eq!(story.ending(), expected, "{issuers}");
    }
}

/// A document that lies about its issuer is not used, and neither is the next server's fault hidden by it.
#[test]
fn the_first_usable_server_is_taken() {
    let second = "https://second.example";
    let place = "https://second.example/.well-known/oauth-authorization-server";
    for (name, value) in [
        ("issuer", json!("https://attacker.example")),
        ("issuer", json!("https://as.example/")),
        ("issuer", json!(7)),
        ("token_endpoint", json!("http://as.example/token")),
        ("code_challenge_methods_supported", json!(null)),
        ("registration_endpoint", json!(null)),
        ("token_endpoint_auth_methods_supported", json!(["private_key_jwt"])),
    ] {
        let mut world = World::new();
        world.page(SERVER_METADATA, &with(server_metadata(ISSUER), name, value.clone()));
        world.page(RESOURCE_METADATA, &resource_metadata(MCP, &[ISSUER, second]));
        let alone = world.run();
        assert_ne!(alone.ending(), "grant");
        assert!(alone.error().to_string().contains("as.example"), "the first one's fault is told");
        world.authorization_server(place, second, &server_metadata(second));
        world.callback = Callback::Code(vec![("iss", second.to_owned())]);
        let story = world.run();
        assert_eq!(story.grant().issuer, second, "{name}: {value}");
        assert!(story.browser.unwrap().as_str().starts_with("https://second.example/"));
    }
}

#[test]
fn a_long_list_of_servers_ends() {
    let mut world = World::new();
    let issuers: Vec<String> = (0..1000).map(|n| format!("https://as{n}.example")).collect();
    let issuers: Vec<&str> = issuers.iter().map(String::as_str).collect();
    world.page(RESOURCE_METADATA, &resource_metadata(MCP, &issuers));
    let story = world.run();
    assert_eq!(story.ending(), "NoServerMetadata");
    let limit = FlowLimits::default().max_authorization_servers;
    assert_eq!(story.requests.len(), 1 + 2 * limit, "two places for each");
}

#[test]
fn a_long_list_of_scopes_ends() {
    let mut world = World::new();
    let listed: Vec<String> = (0..10_000).map(|n| format!("scope-{n}")).collect();
    world
        .page(RESOURCE_METADATA, &with(resource_metadata(MCP, &[ISSUER]), "scopes_supported", json!(listed)));
    let asked = scopes(&world.run().in_browser("scope").unwrap());
    assert_eq!(asked.len(), FlowLimits::default().max_scopes);
}

/// Bodies of every size and depth, in every place: an end, never a panic.
#[test]
fn monstrous_bodies() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let deep_member = format!(r#"{{"resource":"{MCP}","issuer":"{ISSUER}","x":{deep}}}"#);
    let huge = format!(
        r#"{{"resource":"{MCP}","authorization_servers":["{ISSUER}"],"issuer":"{ISSUER}","access_token":"t",
            "client_id":"c","x":"{}"}}"#,
        "a".repeat(10 * 1024 * 1024)
    );
    let bodies: Vec<Vec<u8>> = vec![
        deep.into_bytes(),
        deep_member.into_bytes(),
        huge.into_bytes(),
        b"\xff\xfe\x00".to_vec(),
        b"null".to_vec(),
        b"{".to_vec(),
        Vec::new(),
    ];
    for url in [RESOURCE_METADATA, SERVER_METADATA, "https://as.example/register", "https://as.example/token"]
    {
        for status in [200, 400, 500, 302] {
            for body in &bodies {
                let mut world = World::new();
                let story = world.answers(url, answer(status, body.clone())).run();
                assert_ne!(story.ending(), "grant", "{url}");
                let text = story.error().to_string();
                assert!(text.len() < 4096, "{} bytes of error text", text.len());
            }
        }
    }
}

#[test]
fn the_limit_is_a_setting() {
    let limits: FlowLimits = serde_json::from_str(r#"{"max_body":100}"#).unwrap();
    assert_eq!(limits, FlowLimits { max_body: 100, ..FlowLimits::default() });
    assert!(serde_json::from_str::<FlowLimits>(r#"{"max_boddy":100}"#).is_err());
    let mut world = World::new();
    world.login.settings.limits = limits;
    assert_eq!(world.run().ending(), "NoServerMetadata");
}

/// A redirect is an answer like any other; its target is never asked.
#[test]
fn redirects_lead_nowhere() {
    for url in [RESOURCE_METADATA, SERVER_METADATA, "https://as.example/register", "https://as.example/token"]
    {
        let mut world = World::new();
        let redirect = http::Response::builder()
            .status(307)
            .header("location", "https://evil.example/")
            .body(bytes::Bytes::from(server_metadata(ISSUER).to_string()))
            .unwrap();
        let story = world.answers(url, Answer::Response(redirect)).run();
        assert_ne!(story.ending(), "grant");
        assert!(!story.asked().iter().any(|asked| asked.contains("evil.example")));
    }
}

#[test]
fn endpoints_that_one_cannot_log_in_to() {
    for endpoint in
        ["", "mcp.example", "ftp://mcp.example/mcp", "https://u:p@mcp.example/mcp", "https://\u{0}", "urn:x"]
    {
        let mut world = World::new();
        world.login.endpoint = endpoint.to_owned();
        let story = world.run();
        assert_eq!(story.ending(), "Endpoint", "{endpoint:?}");
        assert!(story.requests.is_empty());
    }
}

#[test]
fn secrets_are_not_in_debug() {
    let mut world = World::new();
    world.page(
        "https://as.example/token",
        &json!({ "access_token": "s3cr3t-access", "refresh_token": "s3cr3t-refresh", "token_type": "bearer" }),
    );
    let story = world.run();
    let pending = story.pending.as_ref().unwrap();
    let state = pending.state.expose();
    let verifier = serde_json::to_value(pending).unwrap()["verifier"].as_str().unwrap().to_owned();
    let shown = format!("{:?} {pending:?}", story.grant());
    for secret in ["s3cr3t-access", "s3cr3t-refresh", state, &verifier] {
        assert!(!shown.contains(secret), "{shown}");
    }
    // Nor is the code in the token request's.
    let Step::Fetch(fetch) =
        pending.clone().callback(&format!("code=s3cr3t-code&state={state}&iss={ISSUER}"))
    else {
        panic!("a token request");
    };
    assert!(!format!("{fetch:?}").contains("s3cr3t-code"));
    // What is kept has everything.
    let kept: Value = serde_json::to_value(story.grant()).unwrap();
    assert_eq!(kept["tokens"]["refresh_token"], "s3cr3t-refresh");
}

#[test]
fn a_client_document_has_an_https_url() {
    for url in ["http://client.example/c.json", "https://client.example", "nonsense"] {
        let mut world = World::new();
        world.login.settings = ClientSettings {
            client_document_url: Some(url.to_owned()),
            ..ClientSettings::native("Test", RedirectUri::parse(REDIRECT_URI).unwrap())
        };
        assert_eq!(world.run().ending(), "Settings", "{url}");
    }
}
