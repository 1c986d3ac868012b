//! What a request is for.

use serde::{Deserialize, Serialize};

use super::citation::Rule;
use crate::exchange::{Party, Phase};

/// One line of the table.
pub(super) struct Row {
    phase: Phase,
    from: Party,
    to: Party,
    pub(super) what: &'static str,
    pub(super) why: &'static str,
    pub(super) rule: Option<Rule>,
    pub(super) other_era: Option<&'static str>,
}

impl Step {
    /// The phase this step belongs to, unless it is part of a step-up.
    #[must_use]
    pub fn phase(self) -> Phase {
        self.row().phase
    }

    /// Who sends it.
    #[must_use]
    pub fn from(self) -> Party {
        self.row().from
    }

    /// Who answers it.
    #[must_use]
    pub fn to(self) -> Party {
        self.row().to
    }
}

macro_rules! steps {
    ($($(#[$doc:meta])* $name:ident, $phase:ident, $from:ident > $to:ident, $what:literal, $why:literal, $rule:expr, $other:expr;)*) => {
        /// Every kind of request the client, or the browser on its behalf, makes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[cfg_attr(feature = "ts", derive(ts_rs::TS))]
        pub enum Step { $($(#[$doc])* $name,)* }

        impl Step {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            pub(super) fn row(self) -> Row {
                match self {
                    $(Self::$name => Row {
                        phase: Phase::$phase,
                        from: Party::$from,
                        to: Party::$to,
                        what: $what,
                        why: $why,
                        rule: $rule,
                        other_era: $other,
                    },)*
                }
            }
        }
    };
}

use Rule as R;

steps! {
    // ── Who protects the server ────────────────────────────────────────────────────────────────────────────────
    /// Protected resource metadata at the URL of the challenge.
    ResourceMetadataNamed, Discover, Client > McpServer,
        "Read the resource metadata that the challenge named",
        "The 401 said where the server describes itself; that place comes before any guess.",
        Some(R::Unauthorized), None;
    /// Protected resource metadata, path-inserted.
    ResourceMetadataInserted, Discover, Client > McpServer,
        "Look for the resource metadata of this path",
        "The challenge named no place; the well-known URL with the server's path comes first.",
        Some(R::ResourceDiscovery), None;
    /// Protected resource metadata at the root.
    ResourceMetadataRoot, Discover, Client > McpServer,
        "Look for the resource metadata at the root",
        "Nothing usable at the path; the root of the origin is the second and last place.",
        Some(R::ResourceDiscovery), None;
    /// RFC 8414 metadata.
    ServerMetadataOauth, Discover, Client > AuthorizationServer,
        "Read the authorization server's metadata",
        "Endpoints and capabilities come from the issuer's own document, never from guesses.",
        Some(R::ServerDiscovery), None;
    /// OpenID Connect metadata, path-inserted.
    ServerMetadataOpenid, Discover, Client > AuthorizationServer,
        "Look for the metadata as OpenID Connect publishes it",
        "There is no RFC 8414 document; many identity providers publish only the OpenID Connect one.",
        Some(R::ServerDiscovery), None;
    /// OpenID Connect metadata, path-appended.
    ServerMetadataOpenidAppended, Discover, Client > AuthorizationServer,
        "Look for the OpenID Connect metadata behind the issuer's path",
        "OpenID Connect appends the well-known part to the path; it is the last place to look.",
        Some(R::ServerDiscovery), None;
    /// Metadata at the origin of the MCP server (2025-03-26).
    ServerMetadataAtOrigin, Discover, Client > McpServer,
        "Look for authorization metadata on the MCP server itself",
        "The server publishes no resource metadata; in revision 2025-03-26 it was its own authorization server.",
        Some(R::OldDiscovery), None;
    /// Metadata of the organisation's identity provider.
    ProviderMetadata, Discover, Client > AuthorizationServer,
        "Read the identity provider's metadata",
        "The user's organisation decides about access; where it can be asked stands in its own document.",
        Some(R::Enterprise), None;
    // ── Becoming a client ──────────────────────────────────────────────────────────────────────────────────────
    /// Dynamic client registration.
    Register, Register, Client > AuthorizationServer,
        "Register as a client",
        "There is no client id for this issuer yet, and it takes registrations.",
        Some(R::DynamicRegistration), None;
    // ── Logging in ─────────────────────────────────────────────────────────────────────────────────────────────
    /// The authorization request is left with the server.
    PushRequest, LogIn, Client > AuthorizationServer,
        "Leave the authorization request with the server",
        "This server takes no requests from the browser: it gets a reference, and nobody on the way reads or changes what is asked for.",
        Some(R::PushedRequest), None;
    /// The browser opens the authorization endpoint.
    Authorize, LogIn, Browser > AuthorizationServer,
        "Send the browser to the authorization server",
        "Only the user can log in and consent. PKCE ties the code to this client, `state` to this browser, `resource` to this server.",
        Some(R::AuthorizationRequest), None;
    /// The browser comes back with the code.
    Callback, LogIn, Browser > Client,
        "The browser comes back",
        "The answer travels through the browser, so `state` and `iss` are checked before anything in it is used.",
        Some(R::ResponseIssuer), None;
    /// The code becomes tokens.
    RedeemCode, LogIn, Client > AuthorizationServer,
        "Redeem the code for tokens",
        "The code alone is worth nothing: the verifier proves that who redeems it is who started.",
        Some(R::TokenRequest), None;
    /// A code for the user to type elsewhere.
    BeginDevice, LogIn, Client > AuthorizationServer,
        "Ask for a code that the user can type elsewhere",
        "There is no browser here: the user opens one on another machine, logs in there, and types what is shown here.",
        Some(R::DeviceFlow), None;
    /// Whether the user has typed it.
    AskForDevice, LogIn, Client > AuthorizationServer,
        "Ask whether the user has decided",
        "Every few seconds, as often as the authorization server allows, until there is a token or the code is over.",
        Some(R::DeviceFlow), None;
    /// A token for the client itself.
    ClientCredentials, LogIn, Client > AuthorizationServer,
        "Ask for a token for the client itself",
        "No user is involved: the client shows who it is, by its secret or better by a signature.",
        Some(R::ClientCredentials), None;
    /// A statement about the user from the organisation's identity provider.
    ExchangeToken, LogIn, Client > AuthorizationServer,
        "Ask the user's organisation",
        "Its identity provider turns the user's login into a statement for one authorization server and one resource, or refuses.",
        Some(R::Enterprise), None;
    /// Somebody's statement becomes a token.
    RedeemAssertion, LogIn, Client > AuthorizationServer,
        "Redeem the statement for a token",
        "Somebody whom the authorization server trusts says who the client or the user is: a workload's platform, or an organisation.",
        Some(R::JwtBearer), None;
    /// A new access token for a refresh token.
    RefreshToken, Refresh, Client > AuthorizationServer,
        "Renew the access token",
        "It has expired or is about to; the refresh token gets a new one without the user.",
        Some(R::Refresh), None;
    /// Takes a token back.
    RevokeToken, Other, Client > AuthorizationServer,
        "Revoke the token",
        "After a log-out nobody should be able to use it.",
        Some(R::Revocation), None;
    // ── Agreeing on a revision ─────────────────────────────────────────────────────────────────────────────────
    /// `server/discover`.
    Discover, Negotiate, Client > McpServer,
        "Ask which revisions the server speaks",
        "The newest revision needs no handshake; its answer lists everything the server supports.",
        Some(R::Discover),
        Some("2025-11-25 and older: an `initialize` request with one proposed revision, answered with the agreed one, then `notifications/initialized`.");
    /// `initialize`.
    Initialize, Negotiate, Client > McpServer,
        "Shake hands the old way",
        "The server did not answer as a 2026-07-28 server does, so it gets the handshake of the older revisions.",
        Some(R::Initialize),
        Some("2026-07-28: no handshake. Every request carries revision, client and capabilities in `_meta`.");
    /// GET that opens the stream of the transport of 2024-11-05.
    OpenHttpSse, Negotiate, Client > McpServer,
        "Try the transport of 2024-11-05",
        "Servers of the first revision take no POST here: a GET opens their one stream, whose first event says where to POST.",
        Some(R::OldTransport),
        Some("2025-03-26 and later: one URL for everything, and a POST is answered in place.");
    /// `notifications/initialized`.
    Initialized, Negotiate, Client > McpServer,
        "Confirm the handshake",
        "The old handshake is complete only after this notification.",
        Some(R::Initialize),
        Some("2026-07-28: does not exist.");
    // ── Lists ──────────────────────────────────────────────────────────────────────────────────────────────────
    /// `tools/list`.
    ListTools, List, Client > McpServer,
        "List the tools", "Names, descriptions and schemas of what can be called.", Some(R::Tools), None;
    /// `resources/list`.
    ListResources, List, Client > McpServer,
        "List the resources", "What can be read, by its URI.", Some(R::Resources), None;
    /// `resources/templates/list`.
    ListResourceTemplates, List, Client > McpServer,
        "List the resource templates", "Families of resources, by a URI with gaps.", Some(R::Resources), None;
    /// `prompts/list`.
    ListPrompts, List, Client > McpServer,
        "List the prompts", "Messages that are ready to be filled in.", Some(R::Prompts), None;
    /// `skills/list`.
    ListSkills, List, Client > McpServer,
        "List the skills", "Folders of instructions for a model, each with a digest of every file. No file is read yet.", Some(R::Skills), None;
    /// `resources/directory/read`.
    ReadDirectory, List, Client > McpServer,
        "Read a folder", "What is directly in it: files, and folders as resources of their own type.", Some(R::Skills), None;
    // ── Work ───────────────────────────────────────────────────────────────────────────────────────────────────
    /// `tools/call`.
    CallTool, Call, Client > McpServer,
        "Call the tool", "Its arguments go into the body; `Mcp-Method` and `Mcp-Name` repeat what proxies want to see.",
        Some(R::Tools), Some("2025-11-25: the same body without `_meta`, no `Mcp-Method` and `Mcp-Name`, and the session id in a header.");
    /// `resources/read`.
    ReadResource, Call, Client > McpServer,
        "Read the resource", "Its contents, as text or as bytes in base64.", Some(R::Resources), None;
    /// `prompts/get`.
    GetPrompt, Call, Client > McpServer,
        "Get the prompt", "The messages, with the arguments filled in.", Some(R::Prompts), None;
    /// `skills/get`.
    GetSkill, Call, Client > McpServer,
        "Get a skill", "Its front matter and a digest of every file: what a user agrees to, and what the files are checked against.",
        Some(R::Skills), None;
    /// `completion/complete`.
    Complete, Call, Client > McpServer,
        "Ask for completions", "Suggestions for an argument while it is being typed.", Some(R::Completion), None;
    /// The same request again with answers.
    AnswerInput, Call, Client > McpServer,
        "Send the request again, with the answers",
        "The server needed something from the user. It kept no memory of the first try: the answers and its own sealed state come back with a new id.",
        Some(R::InputRequired),
        Some("2025-11-25: the server sends its own request on the stream and waits there for the answer.");
    /// `tasks/get`.
    GetTask, Call, Client > McpServer,
        "Ask how far the task is",
        "The call was answered with a task, so that nobody has to keep a connection; `Mcp-Name` is its id, which lets a proxy find the right process.",
        Some(R::Tasks), None;
    /// `tasks/update`.
    AnswerTask, Call, Client > McpServer,
        "Answer the task's questions",
        "The task needed something from the user and waits for it; the call itself is not sent again.",
        Some(R::Tasks), None;
    /// `tasks/cancel`.
    CancelTask, Call, Client > McpServer,
        "Say that the task is not needed any more",
        "There is no stream whose end could say it. Whether the server stops is its own decision.",
        Some(R::Tasks), None;
    /// An answer to a request of the server (legacy).
    AnswerServer, Call, Client > McpServer,
        "Answer the server's question",
        "In this revision the server asks by a request on its stream; the answer is a POST of its own.",
        Some(R::Elicitation),
        Some("2026-07-28: the call ends with `input_required` and is sent again with the answers.");
    /// `notifications/cancelled` (legacy).
    Cancel, Call, Client > McpServer,
        "Cancel the call",
        "In this revision closing the stream does not cancel; the server has to be told.",
        Some(R::OldCancellation),
        Some("2026-07-28: closing the response stream is the cancellation.");
    /// `ping`.
    Ping, Other, Client > McpServer,
        "See whether the server is there", "A request without a purpose of its own.", None,
        Some("2026-07-28: `ping` no longer exists.");
    /// `logging/setLevel`.
    SetLogLevel, Other, Client > McpServer,
        "Say which log messages are wanted", "The server sends messages of this level and above.", None,
        Some("2026-07-28: the level is part of each request's `_meta`.");
    /// `resources/subscribe` or `resources/unsubscribe` (legacy).
    Subscribe, Stream, Client > McpServer,
        "Subscribe to a resource", "The server tells on its stream when the resource changes.", Some(R::Resources),
        Some("2026-07-28: one `subscriptions/listen` request names everything, and its answer is the stream.");
    /// Any other request or notification.
    Message, Other, Client > McpServer,
        "Send a message", "A message without a row of its own.", Some(R::SendingMessages), None;
    // ── Streams ────────────────────────────────────────────────────────────────────────────────────────────────
    /// `subscriptions/listen`.
    Listen, Stream, Client > McpServer,
        "Listen for changes",
        "The answer to this request is a stream that stays open and brings only what was asked for.",
        Some(R::Subscriptions),
        Some("2025-11-25: a GET to the same URL opens the stream, and `resources/subscribe` names resources one by one.");
    /// GET for the standalone stream (legacy).
    OpenStream, Stream, Client > McpServer,
        "Open the server's stream",
        "In this revision the server sends what belongs to no request on a stream that a GET opens.",
        Some(R::Listening),
        Some("2026-07-28: `subscriptions/listen`, a POST.");
    /// GET with `Last-Event-ID` (legacy).
    ResumeStream, Stream, Client > McpServer,
        "Resume the stream",
        "The connection ended before the answer came; the server replays what followed the last event seen.",
        Some(R::Resumability),
        Some("2026-07-28: streams are not resumable.");
    /// DELETE (legacy).
    EndSession, Other, Client > McpServer,
        "End the session",
        "The server can free what it holds for this session.",
        Some(R::Sessions),
        Some("2026-07-28: there are no sessions.");
    // ── Beside the protocol ────────────────────────────────────────────────────────────────────────────────────
    /// A plain resource of the same server, with the same token.
    PlainResource, Other, Client > McpServer,
        "Ask a plain resource of the same server",
        "The token is for this server, whichever of its doors is used; it is never sent to another origin.",
        Some(R::AccessTokenUsage), None;
    /// Anything else.
    Other, Other, Client > McpServer,
        "Send a request", "A request without a row of its own.", None, None;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::narration::Narration;

    #[test]
    fn every_step_says_what_and_why() {
        for step in Step::ALL {
            let narration = Narration::of(*step);
            assert!(!narration.what.ends_with('.') && !narration.what.is_empty(), "{step:?}: a heading");
            assert!(narration.why.ends_with('.'), "{step:?}: a sentence");
            assert!(step.from() != step.to(), "{step:?}");
        }
    }
}
