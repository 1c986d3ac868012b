//! The sentences and the rules of each flow. What is sent and what has to come back stands here; what did come back is recorded.
//!
//! `speech.rs`: how a revision is spoken; `modern.rs`, `handshake.rs` and `http_sse.rs` do it and have the list of their flows.
//! `steps.rs`: what steps are made of. Every other file is one flow, in all revisions that have it.

mod batch;
mod call;
mod elicitation;
mod errors;
mod handshake;
mod http_sse;
mod lists;
mod login;
mod modern;
mod resuming;
mod skills;
mod speech;
mod steps;
mod stream;
mod subscription;
mod tasks;

use barewire_replay::Transcript;

/// All transcripts, without what was recorded: newest revision first, and in each the order of the guide.
pub(crate) fn all() -> Vec<Transcript> {
    let mut all = modern::flows();
    for revision in ["2025-11-25", "2025-06-18", "2025-03-26"] {
        all.extend(handshake::flows(revision));
    }
    all.extend(http_sse::flows());
    all
}
