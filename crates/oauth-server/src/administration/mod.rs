//! What administrators see and do: users, clients and grants, over all of them.
//!
//! The API, the pages and the command line call the same functions, so that each has the same rules and leaves the same
//! event, with who did it. What is done here holds at once in this process, and within
//! [`revocation_poll`](crate::AuthConfig::revocation_poll) in every other one at the same store.

mod clients;
mod grants;
mod users;
mod view;

use std::error::Error;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

use barewire_oauth::narrowing::NarrowingRefusal;
use barewire_oauth::token::OWN_SUBJECT;

pub use self::clients::{AddedClient, NewClient};
pub use self::grants::GrantFilter;
pub use self::users::NewUser;
pub use self::view::{AccountView, ClientView, GrantView, Page, SessionView, Stamp, UserDetails, UserView};
use crate::changes::Follower;
use crate::config::AuthConfig;
use crate::passwords::{PasswordError, Passwords, Unfit};
use crate::server::Clock;
use crate::store::{Store, StoreError};
use crate::witness::{Event, EventKind, Sender, Witness};

/// The scope with which users, clients and grants can be seen.
pub const ADMIN_READ: &str = "admin:read";
/// The scope with which they can be changed, and seen as well.
pub const ADMIN_WRITE: &str = "admin:write";

/// How many records a list gives where nothing is said, and at most.
pub const PAGE: u32 = 50;
/// How many it gives at most.
pub const MAX_PAGE: u32 = 200;

/// Users, clients and grants of one store, for those who may see and change all of them. Whoever calls it has made sure
/// of that.
pub struct Administration {
    store: Arc<dyn Store>,
    passwords: Arc<Passwords>,
    min_password_length: usize,
    witness: Option<Arc<dyn Witness>>,
    /// What tells this process's verifier; a program without one has none.
    follower: Option<Arc<Follower>>,
    clock: Clock,
}

impl fmt::Debug for Administration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Administration")
    }
}

/// Who does something, and where.
#[derive(Debug, Clone, Copy)]
pub struct By<'a> {
    actor: Actor<'a>,
    endpoint: &'static str,
    address: Option<IpAddr>,
    user_agent: Option<&'a str>,
    traceparent: Option<&'a str>,
}

#[derive(Debug, Clone, Copy)]
enum Actor<'a> {
    /// The administrator with this id.
    Administrator(&'a str),
    /// Whoever can write the store.
    Operator(&'a str),
}

impl<'a> By<'a> {
    /// Somebody who can write the store, by the name that the operating system knows, with this command.
    #[must_use]
    pub fn operator(name: &'a str, command: &'static str) -> Self {
        Self {
            actor: Actor::Operator(name),
            endpoint: command,
            address: None,
            user_agent: None,
            traceparent: None,
        }
    }

    pub(crate) fn administrator(id: &'a str, endpoint: &'static str, sender: &'a Sender) -> Self {
        let (user_agent, traceparent) = (sender.user_agent(), sender.traceparent());
        Self { actor: Actor::Administrator(id), endpoint, address: sender.address, user_agent, traceparent }
    }

    /// The administrator's id, where it is one.
    fn administrator_id(&self) -> Option<&'a str> {
        match self.actor {
            Actor::Administrator(id) => Some(id),
            Actor::Operator(_) => None,
        }
    }

    fn is(&self, user_id: &str) -> bool {
        self.administrator_id() == Some(user_id)
    }
}

/// As events name it: an administrator's id, or `operator:NAME`.
impl fmt::Display for By<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.actor {
            Actor::Administrator(id) => f.write_str(id),
            Actor::Operator(name) => write!(f, "operator:{name}"),
        }
    }
}

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// Nobody by this id.
    #[error("there is no such user")]
    NoSuchUser,
    /// Nobody by this identifier.
    #[error("there is no such client")]
    NoSuchClient,
    /// None by this id, or it is over.
    #[error("there is no such grant, or it is over")]
    NoSuchGrant,
    /// The name is taken.
    #[error("a user with this name is there already")]
    UserExists,
    /// No such account of this user.
    #[error("this user has no such account")]
    NoSuchAccount,
    /// The account is somebody's.
    #[error("the account belongs to another user")]
    AccountTaken,
    /// The account cannot be one.
    #[error("an account is an issuer and a subject, each of 1 to 1024 visible characters")]
    Account,
    /// The identifier is taken.
    #[error("a client with this identifier is there already")]
    ClientExists,
    /// The name cannot be one.
    #[error("a user's name has 1 to 256 visible characters and does not begin with {OWN_SUBJECT}")]
    UserName,
    /// The password is one that nobody should have.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// The client cannot be one.
    #[error("{0}")]
    Client(&'static str),
    /// Whoever would be the last to let somebody in again.
    #[error("administrators do not disable or demote themselves; another one has to")]
    Yourself,
    /// Somebody else has taken that away from whoever does it, at the same moment.
    #[error("you are no administrator any more")]
    Demoted,
    /// Only the configuration has a say in it.
    #[error("this client is in the configuration: take it out there, or disable it here")]
    Configured,
    /// Too much would be left, or too little.
    #[error(transparent)]
    Narrowing(#[from] NarrowingRefusal),
    /// A race was lost.
    #[error("somebody else has changed it meanwhile; look again")]
    Changed,
    /// Not a cursor of this list.
    #[error("the cursor is not one that this list gave")]
    Cursor,
    /// The password was not hashed.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl AdminError {
    /// Its word, for programs and for whoever keeps account.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::NoSuchUser => "no_such_user",
            Self::NoSuchClient => "no_such_client",
            Self::NoSuchGrant => "no_such_grant",
            Self::UserExists => "user_exists",
            Self::NoSuchAccount => "no_such_account",
            Self::AccountTaken => "account_taken",
            Self::Account => "unusable_account",
            Self::ClientExists => "client_exists",
            Self::UserName => "user_name",
            Self::Unfit(_) => "unfit_password",
            Self::Client(_) => "unusable_client",
            Self::Yourself => "yourself",
            Self::Demoted => "demoted",
            Self::Configured => "configured_client",
            Self::Narrowing(_) => "narrowing",
            Self::Changed => "changed_meanwhile",
            Self::Cursor => "cursor",
            Self::Password(_) => "password",
            Self::Store(_) => "store",
        }
    }
}

/// Whom and what an event is about.
#[derive(Debug, Default, Clone, Copy)]
struct About<'a> {
    user: Option<&'a str>,
    client: Option<&'a str>,
    grant: Option<&'a str>,
    scope: Option<&'a str>,
}

impl Administration {
    /// For a program beside the server, at the same store. Of the settings, those for passwords count.
    ///
    /// # Errors
    /// When passwords cannot be hashed with these settings.
    pub async fn new(
        store: Arc<dyn Store>,
        config: &AuthConfig,
        witness: Option<Arc<dyn Witness>>,
    ) -> Result<Self, PasswordError> {
        let passwords = Arc::new(Passwords::new(config, store.clone()).await?);
        Ok(Self {
            store,
            passwords,
            min_password_length: config.min_password_length,
            witness,
            follower: None,
            clock: Arc::new(SystemTime::now),
        })
    }

    /// For the server itself.
    pub(crate) fn of_server(
        store: Arc<dyn Store>,
        passwords: Arc<Passwords>,
        config: &AuthConfig,
        witness: Option<Arc<dyn Witness>>,
        follower: Arc<Follower>,
        clock: Clock,
    ) -> Self {
        let min_password_length = config.min_password_length;
        Self { store, passwords, min_password_length, witness, follower: Some(follower), clock }
    }

    fn now(&self) -> SystemTime {
        (self.clock)()
    }

    /// Ends something: this process learns of it, and whoever keeps account is told.
    async fn done<T>(
        &self,
        by: &By<'_>,
        kind: EventKind,
        action: &'static str,
        about: About<'_>,
        result: Result<T, AdminError>,
    ) -> Result<T, AdminError> {
        if result.is_ok() {
            tracing::info!(%by, action, user = about.user, client = about.client, grant = about.grant, "administered");
            self.catch_up().await;
        }
        self.tell(by, kind, action, about, result.as_ref().err());
        result
    }

    /// It is durable already; if this fails, the next poll does it.
    async fn catch_up(&self) {
        if let Some(follower) = &self.follower
            && let Err(failure) = follower.catch_up(self.store.as_ref(), self.now()).await
        {
            tracing::warn!(error = &failure as &dyn Error, "what was changed is learnt a moment later");
        }
    }

    fn tell(
        &self,
        by: &By<'_>,
        kind: EventKind,
        action: &'static str,
        about: About<'_>,
        error: Option<&AdminError>,
    ) {
        let Some(witness) = &self.witness else { return };
        witness.happened(&Event {
            kind,
            refused: error.map(AdminError::word),
            reason: Some(action),
            endpoint: by.endpoint,
            user: about.user,
            by: Some(&by.to_string()),
            client: about.client,
            client_name: None,
            registration: None,
            request: None,
            grant: about.grant,
            scope: about.scope,
            address: by.address,
            user_agent: by.user_agent,
            traceparent: by.traceparent,
        });
    }
}

/// How many records a list gives, for whoever asks for `wanted`.
fn page_size(wanted: Option<u32>) -> u32 {
    wanted.unwrap_or(PAGE).clamp(1, MAX_PAGE)
}
