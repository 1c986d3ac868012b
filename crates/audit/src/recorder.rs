//! From a request to its record.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

use barewire_mcp::revision::Revision;
use barewire_mcp_server::{Decision, Observer, Offers, Outcome, Record};
use http::request::Parts;
use sha2::{Digest, Sha256};

use crate::audit::{AddressOf, Audit, Clock, Shared};
use crate::config::WhenFull;
use crate::connections::{Connections, Watched};
use crate::entry::{Entry, Kind, Time};
use crate::metrics::{Endpoint, Metrics};
use crate::queue::Weight;

/// Observes one endpoint: for a log, for metrics, or for both.
///
/// ```
/// # use std::sync::Arc;
/// # use barewire_audit::{Metrics, MetricsConfig, Recorder};
/// let metrics = Arc::new(Metrics::new(&MetricsConfig::default()));
/// let recorder = Recorder::new("https://api.example.com/mcp").metrics(metrics);
/// # let _ = recorder;
/// // McpServer::builder(…).observer(recorder)
/// ```
pub struct Recorder {
    path: String,
    log: Option<Log>,
    connections: Option<(Arc<Watched>, Clock)>,
    metrics: Option<(Arc<Metrics>, Arc<Endpoint>)>,
    address: Option<AddressOf>,
    url: String,
}

#[derive(Clone)]
struct Log {
    shared: Arc<Shared>,
    clock: Clock,
    /// SHA-256 that has taken in the key.
    digest: Sha256,
}

impl Recorder {
    /// For the endpoint that its clients know by `url`.
    pub fn new(url: impl Into<String>) -> Self {
        let url = url.into();
        let path =
            url.split_once("://").map_or(url.as_str(), |(_, rest)| rest.trim_start_matches(|c| c != '/'));
        let path = if path.is_empty() { "/" } else { path }.to_owned();
        Self { path, log: None, connections: None, metrics: None, address: None, url }
    }

    /// Writes a record per request. `key` makes the digests of arguments: as random bytes that stay the same, so that
    /// whoever reads the log cannot find out arguments by trying, and equal ones stay equal.
    #[must_use]
    pub fn audit(mut self, audit: &Audit, key: &[u8; 32], clock: Clock) -> Self {
        // A whole block of the hash function, so that what is kept is its state after it.
        let mut block = [0; 64];
        block[..32].copy_from_slice(key);
        let digest = Sha256::new_with_prefix(block);
        self.log = Some(Log { shared: audit.shared.clone(), clock, digest });
        self
    }

    /// Puts attempts to connect together.
    #[must_use]
    pub fn connections(mut self, connections: &Connections, clock: Clock) -> Self {
        self.connections = Some((connections.watched.clone(), clock));
        self
    }

    /// Counts.
    #[must_use]
    pub fn metrics(mut self, metrics: Arc<Metrics>) -> Self {
        let endpoint = metrics.endpoint(&self.url, &self.path);
        self.metrics = Some((metrics, endpoint));
        self
    }

    /// How to tell where a request comes from.
    #[must_use]
    pub fn address(mut self, address: AddressOf) -> Self {
        self.address = Some(address);
        self
    }
}

impl Observer for Recorder {
    /// The same log and metrics, and another path in both.
    fn at(&self, path: &str) -> Option<Arc<dyn Observer>> {
        let metrics =
            self.metrics.as_ref().map(|(metrics, _)| (metrics.clone(), metrics.endpoint(&self.url, path)));
        Some(Arc::new(Self {
            path: path.to_owned(),
            log: self.log.clone(),
            connections: self.connections.clone(),
            metrics,
            address: self.address.clone(),
            url: self.url.clone(),
        }))
    }

    fn attached(&self, offers: &Offers<'_>) {
        if let Some((metrics, _)) = &self.metrics {
            metrics.add_names(offers.tools.iter().chain(&offers.prompts));
        }
    }

    fn begin(&self, head: &Parts) -> Option<IpAddr> {
        if let Some((_, endpoint)) = &self.metrics {
            endpoint.begin(&head.method);
        }
        self.address.as_ref().and_then(|address| address(head))
    }

    fn admits(&self) -> bool {
        match &self.log {
            Some(Log { shared, .. }) if shared.when_full == WhenFull::Refuse => shared.queue.has_room(),
            _ => true,
        }
    }

    fn digest(&self, arguments: &str) -> Option<[u8; 16]> {
        let log = self.log.as_ref()?;
        let digest = log.digest.clone().chain_update(arguments).finalize();
        digest.first_chunk().copied()
    }

    fn streaming(&self) {
        if let Some((_, endpoint)) = &self.metrics {
            endpoint.streaming();
        }
    }

    fn record(&self, record: &Record<'_>) {
        if let Some((metrics, endpoint)) = &self.metrics {
            metrics.record(endpoint, record);
        }
        if let Some(log) = &self.log {
            log.record(&self.path, record);
        }
        if let Some((connections, clock)) = &self.connections
            && connections.wants(record)
        {
            let at = Time::from(clock()).before(record.duration);
            connections.observe(&entry(at, &self.path, record));
        }
    }
}

impl Log {
    fn record(&self, path: &str, record: &Record<'_>) {
        let ended: SystemTime = (self.clock)();
        let at = Time::from(ended).before(record.duration);
        if record.reason == Some("unobserved") {
            // Refused for want of room: a record of it would need some.
            return self.shared.queue.lose(at);
        }
        let weight = match (self.shared.when_full, record.decision) {
            (WhenFull::Refuse, decision) if decision != Decision::Refused => Weight::Promised,
            _ => Weight::Droppable,
        };
        let needed = record.needed.map(ToString::to_string);
        let entry = Entry { scopes: needed.as_deref(), ..entry(at, path, record) };
        self.shared.queue.push(&entry, weight);
    }
}

fn entry<'a>(at: Time, path: &'a str, record: &'a Record<'a>) -> Entry<'a> {
    let (outcome, code) = match record.outcome {
        Outcome::Result => ("result", None),
        Outcome::ToolError => ("tool_error", None),
        Outcome::InputRequired => ("input_required", None),
        Outcome::Task => ("task", None),
        Outcome::Error(code) => ("error", Some(code)),
        Outcome::Nothing => ("nothing", None),
        Outcome::Cancelled => ("cancelled", None),
    };
    let principal = record.principal;
    Entry {
        at,
        kind: Kind::Request,
        event: None,
        endpoint: Some(path),
        http_method: Some(record.http_method.as_str()),
        method: record.method,
        name: record.name.map(without_secrets),
        arguments: record.arguments,
        user: principal.map(|principal| principal.subject.as_str()),
        issuer: principal.and_then(|principal| principal.issuer.as_deref()),
        client: principal.and_then(|principal| principal.client_id.as_deref()),
        grant: principal.and_then(|principal| principal.grant_id.as_deref()),
        client_name: record.client.map(|(name, _)| name),
        client_version: record.client.map(|(_, version)| version),
        address: record.address,
        // Who is known needs no hint, and most requests are theirs.
        user_agent: record.user_agent.filter(|_| principal.is_none()),
        decision: Some(decision(record.decision)),
        reason: record.reason,
        outcome: Some(outcome),
        code,
        status: Some(record.status.as_u16()),
        revision: record.revision.map(Revision::as_str),
        bytes_in: Some(record.bytes_in),
        bytes_out: Some(record.bytes_out),
        duration: Some(record.duration),
        streaming_after: record.streaming_after,
        trace_id: record.trace.map(|trace| trace.trace_id),
        parent_id: record.trace.map(|trace| trace.parent_id),
        ..Entry::default()
    }
}

pub(crate) fn decision(decision: Decision) -> &'static str {
    match decision {
        Decision::Allowed => "allowed",
        Decision::Refused => "refused",
        Decision::Unauthenticated => "unauthenticated",
        Decision::InsufficientScope => "insufficient_scope",
        Decision::Hidden => "hidden",
    }
}

/// Of an address, the part that says which resource: without its query, and without anything where it names a user and
/// perhaps a password.
fn without_secrets(name: &str) -> &str {
    let name = &name[..name.find(['?', '#']).unwrap_or(name.len())];
    let Some((scheme, rest)) = name.split_once("://") else { return name };
    let authority = rest.split('/').next().unwrap_or(rest);
    if authority.contains('@') { scheme } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_address_nothing_secret_is_kept() {
        for (name, kept) in [
            ("echo", "echo"),
            ("post://7", "post://7"),
            ("https://a.example/x@y?token=secret", "https://a.example/x@y"),
            ("https://a.example/x#secret", "https://a.example/x"),
            ("postgres://ann:secret@db/table", "postgres"),
            ("", ""),
        ] {
            assert_eq!(without_secrets(name), kept);
        }
    }

    #[test]
    fn an_endpoint_is_known_by_its_path() {
        for (url, path) in [
            ("https://a.example/mcp", "/mcp"),
            ("https://a.example", "/"),
            ("http://localhost:1/a/b", "/a/b"),
            ("/mcp", "/mcp"),
        ] {
            assert_eq!(Recorder::new(url).path, path);
        }
    }

    #[test]
    fn another_endpoint_is_counted_by_itself() {
        let metrics = Arc::new(Metrics::new(&crate::MetricsConfig::default()));
        let recorder = Recorder::new("https://a.example/mcp").metrics(metrics.clone());
        let sse = recorder.at("/sse").unwrap();
        let (head, ()) = http::Request::get("https://a.example/sse").body(()).unwrap().into_parts();
        sse.begin(&head);
        let text = metrics.expose(None).unwrap().text;
        let open = |path: &str| {
            let of = |line: &&str| {
                line.starts_with("http_server_active_requests{")
                    && line.contains(&format!("http_route=\"{path}\""))
                    && line.contains("\"GET\"")
            };
            text.lines().find(of).and_then(|line| line.rsplit(' ').next()).map(str::to_owned)
        };
        assert_eq!(open("/sse").as_deref(), Some("1"), "{text}");
        assert_ne!(open("/mcp").as_deref(), Some("1"), "{text}");
    }
}
