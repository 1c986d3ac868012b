//! What the fuzz targets share. A target is a file in `src/bin`: it calls public functions only, and says what has to hold
//! whatever the bytes are, beyond not panicking.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::LazyLock;
use std::task::Poll;

use barewire_mcp_server::McpService;
use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Request, Response};
use http_body::Body as _;
use http_body_util::Full;
use tower_service::Service as _;

/// Reads a request out of a text that people can read and a fuzzer can change: `METHOD target`, a line for each header, an
/// empty line, the body. Lines that are no header are left out.
#[must_use]
pub fn request(text: &[u8]) -> Option<(Parts, &[u8])> {
    let (first, headers, body) = message(text);
    let (method, target) = first.split_at(first.iter().position(|byte| *byte == b' ')?);
    let mut request = Request::builder().method(method).uri(&target[1..]).body(()).ok()?;
    *request.headers_mut() = headers;
    Some((request.into_parts().0, body))
}

/// The same for a response, whose first line is the status.
#[must_use]
pub fn response(text: &[u8]) -> Option<Response<Bytes>> {
    let (first, headers, body) = message(text);
    let mut response = Response::builder().status(first).body(Bytes::copy_from_slice(body)).ok()?;
    *response.headers_mut() = headers;
    Some(response)
}

fn message(text: &[u8]) -> (&[u8], HeaderMap, &[u8]) {
    let end = text.windows(2).position(|two| two == b"\n\n");
    let (head, body) = end.map_or((text, &[][..]), |end| (&text[..end], &text[end + 2..]));
    let mut lines = head.split(|byte| *byte == b'\n');
    let first = lines.next().unwrap_or_default();
    let header = |line: &[u8]| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(&line[..colon]).ok()?;
        Some((name, HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?))
    };
    let mut headers = HeaderMap::new();
    for (name, value) in lines.filter_map(header) {
        headers.append(name, value);
    }
    (first, headers, body)
}

/// An answer of the server, as far as it comes without waiting.
pub struct Answer {
    /// Status and headers.
    pub parts: http::response::Parts,
    /// The body; of a stream that goes on, its beginning.
    pub body: Vec<u8>,
}

/// Asks the server. Nothing here waits for a clock: what is not there after some turns will not come by itself.
///
/// # Panics
/// The server does not answer.
#[must_use]
pub fn ask(service: &McpService, request: Request<Bytes>) -> Answer {
    static RUNTIME: LazyLock<tokio::runtime::Runtime> = LazyLock::new(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        runtime.expect("a runtime of one thread starts")
    });
    RUNTIME.block_on(async {
        let answer = settled(service.clone().call(request.map(Full::new))).await;
        let (parts, body) = answer.expect("there is an answer").expect("there is no error").into_parts();
        let mut body = pin!(body);
        let mut bytes = Vec::new();
        while let Some(Some(frame)) = settled(poll_fn(|cx| body.as_mut().poll_frame(cx))).await {
            let frame = frame.expect("the server's own body does not fail");
            bytes.extend_from_slice(&frame.into_data().unwrap_or_default());
        }
        Answer { parts, body: bytes }
    })
}

async fn settled<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..16 {
        if let Poll::Ready(done) = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await {
            return Some(done);
        }
        tokio::task::yield_now().await;
    }
    None
}
