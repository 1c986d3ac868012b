//! What keeps a page in a browser out.

use super::Case;
use crate::proxy::{Answered, Fault};

pub(super) fn cases() -> Vec<Case> {
    fn forget(answered: &mut Answered) {
        let names: Vec<_> = answered
            .headers
            .keys()
            .filter(|name| name.as_str().starts_with("access-control-"))
            .cloned()
            .collect();
        for name in names {
            answered.headers.remove(name);
        }
    }
    vec![
        Case("no CORS", Fault::answering(|_, answered| forget(answered)), &["warning cors.allowed"]),
        Case(
            "no CORS on the refusal",
            Fault::answering(|_, answered| {
                if answered.status == 401 {
                    forget(answered);
                }
            }),
            &["error cors.refusal"],
        ),
        Case(
            "the challenge is not exposed",
            Fault::answering(|asked, answered| {
                if asked.is_mcp() && answered.headers.contains_key("access-control-expose-headers") {
                    answered
                        .headers
                        .insert("access-control-expose-headers", "mcp-session-id".parse().unwrap());
                }
            }),
            &["error cors.refusal"],
        ),
        Case(
            "the session is not exposed",
            Fault::answering(|asked, answered| {
                if asked.is_mcp() && answered.headers.contains_key("access-control-expose-headers") {
                    answered
                        .headers
                        .insert("access-control-expose-headers", "www-authenticate".parse().unwrap());
                }
            }),
            &["error cors.session"],
        ),
        Case(
            "the preflight wants a token",
            Fault::asking(|asked| {
                (asked.method == http::Method::OPTIONS && asked.is_mcp()).then(|| Answered::new(401, "", ""))
            }),
            &["error cors.preflight"],
        ),
        Case(
            "the preflight allows everything but the token",
            Fault::answering(|asked, answered| {
                if asked.method == http::Method::OPTIONS && asked.is_mcp() {
                    answered.headers.insert("access-control-allow-headers", "*".parse().unwrap());
                }
            }),
            &["error cors.headers"],
        ),
        Case(
            "no CORS on the metadata",
            Fault::answering(|asked, answered| {
                if asked.path.starts_with("/.well-known/") {
                    forget(answered);
                }
            }),
            &["error cors.metadata"],
        ),
    ]
}
