//! Limits and times of one server. Every one has a name, a default and a test.

use std::time::Duration;

use barewire_oauth::dpop::ProofLimits;
use serde::{Deserialize, Serialize};

/// What one server allows itself and its peers. Read from configuration; times are strings such as `8s` or `15m`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Largest request body in bytes; a longer one is refused with 413 while it is being read.
    pub max_body_bytes: usize,
    /// How long a client may take to send a body (408).
    #[serde(with = "humantime_serde")]
    #[schemars(with = "Duration")]
    pub body_timeout: Duration,
    /// How long is waited for the rest of a body that nobody wants, so that its connection can be used again.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "Duration")]
    pub discard_timeout: Duration,
    /// Messages in one batch (2025-03-26); a longer one is refused whole.
    pub max_batch: usize,
    /// Requests of one batch whose handlers work at the same time; the others wait for their turn.
    pub batch_concurrency: usize,
    /// How long a handler may work before its call ends with an internal error.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "Duration")]
    pub call_timeout: Duration,
    /// How long a server-to-client request of a legacy revision, or a question of a task, waits for its answer.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "Duration")]
    pub ask_timeout: Duration,
    /// How often a user is asked again after an answer that does not fit the requested schema (legacy revisions;
    /// towards 2026-07-28 the client decides how often it comes back).
    pub ask_attempts: u32,
    /// After this long without an answer, the response begins as an event stream, so that proxies see a first byte.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "Duration")]
    pub first_byte: Duration,
    /// Pause between two keep-alive comments on a quiet stream; the first one after an event comes before twice of it.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "Duration")]
    pub keep_alive: Duration,
    /// Messages that may wait for a slow reader: of a call, whose handler waits too then; and questions on a GET stream,
    /// where a further one fails. Of changes, each waits once.
    pub stream_buffer: usize,
    /// Long-lived streams (`subscriptions/listen` and GET) of the whole server.
    pub max_streams: usize,
    /// Long-lived streams of one principal.
    pub max_streams_per_principal: usize,
    /// Sessions of the transport of 2024-11-05, each of them a stream, too.
    pub max_sse_sessions: usize,
    /// Of these, those of one principal.
    pub max_sse_sessions_per_principal: usize,
    /// Requests of one such session that have no answer yet; a further one is refused with 429.
    pub max_sse_requests: usize,
    /// After this long without a message of its client, and with nothing at work, such a session ends.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "Duration")]
    pub sse_idle: Duration,
    /// Resources that one stream or legacy session may be subscribed to.
    pub max_subscriptions: usize,
    /// Bytes that the addresses of these resources have together.
    pub max_subscription_bytes: usize,
    /// Legacy server-to-client requests waiting for an answer, over all sessions.
    pub max_pending_asks: usize,
    /// Of these, those of one principal. On a server that is not protected nobody is told apart, and only the whole
    /// counts, here as for the next two.
    pub max_pending_asks_per_principal: usize,
    /// Calls of legacy clients that go on working after their connection was lost.
    pub max_detached_calls: usize,
    /// Of these, those of one principal.
    pub max_detached_calls_per_principal: usize,
    /// Legacy calls whose stream can be resumed after its connection was lost.
    pub max_resumable_calls: usize,
    /// Of these, those of one principal, whose oldest makes room for another.
    pub max_resumable_calls_per_principal: usize,
    /// Bytes kept of what such a call says; the oldest go first.
    pub max_replay_bytes: usize,
    /// How long the end of such a call is kept for a client that may come back.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "Duration")]
    pub resume_ttl: Duration,
    /// Tasks at work in this process
    /// ([`io.modelcontextprotocol/tasks`](https://github.com/modelcontextprotocol/ext-tasks/blob/main/specification/draft/tasks.md)).
    pub max_tasks: usize,
    /// Of these, those of one principal.
    pub max_tasks_per_principal: usize,
    /// Tasks that are kept, at work or ended. Beyond that, a user's own oldest that has ended makes room for another, and
    /// whoever has none gets no task.
    pub max_kept_tasks: usize,
    /// Of these, those of one principal, likewise.
    pub max_kept_tasks_per_principal: usize,
    /// Bytes that are kept of one task: its questions and answers, or its result; a larger result is lost.
    pub max_task_bytes: usize,
    /// Questions that one task may ask.
    pub max_task_questions: usize,
    /// How long a task may work, its questions included, before it ends with an internal error.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "Duration")]
    pub task_timeout: Duration,
    /// How long a task is kept after its end.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "Duration")]
    pub task_ttl: Duration,
    /// How long a client is told to wait between two questions about a task, and how often progress is written at most.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "Duration")]
    pub task_poll_interval: Duration,
    /// How long a task of a process that says nothing any more counts as at work. Tasks at work are renewed three times
    /// as often, and hear then what was done to them at another replica.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "Duration")]
    pub task_lease: Duration,
    /// Legacy sessions whose log level or subscriptions are remembered; the one unused longest is forgotten first. One
    /// with many subscriptions counts as several, one more for each KiB.
    pub max_remembered_sessions: usize,
    /// Terminated legacy sessions remembered by this process.
    pub max_terminated_sessions: usize,
    /// How long a legacy session id stays good.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "Duration")]
    pub session_ttl: Duration,
    /// How long a `requestState` stays good: the time a user has to answer.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "Duration")]
    pub request_state_ttl: Duration,
    /// Largest sealed `requestState` in bytes, memoised steps and answers included.
    pub max_request_state_bytes: usize,
    /// How long a list cursor stays good. Where callers are not told apart, one is given again for an eighth of that.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "Duration")]
    pub cursor_ttl: Duration,
    /// Entries on one page of a list. Some clients read the first page of tools only, so that a smaller one hides the others
    /// from their users.
    pub page_size: usize,
    /// `ttlMs` of lists and of `server/discover`
    /// ([Caching](https://modelcontextprotocol.io/specification/2026-07-28/server/utilities/caching)).
    #[serde(with = "humantime_serde")]
    #[schemars(with = "Duration")]
    pub list_cache_ttl: Duration,
    /// Verified access tokens kept, so that a signature is checked once. One counts as several, one more for each KiB.
    pub token_cache_entries: usize,
    /// How long a verified token is believed without asking its verifier again, at most.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "Duration")]
    pub token_cache_ttl: Duration,
    /// How far the time in a `DPoP` proof may be from ours, in both directions; a nonce counts for twice as long. At least
    /// `1s` ([RFC 9449](https://www.rfc-editor.org/rfc/rfc9449)).
    #[serde(with = "humantime_serde")]
    #[schemars(with = "Duration")]
    pub dpop_window: Duration,
    /// Proofs that are remembered, some 40 bytes each, so that none counts twice. When there are more, the oldest are
    /// forgotten, and proofs as old as those are refused.
    pub dpop_remembered: usize,
    /// Whether every proof needs a nonce of this server. Otherwise only those do that were not made just now by our clock,
    /// or that we could have forgotten.
    pub dpop_nonces: bool,
    /// Pause between two lines in the log about requests whose `Host` or `Origin` was refused. Those in between are
    /// counted, and the next line says how many there were.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "Duration")]
    pub refusal_log_pause: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let minutes = |count: u64| Duration::from_secs(count * 60);
        let proofs = ProofLimits::default();
        Self {
            max_body_bytes: 4 * 1024 * 1024,
            body_timeout: Duration::from_secs(30),
            discard_timeout: Duration::from_secs(1),
            max_batch: 50,
            batch_concurrency: 8,
            call_timeout: minutes(15),
            ask_timeout: minutes(10),
            ask_attempts: 3,
            first_byte: Duration::from_secs(1),
            keep_alive: Duration::from_secs(15),
            stream_buffer: 64,
            max_streams: 10_000,
            max_streams_per_principal: 64,
            max_sse_sessions: 1_000,
            max_sse_sessions_per_principal: 16,
            max_sse_requests: 64,
            sse_idle: minutes(4 * 60),
            max_subscriptions: 1_000,
            max_subscription_bytes: 64 * 1024,
            max_pending_asks: 10_000,
            max_pending_asks_per_principal: 250,
            max_detached_calls: 1_000,
            max_detached_calls_per_principal: 50,
            max_resumable_calls: 1_000,
            max_resumable_calls_per_principal: 50,
            max_replay_bytes: 64 * 1024,
            resume_ttl: minutes(1),
            max_tasks: 1_000,
            max_tasks_per_principal: 50,
            max_kept_tasks: 1_000,
            max_kept_tasks_per_principal: 100,
            max_task_bytes: 256 * 1024,
            max_task_questions: 32,
            task_timeout: minutes(60),
            task_ttl: minutes(60),
            task_poll_interval: Duration::from_secs(1),
            task_lease: Duration::from_secs(30),
            max_remembered_sessions: 10_000,
            max_terminated_sessions: 100_000,
            session_ttl: minutes(7 * 24 * 60),
            request_state_ttl: minutes(15),
            max_request_state_bytes: 256 * 1024,
            cursor_ttl: minutes(60),
            page_size: 250,
            list_cache_ttl: minutes(1),
            token_cache_entries: 10_000,
            token_cache_ttl: minutes(10),
            dpop_window: proofs.window,
            dpop_remembered: proofs.remembered,
            dpop_nonces: proofs.nonces,
            refusal_log_pause: Duration::from_secs(10),
        }
    }
}

impl Limits {
    pub(crate) fn proofs(&self) -> ProofLimits {
        ProofLimits { window: self.dpop_window, remembered: self.dpop_remembered, nonces: self.dpop_nonces }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_text() {
        let check = |text: &str, expected: Option<Duration>| {
            let json = serde_json::json!({ "ask_timeout": text });
            let read = serde_json::from_value::<Limits>(json).ok().map(|limits| limits.ask_timeout);
            assert_eq!(read, expected, "{text}");
        };
        check("500ms", Some(Duration::from_millis(500)));
        check("8s", Some(Duration::from_secs(8)));
        check("7d", Some(Duration::from_secs(7 * 86_400)));
        for wrong in ["", "8", "s", "-8s", "8x", "99999999999999999999s", "18446744073709551615d"] {
            check(wrong, None);
        }
    }

    #[test]
    fn the_defaults_survive_being_written_down() {
        let text = serde_json::to_string(&Limits::default()).unwrap();
        assert!(text.contains(r#""session_ttl":"7days""#), "{text}");
        assert_eq!(serde_json::from_str::<Limits>(&text).unwrap(), Limits::default());
        assert!(serde_json::from_str::<Limits>(r#"{"max_bodi_bytes":1}"#).is_err());
    }
}
