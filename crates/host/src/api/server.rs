//! Servers as the page shows them: what is connected, how it stands, who is logged in.

use barewire_mcp::revision::Revision;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::CallView;

/// Everything the page needs to draw itself after a load: `GET /api/state`.
///
/// The page then opens `GET /api/events?after={last_event}` and misses nothing in between.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct State {
    /// Version of the host.
    pub version: String,
    /// Servers that the host suggests to somebody who has none yet.
    pub offered: Vec<Offered>,
    /// Whether others than those can be added.
    pub any_server: bool,
    /// The servers of this browser session, in the order they were added.
    pub servers: Vec<ServerView>,
    /// The calls of this browser session, oldest first.
    pub calls: Vec<CallView>,
    /// Id of the last event that this state already contains; give it to `GET /api/events?after=`.
    pub last_event: String,
}

/// A server that the page offers before one was entered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Offered {
    /// What to call it, e.g. `Blog (demo)`.
    #[cfg_attr(feature = "schema", schemars(example = &"Blog"))]
    pub name: String,
    /// URL of its MCP endpoint.
    #[cfg_attr(feature = "schema", schemars(example = &"https://blog.example/mcp"))]
    pub url: String,
}

/// One server of the session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ServerView {
    /// Opaque id, stable over restarts of the host.
    pub id: String,
    /// URL of the MCP endpoint as it was entered.
    pub url: String,
    /// What to call it: the title or name it gave itself, otherwise host and path of the URL.
    pub name: String,
    /// Which era of the protocol is tried with it.
    pub era: Era,
    /// The newest revision that is spoken with it, e.g. `2025-03-26`; `null` is the newest there is.
    #[cfg_attr(test, ts(type = "string | null"))]
    pub newest: Option<Revision>,
    /// When it was added.
    #[cfg_attr(test, ts(type = "number"))]
    pub added_at: u64,
    /// How the connection stands.
    pub status: ServerStatus,
    /// What is known about the authorization it asks for.
    pub authorization: Authorization,
    /// The protocol revision in use, e.g. `2026-07-28`; `null` until negotiated.
    pub revision: Option<String>,
    /// The revisions that the server said it speaks, newest first; empty if it did not say.
    pub supported_revisions: Vec<String>,
    /// Name, version and so on, as the server says.
    pub server_info: Option<Implementation>,
    /// The capabilities object as it was on the wire.
    pub capabilities: Option<Value>,
    /// What the server says about how to use it.
    pub instructions: Option<String>,
    /// The answer of `/users/me/` on the server's origin, asked with the same token; `null` if there is no such resource, and of
    /// servers that the operator has not named, which are not asked.
    pub user: Option<Value>,
    /// The OAuth client that the host is at this server's authorization server.
    pub client: Option<ClientView>,
    /// Issuer of the authorization server.
    pub issuer: Option<String>,
    /// The resource identifier that the tokens are for (RFC 8707).
    pub resource: Option<String>,
    /// Scopes that were granted.
    pub scopes: Vec<String>,
    /// Scopes that the server's last challenge named (RFC 6750 `scope`); the next login asks for them.
    pub scopes_supported: Vec<String>,
    /// When the access token ends; it is refreshed by itself where a refresh token was issued.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub token_expires_at: Option<u64>,
}

/// How a server stands, in a word for the program and two sentences for the person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ServerStatus {
    /// The word.
    pub kind: ServerStatusKind,
    /// What happened.
    pub message: String,
    /// What the person can do about it, if anything.
    pub what_next: Option<String>,
    /// Since when.
    #[cfg_attr(test, ts(type = "number"))]
    pub since: u64,
    /// With `disconnected`: when the host tries again by itself.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub retry_at: Option<u64>,
}

/// The lifecycle of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum ServerStatusKind {
    /// Discovery, negotiation or the redemption of a code is under way.
    Connecting,
    /// The server wants a token and there is none: `POST …/login`.
    LoginRequired,
    /// Negotiated; lists and calls work.
    Ready,
    /// The person or the authorization server said no.
    Refused,
    /// This cannot work as it is: wrong URL, not an MCP server, metadata that must not be trusted.
    Failed,
    /// It worked and was lost; the host tries again at `retry_at`.
    Disconnected,
}

/// What is known about a server's authorization; "none" and "broken" are different things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Authorization {
    /// Not asked yet.
    Unknown,
    /// The server answers without a token.
    None,
    /// The server asks for a token; the host has none.
    Required,
    /// The host has a token.
    Authorized,
}

/// Who a server says it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Implementation {
    /// Name for programs.
    pub name: String,
    /// Name for people.
    pub title: Option<String>,
    /// Version.
    pub version: String,
    /// What it is.
    pub description: Option<String>,
    /// Its home page.
    pub website_url: Option<String>,
}

/// The OAuth client of the host at one authorization server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ClientView {
    /// Its `client_id`; a URL if it is a client document.
    pub client_id: String,
    /// How it came to it.
    pub registration: Registration,
}

/// How the host became a client of an authorization server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Registration {
    /// Configured beforehand.
    PreRegistered,
    /// The id is the URL of a Client ID Metadata Document.
    ClientDocument,
    /// Dynamic client registration (RFC 7591).
    Dynamic,
}

/// Adds a server and starts to connect: `POST /api/servers`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct AddServer {
    /// URL of the MCP endpoint, `http` or `https`. A URL that the session already has gives that server again.
    pub url: String,
    /// Which era of the protocol to try; without it, `either`. The same URL in another era is another server.
    #[serde(default)]
    #[cfg_attr(test, ts(optional))]
    pub era: Option<Era>,
    /// The newest revision to speak, e.g. `2025-03-26`: what `initialize` proposes. Without it, the newest there is; one
    /// older than 2026-07-28 leaves the handshake only, whatever the era. The same URL with another is another server.
    #[serde(default)]
    #[cfg_attr(test, ts(type = "string", optional))]
    pub newest: Option<Revision>,
}

/// Which era of the protocol is tried with a server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Era {
    /// The modern one, and the older one where the server does not speak that.
    #[default]
    Either,
    /// Without a handshake: 2026-07-28.
    Modern,
    /// With `initialize`: 2025-11-25 and older.
    Legacy,
}

/// Starts a login: `POST /api/servers/{id}/login`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct StartLogin {
    /// Scopes to ask for beyond those already granted; without it, what the server's challenge or metadata says.
    #[serde(default)]
    #[cfg_attr(test, ts(optional))]
    pub scopes: Option<Vec<String>>,
}

/// A login that waits for the person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct LoginStarted {
    /// Where the page navigates to. The authorization server sends the person back to `/callback`, and that to
    /// `/#/servers/{id}`. Calls that waited for these scopes then go on by themselves.
    pub authorize_url: String,
}
