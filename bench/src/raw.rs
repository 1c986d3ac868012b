//! HTTP/1.1 on a bare socket: the least that a client can do, so that what is measured is the server.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::dialect::{ACCEPT, JSON, LEGACY, MODERN, initialize, meta};
use crate::load::{AnswerReader, Asked, head};

/// A server that is measured.
#[derive(Debug, Clone)]
pub struct Target {
    /// Where it listens.
    pub address: SocketAddr,
    /// The path of its endpoint.
    pub path: String,
    /// Its process, whose memory and time is read.
    pub pid: u32,
    /// A bearer token, where it wants one.
    pub token: Option<String>,
}

impl Target {
    /// A POST of this message in the modern era. `name` is the tool of `tools/call`.
    pub fn modern(&self, id: u64, method: &str, name: Option<&str>, mut params: Value) -> Vec<u8> {
        params["_meta"] = meta();
        let body = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        let mut headers = vec![("mcp-protocol-version", MODERN), ("mcp-method", method)];
        headers.extend(name.map(|name| ("mcp-name", name)));
        self.post(&headers, &body)
    }

    /// A POST of this message in the legacy era.
    pub fn legacy(&self, session: Option<&str>, body: &Value) -> Vec<u8> {
        let mut headers = Vec::new();
        if body["method"] != "initialize" {
            headers.push(("mcp-protocol-version", LEGACY));
        }
        headers.extend(session.map(|session| ("mcp-session-id", session)));
        self.post(&headers, body)
    }

    /// The first message of a legacy client.
    pub fn initialize(&self) -> Vec<u8> {
        let params = initialize();
        self.legacy(None, &json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params }))
    }

    /// A call of `echo` in the legacy era.
    pub fn legacy_echo(&self, session: Option<&str>) -> Vec<u8> {
        let params = json!({ "name": "echo", "arguments": { "text": "hello" } });
        self.legacy(session, &json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": params }))
    }

    /// A GET that opens the stream of a legacy session.
    pub fn get(&self, session: &str) -> Vec<u8> {
        let headers =
            [("accept", "text/event-stream"), ("mcp-protocol-version", LEGACY), ("mcp-session-id", session)];
        self.request("GET", &headers, b"")
    }

    fn post(&self, headers: &[(&str, &str)], body: &Value) -> Vec<u8> {
        let body = body.to_string();
        let length = body.len().to_string();
        let all = [&[JSON, ACCEPT, ("content-length", &length)], headers].concat();
        self.request("POST", &all, body.as_bytes())
    }

    fn request(&self, verb: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
        let token = self.token.as_ref().map(|token| format!("Bearer {token}"));
        let mut headers = headers.to_vec();
        headers.extend(token.as_deref().map(|token| ("authorization", token)));
        [head(verb, &self.path, self.address, &headers).as_bytes(), body].concat()
    }
}

/// A connection, and what was read of its latest answer.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    reader: AnswerReader,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// Nobody answers there, or this process may have no further descriptor.
    pub async fn open(target: &Target) -> Result<Self> {
        let stream = TcpStream::connect(target.address).await.context("cannot connect")?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, reader: AnswerReader::default() })
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// The connection ended, or the answer cannot be read.
    pub async fn exchange(&mut self, request: &[u8]) -> Result<Asked> {
        self.send(request).await?;
        loop {
            let read = self.stream.read(self.reader.room()).await?;
            if let Some(answer) = self.reader.take(read)? {
                return answer.asked();
            }
            still_open(read)?;
        }
    }

    /// Sends a request and reads the head of an answer that goes on, and whatever has come with it.
    ///
    /// # Errors
    /// As above.
    pub async fn begin(&mut self, request: &[u8]) -> Result<Asked> {
        self.send(request).await?;
        loop {
            let read = self.stream.read(self.reader.room()).await?;
            if let Some(whole) = self.reader.take(read)? {
                return whole.asked();
            }
            if let Some(begun) = self.reader.begun() {
                return begun.asked();
            }
            still_open(read)?;
        }
    }

    /// The socket, without what was read of it.
    pub fn into_stream(self) -> TcpStream {
        self.stream
    }

    async fn send(&mut self, request: &[u8]) -> Result<()> {
        self.reader.clear();
        Ok(self.stream.write_all(request).await?)
    }
}

fn still_open(read: usize) -> Result<()> {
    if read == 0 {
        bail!("the server closed the connection");
    }
    Ok(())
}

/// Raises the number of files that this process may have open as far as it may go, and gives it.
pub fn raise_open_files() -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let wanted = Rlimit { current: limit.maximum, ..limit };
    let now = if setrlimit(Resource::Nofile, wanted).is_ok() { limit.maximum } else { limit.current };
    now.unwrap_or(u64::MAX)
}
