//! HTTP/1.1 on a bare socket: the least that a client can do, so that what is measured is the server.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The revision of each era that is measured.
pub const MODERN: &str = "2026-07-28";
/// As above.
pub const LEGACY: &str = "2025-11-25";

/// A server that is measured.
#[derive(Debug, Clone)]
pub struct Target {
    /// Where it listens.
    pub address: SocketAddr,
    /// The path of its endpoint.
    pub path: String,
    /// Its process, whose memory and time is read; children count with it.
    pub pid: u32,
    /// A bearer token, where it wants one.
    pub token: Option<String>,
}

impl Target {
    /// A POST of this message in the modern era. `name` is the tool of `tools/call`.
    pub fn modern(&self, id: u64, method: &str, name: Option<&str>, mut params: Value) -> Vec<u8> {
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": MODERN,
            "io.modelcontextprotocol/clientInfo": { "name": "bench", "version": "1" },
            "io.modelcontextprotocol/clientCapabilities": {},
        });
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
        let params = json!({
            "protocolVersion": LEGACY, "capabilities": {}, "clientInfo": { "name": "bench", "version": "1" },
        });
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
        let all = [
            &[("content-type", "application/json"), ("accept", "application/json, text/event-stream")],
            headers,
        ]
        .concat();
        self.request("POST", &all, body.to_string().as_bytes())
    }

    fn request(&self, method: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
        let mut head = format!("{method} {} HTTP/1.1\r\nhost: {}\r\n", self.path, self.address);
        let token = self.token.as_ref().map(|token| format!("Bearer {token}"));
        let token = token.as_ref().map(|token| ("authorization", token.as_str()));
        for (name, value) in headers.iter().copied().chain(token) {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if method == "POST" {
            head.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        [head.as_bytes(), body].concat()
    }
}

/// A connection, and what was read from it too early.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
}

/// A response without its body.
#[derive(Debug)]
pub struct Head {
    /// Its status.
    pub status: u16,
    lines: String,
}

impl Head {
    /// The value of a header; the name in small letters.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.lines.split("\r\n").skip(1).find_map(|line| {
            let (of, value) = line.split_once(':')?;
            of.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// Nobody answers there, or this process may have no further descriptor.
    pub async fn open(target: &Target) -> Result<Self> {
        let stream = TcpStream::connect(target.address).await.context("cannot connect")?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, read: Vec::new() })
    }

    /// Sends a request and reads the whole response.
    ///
    /// # Errors
    /// The connection ended, or the response cannot be read.
    pub async fn exchange(&mut self, request: &[u8]) -> Result<(Head, Vec<u8>)> {
        let head = self.begin(request).await?;
        let body = if head.header("transfer-encoding").is_some() {
            self.chunks().await?
        } else {
            let length = head.header("content-length").map_or(Ok(0), str::parse)?;
            self.take(length).await?
        };
        Ok((head, body))
    }

    /// Sends a request and reads the response's head.
    ///
    /// # Errors
    /// As above.
    pub async fn begin(&mut self, request: &[u8]) -> Result<Head> {
        self.stream.write_all(request).await?;
        let end = loop {
            if let Some(at) = self.read.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break at;
            }
            self.more().await?;
        };
        let lines = String::from_utf8(self.read[..end].to_vec())?;
        self.read.drain(..end + 4);
        let status = lines.split(' ').nth(1).context("no status")?.parse()?;
        Ok(Head { status, lines })
    }

    /// The socket, and what has been read of the body.
    pub fn into_parts(self) -> (TcpStream, Vec<u8>) {
        (self.stream, self.read)
    }

    async fn chunks(&mut self) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let end = loop {
                if let Some(at) = self.read.windows(2).position(|bytes| bytes == b"\r\n") {
                    break at;
                }
                self.more().await?;
            };
            let length = usize::from_str_radix(str::from_utf8(&self.read[..end])?, 16)?;
            self.read.drain(..end + 2);
            body.extend(self.take(length).await?);
            ensure!(self.take(2).await? == b"\r\n", "a chunk has another length than it says");
            if length == 0 {
                return Ok(body);
            }
        }
    }

    async fn take(&mut self, length: usize) -> Result<Vec<u8>> {
        while self.read.len() < length {
            self.more().await?;
        }
        Ok(self.read.drain(..length).collect())
    }

    async fn more(&mut self) -> Result<()> {
        if self.stream.read_buf(&mut self.read).await? == 0 {
            bail!("the server closed the connection");
        }
        Ok(())
    }
}

/// Raises the number of files that this process may have open as far as it may go, and gives it.
pub fn raise_open_files() -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let wanted = Rlimit { current: limit.maximum, ..limit };
    let now = if setrlimit(Resource::Nofile, wanted).is_ok() { limit.maximum } else { limit.current };
    now.unwrap_or(u64::MAX)
}
