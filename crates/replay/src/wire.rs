//! The transcripts that are in `docs/wire`, carried along.

use std::sync::OnceLock;

use crate::transcript::Transcript;

macro_rules! files {
    ($($revision:literal: $($flow:literal),+;)+) => {
        /// Each file, in the order in which it is played: newest revision first, and in each the order of the guide.
        const FILES: &[&str] = &[
            $($(include_str!(concat!("../../../docs/wire/", $revision, "/", $flow, ".json")),)+)+
        ];
    };
}

files! {
    "2026-07-28":
        "discover", "list", "call", "stream", "elicitation", "subscription", "tasks", "skills", "errors", "login";
    "2025-11-25": "initialize", "list", "call", "stream", "resuming", "elicitation", "subscription", "errors";
    "2025-06-18": "initialize", "list", "call", "stream", "resuming", "elicitation", "subscription", "errors";
    "2025-03-26": "initialize", "list", "call", "stream", "resuming", "subscription", "batch", "errors";
    "2024-11-05": "initialize", "list", "call", "stream", "errors";
}

/// The transcripts, in the order in which they are played.
///
/// # Panics
/// Never: a test reads every file.
pub fn transcripts() -> &'static [Transcript] {
    static TRANSCRIPTS: OnceLock<Vec<Transcript>> = OnceLock::new();
    TRANSCRIPTS.get_or_init(|| {
        let read = |text: &&str| {
            serde_json::from_str(text).expect("the files in docs/wire are transcripts: a test reads them")
        };
        FILES.iter().map(read).collect()
    })
}
