//! One exchange on its way to the recorder.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use barewire_exchange::{Decision, Exchange, ExchangeBuilder, FailureKind, Phase, Rpc, Status, Step};
use barewire_mcp::http::sse::Event;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};

use crate::options::Clock;
use crate::recorder::Recorder;

/// What a request is part of; goes into its exchange.
#[derive(Debug, Clone)]
pub(crate) struct Purpose {
    pub(crate) step: Step,
    pub(crate) phase: Option<Phase>,
    pub(crate) tag: Option<String>,
    pub(crate) repeats: Option<String>,
    pub(crate) rpc: Option<Rpc>,
}

impl Purpose {
    pub(crate) fn of(step: Step) -> Self {
        Self { step, phase: None, tag: None, repeats: None, rpc: None }
    }
}

/// A running record. Clones are the same record. When the last one is dropped before the answer was complete, the
/// exchange ends as one that we closed: that is what dropping a request means.
#[derive(Clone)]
pub(crate) struct Recording(Option<Arc<Inner>>);

struct Inner {
    builder: Mutex<ExchangeBuilder>,
    recorder: Arc<dyn Recorder>,
    clock: Clock,
}

impl Recording {
    /// Nobody looks.
    pub(crate) fn disabled() -> Self {
        Self(None)
    }

    pub(crate) fn start(
        mut builder: ExchangeBuilder,
        recorder: Arc<dyn Recorder>,
        clock: Clock,
        request: (&Method, &str, &HeaderMap, Option<&Bytes>),
    ) -> Self {
        let (method, url, headers, body) = request;
        builder.request(method, url, headers, body.map(|body| &**body));
        recorder.started(builder.exchange());
        Self(Some(Arc::new(Inner { builder: Mutex::new(builder), recorder, clock })))
    }

    pub(crate) fn id(&self) -> Option<String> {
        self.0.as_ref().map(|inner| inner.lock().exchange().id.clone())
    }

    pub(crate) fn response(&self, status: StatusCode, headers: &HeaderMap) {
        self.with(|inner, builder| {
            builder.response(status, headers, (inner.clock)());
            inner.recorder.updated(builder.exchange());
        });
    }

    pub(crate) fn chunk(&self, bytes: &[u8]) {
        self.with(|_, builder| builder.body_chunk(bytes));
    }

    pub(crate) fn event(&self, event: &Event) {
        self.with(|inner, builder| {
            let retry = event.retry.map(|retry| u64::try_from(retry.as_millis()).unwrap_or(u64::MAX));
            let now = (inner.clock)();
            let recorded =
                builder.stream_event(event.event.as_deref(), event.id.as_deref(), retry, &event.data, now);
            inner.recorder.event(builder.exchange(), &recorded);
        });
    }

    pub(crate) fn decide(&self, decision: &Decision) {
        self.with(|inner, builder| {
            builder.decide(decision);
            inner.recorder.updated(builder.exchange());
        });
    }

    pub(crate) fn finish(&self) {
        self.with(|inner, builder| {
            if builder.exchange().status == Status::Running {
                builder.finish((inner.clock)());
                inner.recorder.finished(builder.exchange());
            }
        });
    }

    pub(crate) fn fail(&self, kind: FailureKind, message: &str) {
        self.with(|inner, builder| {
            if builder.exchange().status == Status::Running {
                builder.fail(kind, message, (inner.clock)());
                inner.recorder.finished(builder.exchange());
            }
        });
    }

    fn with(&self, change: impl FnOnce(&Inner, &mut ExchangeBuilder)) {
        if let Some(inner) = &self.0 {
            change(inner, &mut inner.lock());
        }
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, ExchangeBuilder> {
        self.builder.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let builder = self.builder.get_mut().unwrap_or_else(PoisonError::into_inner);
        let exchange: &Exchange = builder.exchange();
        if exchange.status == Status::Running {
            builder.fail(FailureKind::Closed, "closed by us", (self.clock)());
            self.recorder.finished(builder.exchange());
        }
    }
}

/// Builds the exchange of a purpose.
pub(crate) fn builder(purpose: Purpose, builder: ExchangeBuilder) -> ExchangeBuilder {
    let builder = match purpose.phase {
        Some(phase) => builder.phase(phase),
        None => builder,
    };
    builder.tag(purpose.tag).repeats(purpose.repeats).rpc(purpose.rpc)
}
