//! What is wrong with the refusal, or with who is refused.

use super::Case;
use crate::proxy::{Answered, Fault};

pub(super) fn cases(token: &str) -> Vec<Case> {
    let bearer = format!("Bearer {token}");
    let in_session = bearer.clone();
    vec![
        Case(
            "403 without a challenge",
            Fault::answering(|asked, answered| {
                if asked.is_mcp() && answered.status == 401 {
                    *answered = Answered::new(403, "text/plain", "Forbidden");
                }
            }),
            &["error challenge.status"],
        ),
        Case(
            "the challenge is taken away",
            Fault::answering(|_, answered| answered.remove("www-authenticate")),
            &["warning challenge.present"],
        ),
        Case(
            "the challenge is renamed",
            Fault::answering(|_, answered| {
                if let Some(value) = answered.headers.remove("www-authenticate") {
                    answered.headers.insert("x-amzn-remapped-www-authenticate", value);
                }
            }),
            &["error challenge.present"],
        ),
        Case(
            "every token will do",
            Fault::asking(move |asked| {
                if asked.is_mcp() && asked.headers.contains_key("authorization") {
                    asked.headers.insert("authorization", bearer.parse().unwrap());
                }
                None
            }),
            &["error challenge.made_up_token"],
        ),
        Case(
            "the session is as good as the token",
            Fault::asking(move |asked| {
                if asked.headers.contains_key("mcp-session-id") {
                    asked.headers.insert("authorization", in_session.parse().unwrap());
                }
                None
            }),
            &["error session.token"],
        ),
        Case(
            "the token is taken away",
            Fault::asking(|asked| {
                asked.remove("authorization");
                None
            }),
            &["error token.accepted", "warning challenge.invalid_token"],
        ),
    ]
}
