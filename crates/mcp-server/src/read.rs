//! Reading a request's body: once, into one buffer, and no further than the limit.

use std::pin::{Pin, pin};
use std::task::Poll;

use barewire_mcp::error::TransportFault;
use bytes::{Buf, Bytes, BytesMut};
use http::StatusCode;
use http_body_util::BodyExt as _;

use crate::config::Limits;
use crate::refused::Refused;

/// What a body's own error is turned into.
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// # Errors
/// 413 as soon as the limit is passed, 408 when it takes too long, 400 when the client breaks off.
pub(crate) async fn read_body<B>(body: Pin<&mut B>, limits: &Limits) -> Result<Bytes, Refused>
where
    B: http_body::Body,
    B::Error: Into<BoxError>,
{
    let mut read = pin!(collect(body, limits.max_body_bytes));
    // A body that is there already, as most are, needs no timer.
    if let Poll::Ready(read) = futures_util::poll!(read.as_mut()) {
        return read;
    }
    match tokio::time::timeout(limits.body_timeout, read).await {
        Ok(read) => read,
        Err(_) => Err(Refused::Body(StatusCode::REQUEST_TIMEOUT)),
    }
}

async fn collect<B>(mut body: Pin<&mut B>, limit: usize) -> Result<Bytes, Refused>
where
    B: http_body::Body,
    B::Error: Into<BoxError>,
{
    let too_large = || Refused::transport(TransportFault::TooLarge);
    let announced = body.size_hint().lower();
    if announced > limit as u64 {
        return Err(too_large());
    }
    let mut first = Bytes::new();
    let mut more = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            tracing::debug!(error = %error.into(), "a client broke off its body");
            Refused::Body(StatusCode::BAD_REQUEST)
        })?;
        let Ok(mut data) = frame.into_data() else { continue };
        if first.len() + more.len() + data.remaining() > limit {
            return Err(too_large());
        }
        if first.is_empty() && more.is_empty() {
            // Almost always the whole body, and then nothing is copied.
            first = data.copy_to_bytes(data.remaining());
        } else {
            if more.is_empty() {
                more.extend_from_slice(&std::mem::take(&mut first));
            }
            more.extend_from_slice(&data.copy_to_bytes(data.remaining()));
        }
    }
    Ok(if more.is_empty() { first } else { more.freeze() })
}
