//! Who the client is at an authorization server, and how it becomes that.

use std::time::Duration;

use barewire_oauth::client::{ApplicationType, RedirectUri};
use barewire_oauth::client_flow::{
    AuthMethod, ClientIdentity, Fault, FlowError, IdentityOrigin, Judgement, PreRegistered,
};
use barewire_oauth::secret::ClientSecret;
use serde_json::{Value, json};

use super::world::*;

const DOCUMENT: &str = "https://client.example/client.json";

fn known(issuer: &str) -> ClientIdentity {
    ClientIdentity {
        issuer: issuer.into(),
        client_id: "known".into(),
        client_secret: None,
        secret_expires_at: None,
        key: None,
        assertion: None,
        auth_method: AuthMethod::None,
        origin: IdentityOrigin::Registered,
        redirect_uri: REDIRECT_URI.into(),
    }
}

fn by_hand(issuer: Option<&str>) -> PreRegistered {
    PreRegistered { issuer: issuer.map(str::to_owned), ..PreRegistered::new("by-hand") }
}

#[test]
fn order_of_preference() {
    let other = "https://other.example";
    let foreign = known(other);
    let expired = ClientIdentity { secret_expires_at: Some(now()), ..known(ISSUER) };
    let fresh = ClientIdentity { secret_expires_at: Some(now() + Duration::from_secs(1)), ..known(ISSUER) };
    let moved = ClientIdentity { redirect_uri: "http://localhost:1/callback".into(), ..known(ISSUER) };
    let bound = |issuer: &str| ClientIdentity {
        client_id: "by-hand".into(),
        origin: IdentityOrigin::PreRegistered,
        ..known(issuer)
    };
    let old_document = ClientIdentity {
        client_id: "https://old.example/c".into(),
        origin: IdentityOrigin::Document,
        ..known(ISSUER)
    };
    for (settings, kept, document, registers, expected) in [
        (Some(by_hand(Some(ISSUER))), vec![known(ISSUER)], true, true, "by-hand"),
        (Some(by_hand(None)), vec![known(ISSUER)], true, true, "by-hand"),
        (Some(by_hand(None)), vec![bound(ISSUER)], true, true, "by-hand"),
        // Somebody registered it elsewhere: an error, never somebody else in silence.
        (Some(by_hand(Some(other))), vec![], true, true, "OtherIssuersClient"),
        (Some(by_hand(None)), vec![bound(other)], true, true, "OtherIssuersClient"),
        (None, vec![known(ISSUER)], true, true, "known"),
        (None, vec![foreign.clone(), fresh], true, true, "known"),
        (None, vec![bound(ISSUER)], true, true, "by-hand"),
        (None, vec![foreign.clone()], true, true, DOCUMENT),
        (None, vec![expired.clone(), moved.clone()], true, true, DOCUMENT),
        (None, vec![old_document], true, true, DOCUMENT),
        (None, vec![], false, true, "client-of-https://as.example"),
        (None, vec![foreign.clone(), expired, moved], false, true, "client-of-https://as.example"),
        (None, vec![foreign], false, false, "NoClient"),
    ] {
        let mut world = World::new();
        let mut metadata = server_metadata(ISSUER);
        metadata["client_id_metadata_document_supported"] = json!(document);
        if !registers {
            metadata = with(metadata, "registration_endpoint", json!(null));
        }
        world.page(SERVER_METADATA, &metadata);
        world.login.settings.client_document_url = Some(DOCUMENT.to_owned());
        world.login.settings.pre_registered = settings.clone();
        world.login.known = kept.clone();
        let story = world.run();
        let who = story.end.as_ref().map_or_else(|_| story.ending(), |grant| grant.client.client_id.clone());
        assert_eq!(who, expected, "{settings:?} {kept:?}");
        if let Ok(grant) = &story.end {
            assert_eq!(grant.client.issuer, ISSUER);
            assert_eq!(story.in_browser("client_id").as_deref(), Some(expected));
        } else {
            assert_eq!(story.error().fault(), Fault::Settings);
            assert!(story.browser.is_none());
        }
    }
}

#[test]
fn a_server_that_knows_us_goes_first() {
    let second = "https://second.example";
    let mut world = World::new();
    world.page(RESOURCE_METADATA, &resource_metadata(MCP, &[ISSUER, second]));
    let place = "https://second.example/.well-known/oauth-authorization-server";
    world.authorization_server(place, second, &server_metadata(second));
    world.callback = Callback::Code(vec![("iss", second.to_owned())]);
    world.login.known = vec![known(second)];
    let story = world.run();
    assert_eq!(story.asked()[1], format!("GET {place}"));
    assert_eq!(story.grant().client.client_id, "known");

    world.login.known.clear();
    world.login.settings.pre_registered = Some(by_hand(Some(second)));
    let story = world.run();
    assert_eq!(story.grant().client.client_id, "by-hand");
    assert!(!story.asked().contains(&format!("GET {SERVER_METADATA}")), "nobody else is asked");
}

#[test]
fn what_a_registration_says() {
    let mut world = World::new();
    world.login.settings.client_uri = Some("https://client.example".into());
    world.login.settings.logo_uri = Some("https://client.example/logo.png".into());
    let story = world.run();
    assert_eq!(
        story.json("https://as.example/register"),
        json!({
            "client_name": "Test",
            "client_uri": "https://client.example",
            "logo_uri": "https://client.example/logo.png",
            "redirect_uris": [REDIRECT_URI],
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
            "application_type": "native",
        })
    );
    let request = story.request_to("https://as.example/register");
    assert_eq!(request.headers()["content-type"], "application/json");
    assert!(story.judgements.contains(&Judgement::Registered {
        client_id: "client-of-https://as.example".into(),
        auth_method: AuthMethod::None,
    }));

    // A server without refresh tokens is not asked for them.
    let metadata = with(server_metadata(ISSUER), "grant_types_supported", json!(["authorization_code"]));
    let story = world.page(SERVER_METADATA, &metadata).run();
    assert_eq!(story.json("https://as.example/register")["grant_types"], json!(["authorization_code"]));
}

#[test]
fn method_to_register_with() {
    use ApplicationType::{Native, Web};
    for (listed, native, web) in [
        (json!(["none", "client_secret_basic", "client_secret_post"]), "none", "client_secret_basic"),
        (json!(["client_secret_post", "client_secret_basic"]), "client_secret_basic", "client_secret_basic"),
        (json!(["client_secret_post", "private_key_jwt"]), "client_secret_post", "client_secret_post"),
        (json!(["none"]), "none", "none"),
        (json!(null), "client_secret_basic", "client_secret_basic"),
        (json!(["private_key_jwt"]), "NoSharedAuthMethod", "NoSharedAuthMethod"),
    ] {
        for (kind, expected) in [(Native, native), (Web, web)] {
            let mut world = World::new();
            let name = "token_endpoint_auth_methods_supported";
            world.page(SERVER_METADATA, &with(server_metadata(ISSUER), name, listed.clone()));
            world.login.settings.application_type = kind;
            world.login.settings.redirect_uri =
                RedirectUri::parse("https://client.example/callback").unwrap();
            let story = world.run();
            if story.ending() == "grant" {
                let body = story.json("https://as.example/register");
                assert_eq!(body["token_endpoint_auth_method"], expected, "{listed} {kind:?}");
                assert_eq!(body["application_type"], json!(kind));
            } else {
                assert_eq!(story.ending(), expected, "{listed}");
            }
        }
    }
}

#[test]
fn the_answer_of_a_registration_decides() {
    let registered = |body: Value| {
        let mut world = World::new();
        let lists = json!(["none", "client_secret_basic", "client_secret_post"]);
        let name = "token_endpoint_auth_methods_supported";
        world.page(SERVER_METADATA, &with(server_metadata(ISSUER), name, lists));
        world.answers("https://as.example/register", json_answer(201, &body));
        let story = world.run();
        story.end.map(|grant| {
            (grant.client.auth_method, grant.client.client_secret, grant.client.secret_expires_at)
        })
    };
    let secret = || Some(ClientSecret::new("s"));
    let basic = "client_secret_basic";
    assert_eq!(registered(json!({ "client_id": "c" })), Ok((AuthMethod::None, None, None)));
    // Asked for none and got a secret without a word: a public client it is.
    assert_eq!(
        registered(json!({ "client_id": "c", "client_secret": "s" })),
        Ok((AuthMethod::None, None, None))
    );
    assert_eq!(
        registered(json!({
            "client_id": "c", "client_secret": "s", "token_endpoint_auth_method": basic,
            "client_secret_expires_at": 0
        })),
        Ok((AuthMethod::ClientSecretBasic, secret(), None))
    );
    assert_eq!(
        registered(json!({
            "client_id": "c", "client_secret": "s", "token_endpoint_auth_method": "client_secret_post",
            "client_secret_expires_at": "1800000100"
        })),
        Ok((AuthMethod::ClientSecretPost, secret(), Some(now() + Duration::from_secs(100))))
    );
    assert_eq!(
        registered(json!({ "client_id": "c", "token_endpoint_auth_method": basic })),
        Ok((AuthMethod::None, None, None))
    );
    for bad in [
        json!({ "client_id": "c", "token_endpoint_auth_method": "private_key_jwt" }),
        json!({ "client_id": "" }),
        json!({ "client_id": "a\nb" }),
        json!({ "client_id": "c".repeat(5000) }),
        json!({ "client_id": 7 }),
        json!({}),
    ] {
        assert!(registered(bad.clone()).is_err(), "{bad}");
    }
}

#[test]
fn a_refused_registration_says_why_and_what_next() {
    let mut world = World::new();
    let body =
        json!({ "error": "invalid_redirect_uri", "error_description": "loopback\u{1b}[31m is not for us" });
    let story = world.answers("https://as.example/register", json_answer(400, &body)).run();
    let error = story.error();
    assert_eq!(
        error.to_string(),
        "the authorization server https://as.example refused to register this client: \
         invalid_redirect_uri: loopback [31m is not for us"
    );
    assert!(error.what_next().contains("by hand"));
    assert!(!error.forgets_client());
    for (answer, fault) in [
        (answer(403, "<html>"), Fault::AuthorizationServer),
        (barewire_oauth::client_flow::Answer::Unreachable { reason: "tls".into() }, Fault::Network),
    ] {
        let story = world.answers("https://as.example/register", answer).run();
        assert!(matches!(story.error(), FlowError::RegistrationRefused { .. }));
        assert_eq!(story.error().fault(), fault);
    }
}

#[test]
fn basic_authentication_encodes_both_halves() {
    let mut world = World::new();
    world.login.settings.pre_registered = Some(PreRegistered {
        client_secret: Some(ClientSecret::new("p%w:ä")),
        auth_method: Some(AuthMethod::ClientSecretBasic),
        ..PreRegistered::new("a:b c")
    });
    let story = world.run();
    // base64 of a%3Ab+c:p%25w%3A%C3%A4
    let header = &story.request_to("https://as.example/token").headers()["authorization"];
    assert_eq!(header, "Basic YSUzQWIrYzpwJTI1dyUzQSVDMyVBNA==");
    // The authorization server of the official Python SDK answers "Missing client_id" otherwise.
    assert_eq!(story.form("https://as.example/token").one("client_id").unwrap(), Some("a:b c"));
}
