//! From something that happened at the authorization server to its record.

use std::sync::Arc;

use barewire_mcp::types::trace::TraceParent;
use barewire_oauth_server::{Event, Witness};

use crate::audit::{Audit, Clock, Shared};
use crate::connections::{Connections, Watched};
use crate::entry::{Entry, Kind};
use crate::metrics::Metrics;
use crate::queue::Weight;

/// Hears what happens at an authorization server: for the same log as its resource's requests, for metrics, or for both.
#[derive(Default)]
pub struct EventRecorder {
    log: Option<(Arc<Shared>, Clock)>,
    connections: Option<(Arc<Watched>, Clock)>,
    metrics: Option<Arc<Metrics>>,
}

impl EventRecorder {
    /// For nobody yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes a record per event.
    #[must_use]
    pub fn audit(mut self, audit: &Audit, clock: Clock) -> Self {
        self.log = Some((audit.shared.clone(), clock));
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
        self.metrics = Some(metrics);
        self
    }
}

impl Witness for EventRecorder {
    fn happened(&self, event: &Event<'_>) {
        if let Some(metrics) = &self.metrics {
            metrics.event(event.kind, event.refused.is_some());
        }
        let clock = self.log.as_ref().map(|(_, clock)| clock);
        let Some(clock) = clock.or_else(|| self.connections.as_ref().map(|(_, clock)| clock)) else { return };
        let trace = event.traceparent.and_then(TraceParent::parse);
        let entry = Entry {
            at: clock().into(),
            kind: Kind::Event,
            event: Some(event.kind.as_str()),
            endpoint: Some(event.endpoint),
            user: event.user,
            by: event.by,
            client: event.client,
            client_name: event.client_name,
            registration: event.registration,
            request: event.request,
            grant: event.grant,
            scopes: event.scope,
            address: event.address,
            user_agent: event.user_agent,
            decision: Some(if event.refused.is_some() { "refused" } else { "allowed" }),
            reason: event.refused.or(event.reason),
            trace_id: trace.map(|trace| trace.trace_id),
            parent_id: trace.map(|trace| trace.parent_id),
            ..Entry::default()
        };
        if let Some((shared, _)) = &self.log {
            shared.queue.push(&entry, Weight::Droppable);
        }
        if let Some((connections, _)) = &self.connections {
            connections.observe(&entry);
        }
    }
}
