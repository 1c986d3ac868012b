//! Authorization requests that the server wants to have pushed.

use serde_json::{Value, json};

use super::world::*;

const PAR: &str = "https://as.example/par";
const REFERENCE: &str = "urn:ietf:params:oauth:request_uri:abc";

fn world(required: bool, answer: Option<(u16, Value)>) -> World {
    let mut world = World::new();
    world.page(RESOURCE_METADATA, &resource_metadata(MCP, &[ISSUER]));
    let metadata = with(server_metadata(ISSUER), "pushed_authorization_request_endpoint", json!(PAR));
    let required = if required { json!(true) } else { Value::Null };
    world.page(SERVER_METADATA, &with(metadata, "require_pushed_authorization_requests", required));
    world.page("https://as.example/token", &json!({ "access_token": "t", "token_type": "Bearer" }));
    if let Some((status, body)) = answer {
        world.pages.insert(PAR.to_owned(), json_answer(status, &body));
    }
    world
}

#[test]
fn a_server_that_takes_no_others_gets_a_pushed_one() {
    let story = world(true, Some((201, json!({ "request_uri": REFERENCE, "expires_in": 60 })))).run();
    assert_eq!(story.ending(), "grant");
    let form: Vec<(String, String)> =
        url::form_urlencoded::parse(story.request_to(PAR).body()).into_owned().collect();
    let one = |name: &str| {
        let values: Vec<_> = form.iter().filter(|(key, _)| key == name).map(|(_, value)| value).collect();
        assert_eq!(values.len(), 1, "{name} in {form:?}");
        values[0].clone()
    };
    for (name, expected) in [("response_type", "code"), ("redirect_uri", REDIRECT_URI), ("resource", MCP)] {
        assert_eq!(one(name), expected);
    }
    let (state, client) = (one("state"), one("client_id"));
    one("code_challenge");
    // The browser carries the reference and who we are, and nothing else.
    let browser = story.browser.as_ref().unwrap();
    let carried: Vec<_> = browser.query_pairs().into_owned().collect();
    let expected = [("client_id", client.as_str()), ("request_uri", REFERENCE)];
    assert_eq!(carried, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(story.pending.as_ref().unwrap().state.expose(), state);
}

#[test]
fn a_server_that_merely_offers_it_is_asked_in_the_usual_way() {
    let story = world(false, None).run();
    assert_eq!(story.ending(), "grant");
    assert!(story.requests.iter().all(|request| *request.uri() != *PAR));
    assert!(story.in_browser("code_challenge").is_some());
}

#[test]
fn answers_that_lead_nowhere() {
    for (answer, expected) in [
        (Some((400, json!({ "error": "invalid_request" }))), "PushRefused"),
        (Some((201, json!({ "expires_in": 60 }))), "PushRefused"),
        (None, "PushRefused"),
        (Some((201, json!({ "request_uri": "" }))), "UnusableEndpoint"),
        (Some((201, json!({ "request_uri": "x".repeat(2_000) }))), "UnusableEndpoint"),
    ] {
        assert_eq!(world(true, answer.clone()).run().ending(), expected, "{answer:?}");
    }
}
