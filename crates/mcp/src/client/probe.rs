//! What kind of server is there: the answer to a first `server/discover`, judged
//! ([Backward compatibility](https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#backward-compatibility)).
//!
//! Only a recognised modern answer proves a modern server. Everything that an older server, its framework or a proxy
//! in front of it may answer to a request that it does not understand means: try `initialize`. Servers in the field
//! answer with 404 and "invalid session", with 400 and a page, with any JSON-RPC code, with an empty success, and with
//! 401 although the token is good; each of these once stranded somebody's client.

use http::StatusCode;
use http::header::HeaderMap;

use crate::error::code;
use crate::http::status::{Answer, read};
use crate::jsonrpc::{self, ErrorObject, Message};
use crate::revision::{Era, Revision, pick};
use crate::wire::v2026_07_28::{DiscoverResult, decode_discover};

/// The answer to a probe.
#[derive(Debug, Clone, Copy)]
pub struct ProbeAnswer<'a> {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The body; where it is an event stream, the data of its first response.
    pub body: &'a [u8],
    /// Whether the probe carried an access token.
    pub with_token: bool,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq)]
pub enum ProbeVerdict {
    /// The server is modern, and this revision is spoken from now on.
    Modern {
        /// The revision.
        revision: Revision,
        /// What the server offers.
        discovered: Box<DiscoverResult>,
    },
    /// The server is modern and wants this revision: probe again with it.
    Retry {
        /// The revision.
        revision: Revision,
    },
    /// The server is modern and refuses; another try would not help.
    Refused {
        /// Why.
        error: ErrorObject,
    },
    /// The server is not known to be modern: try `initialize`.
    Legacy {
        /// What gave that away.
        sign: LegacySign,
    },
    /// The client has to log in first, and then probe again.
    Login,
    /// Nothing of MCP is there: a web page, or a redirect elsewhere.
    WrongPlace {
        /// The status of what is there.
        status: StatusCode,
    },
    /// The server is there and cannot answer now.
    Later {
        /// The status.
        status: StatusCode,
    },
}

/// What gave a legacy server away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LegacySign {
    /// It discovers legacy revisions only, or says that it speaks only those.
    Versions,
    /// A JSON-RPC error that does not belong to the modern era, whatever the code.
    UnknownError,
    /// A refusal that is not a JSON-RPC message.
    NotJsonRpc,
    /// A success without a message in it.
    EmptySuccess,
    /// A success with a result that `server/discover` does not have.
    StrangeResult,
    /// 401 or 403 although a token was sent: some check the session before the token. If the token is bad, the
    /// handshake will hear so too.
    RefusedToken,
}

/// Judges the answer to a probe.
pub fn judge(answer: &ProbeAnswer<'_>) -> ProbeVerdict {
    let legacy = |sign| ProbeVerdict::Legacy { sign };
    let status = answer.status;
    // A proxy may well say this in JSON.
    if matches!(status.as_u16(), 429 | 502..=504) {
        return ProbeVerdict::Later { status };
    }
    match read(status, answer.headers) {
        Answer::Challenge | Answer::Forbidden if answer.with_token => legacy(LegacySign::RefusedToken),
        Answer::Challenge => ProbeVerdict::Login,
        Answer::Later => ProbeVerdict::Later { status },
        Answer::Other(StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT) => {
            ProbeVerdict::Later { status }
        }
        Answer::Other(_) if status.is_redirection() || is_page(answer) => ProbeVerdict::WrongPlace { status },
        Answer::Message | Answer::Stream => judge_message(answer),
        _ if status.is_success() && answer.body.iter().all(u8::is_ascii_whitespace) => {
            legacy(LegacySign::EmptySuccess)
        }
        // Some servers forget the media type of an error.
        _ => judge_message(answer),
    }
}

fn judge_message(answer: &ProbeAnswer<'_>) -> ProbeVerdict {
    let legacy = |sign| ProbeVerdict::Legacy { sign };
    match jsonrpc::parse(answer.body) {
        Ok(Message::Response(response)) => match response.outcome {
            Ok(result) => decode_discover(result).map_or(legacy(LegacySign::StrangeResult), judge_discovered),
            Err(error) => judge_error(error),
        },
        _ if answer.status.is_success() && answer.body.is_empty() => legacy(LegacySign::EmptySuccess),
        _ => legacy(LegacySign::NotJsonRpc),
    }
}

fn judge_discovered(discovered: DiscoverResult) -> ProbeVerdict {
    match pick(&discovered.supported_versions) {
        Some(revision) if revision.era() == Era::Modern => {
            ProbeVerdict::Modern { revision, discovered: Box::new(discovered) }
        }
        _ => ProbeVerdict::Legacy { sign: LegacySign::Versions },
    }
}

fn judge_error(error: ErrorObject) -> ProbeVerdict {
    match error.code {
        code::UNSUPPORTED_PROTOCOL_VERSION => {
            let supported = error.data.as_ref().and_then(|data| data.get("supported"));
            let supported: Vec<String> =
                supported.and_then(|list| serde_json::from_value(list.clone()).ok()).unwrap_or_default();
            match pick(&supported) {
                Some(revision) if revision.era() == Era::Modern => ProbeVerdict::Retry { revision },
                Some(_) => ProbeVerdict::Legacy { sign: LegacySign::Versions },
                None => ProbeVerdict::Refused { error },
            }
        }
        code::HEADER_MISMATCH | code::MISSING_REQUIRED_CLIENT_CAPABILITY => ProbeVerdict::Refused { error },
        _ => ProbeVerdict::Legacy { sign: LegacySign::UnknownError },
    }
}

/// A success that is a web page was meant for a browser.
fn is_page(answer: &ProbeAnswer<'_>) -> bool {
    let kind = answer.headers.get(http::header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    answer.status.is_success() && kind.is_some_and(|kind| kind.starts_with("text/html"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(status: u16, kind: &str, body: &str, with_token: bool) -> ProbeVerdict {
        let mut headers = HeaderMap::new();
        if !kind.is_empty() {
            headers.insert("content-type", kind.parse().unwrap());
        }
        let status = StatusCode::from_u16(status).unwrap();
        judge(&ProbeAnswer { status, headers: &headers, body: body.as_bytes(), with_token })
    }

    const JSON: &str = "application/json";

    fn error(code: i64) -> String {
        format!(r#"{{"jsonrpc":"2.0","id":1,"error":{{"code":{code},"message":"x"}}}}"#)
    }

    /// The failure shapes that each stranded a client in the field, and their relatives.
    #[test]
    fn legacy_servers_are_recognised() {
        let check = |status, kind, body: &str, with_token, sign| {
            assert_eq!(
                judged(status, kind, body, with_token),
                ProbeVerdict::Legacy { sign },
                "{status} {body}"
            );
        };
        check(404, "text/plain", "Invalid session ID", false, LegacySign::NotJsonRpc);
        check(404, JSON, &error(-32001), false, LegacySign::UnknownError);
        check(400, JSON, r#"{"error":"bad request"}"#, false, LegacySign::NotJsonRpc);
        check(400, "text/html", "<html>", false, LegacySign::NotJsonRpc);
        for code in [-32601, -32600, -32602, -32603, -32700, -32000, 0, 404] {
            check(200, JSON, &error(code), false, LegacySign::UnknownError);
            check(400, JSON, &error(code), false, LegacySign::UnknownError);
        }
        check(400, "", "Missing session ID", false, LegacySign::NotJsonRpc);
        check(400, JSON, &error(-32000), false, LegacySign::UnknownError);
        check(200, "", "", false, LegacySign::EmptySuccess);
        check(200, JSON, "", false, LegacySign::EmptySuccess);
        check(202, "", "", false, LegacySign::EmptySuccess);
        check(204, "", "", false, LegacySign::EmptySuccess);
        check(401, JSON, r#"{"error":"invalid_token"}"#, true, LegacySign::RefusedToken);
        check(403, "", "", true, LegacySign::RefusedToken);
        let discovered =
            r#"{"jsonrpc":"2.0","id":1,"result":{"supportedVersions":["2025-11-25"],"capabilities":{}}}"#;
        check(200, JSON, discovered, false, LegacySign::Versions);
        check(200, "text/event-stream", &error(-32601), false, LegacySign::UnknownError);
        check(500, "text/plain", "Internal Server Error", false, LegacySign::NotJsonRpc);
        check(405, "", "", false, LegacySign::NotJsonRpc);
        check(404, "text/html", "<html>", false, LegacySign::NotJsonRpc);
        check(
            200,
            JSON,
            r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[]}}"#,
            false,
            LegacySign::StrangeResult,
        );
        let only_legacy = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32022,"message":"","data":{"supported":["2025-11-25"]}}}"#;
        check(400, JSON, only_legacy, false, LegacySign::Versions);
    }

    #[test]
    fn modern_servers_are_recognised() {
        let discovered = r#"{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{},"ttlMs":0,"cacheScope":"private"}}"#;
        assert!(matches!(
            judged(200, JSON, discovered, false),
            ProbeVerdict::Modern { revision: Revision::V2026_07_28, .. }
        ));
        let retry = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32022,"message":"","data":{"supported":["2025-11-25","2026-07-28"],"requested":"x"}}}"#;
        assert_eq!(judged(400, JSON, retry, false), ProbeVerdict::Retry { revision: Revision::V2026_07_28 });
        let future = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32022,"message":"","data":{"supported":["2030-01-01"]}}}"#;
        assert!(matches!(judged(400, JSON, future, false), ProbeVerdict::Refused { .. }));
        assert!(matches!(judged(400, JSON, &error(-32020), false), ProbeVerdict::Refused { .. }));
        assert!(matches!(judged(400, JSON, &error(-32021), false), ProbeVerdict::Refused { .. }));
    }

    #[test]
    fn neither() {
        let check = |status, kind, body, expected| assert_eq!(judged(status, kind, body, false), expected);
        check(401, JSON, "{}", ProbeVerdict::Login);
        check(200, "text/html; charset=utf-8", "<html>", ProbeVerdict::WrongPlace { status: StatusCode::OK });
        check(302, "", "", ProbeVerdict::WrongPlace { status: StatusCode::FOUND });
        check(503, "", "", ProbeVerdict::Later { status: StatusCode::SERVICE_UNAVAILABLE });
        check(503, JSON, "{}", ProbeVerdict::Later { status: StatusCode::SERVICE_UNAVAILABLE });
        check(502, "text/html", "<html>", ProbeVerdict::Later { status: StatusCode::BAD_GATEWAY });
        check(429, "", "", ProbeVerdict::Later { status: StatusCode::TOO_MANY_REQUESTS });
    }
}
