//! The whole login, from the first 401 to a refreshed token. It is the same in both eras; only the request in front differs.

use barewire_replay::{Expect, Kind, Step, Transcript, Varies};
use indexmap::IndexMap;

use super::modern::Modern;
use super::speech::Speech;
use super::steps::*;

/// The pair that RFC 7636 prints in its appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
/// Where nobody listens: the browser stops before it.
const CALLBACK: &str = "http://localhost:5173/callback";

/// The servers that want bound tokens only challenge by another scheme.
fn challenge() -> Expect {
    Expect::Challenge(["Bearer", "DPoP"].map(str::to_owned).to_vec())
}

pub(super) fn flow(revision: &str) -> Transcript {
    let transcript = transcript(
        revision,
        "login",
        "The whole login",
        "A server that wants a token says so with a 401 and says where to get one. From there a client needs nothing that was agreed on \
         before: it finds the authorization server, registers, sends its user there, and trades what comes back for tokens. Codes, \
         tokens and client ids are different each time; their names stand in their place.",
        steps(revision),
    );
    with_given(
        transcript,
        &[
            ("callback", "the address that the browser comes back to", CALLBACK),
            ("scoped_tool", "a tool that needs more than the token allows", "create_post"),
        ],
    )
}

fn form(step: &mut Step, fields: &[(&str, &str)]) {
    let fields: IndexMap<String, String> =
        fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    step.request.as_mut().unwrap().form = Some(fields);
}

fn steps(revision: &str) -> Vec<Step> {
    let rule = |place: &str| mcp(revision, place);
    let json_document = |step: Step, place: &str| {
        step.must("/status", is(200), "The document is there.", place)
            .must("/headers/content-type", media_type(&["application/json"]), "The document is JSON.", place)
            .varies("/headers/cache-control", Varies::Choice)
    };

    let without = Modern
        .ask(
            "without-a-token",
            "The client has no token yet. The server refuses, and the challenge says where its metadata is.",
            1,
            "server/discover",
            serde_json::json!({}),
        )
        .applies("/status", is(401), "the server asks for no token")
        .must(
            "/status",
            is(401),
            "A request without a token is answered with 401.",
            &rule("basic/authorization#error-handling"),
        )
        .must("/headers/www-authenticate", challenge(), "The 401 has a challenge.", &rfc(6750, "3"))
        .varies("/headers", Varies::Choice)
        .varies("/body", Varies::Choice)
        .varies("/text", Varies::Choice);

    let place = rfc(9728, "3.2");
    let resource = json_document(
        step(
            "resource-metadata",
            "The client reads what the server says about itself: which resource it is, and who gives out tokens for it. The challenge may \
             name this place; where it does not, this is where to look first.",
            request("GET", "{origin}/.well-known/oauth-protected-resource/mcp", &[("accept", "application/json")]),
        ),
        &place,
    )
    .must("/body/resource", is("{server}"), "The resource is the address of the server, as the client knows it.", &rfc(9728, "3.3"))
    .must(
        "/body/authorization_servers/0",
        a(Kind::String),
        "The metadata names at least one authorization server.",
        &rule("basic/authorization/authorization-server-discovery#authorization-server-location"),
    )
    .varies("/body", Varies::Content)
    .keep("issuer", "/body/authorization_servers/0");

    let place = rfc(8414, "2");
    let mut server = json_document(
        step(
            "server-metadata",
            "The client reads what the authorization server says about itself. Its issuer has to be the one that was asked for, letter by \
             letter. Where the issuer has a path, the well-known part goes between host and path.",
            request("GET", "{issuer}/.well-known/oauth-authorization-server", &[("accept", "application/json")]),
        ),
        &place,
    )
    .must("/body/issuer", is("{issuer}"), "The issuer is the one that was asked for.", &rfc(8414, "3.3"))
    .must("/body/authorization_endpoint", a(Kind::String), "There is an authorization endpoint.", &place)
    .must("/body/token_endpoint", a(Kind::String), "There is a token endpoint.", &place)
    .must("/body/response_types_supported", Expect::Contains("code".into()), "Codes are given out.", &place)
    .must(
        "/body/code_challenge_methods_supported",
        Expect::Contains("S256".into()),
        "The authorization server says that it does PKCE with S256; a client goes no further otherwise.",
        &rule("basic/authorization/security-considerations#authorization-code-protection"),
    )
    .varies("/body", Varies::Content);
    for name in ["authorization_endpoint", "token_endpoint"] {
        server = server.keep(name, &format!("/body/{name}"));
    }
    server = server.keep_optional("registration_endpoint", "/body/registration_endpoint");

    let place = rfc(7591, "3.2.1");
    let mut register = step(
        "register",
        "The client registers itself. It is a program on the user's machine and keeps no secret.",
        request(
            "POST",
            "{registration_endpoint}",
            &[("content-type", "application/json"), ("accept", "application/json")],
        ),
    )
    .logs_in()
    .must("/status", is(201), "A registration is answered with 201.", &place)
    .must("/body/client_id", a(Kind::String), "The client is told its id.", &place)
    .must(
        "/body/redirect_uris",
        Expect::Contains("{callback}".into()),
        "The registration repeats what was registered.",
        &place,
    )
    .varies("/headers", Varies::Choice)
    .varies("/body", Varies::Content)
    .varies("/body/client_id_issued_at", Varies::Opaque)
    .keep_opaque("client_id", "/body/client_id");
    register.request.as_mut().unwrap().body = Some(serde_json::json!({
        "client_name": "example",
        "redirect_uris": ["{callback}"],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
        "application_type": "native",
    }));

    let mut authorize = step(
        "authorize",
        "The client opens this address in the user's browser. The user logs in and agrees, and the browser comes back to the client; the \
         body shown here are the parameters of that address. The challenge is the SHA-256 of a secret that only the client knows.",
        request("GET", "{authorization_endpoint}", &[]),
    )
    .logs_in()
    .must("/status", is(302), "The browser is sent back to the client.", "https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-4.1.2")
    .must("/body/state", is("xyz"), "What comes back belongs to what the client began.", "https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-4.1.2")
    .must("/body/code", a(Kind::String), "There is a code.", "https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-4.1.2")
    .must(
        "/body/iss",
        is("{issuer}"),
        "The answer says who it is from, so that nobody's code is taken to somebody else.",
        &rule("basic/authorization#authorization-response-validation"),
    )
    .varies("/headers/location", Varies::Content)
    .keep_opaque("code", "/body/code");
    form(
        &mut authorize,
        &[
            ("response_type", "code"),
            ("client_id", "{client_id}"),
            ("redirect_uri", "{callback}"),
            ("scope", "posts:read"),
            ("state", "xyz"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
            ("resource", "{server}"),
        ],
    );

    let token_place = "https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-3.2.3";
    let token = |name: &str, sentence: &str, fields: &[(&str, &str)]| {
        let headers = [("content-type", "application/x-www-form-urlencoded"), ("accept", "application/json")];
        let mut step = step(name, sentence, request("POST", "{token_endpoint}", &headers))
            .logs_in()
            .must("/status", is(200), "The tokens are given out.", token_place)
            .must("/headers/cache-control", is("no-store"), "Nobody keeps a copy of the tokens.", token_place)
            .must("/body/access_token", a(Kind::String), "There is an access token.", token_place)
            .must("/body/token_type", is("Bearer"), "The token is a bearer token.", token_place)
            .varies("/headers", Varies::Choice)
            .varies("/body", Varies::Content)
            .keep_opaque("access_token", "/body/access_token")
            .keep_opaque("refresh_token", "/body/refresh_token");
        form(&mut step, fields);
        step
    };
    let redeem = token(
        "token",
        "The client trades the code for tokens, and shows the secret whose SHA-256 it sent before. `resource` says which server the token is \
         for, and it is good for no other.",
        &[
            ("grant_type", "authorization_code"),
            ("code", "{code}"),
            ("redirect_uri", "{callback}"),
            ("client_id", "{client_id}"),
            ("code_verifier", VERIFIER),
            ("resource", "{server}"),
        ],
    );
    let use_it = |name: &str, sentence: &str, id| {
        let step = Modern
            .ask(name, sentence, id, "server/discover", serde_json::json!({}))
            .header("authorization", "Bearer {access_token}");
        Modern
            .result(step)
            .must(
                "/status",
                is(200),
                "A good token in the header is accepted.",
                &rule("basic/authorization#token-handling"),
            )
            .varies("/body/result", Varies::Content)
    };
    let call = use_it(
        "use-the-token",
        "The client sends the token with every request, in a header and never in the address.",
        2,
    );
    let scopes = rule("basic/authorization#runtime-insufficient-scope-errors");
    let says =
        "A token that allows too little is answered with 403, and the challenge says what would be enough.";
    let too_little = Modern
        .call(
            "too-few-scopes",
            "The token is good, and the tool needs more than it allows. The client may send its user to agree to that, too.",
            5,
            "{scoped_tool}",
        )
        .header("authorization", "Bearer {access_token}")
        .should("/status", is(403), says, &scopes)
        .should("/headers/www-authenticate", challenge(), says, &scopes)
        .varies("/headers", Varies::Choice)
        .varies("/body", Varies::Choice)
        .varies("/text", Varies::Choice);
    let refresh = token(
        "refresh",
        "The access token ends soon. The client trades the refresh token for a new one; the refresh token is new, too, and the old one is not \
         used again.",
        &[
            ("grant_type", "refresh_token"),
            ("refresh_token", "{refresh_token}"),
            ("client_id", "{client_id}"),
            ("resource", "{server}"),
        ],
    );
    let again = use_it("use-the-new-token", "The new token is used as the old one was.", 3);
    let bad = Modern
        .ask(
            "a-bad-token",
            "A token that the server does not know is refused like none, and the challenge says why.",
            4,
            "tools/list",
            serde_json::json!({}),
        )
        .header("authorization", "Bearer not-a-token")
        .must(
            "/status",
            is(401),
            "A token that is not good is answered with 401.",
            &rule("basic/authorization#token-handling"),
        )
        .must("/headers/www-authenticate", challenge(), "The 401 has a challenge.", &rfc(6750, "3"))
        .varies("/headers", Varies::Choice)
        .varies("/body", Varies::Choice)
        .varies("/text", Varies::Choice);
    vec![without, resource, server, register, authorize, redeem, call, too_little, refresh, again, bad]
}
