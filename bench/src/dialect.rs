//! What is said to a server: the calls of each revision as bytes.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::load::{Asked, Expect, Request, ask};

/// Which revision is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Era {
    /// 2026-07-28: every request stands for itself.
    Modern,
    /// 2025-11-25, `initialize` first, on each connection.
    Session,
}

/// What is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Call {
    /// `echo`, with a text of so many bytes.
    Echo(usize),
    /// `get_user`: text and structured content.
    GetUser,
    /// `echo_with_progress`: an event stream with three notifications.
    Progress,
    /// The first page of `tools/list`.
    ListTools,
}

/// The text of an `echo` that is not about size. The fixed floor knows it.
pub const HELLO: &str = "hello";

impl Call {
    /// `echo` with a text as a person would type it.
    pub const ECHO: Self = Self::Echo(HELLO.len());

    fn method(self) -> &'static str {
        if self == Self::ListTools { "tools/list" } else { "tools/call" }
    }

    fn tool(self) -> Option<&'static str> {
        match self {
            Self::Echo(_) => Some("echo"),
            Self::GetUser => Some("get_user"),
            Self::Progress => Some("echo_with_progress"),
            Self::ListTools => None,
        }
    }

    fn params(self) -> Value {
        let params = |arguments: Value| json!({ "name": self.tool(), "arguments": arguments });
        match self {
            Self::Echo(length) => params(json!({ "text": text(length) })),
            Self::GetUser => params(json!({ "id": 7 })),
            Self::Progress => params(json!({ "text": HELLO })),
            Self::ListTools => json!({}),
        }
    }

    fn expect(self) -> Expect {
        match self {
            Self::Echo(length) => Expect::success().containing(&text(length), 1),
            Self::GetUser => Expect::success().containing("user7@example.com", 2),
            Self::Progress => Expect::success().containing("notifications/progress", 3).containing(HELLO, 1),
            Self::ListTools => Expect::success().containing("inputSchema", 2),
        }
    }

    /// Looks at the whole message, which the generator does not.
    fn check(self, message: &Value) -> bool {
        let result = &message["result"];
        let said = &result["content"][0]["text"];
        match self {
            Self::Echo(length) => *said == text(length),
            Self::Progress => said == HELLO,
            Self::GetUser => {
                let read = said.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
                let structured = &result["structuredContent"];
                structured["email"] == "user7@example.com" && read.as_ref() == Some(structured)
            }
            Self::ListTools => result["tools"].as_array().is_some_and(|tools| tools.len() > 2),
        }
    }
}

fn text(length: usize) -> String {
    if length == HELLO.len() {
        HELLO.to_owned()
    } else {
        "0123456789abcdef".repeat(length.div_ceil(16))[..length].to_owned()
    }
}

/// A conversation with one server.
#[derive(Debug, Clone)]
pub struct Dialect<'a> {
    /// Where it listens.
    pub address: SocketAddr,
    /// `/mcp`.
    pub path: &'a str,
    /// Which revision it is spoken to in.
    pub era: Era,
    /// Sent as a bearer token.
    pub token: Option<&'a str>,
}

pub(crate) const ACCEPT: (&str, &str) = ("accept", "application/json, text/event-stream");
pub(crate) const JSON: (&str, &str) = ("content-type", "application/json");
/// The revision of each era that is measured.
pub const LEGACY: &str = "2025-11-25";
/// As above.
pub const MODERN: &str = "2026-07-28";

impl Dialect<'_> {
    /// One request for each connection; of 2025-11-25 each with a session of its own.
    ///
    /// # Errors
    /// When the server refuses a session, or does not answer the first request as it should.
    pub fn requests(&self, call: Call, connections: usize) -> Result<Vec<Request>> {
        let mut requests = Vec::with_capacity(connections);
        for connection in 0..connections {
            let session = match self.era {
                Era::Modern => None,
                Era::Session => self.begin_session()?,
            };
            requests.push(self.request(call, session.as_deref()).numbered(connection));
        }
        Ok(requests)
    }

    /// The bytes of one call.
    pub fn request(&self, call: Call, session: Option<&str>) -> Request {
        let mut params = call.params();
        let mut headers = vec![JSON, ACCEPT];
        match self.era {
            Era::Modern => {
                headers.extend([("mcp-protocol-version", MODERN), ("mcp-method", call.method())]);
                headers.extend(call.tool().map(|tool| ("mcp-name", tool)));
                params["_meta"] = meta();
            }
            Era::Session => {
                headers.push(("mcp-protocol-version", LEGACY));
                headers.extend(session.map(|id| ("mcp-session-id", id)));
            }
        }
        if call == Call::Progress {
            params["_meta"]["progressToken"] = "steps".into();
        }
        self.post(&headers, call.method(), &params, call.expect())
    }

    /// Asks once and reads the whole answer, so that a row starts only on a server that does the work.
    ///
    /// # Errors
    /// When the answer is not right.
    pub fn probe(&self, call: Call) -> Result<()> {
        let request = self.requests(call, 1)?.remove(0);
        let asked = ask(self.address, request.bytes())?;
        if asked.status != 200 || !last_message(&asked).is_some_and(|message| call.check(&message)) {
            bail!("{call:?} is not answered as it should be: {} {}", asked.status, asked.start());
        }
        Ok(())
    }

    fn begin_session(&self) -> Result<Option<String>> {
        let initialize = self.post(&[JSON, ACCEPT], "initialize", &initialize(), Expect::success());
        let asked = ask(self.address, initialize.bytes())?;
        if asked.status != 200 {
            bail!("initialize was answered with {} {}", asked.status, asked.start());
        }
        let id = asked.header("mcp-session-id").map(str::to_owned);
        let mut headers = vec![JSON, ACCEPT, ("mcp-protocol-version", LEGACY)];
        headers.extend(id.iter().map(|id| ("mcp-session-id", id.as_str())));
        let body = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }).to_string();
        let initialized = self.with_token(&headers, body.as_bytes(), Expect::statuses(&[202]));
        let asked = ask(self.address, initialized.bytes()).context("notifications/initialized")?;
        if !(200..300).contains(&asked.status) {
            bail!("notifications/initialized was answered with {}", asked.status);
        }
        Ok(id)
    }

    fn post(&self, headers: &[(&str, &str)], method: &str, params: &Value, expect: Expect) -> Request {
        let body =
            format!(r#"{{"jsonrpc":"2.0","id":{},"method":"{method}","params":{params}}}"#, Request::ID);
        self.with_token(headers, body.as_bytes(), expect)
    }

    fn with_token(&self, headers: &[(&str, &str)], body: &[u8], expect: Expect) -> Request {
        let bearer = self.token.map(|token| format!("Bearer {token}"));
        let mut headers = headers.to_vec();
        headers.extend(bearer.as_deref().map(|value| ("authorization", value)));
        Request::post(self.address, self.path, &headers, body, expect)
    }
}

/// The parameters of `initialize`.
pub(crate) fn initialize() -> Value {
    json!({
        "protocolVersion": LEGACY,
        "capabilities": {},
        "clientInfo": { "name": "bench", "version": "1.0.0" },
    })
}

/// The `_meta` of each request of 2026-07-28.
pub(crate) fn meta() -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientInfo": { "name": "bench", "version": "1.0.0" },
        "io.modelcontextprotocol/clientCapabilities": {},
    })
}

/// The answer itself: the body, or the last event of a stream.
fn last_message(asked: &Asked) -> Option<Value> {
    if !asked.header("content-type")?.starts_with("text/event-stream") {
        return serde_json::from_slice(&asked.body).ok();
    }
    let text = std::str::from_utf8(&asked.body).ok()?;
    let data = text.lines().rfind(|line| line.starts_with("data:") && line.contains("\"result\""))?;
    serde_json::from_str(data.strip_prefix("data:")?).ok()
}
