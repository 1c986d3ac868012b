//! Who sees what happens: the audit log, and the metrics on an address of their own.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use barewire_audit::{AddressOf, AttemptsInWords, Audit, Connections, EventRecorder, Metrics, Recorder};
use barewire_mcp::http::origin::OriginPolicy;
use barewire_oauth_server::client_address;
use barewire_oauth_server::store::{Keys as _, Secret};
use barewire_serve::{Listeners, ServeConfig};
use barewire_store::Store;
use http::StatusCode;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap};

use crate::blog::Clock;
use crate::server::StartError;
use crate::setup::Setup;

/// What watches a server.
pub(crate) struct Observed {
    log: Option<Log>,
    connections: Option<Connections>,
    metrics: Option<(Arc<Metrics>, Listeners)>,
    address: AddressOf,
}

struct Log {
    audit: Audit,
    store: Store,
    key: [u8; 32],
    clock: Clock,
}

impl Observed {
    /// Opens the log in a file of its own, so that nobody who logs in waits for it, and takes the metrics' address.
    pub(crate) async fn open(setup: &Setup) -> Result<Self, StartError> {
        let log = match setup.audit.enabled {
            true => Some(Log::open(setup).await?),
            false => None,
        };
        let metrics = match &setup.metrics.listen {
            None => None,
            Some(listen) => {
                let listeners = barewire_serve::bind(listen).await.map_err(StartError::ListenMetrics)?;
                Some((Arc::new(Metrics::new(&setup.metrics)), listeners))
            }
        };
        if let (Some((metrics, _)), Some(log)) = (&metrics, &log) {
            metrics.watch(&log.audit);
        }
        // A view of the same records, in the same file.
        let connections = match &log {
            Some(log) if setup.funnel.enabled => {
                let store = Arc::new(log.store.clone());
                let counts = metrics.as_ref().map(|(metrics, _)| metrics.clone());
                Some(Connections::start(store, setup.funnel.clone(), setup.clock.clone(), counts).await?)
            }
            _ => None,
        };
        let address_header = setup.auth.client_address_header.clone();
        let address: AddressOf = Arc::new(move |head| client_address(head, address_header.as_deref()));
        Ok(Self { log, connections, metrics, address })
    }

    /// What sees every request of an endpoint; nothing where nobody wants to know.
    pub(crate) fn recorder(&self, url: &str) -> Option<Recorder> {
        if !self.wants_peers() {
            return None;
        }
        let mut recorder = Recorder::new(url).address(self.address.clone());
        if let Some(log) = &self.log {
            recorder = recorder.audit(&log.audit, &log.key, log.clock.clone());
            if let Some(connections) = &self.connections {
                recorder = recorder.connections(connections, log.clock.clone());
            }
        }
        if let Some((metrics, _)) = &self.metrics {
            recorder = recorder.metrics(metrics.clone());
        }
        Some(recorder)
    }

    /// What hears of every login, consent, grant and revocation.
    pub(crate) fn events(&self) -> EventRecorder {
        let mut events = EventRecorder::new();
        if let Some(log) = &self.log {
            events = events.audit(&log.audit, log.clock.clone());
            if let Some(connections) = &self.connections {
                events = events.connections(connections, log.clock.clone());
            }
        }
        if let Some((metrics, _)) = &self.metrics {
            events = events.metrics(metrics.clone());
        }
        events
    }

    /// What administrators are shown of attempts to connect.
    pub(crate) fn attempts(&self) -> Option<AttemptsInWords> {
        let log = self.log.as_ref().filter(|_| self.connections.is_some())?;
        Some(AttemptsInWords(Arc::new(log.store.clone())))
    }

    /// Whether anybody wants to know where a request comes from.
    pub(crate) fn wants_peers(&self) -> bool {
        self.log.is_some() || self.metrics.is_some()
    }

    /// Where the metrics are.
    pub(crate) fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().map(|(_, listeners)| listeners.addresses()[0])
    }

    /// Answers whoever scrapes while `served` lasts; then writes down the rest of the log.
    pub(crate) async fn while_serving(self, limits: ServeConfig, served: impl Future<Output = ()>) {
        match self.metrics {
            None => served.await,
            Some((metrics, listeners)) => {
                let only_here = listeners.addresses().iter().all(|address| address.ip().is_loopback());
                let (done, stopped) = tokio::sync::oneshot::channel::<()>();
                let scraped = barewire_serve::serve(listeners, scrape(metrics, only_here), limits, async {
                    let _ = stopped.await;
                });
                let served = async {
                    served.await;
                    drop(done);
                };
                tokio::join!(served, scraped);
            }
        }
        if let Some(connections) = self.connections {
            connections.close().await;
        }
        if let Some(log) = self.log {
            log.audit.close().await;
            log.store.close().await;
        }
    }
}

impl Log {
    async fn open(setup: &Setup) -> Result<Self, StartError> {
        let path = setup.file("audit.sqlite");
        let store = Store::open_with(path, setup.sealing_keys.clone()).await?;
        store.unlock().await?;
        let fresh = Secret::new(rand::random::<[u8; 32]>().to_vec());
        let key = store.secret("audit.arguments", &fresh).await?;
        let key = <[u8; 32]>::try_from(key.expose()).map_err(|_| StartError::AuditKey)?;
        let audit = Audit::start(Arc::new(store.clone()), setup.audit.clone(), setup.clock.clone());
        Ok(Self { audit, store, key, clock: setup.clock.clone() })
    }
}

fn scrape(metrics: Arc<Metrics>, only_here: bool) -> Router {
    let router = Router::new().route("/metrics", get(expose)).with_state(metrics);
    if !only_here {
        return router;
    }
    // A page of another site cannot read this by giving its own name this machine's address (DNS rebinding).
    let policy = Arc::new(OriginPolicy::loopback());
    router.layer(middleware::from_fn_with_state(policy, from_here))
}

async fn from_here(State(policy): State<Arc<OriginPolicy>>, request: Request, next: Next) -> Response {
    match policy.check(request.headers(), request.uri()) {
        Ok(()) => next.run(request).await,
        Err(_) => StatusCode::FORBIDDEN.into_response(),
    }
}

async fn expose(State(metrics): State<Arc<Metrics>>, headers: HeaderMap) -> Response {
    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
    match metrics.expose(accept) {
        Ok(exposition) => ([(CONTENT_TYPE, exposition.content_type)], exposition.text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
