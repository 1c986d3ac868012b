//! Tokens that are bound to a key (DPoP): when, and what becomes of them.

use std::time::Duration;

use barewire_oauth::client_flow::{DpopUse, Grant, Moment, PendingAuthorization, Refreshed, TokenType};
use barewire_oauth::dpop::PROOF_HEADER;
use http::Request;
use serde_json::{Value, json};

use super::world::*;

const TOKEN: &str = "https://as.example/token";
const ALGORITHMS: &str = "dpop_signing_alg_values_supported";

/// What both sides say, and what the client is set to.
struct Case {
    challenge: &'static str,
    resource: Value,
    server: Value,
    dpop: DpopUse,
    token_type: &'static str,
}

const PLAIN: Case = Case {
    challenge: "Bearer",
    resource: Value::Null,
    server: Value::Null,
    dpop: DpopUse::WhenOffered,
    token_type: "Bearer",
};

fn run(case: &Case) -> Story {
    let mut world = World::new();
    let resource = with(resource_metadata(MCP, &[ISSUER]), ALGORITHMS, case.resource.clone());
    world.page(RESOURCE_METADATA, &resource);
    world.page(SERVER_METADATA, &with(server_metadata(ISSUER), ALGORITHMS, case.server.clone()));
    world.page(
        TOKEN,
        &json!({ "access_token": "t", "refresh_token": "r", "token_type": case.token_type, "expires_in": 60 }),
    );
    world.login.settings.dpop = case.dpop;
    world.challenge(case.challenge).run()
}

fn proof(request: &Request<bytes::Bytes>) -> Option<(Value, Value, String)> {
    request.headers().get(PROOF_HEADER).map(|value| read_signed(value.to_str().unwrap()))
}

#[test]
fn when_tokens_are_bound() {
    let es256 = || json!(["RS256", "ES256"]);
    for (what, case, proven, ending) in [
        ("nobody speaks of it", PLAIN, false, "grant"),
        ("the server alone offers it", Case { server: es256(), ..PLAIN }, false, "grant"),
        ("the resource alone offers it", Case { resource: es256(), ..PLAIN }, false, "grant"),
        (
            "both offer it",
            Case { resource: es256(), server: es256(), token_type: "DPoP", ..PLAIN },
            true,
            "grant",
        ),
        (
            "both offer it, with other algorithms",
            Case { resource: json!(["PS256"]), server: es256(), ..PLAIN },
            false,
            "grant",
        ),
        (
            "the challenge demands it",
            Case { challenge: "DPoP algs=\"ES256\"", server: es256(), token_type: "DPoP", ..PLAIN },
            true,
            "grant",
        ),
        (
            "the challenge demands it and the server says nothing, and gives one for everybody",
            Case { challenge: "DPoP", ..PLAIN },
            true,
            "grant",
        ),
        (
            "the challenge demands it and the server cannot",
            Case { challenge: "DPoP", server: json!(["RS256"]), ..PLAIN },
            false,
            "NoDpop",
        ),
        ("never", Case { challenge: "DPoP", server: es256(), dpop: DpopUse::Never, ..PLAIN }, false, "grant"),
        ("always", Case { dpop: DpopUse::Always, token_type: "dpop", ..PLAIN }, true, "grant"),
        ("always, and it is not", Case { dpop: DpopUse::Always, ..PLAIN }, true, "UnusableToken"),
        (
            "always, and the server cannot",
            Case { server: json!(["EdDSA"]), dpop: DpopUse::Always, ..PLAIN },
            false,
            "NoDpop",
        ),
        ("bound to whatever", Case { token_type: "DPoP", ..PLAIN }, false, "UnusableToken"),
        ("of no known type", Case { token_type: "mac", ..PLAIN }, false, "UnusableToken"),
    ] {
        let story = run(&case);
        assert_eq!(story.ending(), ending, "{what}");
        let sent = story.requests.iter().find(|request| *request.uri() == *TOKEN).and_then(proof);
        assert_eq!(sent.is_some(), proven, "{what}");
        if ending == "grant" {
            let bound = case.token_type.eq_ignore_ascii_case("dpop");
            let grant = story.grant();
            assert_eq!(grant.tokens.token_type, if bound { TokenType::Dpop } else { TokenType::Bearer });
            assert_eq!(grant.proof_key, bound.then(proof_key), "{what}");
            assert_eq!(story.in_browser("dpop_jkt").is_some(), proven, "{what}");
        }
    }
}

#[test]
fn a_metadata_flag_demands_it_too() {
    let mut world = World::new();
    let resource = with(resource_metadata(MCP, &[ISSUER]), "dpop_bound_access_tokens_required", json!(true));
    world.page(RESOURCE_METADATA, &resource);
    world.page(SERVER_METADATA, &with(server_metadata(ISSUER), ALGORITHMS, json!(["EdDSA"])));
    assert_eq!(world.run().ending(), "NoDpop");
}

#[test]
fn a_client_that_wants_nothing_else_says_so_when_it_registers() {
    for (dpop, expected) in [(DpopUse::Always, json!(true)), (DpopUse::WhenOffered, Value::Null)] {
        let story = run(&Case { dpop, token_type: "DPoP", ..PLAIN });
        assert_eq!(story.json("https://as.example/register")["dpop_bound_access_tokens"], expected);
    }
}

fn bound() -> Grant {
    let both = json!(["ES256"]);
    run(&Case { resource: both.clone(), server: both, token_type: "DPoP", ..PLAIN }).end.unwrap()
}

#[test]
fn the_code_is_redeemed_with_the_key_it_was_asked_for_with() {
    let both = json!(["ES256"]);
    let story = run(&Case { resource: both.clone(), server: both, token_type: "DPoP", ..PLAIN });
    let (header, claims, signature) = proof(story.request_to(TOKEN)).unwrap();
    assert_eq!(header["typ"], "dpop+jwt");
    assert_eq!(header["jwk"], json!(proof_key().public));
    assert_eq!(claims["htm"], "POST");
    assert_eq!(claims["htu"], TOKEN);
    assert!(claims.get("ath").is_none() && claims.get("nonce").is_none());
    assert_eq!(signature, "the proof key");
    assert_eq!(story.in_browser("dpop_jkt"), Some(proof_key().public.thumbprint()));
    // The key survives a restart of the host while the user is away.
    let kept = serde_json::to_string(story.pending.as_ref().unwrap()).unwrap();
    assert!(kept.contains("the proof key"));
    assert!(!format!("{:?}", story.pending).contains("the proof key"));
    // One that was kept before there were keys is read as what it was.
    let mut old: Value = serde_json::from_str(&kept).unwrap();
    for new in ["proof_key", "dpop"] {
        old.as_object_mut().unwrap().remove(new);
    }
    serde_json::from_value::<PendingAuthorization>(old).unwrap();
}

#[test]
fn each_proof_is_another_and_carries_what_the_server_gave() {
    let grant = bound();
    let request = grant.renewal_request().unwrap();
    let sign = |random: u8, nonce| {
        let moment = Moment { now: now() + Duration::from_secs(9), random: &[random; 32], nonce };
        proof(&grant.renewal_signatures().complete(&request, &moment, &KeysOwnText).unwrap()).unwrap().1
    };
    let (first, second) = (sign(1, None), sign(2, Some("n1")));
    assert_ne!(first["jti"], second["jti"]);
    assert_eq!(second["nonce"], "n1");
    assert_eq!(second["iat"], 1_800_000_009);
    assert!(grant.renewal_signatures().prove_possession());
    assert!(!grant.revocation_signatures().prove_possession());
}

#[test]
fn a_bound_token_does_not_become_one_for_everybody() {
    let grant = bound();
    let answer = |token_type: &str| {
        json_answer(200, &json!({ "access_token": "t2", "token_type": token_type, "expires_in": 60 }))
    };
    let Refreshed::Renewed(renewed) = grant.refreshed(&answer("DPoP"), now(), 1024) else {
        panic!("not renewed");
    };
    assert_eq!(renewed.proof_key, grant.proof_key);
    assert!(matches!(grant.refreshed(&answer("Bearer"), now(), 1024), Refreshed::Keep(_)));
}

#[test]
fn a_grant_of_before_is_read_as_what_it_was() {
    let mut kept = serde_json::to_value(bound()).unwrap();
    let members = kept.as_object_mut().unwrap();
    members.remove("proof_key");
    members.remove("kind");
    members["tokens"].as_object_mut().unwrap().remove("token_type");
    let grant: Grant = serde_json::from_value(kept).unwrap();
    assert_eq!(grant.tokens.token_type, TokenType::Bearer);
    assert!(grant.is_renewable() && grant.proof_key.is_none());
}
