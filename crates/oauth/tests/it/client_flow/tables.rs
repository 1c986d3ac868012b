//! The tables of the specification, row by row.

use barewire_oauth::client_flow::{Answer, Fault, state_of};
use serde_json::json;

use super::world::*;

/// Authorization Response Validation, and the suite's `iss-*` scenarios.
#[test]
fn iss() {
    let code =
        |iss: Option<&str>| Callback::Code(iss.map(|iss| ("iss", iss.to_owned())).into_iter().collect());
    let error = |iss: Option<&str>| {
        let mut more =
            vec![("error", "access_denied".to_owned()), ("error_description", "PLANTED".to_owned())];
        more.extend(iss.map(|iss| ("iss", iss.to_owned())));
        Callback::NoCode(more)
    };
    for (advertised, iss, expected, expected_for_error) in [
        (true, Some(ISSUER), "grant", "AccessDenied"),
        (true, None, "IssMissing", "IssMissing"),
        (true, Some(""), "IssMissing", "IssMissing"),
        (true, Some("https://evil.example.com"), "IssMismatch", "IssMismatch"),
        (false, Some(ISSUER), "grant", "AccessDenied"),
        (false, None, "grant", "AccessDenied"),
        (false, Some("https://evil.example.com"), "IssMismatch", "IssMismatch"),
        // nothing is normalised
        (true, Some("https://as.example/"), "IssMismatch", "IssMismatch"),
        (true, Some("https://AS.example"), "IssMismatch", "IssMismatch"),
        (true, Some("https://as.example:443"), "IssMismatch", "IssMismatch"),
        (true, Some("https://as.%65xample"), "IssMismatch", "IssMismatch"),
    ] {
        for (callback, expected) in [(code(iss), expected), (error(iss), expected_for_error)] {
            let mut world = World::new();
            let metadata = server_metadata(ISSUER);
            let flag = "authorization_response_iss_parameter_supported";
            world.page(SERVER_METADATA, &with(metadata, flag, json!(advertised)));
            world.callback = callback;
            let story = world.run();
            assert_eq!(story.ending(), expected, "advertised: {advertised}, iss: {iss:?}");
            assert!(story.browser.is_some());
            let redeemed = story.asked().contains(&format!("POST {ISSUER}/token"));
            assert_eq!(redeemed, expected == "grant");
            if let Err(error) = &story.end {
                assert_eq!(error.to_string().contains("PLANTED"), expected == "AccessDenied");
            }
        }
    }
}

#[test]
fn callbacks() {
    for (query, expected, fault) in [
        ("code=c&state={state}&iss=https%3A%2F%2Fas.example", "grant", None),
        ("?code=c&state={state}&iss=https%3A%2F%2Fas.example&session_state=x", "grant", None),
        ("", "StateMismatch", Some(Fault::Callback)),
        ("code=c&iss=https%3A%2F%2Fas.example", "StateMismatch", Some(Fault::Callback)),
        ("code=c&state=other&iss=https%3A%2F%2Fas.example", "StateMismatch", Some(Fault::Callback)),
        ("code=c&state=&iss=https%3A%2F%2Fas.example", "StateMismatch", Some(Fault::Callback)),
        ("error=access_denied&state=other", "StateMismatch", Some(Fault::Callback)),
        ("code=c&state={state}&state={state}", "RepeatedParameter", Some(Fault::Callback)),
        (
            "code=c&code=d&state={state}&iss=https%3A%2F%2Fas.example",
            "RepeatedParameter",
            Some(Fault::Callback),
        ),
        (
            "code=c&state={state}&iss=https%3A%2F%2Fas.example&iss=https%3A%2F%2Fas.example",
            "RepeatedParameter",
            Some(Fault::Callback),
        ),
        ("state={state}&iss=https%3A%2F%2Fas.example", "NoCode", Some(Fault::Callback)),
        ("code=&state={state}&iss=https%3A%2F%2Fas.example", "NoCode", Some(Fault::Callback)),
        ("error=access_denied&state={state}&iss=https%3A%2F%2Fas.example", "AccessDenied", Some(Fault::User)),
        (
            "error=access_denied&code=c&state={state}&iss=https%3A%2F%2Fas.example",
            "AccessDenied",
            Some(Fault::User),
        ),
        (
            "error=invalid_scope&state={state}&iss=https%3A%2F%2Fas.example",
            "AuthorizationRefused",
            Some(Fault::AuthorizationServer),
        ),
        (
            "error=made%0Aup%1B&state={state}&iss=https%3A%2F%2Fas.example",
            "AuthorizationRefused",
            Some(Fault::AuthorizationServer),
        ),
    ] {
        let mut world = World::new();
        world.callback = Callback::Query(query.to_owned());
        let story = world.run();
        assert_eq!(story.ending(), expected, "{query}");
        assert_eq!(
            story.end.as_ref().err().map(barewire_oauth::client_flow::FlowError::fault),
            fault,
            "{query}"
        );
        if let Err(error) = &story.end {
            assert!(!error.to_string().chars().any(char::is_control), "{error:?}");
            assert!(!error.what_next().is_empty());
        }
    }
    assert_eq!(state_of("?a=b&state=x").unwrap().expose(), "x");
    assert!(state_of("state=x&state=x").is_none());
    assert!(state_of("").is_none());
}

/// `scope` of the challenge, `scopes_supported` of the resource, scopes held, extra scopes of the client,
/// `scopes_supported` of the authorization server; and what is asked for.
type ScopeRow<'a> =
    (Option<&'a str>, Option<&'a [&'a str]>, &'a str, &'a str, &'a [&'a str], Option<&'a str>);

/// Scope Selection Strategy and Step-Up.
#[test]
fn scope() {
    #[rustfmt::skip]
    let rows: &[ScopeRow<'_>] = &[
        (None, None, "", "", &[], None),
        (None, Some(&["r", "w"]), "", "", &[], Some("r w")),
        (None, Some(&[]), "", "", &[], None),
        (Some("a"), Some(&["r", "w"]), "", "", &[], Some("a")),
        (Some("a"), None, "", "", &[], Some("a")),
        (Some(""), Some(&["r"]), "", "", &[], Some("r")),
        (Some("a"), None, "b", "", &[], Some("b a")),
        (Some("a b"), None, "b", "", &[], Some("b a")),
        (None, Some(&["r", "w"]), "b", "", &[], Some("b")),
        (Some("a"), None, "", "x", &[], Some("a x")),
        (None, None, "", "x", &[], Some("x")),
        // offline_access belongs to the authorization server
        (Some("a"), None, "", "", &["offline_access"], Some("a offline_access")),
        (Some("a offline_access"), None, "", "", &[], Some("a")),
        (None, Some(&["r", "offline_access"]), "", "", &[], Some("r")),
        (None, Some(&["offline_access", "r"]), "", "", &["offline_access"], Some("r offline_access")),
        (None, None, "", "", &["offline_access"], None),
        (Some("a"), None, "offline_access b", "", &[], Some("b a")),
        // what is no scope is left out
        (None, Some(&["r", "no\"scope", "", "two words"]), "", "", &[], Some("r")),
    ];
    for (challenge, listed, held, extra, server, expected) in rows {
        let mut world = World::new();
        if let Some(scope) = challenge {
            world.challenge(&format!("Bearer scope=\"{scope}\""));
        }
        let resource = resource_metadata(MCP, &[ISSUER]);
        world.page(RESOURCE_METADATA, &with(resource, "scopes_supported", json!(listed)));
        world.page(SERVER_METADATA, &with(server_metadata(ISSUER), "scopes_supported", json!(server)));
        world.login.held_scopes = scopes(held);
        world.login.settings.extra_scopes = scopes(extra);
        let story = world.run();
        assert_eq!(story.in_browser("scope").as_deref(), *expected, "{challenge:?} {listed:?} {held:?}");
    }
}

#[test]
fn consent_is_asked_for_where_openid_demands_it() {
    let metadata = with(server_metadata(ISSUER), "scopes_supported", json!(["offline_access"]));
    for (place, expected) in
        [(SERVER_METADATA, None), ("https://as.example/.well-known/openid-configuration", Some("consent"))]
    {
        let mut world = World::new();
        world.gone(SERVER_METADATA).page(place, &metadata);
        let story = world.challenge("Bearer scope=\"a\"").run();
        assert_eq!(story.in_browser("prompt").as_deref(), expected);
    }
}

/// What is not the document is the wrong place; what may be gone in a minute stops the login.
#[test]
fn wrong_places_of_the_resource_metadata() {
    let html = answer(200, "<!doctype html><title>App</title>");
    let good = json_answer(200, &resource_metadata(MCP, &[ISSUER]));
    let named = "https://mcp.example/named";
    for (at_name, at_path, at_root, expected) in [
        (Some(good.clone()), None, None, "grant"),
        (Some(answer(404, "")), Some(good.clone()), None, "grant"),
        (Some(answer(401, "")), None, Some(good.clone()), "grant"),
        (Some(html.clone()), Some(html.clone()), Some(good.clone()), "grant"),
        (Some(json_answer(200, &json!([]))), Some(json_answer(200, &json!({}))), Some(good.clone()), "grant"),
        (Some(answer(302, "")), Some(answer(500, "")), Some(good.clone()), "grant"),
        (Some(answer(404, "")), None, None, "NoResourceMetadata"),
        (Some(html.clone()), Some(html.clone()), Some(html.clone()), "NoResourceMetadata"),
        (None, Some(answer(503, "")), None, "Unavailable"),
        (None, Some(answer(429, "")), None, "Unavailable"),
        (None, Some(Answer::Unreachable { reason: "refused".into() }), None, "Unavailable"),
    ] {
        let mut world = World::new();
        world.gone(RESOURCE_METADATA);
        if let Some(answer) = &at_name {
            world.answers(named, answer.clone());
            world.challenge(&format!("Bearer resource_metadata=\"{named}\""));
        }
        for (url, answer) in
            [(RESOURCE_METADATA, at_path.as_ref()), (RESOURCE_METADATA_AT_ROOT, at_root.as_ref())]
        {
            if let Some(answer) = answer {
                world.answers(url, answer.clone());
            }
        }
        let story = world.run();
        assert_eq!(story.ending(), expected, "{at_name:?} {at_path:?} {at_root:?}");
        let mut order = vec![RESOURCE_METADATA.to_owned(), RESOURCE_METADATA_AT_ROOT.to_owned()];
        if at_name.is_some() {
            order.insert(0, named.to_owned());
        }
        let asked: Vec<String> = story.asked().iter().map(|asked| asked.replace("GET ", "")).collect();
        let looked = asked.iter().take_while(|url| order.contains(url)).count();
        assert_eq!(asked[..looked], order[..looked], "in this order, each once");
        if expected == "Unavailable" {
            assert_eq!(asked.len(), looked, "a server in trouble is not taken for an old one");
        }
    }
}

/// Endpoints are assumed only when the server says that it has no metadata, not when it cannot say anything.
#[test]
fn when_endpoints_are_assumed() {
    let place = "https://mcp.example/.well-known/oauth-authorization-server";
    for (answer, assumed) in [
        (answer(404, ""), true),
        (answer(401, ""), true),
        (answer(200, "<!doctype html>"), true),
        (answer(503, ""), false),
        (answer(429, ""), false),
        (Answer::Unreachable { reason: "timeout".into() }, false),
        (json_answer(200, &server_metadata("https://elsewhere.example")), false),
    ] {
        let mut world = World::new();
        world.gone(RESOURCE_METADATA).answers(place, answer.clone());
        let story = world.run();
        let asked = story.asked();
        assert_eq!(asked.contains(&"POST https://mcp.example/register".to_owned()), assumed, "{answer:?}");
        assert!(asked.iter().all(|asked| asked.contains("https://mcp.example/")));
    }
}

#[test]
fn places_of_the_server_metadata_in_order() {
    for (issuer, places) in [
        (
            "https://as.example/t/1",
            &[
                "https://as.example/.well-known/oauth-authorization-server/t/1",
                "https://as.example/.well-known/openid-configuration/t/1",
                "https://as.example/t/1/.well-known/openid-configuration",
            ][..],
        ),
        (ISSUER, &[SERVER_METADATA, "https://as.example/.well-known/openid-configuration"]),
    ] {
        for found_at in 0..=places.len() {
            let mut world = World::new();
            world.gone(SERVER_METADATA);
            world.page(RESOURCE_METADATA, &resource_metadata(MCP, &[issuer]));
            world.callback = Callback::Code(vec![("iss", issuer.to_owned())]);
            if let Some(place) = places.get(found_at) {
                world.authorization_server(place, issuer, &server_metadata(issuer));
            }
            let story = world.run();
            let looked: Vec<String> =
                places.iter().take(found_at + 1).map(|place| format!("GET {place}")).collect();
            assert_eq!(story.asked()[1..=looked.len()], looked);
            assert_eq!(story.ending(), if found_at < places.len() { "grant" } else { "NoServerMetadata" });
        }
    }
}

/// Code challenge methods: absent means unsupported, except to the revision that had no such rule.
#[test]
fn pkce() {
    let origin = "https://mcp.example";
    for (listed, current, older) in [
        (json!(["S256"]), "grant", "grant"),
        (json!(["plain", "S256"]), "grant", "grant"),
        (json!(["plain"]), "NoPkce", "NoPkce"),
        (json!([]), "NoPkce", "NoPkce"),
        (json!(null), "NoPkce", "grant"),
    ] {
        let mut world = World::new();
        let name = "code_challenge_methods_supported";
        world.page(SERVER_METADATA, &with(server_metadata(ISSUER), name, listed.clone()));
        assert_eq!(world.run().ending(), current, "{listed}");

        let mut world = World::new();
        world.gone(RESOURCE_METADATA);
        let place = "https://mcp.example/.well-known/oauth-authorization-server";
        world.authorization_server(place, origin, &with(server_metadata(origin), name, listed.clone()));
        world.callback = Callback::Code(vec![("iss", origin.to_owned())]);
        assert_eq!(world.run().ending(), older, "{listed}");
    }
}

/// RFC 9728 §3.3 and root documents: the identifier is the URL or a parent of it, and goes out byte for byte.
#[test]
fn resource() {
    for (resource, expected) in [
        ("https://mcp.example/mcp", true),
        ("https://mcp.example", true),
        ("https://mcp.example/", true),
        ("HTTPS://MCP.example/mcp", true),
        ("https://mcp.example:443/mcp", true),
        ("https://mcp.example/mcp/", true),
        ("https://mcp.example/other", false),
        ("https://mcp.example/mcp/deeper", false),
        ("http://mcp.example/mcp", false),
        ("https://mcp.example.evil.example/mcp", false),
        ("https://evil.example/mcp", false),
    ] {
        let mut world = World::new();
        world.page(RESOURCE_METADATA, &resource_metadata(resource, &[ISSUER]));
        let story = world.run();
        if expected {
            assert_eq!(story.in_browser("resource").as_deref(), Some(resource));
            let form = story.form("https://as.example/token");
            assert_eq!(form.one("resource").unwrap(), Some(resource));
            assert_eq!(story.grant().resource.as_str(), resource);
        } else {
            assert_eq!(story.ending(), "ResourceMismatch", "{resource}");
            assert_eq!(story.requests.len(), 1);
        }
    }
}
