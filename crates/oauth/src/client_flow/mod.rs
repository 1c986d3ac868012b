//! The client's side of a login, as values and one machine.
//!
//! What a client keeps between requests is here too: who it is at an issuer ([`ClientIdentity`]) and what it was
//! granted ([`Grant`]).

mod grant;
mod identity;

pub use grant::{Grant, TokenSet};
pub use identity::{AuthMethod, ClientIdentity, IdentityOrigin};
