//! Logins whose user has a browser elsewhere only.

use barewire_oauth::client_flow::{Answer, Fault, FlowError, GrantKind, IdentityOrigin, Way};
use serde_json::{Value, json};

use super::world::*;

const TOKEN: &str = "https://as.example/token";
const DEVICE: &str = "https://as.example/device_authorization";
const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

fn world() -> World {
    let mut world = World::new();
    let grants = json!(["authorization_code", "refresh_token", DEVICE_CODE]);
    let metadata = with(server_metadata(ISSUER), "grant_types_supported", grants);
    world.page(SERVER_METADATA, &with(metadata, "device_authorization_endpoint", json!(DEVICE)));
    world.page(DEVICE, &given());
    world.login.settings.way = Way::DeviceCode;
    world
}

fn given() -> Value {
    json!({
        "device_code": "d", "user_code": "WDJB-MJHT", "verification_uri": "https://as.example/device",
        "verification_uri_complete": "https://as.example/device?user_code=WDJB-MJHT", "expires_in": 600
    })
}

fn error(code: &str) -> Answer {
    json_answer(400, &json!({ "error": code }))
}

#[test]
fn it_registers_shows_a_code_and_asks_until_there_is_a_token() {
    let mut world = world();
    world.challenge("Bearer scope=\"mcp:read\"");
    world.first.insert(
        TOKEN.to_owned(),
        [
            error("authorization_pending"),
            error("slow_down"),
            Answer::Unreachable { reason: "gone".to_owned() },
            answer(503, "later"),
            error("authorization_pending"),
        ]
        .into(),
    );
    let story = world.run();
    let grant = story.grant();
    assert_eq!((grant.kind, grant.client.origin), (GrantKind::DeviceCode, IdentityOrigin::Registered));
    let intervals: Vec<u64> = story.waits.iter().map(|(_, interval)| *interval).collect();
    assert_eq!(intervals, [5, 5, 10, 20, 40, 40]);
    assert!(story.waits.iter().all(|(code, _)| code == "WDJB-MJHT"));
    let registered = story.json("https://as.example/register");
    assert_eq!(registered["grant_types"], json!([DEVICE_CODE, "refresh_token"]));
    assert_eq!((&registered["redirect_uris"], &registered["response_types"]), (&json!([]), &json!([])));
    let begun = story.form(DEVICE);
    assert_eq!(begun.one("resource"), Ok(Some(MCP)));
    assert_eq!(begun.one("scope"), Ok(Some("mcp:read")));
    assert_eq!(begun.one("client_id"), Ok(Some("client-of-https://as.example")));
    let asked = story.form(TOKEN);
    assert_eq!((asked.one("grant_type"), asked.one("device_code")), (Ok(Some(DEVICE_CODE)), Ok(Some("d"))));
}

#[test]
fn the_client_of_a_browser_login_is_another_one() {
    let mut world = world();
    world.login.settings.way = Way::AuthorizationCode;
    let of_browser = world.run().grant().client.clone();
    world.login.settings.way = Way::DeviceCode;
    world.login.known = vec![of_browser];
    let story = world.run();
    assert!(story.asked().contains(&"POST https://as.example/register".to_owned()));
    world.login.known.push(story.grant().client.clone());
    assert!(!world.run().asked().contains(&"POST https://as.example/register".to_owned()));
}

#[test]
fn how_it_ends_without_a_token() {
    let end = |answer: Answer| {
        let mut world = world();
        world.answers(TOKEN, answer);
        world.run().end.unwrap_err()
    };
    assert!(matches!(end(error("access_denied")), FlowError::AccessDenied { .. }));
    assert!(matches!(end(error("expired_token")), FlowError::CodeExpired { .. }));
    assert_eq!(end(error("expired_token")).fault(), Fault::User);
    assert!(matches!(end(error("invalid_grant")), FlowError::GrantRefused { .. }));
    assert!(matches!(end(error("invalid_client")), FlowError::ClientRefused { .. }));
    // A code that is over is not asked about.
    let mut world = world();
    world.page(DEVICE, &with(given(), "expires_in", json!(0)));
    let story = world.run();
    assert!(matches!(story.end, Err(FlowError::CodeExpired { .. })));
    assert!(!story.asked().contains(&format!("POST {TOKEN}")));
}

#[test]
fn nobody_is_sent_to_a_strange_place_or_shown_what_cannot_be_typed() {
    for (name, value, good) in [
        ("verification_uri", json!("http://as.example/device"), false),
        ("verification_uri", json!("javascript:alert(1)"), false),
        ("verification_uri", json!("https://user@as.example/device"), false),
        ("verification_uri", json!(null), false),
        ("user_code", json!("\u{1b}[31mWDJB"), false),
        ("user_code", json!("x".repeat(100)), false),
        ("user_code", json!(""), false),
        ("expires_in", json!("soon"), false),
        // What is only more comfortable is left out.
        ("verification_uri_complete", json!("javascript:alert(1)"), true),
        ("interval", json!(0), true),
    ] {
        let mut world = world();
        world.page(DEVICE, &with(given(), name, value.clone()));
        assert_eq!(world.run().end.is_ok(), good, "{name} {value}");
    }
    let mut world = World::new();
    world.login.settings.way = Way::DeviceCode;
    assert!(matches!(world.run().end, Err(FlowError::GrantNotOffered { .. })));
}
