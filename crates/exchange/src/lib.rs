//! One recorded HTTP exchange: what was sent, what came back, why, and which rule says so.
//!
//! An [`Exchange`] is made by an [`ExchangeBuilder`] that masks secrets *while it builds*, so a finished exchange can
//! be shown, logged, stored and shared: no token, code, verifier, cookie or password is in it. The page of the host,
//! `--trace`, the HAR export and `copy as curl` are views of the same value.
//!
//! What this crate is **not**: it sends nothing, reads no clock (times are arguments), and decides nothing about
//! the protocol. Whoever sends a request names its [`Step`] and afterwards its
//! [`Decision`]; the tables in [`narration`] turn both into sentences with a citation.

mod builder;
pub mod curl;
mod exchange;
pub mod har;
mod limits;
pub mod mask;
pub mod narration;

pub use builder::ExchangeBuilder;
pub use exchange::{
    Body, DecodedToken, Exchange, Failure, FailureKind, Header, Party, Phase, Request, Response, Rpc, Status,
    StreamEvent,
};
pub use limits::Limits;
pub use mask::Masker;
pub use narration::{Citation, Decision, Narration, Step};
