//! One record per request, refusals included: who asked for what, what was decided by which rule, how it ended.
//!
//! A [`Recorder`] observes an endpoint of [`barewire_mcp_server`], an [`EventRecorder`] hears what happens at an
//! authorization server of [`barewire_oauth_server`]. What they see goes to one or both of two places:
//!
//! * the **log** ([`Audit`]): append-only, each record's hash over the one before, written in batches by one task and
//!   kept by an [`AuditStore`]; [`Verifier`] tells whether it is still what was written;
//! * **metrics** ([`Metrics`]): counters and histograms as Prometheus reads them, under the names of OpenTelemetry's
//!   conventions for MCP and HTTP where those have one.
//!
//! A third view of the same records is the **connection funnel** ([`funnel`]): each attempt of a client to connect, from its
//! first 401 to its first call, where it stopped and why. [`Connections`] feeds it and keeps it in an [`AttemptStore`].
//!
//! Log and metrics are on the way of every request, so the way there is short: a record is written as bytes into a buffer of the
//! thread's own, and a combination of labels is looked up once. Start reading at `recorder.rs`; `queue.rs` and `writer.rs`
//! are the way to the disk.
//!
//! What it does *not* do: open a socket, know a database, or keep an argument, a token or a password. It has no field for
//! one.

mod audit;
mod chain;
mod codec;
mod config;
mod connections;
mod entry;
mod events;
pub mod funnel;
mod metrics;
mod queue;
mod recorder;
mod segment;
mod store;
mod verify;
mod writer;

pub use audit::{AddressOf, Audit, Clock};
pub use chain::{Hash, Head, NotAHead};
pub use codec::{MAX_TEXT, NotARecord};
pub use config::{AuditConfig, FunnelConfig, MetricsConfig, WhenFull};
pub use connections::{AttemptStore, AttemptsInWords, AttemptsWanted, Connections};
pub use entry::{Entry, Kind, Time};
pub use events::EventRecorder;
pub use funnel::{Attempt, Changes};
pub use metrics::{Exposition, Metrics};
pub use recorder::Recorder;
pub use segment::{SEGMENT_BYTES, Segment, Stored};
pub use store::{AuditStore, StoreError};
pub use verify::{Broken, Report, Verifier};
