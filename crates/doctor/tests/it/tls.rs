//! Certificates, and what a server says about itself behind a proxy that ends TLS.

use std::sync::Arc;

use barewire_doctor::{Severity, Target};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::proxy::{Fault, Proxy};
use crate::support::{Running, check, examined, target};

const AUTHORITY: &[u8] = include_bytes!("certificates/authority.pem");

/// A proxy that ends TLS in front of our demo.
struct Tls {
    origin: Url,
    _demo: Running,
    stop: CancellationToken,
}

impl Tls {
    async fn start(certificate: &[u8], key: &[u8], fault: impl FnOnce(&str) -> Fault) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let origin: Url = format!("https://{address}").parse().unwrap();
        let demo = Running::start(Some(&origin)).await;
        let app = Proxy::router_to(&demo.address, fault(&demo.address));
        let chain = CertificateDer::pem_slice_iter(certificate).map(Result::unwrap).collect();
        let key = PrivateKeyDer::from_pem_slice(key).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let listener = TlsListener { listener, acceptor: TlsAcceptor::from(Arc::new(config)) };
        tokio::spawn(async move {
            tokio::select! {
                () = stopped.cancelled() => {}
                served = axum::serve(listener, app).into_future() => served.unwrap(),
            }
        });
        Self { origin, _demo: demo, stop }
    }

    fn target(&self) -> Target {
        Target { authorities: vec![AUTHORITY.to_vec()], ..target(&format!("{}mcp", self.origin), None) }
    }
}

impl Drop for Tls {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

struct TlsListener {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl axum::serve::Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let Ok((stream, address)) = self.listener.accept().await else { continue };
            // A client that does not like the certificate goes away here.
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

const GOOD: (&[u8], &[u8]) =
    (include_bytes!("certificates/good.pem"), include_bytes!("certificates/good.key"));
const OTHER: (&[u8], &[u8]) =
    (include_bytes!("certificates/other.pem"), include_bytes!("certificates/other.key"));
const EXPIRED: (&[u8], &[u8]) =
    (include_bytes!("certificates/expired.pem"), include_bytes!("certificates/expired.key"));

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_problem_is_named() {
    for ((certificate, key), trusted, says) in [
        (GOOD, false, Some("is not signed by an authority that this machine trusts")),
        (OTHER, true, Some("is not for 127.0.0.1; it is for")),
        (EXPIRED, true, Some("has expired")),
        (GOOD, true, None),
    ] {
        let server = Tls::start(certificate, key, |_| Fault::none()).await;
        let mut target = Target { token: Some("a-token-that-stays-here".into()), ..server.target() };
        if !trusted {
            target.authorities.clear();
        }
        let report = examined(&target).await;
        let finding = report.findings.iter().find(|finding| finding.id == "tls.certificate").unwrap();
        match says {
            Some(says) => {
                check(says, &report, &["error tls.certificate"]);
                assert!(finding.observed.contains(says), "{}", finding.observed);
                assert!(!report.with_token, "{says}: whoever is there does not get the token");
            }
            None => assert_eq!(finding.severity, Severity::Ok, "{}", finding.observed),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metadata_that_names_the_inside_of_a_proxy_is_found() {
    let guess = |inside: String| {
        Fault::answering(move |asked, answered| {
            if asked.path.starts_with("/.well-known/oauth-protected-resource") {
                answered.edit(|it| it["resource"] = json!(inside));
            }
        })
    };
    for scheme_only in [true, false] {
        let server = Tls::start(GOOD.0, GOOD.1, |inside| {
            guess(if scheme_only {
                "http://127.0.0.1/mcp".to_owned()
            } else {
                format!("http://{inside}/mcp")
            })
        })
        .await;
        let report = examined(&server.target()).await;
        check("http behind TLS", &report, &["error metadata.public_origin"]);
    }
}
