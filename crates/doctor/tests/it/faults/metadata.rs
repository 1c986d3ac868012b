//! What is wrong with the metadata, or with where it is.

use serde_json::{Value, json};

use super::{Case, not_found};
use crate::proxy::{Answered, Fault};

const RESOURCE: &str = "/.well-known/oauth-protected-resource";
const SERVER: &str = "/.well-known/oauth-authorization-server";
const OPENID: &str = "/.well-known/openid-configuration";

pub(super) fn cases() -> Vec<Case> {
    let page = "<!doctype html><title>App</title><div id=app></div>";
    vec![
        Case(
            "wrong resource",
            resource(|it| it["resource"] = json!("https://other.example/mcp")),
            &["error metadata.resource"],
        ),
        Case(
            "resource of the whole origin",
            resource(|it| {
                let resource = it["resource"].as_str().unwrap().trim_end_matches("/mcp").to_owned();
                it["resource"] = json!(resource);
            }),
            &["warning metadata.resource"],
        ),
        Case(
            "no metadata",
            not_found(|asked| asked.path.starts_with(RESOURCE)),
            &["error discovery.named", "error discovery.found"],
        ),
        Case(
            "a web application answers for the well-known path",
            Fault::asking(move |asked| {
                (asked.path == RESOURCE).then(|| Answered::new(200, "text/html", page))
            }),
            &["warning discovery.root"],
        ),
        Case(
            "the challenge names a place that is not there",
            Fault::answering(|_, answered| {
                if let Some(value) = answered.headers.get_mut("www-authenticate") {
                    let wrong = value.to_str().unwrap().replace("/mcp\"", "/elsewhere\"");
                    *value = wrong.parse().unwrap();
                }
            }),
            &["error discovery.named"],
        ),
        Case(
            "metadata as plain text",
            Fault::answering(|asked, answered| {
                if asked.path.starts_with(RESOURCE) {
                    answered.headers.insert("content-type", "text/plain".parse().unwrap());
                }
            }),
            &["warning discovery.media_type"],
        ),
        Case(
            "no authorization server",
            resource(|it| it["authorization_servers"] = json!([])),
            &["error metadata.authorization_servers"],
        ),
        Case(
            "offline_access in the metadata",
            resource(|it| it["scopes_supported"] = json!(["posts:read", "offline_access"])),
            &["warning metadata.offline_access"],
        ),
        Case(
            "no metadata of the authorization server",
            not_found(|asked| asked.path.starts_with(SERVER) || asked.path.starts_with(OPENID)),
            &["error authserver.metadata"],
        ),
        Case(
            "another issuer",
            server(|it| it["issuer"] = json!(format!("{}/", it["issuer"].as_str().unwrap()))),
            &["error authserver.issuer"],
        ),
        Case(
            "no PKCE",
            server(|it| it["code_challenge_methods_supported"] = Value::Null),
            &["error authserver.pkce"],
        ),
        Case(
            "no token endpoint",
            server(|it| it["token_endpoint"] = Value::Null),
            &["error authserver.endpoints"],
        ),
        Case(
            "an endpoint without TLS",
            server(|it| it["registration_endpoint"] = json!("http://login.invalid/register")),
            &["error authserver.secure"],
        ),
        Case(
            "nobody can register",
            server(|it| {
                it["registration_endpoint"] = Value::Null;
                it["client_id_metadata_document_supported"] = json!(false);
            }),
            &["warning authserver.registration"],
        ),
        Case(
            "the token endpoint is elsewhere",
            not_found(|asked| asked.path == "/token"),
            &["error authserver.token"],
        ),
        Case(
            "the authorization endpoint is elsewhere",
            not_found(|asked| asked.path == "/authorize"),
            &["error authserver.authorize"],
        ),
        Case(
            "no keys",
            not_found(|asked| asked.path == "/jwks" || asked.path.contains("jwks")),
            &["error authserver.keys"],
        ),
    ]
}

/// Another document at every place of the resource's metadata.
fn resource(change: impl Fn(&mut Value) + Send + Sync + 'static) -> Fault {
    Fault::answering(move |asked, answered| {
        if asked.path.starts_with(RESOURCE) {
            answered.edit(&change);
        }
    })
}

fn server(change: impl Fn(&mut Value) + Send + Sync + 'static) -> Fault {
    Fault::answering(move |asked, answered| {
        if asked.path.starts_with(SERVER) || asked.path.starts_with(OPENID) {
            answered.edit(&change);
        }
    })
}
