//! What is noted about a request on its way, for the [`Observer`](crate::Observer).

use std::sync::Arc;
use std::time::Instant;

use barewire_mcp::revision::Revision;
use http::{Method, StatusCode};

use crate::auth::Principal;
use crate::observer::{Decision, Observer, Outcome, Record};

/// The record in the making. Made only where somebody observes; reports when it is dropped, whatever the way there.
pub(crate) struct Trail {
    observer: Arc<dyn Observer>,
    started: Instant,
    http_method: Method,
    pub(crate) principal: Option<Arc<Principal>>,
    pub(crate) revision: Option<Revision>,
    pub(crate) method: Option<&'static str>,
    pub(crate) name: Option<String>,
    pub(crate) client: Option<(String, String)>,
    pub(crate) decision: Decision,
    pub(crate) status: StatusCode,
    pub(crate) outcome: Outcome,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
}

impl Trail {
    pub(crate) fn begin(observer: Option<&Arc<dyn Observer>>, http_method: &Method) -> Option<Box<Self>> {
        observer.map(|observer| {
            Box::new(Self {
                observer: observer.clone(),
                started: Instant::now(),
                http_method: http_method.clone(),
                principal: None,
                revision: None,
                method: None,
                name: None,
                client: None,
                decision: Decision::Refused,
                status: StatusCode::OK,
                outcome: Outcome::Nothing,
                bytes_in: 0,
                bytes_out: 0,
            })
        })
    }
}

impl Drop for Trail {
    fn drop(&mut self) {
        self.observer.record(&Record {
            http_method: &self.http_method,
            principal: self.principal.as_deref(),
            revision: self.revision,
            method: self.method,
            name: self.name.as_deref(),
            client: self.client.as_ref().map(|(name, version)| (name.as_str(), version.as_str())),
            decision: self.decision,
            status: self.status,
            outcome: self.outcome,
            bytes_in: self.bytes_in,
            bytes_out: self.bytes_out,
            duration: self.started.elapsed(),
        });
    }
}
