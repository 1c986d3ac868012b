//! The login's requests on their way: signed where they have to be, and again with what the server gave for it.

use barewire_exchange::Decision;
use barewire_oauth::client_flow::{Answer, Moment, Signatures};
use barewire_oauth::dpop;
use bytes::Bytes;
use url::Url;

use crate::error::TransportError;
use crate::keys::Keys;
use crate::nonces::Giver;
use crate::options::ClientOptions;
use crate::recording::{Purpose, Recording};
use crate::transport::{Request, Transport};

/// One of the login's requests.
pub(crate) struct Outgoing<'a> {
    pub(crate) request: &'a http::Request<Bytes>,
    pub(crate) signatures: &'a Signatures,
    pub(crate) purpose: Purpose,
    /// Whose words led there, unless the user's own settings did.
    pub(crate) led_by: Option<&'a Url>,
}

/// Sends it; a server that wants a nonce in the proof gets it, as often as it gives a new one.
pub(crate) async fn send(
    transport: &Transport,
    options: &ClientOptions,
    outgoing: Outgoing<'_>,
) -> (Answer, Recording) {
    let Outgoing { request, signatures, mut purpose, led_by } = outgoing;
    let shared = &options.shared;
    let unreachable = |reason: String| Answer::Unreachable { reason };
    let url = match Url::parse(&request.uri().to_string()) {
        Ok(url) => url,
        Err(error) => return (unreachable(error.to_string()), Recording::disabled()),
    };
    let origin = url.origin().ascii_serialization();
    let confined = match led_by {
        Some(server) => shared.peers.confine(server, &url, &options.config).await,
        None => false,
    };
    let mut rounds = 0;
    loop {
        let nonce = signatures
            .prove_possession()
            .then(|| shared.nonces.recall(Giver::AuthorizationServer, &origin))
            .flatten();
        let random: [u8; 32] = rand::random();
        let moment = Moment { now: (options.clock)(), random: &random, nonce: nonce.as_deref() };
        let request = match signatures.complete(request, &moment, &Keys) {
            Ok(request) => request,
            Err(error) => return (unreachable(error.to_string()), Recording::disabled()),
        };
        let mut recording = Recording::disabled();
        let sent = exchange(transport, options, request, (purpose.clone(), confined), &mut recording).await;
        let response = match sent {
            Ok(response) => response,
            Err(error) => return (unreachable(error.to_string()), recording),
        };
        if signatures.prove_possession() {
            let most = options.config.max_nonces;
            shared.nonces.learn(Giver::AuthorizationServer, &origin, response.headers(), most);
            let wanted = dpop::wanted_by_authorization_server(&response);
            if wanted.is_some() && wanted != nonce.as_deref() && rounds < options.config.max_nonce_rounds {
                rounds += 1;
                recording.decide(&Decision::NonceWanted { by_resource: false });
                purpose.repeats = recording.id();
                continue;
            }
        }
        return (Answer::Response(response), recording);
    }
}

async fn exchange(
    transport: &Transport,
    options: &ClientOptions,
    request: http::Request<Bytes>,
    (purpose, confined): (Purpose, bool),
    recording: &mut Recording,
) -> Result<http::Response<Bytes>, TransportError> {
    let (head, body) = request.into_parts();
    let url = Url::parse(&head.uri.to_string())
        .map_err(|error| TransportError::Request { detail: error.to_string() })?;
    let request = Request {
        purpose,
        method: head.method,
        url,
        headers: head.headers,
        body: (!body.is_empty()).then_some(body),
        timeout: options.config.probe_timeout,
    };
    let mut reply =
        if confined { transport.send_confined(request).await? } else { transport.send(request).await? };
    *recording = reply.recording.clone();
    let mut response = http::Response::new(reply.body(options.config.max_oauth_bytes).await?);
    *response.status_mut() = reply.status;
    *response.headers_mut() = reply.headers;
    Ok(response)
}

#[cfg(test)]
mod tests {
    use barewire_exchange::Step;

    use super::*;

    #[tokio::test]
    async fn what_a_public_server_names_is_not_looked_for_at_home() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let app = axum::Router::new().fallback(|| async { "here" });
        tokio::spawn(async move { axum::serve(listener, app).await });

        let options = ClientOptions::new("test", "1");
        let (far, near) = ("https://far.example/mcp", "https://near.example/mcp");
        for (server, peer) in [(far, "93.184.216.34"), (near, "10.0.0.1")] {
            let origin = Url::parse(server).unwrap().origin().ascii_serialization();
            options.shared.peers.remember(&origin, peer.parse().unwrap(), &options.config);
        }
        for (led_by, expected) in [
            (Some(far), Err("localhost leads into this machine or its network")),
            (Some(near), Ok(())),
            // The user's own settings may lead anywhere.
            (None, Ok(())),
        ] {
            let led_by = led_by.map(|url| Url::parse(url).unwrap());
            let request =
                http::Request::get(format!("http://localhost:{port}/token")).body(Bytes::new()).unwrap();
            let outgoing = Outgoing {
                request: &request,
                signatures: &Signatures::default(),
                purpose: Purpose::of(Step::ServerMetadataOauth),
                led_by: led_by.as_ref(),
            };
            let (answer, _) = send(&Transport::new(options.clone()), &options, outgoing).await;
            match (answer, expected) {
                (Answer::Response(response), Ok(())) => assert_eq!(&response.body()[..], b"here"),
                (Answer::Unreachable { reason }, Err(part)) => assert!(reason.contains(part), "{reason}"),
                (answer, _) => panic!("{led_by:?}: {answer:?}"),
            }
        }
    }
}
