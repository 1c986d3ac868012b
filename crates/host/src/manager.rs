//! What a session's servers and calls do while nobody waits: connecting, logging in, calling, coming back.
//!
//! One task per server ([`driver`]) owns its lifecycle; handlers only send it commands and read views. A request waits
//! for a peer only where its answer *is* the peer's answer: lists, completion, where to log in.

mod call;
mod driver;
mod link;
mod login;
mod run;
mod server;
mod trouble;
mod view;
mod watch;
mod wire;
mod writer;

pub(crate) use call::Call;
pub(crate) use driver::Command;
pub(crate) use link::{Link, show_renewed};
pub(crate) use login::{
    Callback, Logins, finish as finish_login, forget as forget_login, log_out, start as start_login,
};
pub(crate) use run::start as start_call;
pub(crate) use server::{Server, Spoken, forget_stored_grant, parse_url};
pub(crate) use trouble::Trouble;
pub(crate) use wire::Budget;
