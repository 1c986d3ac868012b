//! The browser's way back to a command: a listener on loopback (RFC 8252 §7.3).

use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::header;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use barewire_mcp_client::{AuthorizeError, Authorizer};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};

use crate::outcome::Failure;
use crate::terminal;

/// Tried first, so that the registered redirect URI stays the same from login to login: not every authorization server
/// ignores the port of a loopback address.
const USUAL_PORT: u16 = 41_414;

/// Opens the browser and waits for `/callback`.
pub(crate) struct LoopbackAuthorizer {
    redirect_uri: String,
    answers: Mutex<mpsc::Receiver<String>>,
    open_browser: bool,
}

impl LoopbackAuthorizer {
    /// Takes a port and starts to listen.
    pub(crate) async fn listen(open_browser: bool) -> Result<LoopbackAuthorizer, Failure> {
        let listener = match TcpListener::bind(("127.0.0.1", USUAL_PORT)).await {
            Ok(listener) => listener,
            Err(_) => TcpListener::bind(("127.0.0.1", 0)).await.map_err(Failure::internal)?,
        };
        let port = listener.local_addr().map_err(Failure::internal)?.port();
        let (send, receive) = mpsc::channel(4);
        let app = Router::new().route("/callback", get(callback)).with_state(Arc::new(send));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Ok(LoopbackAuthorizer {
            redirect_uri: format!("http://127.0.0.1:{port}/callback"),
            answers: Mutex::new(receive),
            open_browser,
        })
    }

    /// Where the browser comes back to.
    pub(crate) fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }
}

#[async_trait]
impl Authorizer for LoopbackAuthorizer {
    async fn authorize(&self, url: &str) -> Result<String, AuthorizeError> {
        let opened = self.open_browser && terminal::open_browser(url);
        if opened {
            terminal::note("The browser shows the login. If it does not, open this address:");
        } else {
            terminal::note("Open this address in a browser and log in:");
        }
        terminal::note(&format!("\n  {}\n", terminal::safe(url)));
        self.answers.lock().await.recv().await.ok_or(AuthorizeError::Abandoned)
    }
}

/// What the person sees when they come back. Whether the login succeeded is said on the terminal: the code is
/// redeemed there.
const PAGE: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
    content=\"width=device-width\"><meta name=\"color-scheme\" content=\"light dark\"><title>Back to the terminal</title>\
    <h1>You can close this window</h1><p>The answer has reached <code>barewire</code>; the terminal goes on from here.</p></html>";

async fn callback(State(send): State<Arc<mpsc::Sender<String>>>, RawQuery(query): RawQuery) -> Response {
    // A full queue means that nobody waits any more; the page is the same, and the terminal has long said so.
    let _ = send.try_send(query.unwrap_or_default());
    let headers = [
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    ];
    (headers, Html(PAGE)).into_response()
}
