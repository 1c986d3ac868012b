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

/// Bytes that are read before others have their turn.
const AT_ONCE: usize = 128 * 1024;

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

/// Reads the rest of the body of a request that was refused. A client may send the head first, be refused before the body is
/// there, and use the connection again; the HTTP library closes one whose body nobody has read, without a word.
///
/// `false` where the rest is long, takes its time or breaks off. Then the connection is closed, and that has to be said.
pub(crate) async fn discard<B>(mut body: Pin<&mut B>, limits: &Limits) -> bool
where
    B: http_body::Body,
{
    if body.is_end_stream() {
        return true;
    }
    if body.size_hint().lower() > AT_ONCE as u64 {
        return false;
    }
    let rest = async {
        let mut length = 0;
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else { return false };
            length += frame.data_ref().map_or(0, Buf::remaining);
            if length > AT_ONCE {
                return false;
            }
        }
        true
    };
    let mut rest = pin!(rest);
    if let Poll::Ready(all) = futures_util::poll!(rest.as_mut()) {
        return all;
    }
    tokio::time::timeout(limits.discard_timeout, rest).await.unwrap_or(false)
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
    let mut pieces = Pieces { announced: announced as usize, ..Pieces::default() };
    let mut rest_at = AT_ONCE;
    loop {
        // A client that sends as fast as it is read would keep everybody else on this thread waiting for milliseconds.
        if pieces.length() >= rest_at {
            rest_at = pieces.length() + AT_ONCE;
            tokio::task::yield_now().await;
        }
        let Some(frame) = body.frame().await else { break };
        let frame = frame.map_err(|error| {
            tracing::debug!(error = %error.into(), "a client broke off its body");
            Refused::Body(StatusCode::BAD_REQUEST)
        })?;
        let Ok(mut data) = frame.into_data() else { continue };
        if pieces.length() + data.remaining() > limit {
            return Err(too_large());
        }
        pieces.push(data.copy_to_bytes(data.remaining()));
    }
    Ok(pieces.join())
}

/// A body in the pieces in which it came.
#[derive(Default)]
struct Pieces {
    /// Almost always all of it, and then nothing is copied.
    first: Bytes,
    /// All of it, once there is a second one. Each piece is given back as soon as it is copied, so that whoever reads the
    /// connection can use its memory for the next: that spares the kernel a megabyte of new pages for a megabyte.
    whole: BytesMut,
    /// How long it will be, if that was said. Memory that is asked for costs nothing before there is something in it.
    announced: usize,
}

impl Pieces {
    fn length(&self) -> usize {
        self.first.len() + self.whole.len()
    }

    fn push(&mut self, piece: Bytes) {
        if self.length() == 0 {
            self.first = piece;
            return;
        }
        if self.whole.is_empty() {
            self.whole.reserve(self.announced.max(self.first.len() + piece.len()));
            self.whole.extend_from_slice(&std::mem::take(&mut self.first));
        }
        self.whole.extend_from_slice(&piece);
    }

    fn join(self) -> Bytes {
        if self.whole.is_empty() { self.first } else { self.whole.freeze() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_joined_in_order() {
        let join = |pieces: &[&'static str]| {
            let mut all = Pieces { announced: pieces.len() % 3, ..Pieces::default() };
            pieces.iter().for_each(|piece| all.push(Bytes::from_static(piece.as_bytes())));
            all.join()
        };
        for (pieces, whole) in
            [(&[][..], ""), (&["a"], "a"), (&["", "a", "", "bc"], "abc"), (&["ab", "c", "d"], "abcd")]
        {
            assert_eq!(join(pieces), whole);
        }
        let one = Bytes::from_static(b"whole");
        let mut all = Pieces::default();
        all.push(one.clone());
        assert_eq!(all.join().as_ptr(), one.as_ptr(), "what comes in one piece is not copied");
    }
}
