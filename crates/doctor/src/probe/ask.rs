//! One request, as it will be sent.

use barewire_exchange::Step;
use barewire_oauth::secret::AccessToken;
use bytes::Bytes;
use http::Method;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, ORIGIN};
use serde_json::Value;
use url::Url;

/// A request. It may break any rule of the protocol: that is often its purpose.
#[derive(Clone)]
pub(crate) struct Ask {
    /// What it is for, in the words of the report.
    pub(crate) what: String,
    pub(crate) step: Step,
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Bytes>,
    /// The id of the JSON-RPC request in the body.
    pub(crate) rpc_id: Option<Value>,
    pub(crate) until: Until,
}

/// How much of the answer is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// All of it; of an event stream, the JSON-RPC response in it.
    Answered,
    /// Of an event stream, the first thing in it, and not longer than the configured wait.
    FirstEvent,
    /// Of an event stream, the head, and not longer than the configured wait.
    Head,
}

impl Ask {
    pub(crate) fn new(what: impl Into<String>, method: Method, url: &Url) -> Self {
        Self {
            what: what.into(),
            step: Step::Other,
            method,
            url: url.clone(),
            headers: HeaderMap::new(),
            body: None,
            rpc_id: None,
            until: Until::Answered,
        }
    }

    /// A GET for a JSON document.
    pub(crate) fn document(what: impl Into<String>, url: &Url) -> Self {
        Self::new(what, Method::GET, url).header(ACCEPT, "application/json")
    }

    /// A GET for an event stream.
    pub(crate) fn stream(what: impl Into<String>, url: &Url) -> Self {
        Self::new(what, Method::GET, url).header(ACCEPT, "text/event-stream").until(Until::FirstEvent)
    }

    /// What a browser sends before a page of `origin` may send the real request.
    pub(crate) fn preflight(
        what: impl Into<String>,
        url: &Url,
        origin: &str,
        method: &str,
        headers: &str,
    ) -> Self {
        Self::new(what, Method::OPTIONS, url)
            .for_page(origin)
            .with("access-control-request-method", method)
            .with("access-control-request-headers", headers)
    }

    pub(crate) fn step(self, step: Step) -> Self {
        Self { step, ..self }
    }

    pub(crate) fn until(self, until: Until) -> Self {
        Self { until, ..self }
    }

    pub(crate) fn body(self, media_type: &str, body: impl Into<Bytes>) -> Self {
        Self { body: Some(body.into()), ..self }.header(CONTENT_TYPE, media_type)
    }

    /// Sets a header by a name that is written in lower case.
    pub(crate) fn with(self, name: &'static str, value: &str) -> Self {
        self.header(HeaderName::from_static(name), value)
    }

    /// Sets a header. A value that no header can carry is left out: it comes from the server under examination.
    pub(crate) fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    pub(crate) fn without(mut self, name: &HeaderName) -> Self {
        self.headers.remove(name);
        self
    }

    /// As a page of this origin would send it.
    pub(crate) fn for_page(self, origin: &str) -> Self {
        self.header(ORIGIN, origin)
    }

    pub(crate) fn bearer(mut self, token: &AccessToken) -> Self {
        if let Ok(mut value) = HeaderValue::from_str(&format!("Bearer {}", token.expose())) {
            value.set_sensitive(true);
            self.headers.insert(AUTHORIZATION, value);
        }
        self
    }

    pub(crate) fn anonymous(self) -> Self {
        self.without(&AUTHORIZATION)
    }
}
