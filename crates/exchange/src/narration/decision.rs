//! What the client concluded from an answer.

use super::Conclusion;
use super::citation::{Citation, Rule as R};

/// What was decided. The texts of peers inside are masked by the builder before they come here.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are what the sentences below show")]
pub enum Decision {
    /// 401 without a token, or with one that is not (or no longer) good.
    Challenged { names_metadata: bool, scope: Option<String>, with_token: bool },
    /// The metadata is not here; another place is tried.
    TryNextPlace { found: String },
    /// No place is left, and the 2025-03-26 rules apply.
    NoResourceMetadata,
    /// The resource metadata is good.
    UseIssuer { issuer: String, offered: usize, resource: String },
    /// The resource metadata is about something else.
    ResourceRefused { resource: String, url: String },
    /// The resource metadata names no issuer.
    NoIssuer,
    /// The authorization server's metadata is good.
    MetadataAccepted { issuer: String },
    /// The authorization server's metadata is somebody else's.
    IssuerRefused { expected: String, found: String },
    /// The authorization server does not do PKCE with S256.
    PkceRefused,
    /// An endpoint that must not be used.
    EndpointRefused { endpoint: String, reason: String },
    /// A client was registered.
    Registered { client_id: String, auth_method: String },
    /// The authorization server does not want the client.
    RegistrationRefused { error: String },
    /// Which client will be used without registering one.
    ClientChosen { client_id: String, how: &'static str },
    /// The authorization request is with the server.
    RequestPushed,
    /// The browser was sent away.
    SentToBrowser { scope: Option<String>, resource: String },
    /// The callback is ours, and from the right issuer.
    CallbackAccepted { issuer_checked: bool },
    /// `state` is missing or another one.
    StateRefused,
    /// `iss` is missing or another one.
    ResponseIssuerRefused { expected: String, found: Option<String> },
    /// The user or the authorization server said no.
    LoginRefused { error: String },
    /// The login cannot go on.
    LoginStopped { error: String, what_next: String },
    /// The organisation allows the access.
    AccessAllowed { provider: String },
    /// A proof of possession has to carry something of the server, which came with this answer.
    NonceWanted { by_resource: bool },
    /// Tokens.
    TokensIssued { scope: Option<String>, expires_in: Option<u64>, refreshable: bool, bound: bool },
    /// No tokens.
    TokenRefused { error: String },
    /// The server speaks the modern era.
    Modern { revision: String },
    /// The server does not speak the revision, and names those it speaks.
    OtherRevision { revision: String },
    /// The server does not answer as a modern one.
    FallBack { because: String },
    /// The handshake succeeded.
    Legacy { revision: String, session: bool },
    /// A stream of the transport of 2024-11-05 named where messages go.
    Endpoint { endpoint: String },
    /// No stream of that transport.
    NoEndpoint { found: String },
    /// Messages would go to another origin.
    EndpointElsewhere { endpoint: String },
    /// The response comes on the stream of that transport.
    AnswerOnStream,
    /// That stream ended, and with it the session.
    StreamLost { waiting: usize },
    /// The session is gone.
    SessionLost,
    /// The token is not good any more and can be renewed.
    TokenExpired,
    /// The token is good and not enough.
    ScopeRequired { scopes: String },
    /// Asked for more scope too often.
    ScopeLimit { attempts: usize },
    /// The server wants something from the user first.
    InputRequired { questions: usize, round: usize },
    /// Answered too often.
    InputLimit { rounds: usize },
    /// The server goes on with the call as a task.
    BecameTask,
    /// The task has not ended.
    TaskGoesOn { message: Option<String> },
    /// The task needs something from the user.
    TaskAsks { questions: usize },
    /// The task has asked too often.
    TaskQuestionLimit { questions: usize },
    /// The task has a result.
    TaskCompleted,
    /// The task ended with an error.
    TaskFailed { code: i64, message: String },
    /// The task was cancelled.
    TaskCancelled,
    /// The connection ended before the answer; it will be resumed.
    ResumeAfter { milliseconds: u64 },
    /// The server has no stream of its own.
    NoStream,
    /// Tools that cannot be called over HTTP were left out.
    ToolsLeftOut { tools: Vec<String> },
    /// The server knows other headers than we do.
    HeadersRefused,
    /// A JSON-RPC error.
    RpcError { code: i64, message: String },
    /// The tool itself reports a failure.
    ToolFailed,
    /// This is not an MCP server, or not at this URL.
    NotMcp { answered: String },
    /// Redirects are not followed.
    RedirectRefused { location: String },
    /// Nothing answers.
    Unreachable { error: String },
    /// We closed it.
    Cancelled,
    /// A page after this one follows.
    NextPage,
    /// More pages than the client reads.
    PageLimit { pages: usize },
}

impl Decision {
    pub(super) fn conclusion(&self) -> Conclusion {
        match self {
            Self::Challenged { names_metadata, scope, with_token } => {
                let begin = if *with_token {
                    "The server does not accept this token any more."
                } else {
                    "The server wants a token."
                };
                let place = if *names_metadata {
                    " The challenge names its metadata."
                } else {
                    " The challenge names no metadata, so the well-known places are tried."
                };
                let scope = scope
                    .as_ref()
                    .map(|scope| format!(" It asks for the scope {scope}."))
                    .unwrap_or_default();
                refused(format!("{begin}{place}{scope}"), R::Unauthorized, "Log in.")
            }
            Self::TryNextPlace { found } => {
                noted(format!("Not here: {found}. The next place is tried."), R::ResourceDiscovery)
            }
            Self::NoResourceMetadata => noted(
                "No resource metadata anywhere: the server is treated as one of revision 2025-03-26, which was its own authorization server.",
                R::OldDiscovery,
            ),
            Self::UseIssuer { issuer, offered, resource } => {
                let choice = if *offered > 1 { format!(", the first of {offered}") } else { String::new() };
                noted(
                    format!(
                        "Tokens for {resource} come from {issuer}{choice}. The resource covers the URL we connected to."
                    ),
                    R::ServerLocation,
                )
            }
            Self::ResourceRefused { resource, url } => refused(
                format!(
                    "The metadata is about {resource}, and we connected to {url}. A token for it could be used by whoever is behind it."
                ),
                R::ResourceValidation,
                "The server's `resource` has to be the URL that clients connect to, or a parent of it.",
            ),
            Self::NoIssuer => refused(
                "The metadata names no authorization server.",
                R::ServerLocation,
                "The server's metadata has to list at least one entry in `authorization_servers`.",
            ),
            Self::MetadataAccepted { issuer } => noted(
                format!(
                    "The document's `issuer` is exactly {issuer}, by which it was looked up; its endpoints can be trusted."
                ),
                R::IssuerValidation,
            ),
            Self::IssuerRefused { expected, found } => refused(
                format!(
                    "The document says its issuer is {found}, and it was looked up as {expected}. Nothing in it is used."
                ),
                R::IssuerValidation,
                "`issuer` in the document and the entry in `authorization_servers` have to be the same string, slash included.",
            ),
            Self::PkceRefused => refused(
                "The authorization server does not list S256 in `code_challenge_methods_supported`, so a stolen code could be redeemed.",
                R::Pkce,
                "The authorization server has to support PKCE with S256 and say so in its metadata.",
            ),
            Self::EndpointRefused { endpoint, reason } => refused(
                format!("The endpoint {endpoint} is not used: {reason}."),
                R::CommunicationSecurity,
                "Endpoints have to be https URLs, or http on this machine.",
            ),
            Self::Registered { client_id, auth_method } => noted(
                format!(
                    "The issuer knows us as {client_id}; at its token endpoint we authenticate with `{auth_method}`. Both are kept for this issuer only."
                ),
                R::ServerBinding,
            ),
            Self::RegistrationRefused { error } => refused(
                format!("The authorization server does not register this client: {error}."),
                R::ApplicationType,
                "Register a client by hand and configure its id, or let the server accept this redirect URI.",
            ),
            Self::ClientChosen { client_id, how } => {
                noted(format!("No registration: {client_id} is {how}."), R::Registration)
            }
            Self::RequestPushed => noted(
                "The server keeps the request for a short time; the browser takes a reference to it."
                    .to_owned(),
                R::PushedRequest,
            ),
            Self::SentToBrowser { scope, resource } => {
                let scope = match scope {
                    Some(scope) => format!("Asked for: {scope}."),
                    None => "No scope was named anywhere, so none is asked for.".to_owned(),
                };
                noted(format!("{scope} The token will be for {resource} only."), R::ScopeSelection)
            }
            Self::CallbackAccepted { issuer_checked } => {
                let issuer = if *issuer_checked {
                    "`iss` is the issuer we started with."
                } else {
                    "No `iss` was sent, and this issuer does not promise one."
                };
                noted(format!("`state` is ours. {issuer} The code can be redeemed."), R::ResponseIssuer)
            }
            Self::StateRefused => refused(
                "The answer does not carry our `state`: it belongs to another login, or somebody made it up. Nothing in it is used.",
                R::State,
                "Start the login again, in this browser.",
            ),
            Self::ResponseIssuerRefused { expected, found } => {
                let found =
                    found.as_ref().map_or("no `iss`, which it promises to send".to_owned(), |found| {
                        format!("`iss` {found}")
                    });
                refused(
                    format!(
                        "The answer carries {found}; the login was started at {expected}. The code is not sent anywhere."
                    ),
                    R::ResponseIssuer,
                    "The authorization server has to send exactly its issuer identifier.",
                )
            }
            Self::LoginRefused { error } => refused(
                format!("No code: {error}."),
                R::AuthorizationError,
                "Log in again and allow the access.",
            ),
            Self::LoginStopped { error, what_next } => {
                refused(format!("The login stops here: {error}."), R::ServerDiscovery, what_next.clone())
            }
            Self::AccessAllowed { provider } => noted(
                format!("{provider} allows this user to use this server through this client."),
                R::Enterprise,
            ),
            Self::NonceWanted { by_resource } => noted(
                "The proof of possession has to carry this server's nonce, so that none can be made in advance; the request goes out again with a new proof.",
                if *by_resource { R::ResourceNonce } else { R::ServerNonce },
            ),
            Self::TokensIssued { scope, expires_in, refreshable, bound } => {
                let scope = scope.as_ref().map_or(String::new(), |scope| format!(" Granted: {scope}."));
                let ends = expires_in.map_or(String::new(), |seconds| format!(" Good for {seconds} s."));
                let refresh = if *refreshable { " It can be renewed without the user." } else { "" };
                let bound = if *bound { " It is bound to our key: nobody else can use it." } else { "" };
                noted(format!("An access token.{scope}{ends}{refresh}{bound}"), R::TokenRequest)
            }
            Self::TokenRefused { error } => {
                refused(format!("No token: {error}."), R::TokenError, "Log in again.")
            }
            Self::Modern { revision } => noted(
                format!("Both sides speak {revision}; there is nothing to shake hands about."),
                R::Versioning,
            ),
            Self::OtherRevision { revision } => noted(
                format!(
                    "The server refuses the proposed revision and speaks {revision}; the request goes out again in it."
                ),
                R::Versioning,
            ),
            Self::FallBack { because } => noted(
                format!("{because}: not an answer of the modern era, so `initialize` is tried."),
                R::BackwardCompatibility,
            ),
            Self::Legacy { revision, session } => {
                let session = if *session {
                    " The server opened a session; its id goes into every request."
                } else {
                    ""
                };
                noted(format!("Agreed on {revision}.{session}"), R::Initialize)
            }
            Self::Endpoint { endpoint } => noted(
                format!(
                    "The server speaks the transport of 2024-11-05: messages are sent to {endpoint}, and every answer comes on this stream."
                ),
                R::HttpSse,
            ),
            Self::NoEndpoint { found } => noted(
                format!("No stream that names an endpoint: {found}. This was the last way to connect."),
                R::OldTransport,
            ),
            Self::EndpointElsewhere { endpoint } => refused(
                format!(
                    "The server wants messages at {endpoint}, which is not on its own origin: what we say, and the token, would go there."
                ),
                R::HttpSse,
                "The server has to name an endpoint at its own origin.",
            ),
            Self::AnswerOnStream => noted("Accepted; the answer comes on the session's stream.", R::HttpSse),
            Self::StreamLost { waiting } => {
                let missing = match waiting {
                    0 => String::new(),
                    1 => " One request has lost its answer.".to_owned(),
                    waiting => format!(" {waiting} requests have lost their answers."),
                };
                noted(
                    format!("The stream ended, and with it the session.{missing} Another one is opened."),
                    R::HttpSse,
                )
            }
            Self::SessionLost => {
                noted("The server has forgotten the session; a new one is opened once.", R::Sessions)
            }
            Self::TokenExpired => {
                noted("The token is not good any more; it is renewed and the request sent again.", R::Refresh)
            }
            Self::ScopeRequired { scopes } => refused(
                format!("The token is good and does not carry {scopes}."),
                R::StepUp,
                format!("Log in again with {scopes} added to what was granted before."),
            ),
            Self::ScopeLimit { attempts } => refused(
                format!("After {attempts} logins the server still asks for more scope."),
                R::StepUp,
                "The server's challenges do not lead anywhere; ask its operator.",
            ),
            Self::InputRequired { questions, round } => noted(
                format!("The server asks {questions} question(s) before it goes on (round {round})."),
                R::InputRequired,
            ),
            Self::InputLimit { rounds } => refused(
                format!("The server still asks after {rounds} rounds."),
                R::InputRequired,
                "Raise `max_input_rounds` if the server really needs more.",
            ),
            Self::BecameTask => noted(
                "The server goes on with the call as a task, and wants to be asked for it.".to_owned(),
                R::Tasks,
            ),
            Self::TaskGoesOn { message } => {
                let message =
                    message.as_ref().map(|message| format!(" It says: {message}")).unwrap_or_default();
                noted(format!("The task is still at work.{message}"), R::Tasks)
            }
            Self::TaskAsks { questions } => {
                noted(format!("The task asks {questions} question(s) and waits for the answers."), R::Tasks)
            }
            Self::TaskQuestionLimit { questions } => refused(
                format!("The task still asks after {questions} questions."),
                R::Tasks,
                "Raise `max_task_questions` if the server really needs more.",
            ),
            Self::TaskCompleted => {
                noted("The task has ended; this is the result of the call.".to_owned(), R::Tasks)
            }
            Self::TaskFailed { code, message } => refused(
                format!("The task ended with the error {code}: {message}"),
                R::Tasks,
                "The call failed in the server; calling again may help.",
            ),
            Self::TaskCancelled => noted("The task was cancelled.".to_owned(), R::Tasks),
            Self::ResumeAfter { milliseconds } => noted(
                format!("The connection ended before the answer; it is resumed after {milliseconds} ms."),
                R::Resumability,
            ),
            Self::NoStream => {
                noted("The server has no stream of its own, which it may; nothing is lost.", R::Listening)
            }
            Self::ToolsLeftOut { tools } => refused(
                format!(
                    "Left out, because their `x-mcp-header` annotations are not valid: {}.",
                    tools.join(", ")
                ),
                R::ParameterHeaders,
                "Annotations belong on string, integer or boolean properties, with distinct header-safe names.",
            ),
            Self::HeadersRefused => noted(
                "The server expects other headers; the tools are listed again and the call is repeated with them.",
                R::HeaderValidation,
            ),
            Self::RpcError { code, message } => {
                final_word(format!("The server answered with error {code}: {message}."), R::Errors)
            }
            Self::ToolFailed => {
                final_word("The tool ran and reports a failure; that is its answer.", R::Tools)
            }
            Self::NotMcp { answered } => refused(
                format!("This is not an MCP endpoint: {answered}."),
                R::SendingMessages,
                "Check the URL; most servers live at /mcp.",
            ),
            Self::RedirectRefused { location } => refused(
                format!(
                    "The answer redirects to {location}. Redirects are not followed: the token would go along."
                ),
                R::SendingMessages,
                "Connect to the final URL.",
            ),
            Self::Unreachable { error } => refused(
                format!("Nothing answered: {error}."),
                None,
                "Is the server running, and is this its address?",
            ),
            Self::Cancelled => noted("We closed the stream, which cancels the request.", R::Cancellation),
            Self::NextPage => noted("There is another page.", R::Pagination),
            Self::PageLimit { pages } => refused(
                format!("The list does not end after {pages} pages."),
                R::Pagination,
                "Raise `max_pages` if the list really is that long.",
            ),
        }
    }
}

fn noted(text: impl Into<String>, rule: impl Into<Option<R>>) -> Conclusion {
    Conclusion { text: text.into(), rule: rule.into().map(Citation::of), refused: false, what_next: None }
}

fn refused(text: impl Into<String>, rule: impl Into<Option<R>>, what_next: impl Into<String>) -> Conclusion {
    Conclusion { what_next: Some(what_next.into()), ..final_word(text, rule) }
}

/// A refusal that nothing on our side would change.
fn final_word(text: impl Into<String>, rule: impl Into<Option<R>>) -> Conclusion {
    Conclusion { text: text.into(), rule: rule.into().map(Citation::of), refused: true, what_next: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_say_what_would_help() {
        for decision in [
            Decision::StateRefused,
            Decision::PkceRefused,
            Decision::NoIssuer,
            Decision::IssuerRefused { expected: "https://a".into(), found: "https://a/".into() },
            Decision::ResponseIssuerRefused { expected: "https://a".into(), found: None },
            Decision::ResourceRefused { resource: "https://evil".into(), url: "https://a/mcp".into() },
            Decision::ScopeRequired { scopes: "posts:write".into() },
            Decision::NotMcp { answered: "an HTML page".into() },
        ] {
            let conclusion = decision.conclusion();
            assert!(
                conclusion.refused && conclusion.rule.is_some() && conclusion.what_next.is_some(),
                "{decision:?}"
            );
        }
    }

    #[test]
    fn what_is_fine_refuses_nothing() {
        let conclusion = Decision::MetadataAccepted { issuer: "https://a".into() }.conclusion();
        assert!(!conclusion.refused && conclusion.text.contains("https://a"));
    }
}
