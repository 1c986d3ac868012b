//! The client scenarios of the official conformance suite (`auth/…`), each in memory.

use barewire_oauth::challenge::Challenge;
use barewire_oauth::client_flow::{Attempts, FlowError, PreRegistered, Provenance};
use barewire_oauth::metadata::well_known::Form;
use barewire_oauth::secret::ClientSecret;
use serde_json::json;

use super::world::*;

const NAMED: &str =
    r#"Bearer resource_metadata="https://mcp.example/.well-known/oauth-protected-resource/mcp""#;

#[test]
fn metadata_default() {
    let mut world = World::new();
    let story = world.challenge(NAMED).run();
    assert_eq!(
        story.asked(),
        [
            format!("GET {RESOURCE_METADATA}"),
            format!("GET {SERVER_METADATA}"),
            format!("POST {ISSUER}/register"),
            format!("POST {ISSUER}/token"),
        ],
        "and never the root document"
    );
    assert_eq!(story.grant().tokens.access_token.expose(), "test-token-1");
    assert_eq!(story.in_browser("response_type").as_deref(), Some("code"));
    assert_eq!(story.in_browser("code_challenge_method").as_deref(), Some("S256"));
    let verifier = story.form("https://as.example/token").one("code_verifier").unwrap().unwrap().to_owned();
    let challenge = barewire_oauth::pkce::CodeVerifier::parse(&verifier).unwrap().challenge();
    assert_eq!(story.in_browser("code_challenge").as_deref(), Some(challenge.as_str()));
    assert_eq!(story.json("https://as.example/register")["application_type"], "native");
}

#[test]
fn metadata_var1_unnamed_and_openid_only() {
    let mut world = World::new();
    world.gone(SERVER_METADATA);
    world.page("https://as.example/.well-known/openid-configuration", &server_metadata(ISSUER));
    let story = world.challenge("Bearer").run();
    assert_eq!(story.asked()[0], format!("GET {RESOURCE_METADATA}"));
    assert_eq!(story.ending(), "grant");
    let Some(Provenance::Discovered(place)) = story.pending.map(|pending| pending.server.provenance) else {
        panic!("discovered");
    };
    assert_eq!(place.form, Form::OpenidInserted);
}

#[test]
fn metadata_var2_root_document_and_tenant() {
    let issuer = "https://as.example/tenant1";
    let mut world = World::new();
    world.gone(RESOURCE_METADATA).gone(SERVER_METADATA);
    // The bare origin, without a slash.
    world.page(RESOURCE_METADATA_AT_ROOT, &resource_metadata("https://mcp.example", &[issuer]));
    let place = "https://as.example/.well-known/oauth-authorization-server/tenant1";
    world.authorization_server(place, issuer, &server_metadata(issuer));
    world.callback = Callback::Code(vec![("iss", issuer.to_owned())]);
    let story = world.run();
    assert_eq!(story.ending(), "grant");
    assert!(
        !story.asked().contains(&format!("GET {SERVER_METADATA}")),
        "not the document without the tenant"
    );
    assert_eq!(story.in_browser("resource").as_deref(), Some("https://mcp.example"));
    let form = story.form("https://as.example/tenant1/token");
    assert_eq!(form.one("resource").unwrap(), Some("https://mcp.example"));
}

#[test]
fn metadata_var3_named_elsewhere_and_openid_appended() {
    let issuer = "https://as.example/tenant1";
    let mut world = World::new();
    world.gone(RESOURCE_METADATA).gone(SERVER_METADATA);
    let custom = "https://mcp.example/custom/metadata/location.json";
    world.page(custom, &resource_metadata(MCP, &[issuer]));
    let place = "https://as.example/tenant1/.well-known/openid-configuration";
    world.authorization_server(place, issuer, &server_metadata(issuer));
    world.callback = Callback::Code(vec![("iss", issuer.to_owned())]);
    let story = world.challenge(&format!("Bearer resource_metadata=\"{custom}\"")).run();
    assert_eq!(
        story.asked()[..4],
        [
            format!("GET {custom}"),
            "GET https://as.example/.well-known/oauth-authorization-server/tenant1".to_owned(),
            "GET https://as.example/.well-known/openid-configuration/tenant1".to_owned(),
            format!("GET {place}"),
        ]
    );
    assert_eq!(story.ending(), "grant");
}

#[test]
fn basic_cimd() {
    let url = "https://conformance-test.local/client-metadata.json";
    let mut world = World::new();
    let metadata = with(server_metadata(ISSUER), "client_id_metadata_document_supported", json!(true));
    world.page(SERVER_METADATA, &metadata);
    world.login.settings.client_document_url = Some(url.to_owned());
    let story = world.run();
    assert_eq!(story.in_browser("client_id").as_deref(), Some(url));
    assert_eq!(story.form("https://as.example/token").one("client_id").unwrap(), Some(url));
    assert!(!story.asked().contains(&format!("POST {ISSUER}/register")));
}

#[test]
fn scope_step_up() {
    let mut world = World::new();
    let listed = with(resource_metadata(MCP, &[ISSUER]), "scopes_supported", json!(["mcp:profile"]));
    world.page(RESOURCE_METADATA, &listed);
    let first = world.challenge(r#"Bearer scope="mcp:basic""#).run();
    assert_eq!(first.in_browser("scope").as_deref(), Some("mcp:basic"));

    let grant = first.grant();
    world.login.held_scopes = grant.requested.clone();
    world.login.known.push(grant.client.clone());
    let second = world.challenge(r#"Bearer error="insufficient_scope", scope="mcp:write""#).run();
    assert_eq!(second.in_browser("scope").as_deref(), Some("mcp:basic mcp:write"));
    assert!(!second.asked().contains(&format!("POST {ISSUER}/register")), "once is enough");
    assert_ne!(first.in_browser("state"), second.in_browser("state"));
}

#[test]
fn scope_retry_limit() {
    let challenge = Challenge::select([r#"Bearer error="insufficient_scope", scope="mcp:admin""#]);
    let mut attempts = Attempts::default();
    let mut logins = 0;
    let error = loop {
        match attempts.begin(challenge.as_ref(), &scopes("mcp:basic")) {
            Ok(()) => logins += 1,
            Err(error) => break error,
        }
        // survives a restart
        attempts = serde_json::from_str(&serde_json::to_string(&attempts).unwrap()).unwrap();
    };
    assert_eq!(logins, 3);
    assert_eq!(error, FlowError::ScopeRefused { scopes: scopes("mcp:admin"), authorizations: 3 });
    assert!(error.to_string().contains("mcp:admin"));
    attempts.progress();
    assert_eq!(attempts.begin(challenge.as_ref(), &scopes("")), Ok(()));
}

#[test]
fn token_endpoint_auth() {
    let registration = |method: &str, secret: bool| {
        let document = json!({ "client_id": "test-client-id", "token_endpoint_auth_method": method });
        if secret { with(document, "client_secret", json!("test-client-secret")) } else { document }
    };
    for (method, header, body) in [
        (
            "client_secret_basic",
            // test-client-id:test-client-secret
            Some("Basic dGVzdC1jbGllbnQtaWQ6dGVzdC1jbGllbnQtc2VjcmV0"),
            (Some("test-client-id"), None),
        ),
        ("client_secret_post", None, (Some("test-client-id"), Some("test-client-secret"))),
        ("none", None, (Some("test-client-id"), None)),
    ] {
        let mut world = World::new();
        let lists = with(server_metadata(ISSUER), "token_endpoint_auth_methods_supported", json!([method]));
        world.page(SERVER_METADATA, &lists);
        world.page("https://as.example/register", &registration(method, method != "none"));
        let story = world.run();
        assert_eq!(story.json("https://as.example/register")["token_endpoint_auth_method"], method);
        let request = story.request_to("https://as.example/token");
        let sent = request.headers().get("authorization").map(|value| value.to_str().unwrap());
        assert_eq!(sent, header, "{method}");
        let form = story.form("https://as.example/token");
        assert_eq!((form.one("client_id").unwrap(), form.one("client_secret").unwrap()), body, "{method}");
        assert_eq!(form.one("resource").unwrap(), Some(MCP));
        assert_eq!(story.in_browser("resource").as_deref(), Some(MCP));
    }
}

#[test]
fn pre_registration() {
    let mut world = World::new();
    let metadata = with(server_metadata(ISSUER), "registration_endpoint", json!(null));
    let methods = json!(["client_secret_basic"]);
    world.page(SERVER_METADATA, &with(metadata, "token_endpoint_auth_methods_supported", methods));
    world.login.settings.pre_registered = Some(PreRegistered {
        client_secret: Some(ClientSecret::new("pre-registered-secret")),
        issuer: Some(ISSUER.into()),
        ..PreRegistered::new("pre-registered-client")
    });
    let story = world.run();
    assert_eq!(story.in_browser("client_id").as_deref(), Some("pre-registered-client"));
    let header = &story.request_to("https://as.example/token").headers()["authorization"];
    assert!(header.is_sensitive() && header.to_str().unwrap().starts_with("Basic "));
    assert_eq!(story.ending(), "grant");
}

#[test]
fn resource_mismatch() {
    let mut world = World::new();
    world.page(RESOURCE_METADATA, &resource_metadata("https://evil.example.com/mcp", &[ISSUER]));
    let story = world.run();
    assert_eq!(story.asked(), [format!("GET {RESOURCE_METADATA}")]);
    assert_eq!(story.ending(), "ResourceMismatch");
    assert!(story.browser.is_none());
}

#[test]
fn offline_access() {
    for (listed, expected) in [
        (json!(["mcp:basic", "offline_access"]), "mcp:basic offline_access"),
        (json!(["mcp:basic"]), "mcp:basic"),
    ] {
        let mut world = World::new();
        world.page(SERVER_METADATA, &with(server_metadata(ISSUER), "scopes_supported", listed));
        let resource = with(resource_metadata(MCP, &[ISSUER]), "scopes_supported", json!(["mcp:basic"]));
        let story = world.page(RESOURCE_METADATA, &resource).run();
        assert_eq!(story.in_browser("scope").as_deref(), Some(expected));
        let grant_types = &story.json("https://as.example/register")["grant_types"];
        assert_eq!(*grant_types, json!(["authorization_code", "refresh_token"]));
    }
}

#[test]
fn authorization_server_migration() {
    let mut world = World::new();
    let first = world.run();
    let old = first.grant().client.clone();

    let issuer = "https://new.example";
    world.page(RESOURCE_METADATA, &resource_metadata(MCP, &[issuer]));
    let place = "https://new.example/.well-known/oauth-authorization-server";
    world.authorization_server(place, issuer, &server_metadata(issuer));
    world.callback = Callback::Code(vec![("iss", issuer.to_owned())]);
    world.login.known.push(old.clone());
    let second = world.challenge(r#"Bearer error="invalid_token""#).run();
    assert_eq!(second.asked()[0], format!("GET {RESOURCE_METADATA}"), "the metadata is read again");
    assert_eq!(second.grant().client.client_id, "client-of-https://new.example");
    for request in &second.requests {
        let body = String::from_utf8_lossy(request.body());
        assert!(!body.contains("client-of-https%3A%2F%2Fas.example"), "the old client_id is never shown");
        assert_ne!(request.uri().host(), Some("as.example"));
    }
    assert_ne!(second.in_browser("client_id").unwrap(), old.client_id);
}

#[test]
fn metadata_issuer_mismatch() {
    let mut world = World::new();
    let attacker = with(server_metadata(ISSUER), "issuer", json!("https://attacker.example.com"));
    let story = world.page(SERVER_METADATA, &attacker).run();
    assert_eq!(story.ending(), "MetadataIssuerMismatch");
    assert!(story.browser.is_none());
    assert!(story.asked().iter().all(|asked| asked.contains("/.well-known/")), "{:?}", story.asked());
}

#[test]
fn revision_2025_03_26_metadata_at_the_server_origin() {
    let origin = "https://mcp.example";
    let mut world = World::new();
    world.gone(RESOURCE_METADATA);
    let mut metadata = server_metadata("https://mcp.example/oauth");
    metadata["issuer"] = json!(origin);
    // No rule of that revision makes a server list its methods.
    let metadata = with(metadata, "code_challenge_methods_supported", json!(null));
    let metadata = with(metadata, "authorization_response_iss_parameter_supported", json!(null));
    let place = "https://mcp.example/.well-known/oauth-authorization-server";
    world.authorization_server(place, "https://mcp.example/oauth", &metadata);
    world.callback = Callback::Code(Vec::new());
    let story = world.challenge("Bearer").run();
    assert_eq!(
        story.asked(),
        [
            format!("GET {RESOURCE_METADATA}"),
            format!("GET {RESOURCE_METADATA_AT_ROOT}"),
            format!("GET {place}"),
            "POST https://mcp.example/oauth/register".to_owned(),
            "POST https://mcp.example/oauth/token".to_owned(),
        ]
    );
    assert_eq!(story.grant().issuer, origin);
    assert_eq!(story.in_browser("code_challenge_method").as_deref(), Some("S256"));
}

#[test]
fn revision_2025_03_26_default_endpoints() {
    let mut world = World::new();
    world.gone(RESOURCE_METADATA);
    world.authorization_server("https://nowhere.example", "https://mcp.example", &json!({}));
    world.callback = Callback::Code(Vec::new());
    let story = world.run();
    assert_eq!(
        story.asked()[3..],
        ["POST https://mcp.example/register".to_owned(), "POST https://mcp.example/token".to_owned()]
    );
    assert_eq!(story.browser.as_ref().unwrap().path(), "/authorize");
    assert_eq!(story.pending.as_ref().unwrap().server.provenance, Provenance::Assumed);
    assert_eq!(story.ending(), "grant");
}
