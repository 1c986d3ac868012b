//! The load generator: one thread, one epoll, requests that were built before.
//!
//! It shares two cores with what it measures, so it does little: a request is patched (its id) and written, an answer
//! is read, searched for what it must hold, and timed. A wrong answer ends the run; there is no row with errors in it.
//!
//! * [`Load::closed`]: each connection sends its next request when it has its answer. Gives the throughput, and a CPU
//!   time per request under saturation.
//! * [`Load::open`]: requests are due at fixed times, whatever the server does. Latency counts from when a request was
//!   *due*, not from when a connection was free to send it, so that a server that stalls cannot hide the stall.
//!   [`Load::open_beside`] sends hostile requests at the same time.

mod answer;
mod ask;
mod beside;
mod connection;
mod generator;
mod outcome;
mod request;

pub use answer::Answer;
pub(crate) use answer::AnswerReader;
pub use ask::{Asked, ask};
pub use beside::{Beside, Hostile, Refusals};
pub use generator::{Load, Stalled};
pub use outcome::Outcome;
pub(crate) use request::head;
pub use request::{Expect, Request, WrongAnswer};
