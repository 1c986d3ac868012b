//! The connection funnel: each attempt of a client to connect, from its first 401 to its first call, where it stopped and why.
//!
//! It is a view of the records of the log ([`Entry`](crate::Entry)), and nothing else is noted for it. A record says little of
//! what it belongs to, so the records of one attempt find each other step by step:
//!
//! 1. **address and user agent** while a client has no id: what was refused and read from there is kept for a while, and
//!    belongs to whoever registers or gets a token from there next. Behind an address that many share it may be another's of
//!    the same kind; nothing after this step can be;
//! 2. **the client's id** from its registration to the browser that comes with its request;
//! 3. **the request**, by its PKCE challenge, from there over login and consent to the code: exact, whoever fetches the page;
//! 4. **the grant** from the code to the first call.
//!
//! Everything is bounded, and room is shared between networks (`shelf.rs`): a flood makes room for itself. The further
//! an attempt has come, the less a flood can reach it, since each step has a shelf of its own and the later ones cost a flood
//! a registration or a login each.
//!
//! No I/O here: `connections.rs` feeds it, keeps what it says and gives it the time.

mod attempt;
mod awaited;
mod machine;
mod quirks;
mod reason;
mod shelf;
mod source;

pub use attempt::{Attempt, Outcome, Reached, Refusal, Step};
pub use awaited::Awaited;
pub use machine::{Changes, Ended, Funnel};
pub use quirks::{KNOWN_CLIENTS, KnownClient, Quirk, known_client};
pub use reason::{EXPLANATIONS, Explanation, explain};
