//! What several modules of the crate do together.

#![expect(
    clippy::unwrap_used,
    reason = "a test may panic; clippy exempts test functions only, not their helpers"
)]

mod client_flow;
