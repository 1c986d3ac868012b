//! The wire: requests as they are wanted, also broken ones, and answers as they came, all of them recorded.
//!
//! Nothing here judges. A request that cannot be sent, or an answer that never ends, is an [`Answer`] too.

mod answer;
mod ask;
mod asker;
mod certificate;
mod reading;
mod speaker;

pub(crate) use answer::{Answer, Cut, Fault, shorten};
pub(crate) use ask::{Ask, Until};
pub(crate) use asker::Asker;
pub use asker::SetupError;
pub(crate) use speaker::{Speaker, Voice};
