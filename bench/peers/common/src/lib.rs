//! What the Rust peers share besides the SDK that is measured: arguments, users, a token, and what a client reports.

pub mod arguments;
pub mod report;
pub mod token;
#[path = "../../../src/users.rs"]
pub mod users;
