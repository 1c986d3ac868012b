//! The client's login, from the first refusal to a token, as a machine without I/O.
//!
//! [`start`] and [`PendingAuthorization::callback`] return a [`Step`]. The driver performs what a [`Fetch`] asks
//! for (**without following redirects**), hands the answer to [`Fetch::answered`] and gets the next step, until
//! there is a URL to open, a token, or an error that says whose fault it is and what to do next:
//!
//! ```
//! # use barewire_oauth::client_flow::{Answer, FlowError, Grant, OpenBrowser, Step};
//! # use std::time::SystemTime;
//! enum Outcome { Open(OpenBrowser), Done(Grant), Elsewhere }
//!
//! fn drive(mut step: Step, http: impl Fn(&http::Request<bytes::Bytes>) -> Answer, now: SystemTime)
//!     -> Result<Outcome, FlowError> {
//!     loop {
//!         step = match step {
//!             Step::Fetch(fetch) => {
//!                 let answer = http(&fetch.request);
//!                 fetch.answered(&answer, now)
//!             }
//!             Step::OpenBrowser(open) => return Ok(Outcome::Open(*open)),
//!             Step::WaitForUser(_) => return Ok(Outcome::Elsewhere),
//!             Step::Done(grant) => return Ok(Outcome::Done(*grant)),
//!             Step::Failed(error) => return Err(*error),
//!         };
//!     }
//! }
//! ```
//!
//! A login without a user ([`Way`]) goes the same road and ends before the browser.
//!
//! Between the two halves the host keeps the [`PendingAuthorization`], which survives a restart. Afterwards a
//! [`Grant`] renews and gives back its tokens; those are single requests and so plain functions.
//!
//! The rules are those of
//! [MCP: Authorization](https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization) and its pages;
//! servers of revision 2025-03-26, before protected resource metadata, are recognised by not having any.
//!
//! What it does **not** do: send anything, open a browser, listen for the callback, or keep anything.

mod answer;
mod attempts;
mod authorization;
mod callback;
mod device;
mod discover;
mod endpoint;
mod enterprise;
mod error;
mod grant;
mod identity;
mod push;
mod redeem;
mod registration;
mod server;
mod settings;
mod signatures;
mod token;
mod unattended;

pub use attempts::Attempts;
pub use authorization::{OpenBrowser, PendingAuthorization};
pub use callback::state_of;
pub use device::DeviceWait;
pub use endpoint::{EndpointRule, Reach};
pub use enterprise::{IdentityProvider, SubjectTokenType};
pub use error::{Fault, FlowError, Obstacle, Refusal, Try};
pub use grant::{Grant, GrantKind, Refreshed, TokenSet, TokenType};
pub use identity::{AuthMethod, ClientIdentity, IdentityOrigin};
pub use server::{AuthorizationServer, Provenance};
pub use settings::{ClientSettings, DpopUse, FlowLimits, PreRegistered, Way};
pub use signatures::{Moment, Signatures};
pub use token::authenticated_form;

use std::fmt;
use std::time::SystemTime;

use bytes::Bytes;

use crate::challenge::Challenge;
use crate::dpop::ProofKey;
use crate::metadata::well_known::Form;
use crate::resource::Resource;
use crate::scope::ScopeSet;

/// What a login starts from.
#[derive(Debug, Clone)]
pub struct LoginRequest {
    /// The URL of the MCP endpoint, as the user gave it.
    pub endpoint: String,
    /// The challenge of the 401 or 403 that led here, picked by [`Challenge::select`]; `None` when there was none.
    pub challenge: Option<Challenge>,
    /// Who we are.
    pub settings: ClientSettings,
    /// Every client identity that is kept, of whatever issuer; one is only ever used with its own.
    pub known: Vec<ClientIdentity>,
    /// The scopes asked for or granted so far for this resource; a step-up asks for them again
    /// ([Step-Up Authorization Flow](https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization#step-up-authorization-flow)).
    pub held_scopes: ScopeSet,
    /// A new key for this login's tokens, in case they will be bound to one.
    pub proof_key: Option<ProofKey>,
}

/// The random bytes of one login; never used for a second one.
#[derive(Clone)]
pub struct Entropy {
    state: [u8; 32],
    verifier: [u8; 32],
}

impl Entropy {
    /// Takes 64 bytes of a cryptographic generator.
    #[must_use]
    pub fn from_random(bytes: &[u8; 64]) -> Self {
        let (mut state, mut verifier) = ([0; 32], [0; 32]);
        state.copy_from_slice(&bytes[..32]);
        verifier.copy_from_slice(&bytes[32..]);
        Self { state, verifier }
    }
}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entropy(redacted)")
    }
}

/// What the driver has to do next.
#[derive(Debug)]
pub enum Step {
    /// Perform the request, without following redirects, and hand the answer to [`Fetch::answered`].
    Fetch(Box<Fetch>),
    /// Keep the pending authorization, show the URL to the user, and wait for the callback.
    OpenBrowser(Box<OpenBrowser>),
    /// Show the user where to go and what to type, wait, and [ask](DeviceWait::ask); what was shown before stays as it is.
    WaitForUser(Box<DeviceWait>),
    /// There is a token.
    Done(Box<Grant>),
    /// It ends here.
    Failed(Box<FlowError>),
}

/// One request to perform. Its body and headers may hold secrets, so `Debug` shows neither.
pub struct Fetch {
    /// Method, absolute URL, headers and body.
    pub request: http::Request<Bytes>,
    /// What has to be signed into it before it is sent ([`Signatures::complete`]).
    pub signatures: Signatures,
    /// What it is for.
    pub purpose: Purpose,
    /// What was made of the answer before this one.
    pub after: Option<Judgement>,
    stage: Stage,
}

/// What a request is for; the driver's recorder turns it into a narration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// GET of the protected resource metadata, at a place of this form.
    ResourceMetadata(Form),
    /// GET of the authorization server metadata, at a place of this form.
    ServerMetadata(Form),
    /// POST of a dynamic registration (RFC 7591).
    Registration,
    /// POST of the authorization request (RFC 9126).
    PushedRequest,
    /// POST that redeems the code.
    Token,
    /// POST that asks for a code for the user to type (RFC 8628).
    DeviceAuthorization,
    /// POST that asks whether the user has typed it.
    DeviceToken,
    /// POST that asks for a token for the client itself.
    ClientCredentials,
    /// POST that redeems somebody's statement.
    JwtBearer,
    /// GET of the metadata of the organisation's identity provider, at a place of this form.
    ProviderMetadata(Form),
    /// POST that gets a statement of the organisation's identity provider.
    TokenExchange,
    /// POST that renews the tokens ([`Grant::renewal_request`]).
    Refresh,
    /// POST that revokes a token ([`Grant::revocation_requests`]).
    Revocation,
}

/// What was made of an answer, for whoever tells the story. What ended in an error tells it itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// Not here; another place is tried.
    NotHere(Try),
    /// The resource metadata is good.
    Resource {
        /// What the token will be for.
        resource: Resource,
        /// The authorization servers that may be used, in the order in which they are tried.
        issuers: Vec<String>,
    },
    /// There is no resource metadata: the rules of revision 2025-03-26 apply.
    NoResourceMetadata {
        /// Where we looked.
        tries: Vec<Try>,
    },
    /// This authorization server cannot be used; the next one is tried.
    OtherServer(Box<FlowError>),
    /// The authorization server is found and good, or its endpoints are assumed.
    Server(Box<AuthorizationServer>),
    /// We are a registered client now.
    Registered {
        /// Our identifier.
        client_id: String,
        /// How we authenticate.
        auth_method: AuthMethod,
    },
    /// The authorization request is with the server; the browser takes the reference.
    Pushed,
    /// The organisation's identity provider is found.
    Provider {
        /// Which one.
        issuer: String,
    },
    /// The organisation's identity provider allows the access.
    IdentityAssertion {
        /// Which one.
        provider: String,
    },
    /// The callback belongs to this login.
    Callback {
        /// Whether it carried `iss`.
        iss: bool,
    },
}

/// What came of a request.
#[derive(Debug, Clone)]
pub enum Answer {
    /// An HTTP response of any status; redirects are answers too. The driver stops reading the body behind
    /// [`FlowLimits::max_body`] bytes and hands over what it has.
    Response(http::Response<Bytes>),
    /// No response: refused connection, no such host, TLS failure, timeout, or a request the driver would not send.
    Unreachable {
        /// For people.
        reason: String,
    },
}

/// Where in the login a request belongs.
enum Stage {
    Resource(Box<discover::ResourceSearch>),
    Server(Box<server::ServerSearch>),
    Registration(Box<registration::Registering>),
    Push(Box<push::Pushing>),
    Provider(Box<enterprise::ProviderSearch>),
    Exchange(Box<enterprise::Exchange>),
    Token(Box<redeem::Redeeming>),
    DeviceBegin(Box<device::Beginning>),
    DeviceWait(Box<DeviceWait>),
}

/// Starts a login: the first step is the fetch of the protected resource metadata.
#[must_use]
pub fn start(request: LoginRequest, entropy: Entropy) -> Step {
    discover::start(Context { request, entropy })
}

impl Fetch {
    /// Decides what the answer means.
    #[must_use]
    pub fn answered(self, answer: &Answer, now: SystemTime) -> Step {
        match self.stage {
            Stage::Resource(search) => search.answered(answer),
            Stage::Server(search) => search.answered(answer, now),
            Stage::Registration(registering) => registering.answered(answer, now),
            Stage::Push(pushing) => pushing.answered(answer),
            Stage::Provider(search) => search.answered(answer),
            Stage::Exchange(exchange) => exchange.answered(answer),
            Stage::Token(redeeming) => redeeming.answered(answer, now),
            Stage::DeviceBegin(beginning) => beginning.answered(answer, now),
            Stage::DeviceWait(wait) => wait.answered(answer, now),
        }
    }

    fn step(request: http::Request<Bytes>, purpose: Purpose, after: Option<Judgement>, stage: Stage) -> Step {
        let signatures = Signatures::default();
        Step::Fetch(Box::new(Self { request, signatures, purpose, after, stage }))
    }
}

impl Step {
    /// Adds what has to be signed to a fetch.
    fn signed(mut self, signatures: Signatures) -> Self {
        if let Self::Fetch(fetch) = &mut self {
            fetch.signatures = signatures;
        }
        self
    }
}

impl fmt::Debug for Fetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetch")
            .field("method", self.request.method())
            .field("url", self.request.uri())
            .field("purpose", &self.purpose)
            .finish_non_exhaustive()
    }
}

impl From<FlowError> for Step {
    fn from(error: FlowError) -> Self {
        Self::Failed(Box::new(error))
    }
}

/// What every stage before the browser carries along.
#[derive(Debug)]
struct Context {
    request: LoginRequest,
    entropy: Entropy,
}
