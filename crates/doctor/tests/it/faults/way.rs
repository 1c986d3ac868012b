//! What happens to requests and streams on their way.

use super::Case;
use crate::proxy::{Answered, Fault, Streams};

pub(super) fn cases() -> Vec<Case> {
    fn without(name: &'static str) -> Fault {
        Fault::asking(move |asked| {
            asked.remove(name);
            None
        })
    }
    let redirect = |from: &'static str, to: &'static str, status| {
        Fault::asking(move |asked| {
            (asked.path == from).then(|| Answered::new(status, "", "").with("location", to))
        })
    };
    vec![
        Case("/mcp/ redirects", redirect("/mcp/", "/mcp", 307), &["warning redirect.slash"]),
        Case("/mcp redirects", redirect("/mcp", "/mcp/", 307), &["error redirect.endpoint"]),
        Case(
            "/mcp redirects and the POST becomes a GET",
            redirect("/mcp", "/mcp/", 301),
            &["error redirect.endpoint"],
        ),
        Case(
            "MCP-Protocol-Version is taken away",
            without("mcp-protocol-version"),
            &["error header.arrive", "warning header.version"],
        ),
        Case("Mcp-Method is taken away", without("mcp-method"), &["error header.arrive"]),
        Case("Mcp-Name is taken away", without("mcp-name"), &["error header.arrive"]),
        Case("Mcp-Session-Id is taken away", without("mcp-session-id"), &["error header.session"]),
        Case(
            "Mcp-Session-Id is taken away on the way back",
            Fault::answering(|_, answered| answered.remove("mcp-session-id")),
            &["error header.session"],
        ),
        Case("events are held back", Fault::streams(Streams::HoldEvents), &["error stream.flows"]),
        Case(
            "streams are held back",
            Fault::streams(Streams::HoldAll),
            &["error stream.flows", "error stream.get"],
        ),
        Case(
            "streams are compressed",
            Fault::answering(|asked, answered| {
                if answered.stream && asked.headers.contains_key("accept-encoding") {
                    answered.headers.insert("content-encoding", "gzip".parse().unwrap());
                }
            }),
            &["warning stream.compressed"],
        ),
        Case(
            "X-Accel-Buffering is taken away",
            Fault::answering(|_, answered| answered.remove("x-accel-buffering")),
            &["warning stream.unbuffered"],
        ),
        Case(
            "a proxy shows itself",
            Fault::answering(|_, answered| {
                answered.headers.insert("via", "1.1 squid".parse().unwrap());
            }),
            &["info header.between"],
        ),
        Case(
            "the public name is refused",
            Fault::asking(|asked| {
                asked
                    .is_mcp()
                    .then(|| Answered::new(403, "application/json", r#"{"error":"Host not allowed"}"#))
            }),
            &["error reach.own_name"],
        ),
        Case(
            "too many requests",
            Fault::asking(|asked| {
                (asked.rpc() == "tools/list").then(|| Answered::new(429, "", "").with("retry-after", "60"))
            }),
            &["warning reach.rate_limited", "error list.answered"],
        ),
    ]
}
