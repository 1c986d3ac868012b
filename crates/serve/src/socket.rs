//! A socket that says when the peer sends and when it does not read, and knows which HTTP begins on it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::activity::Activity;

pub(crate) struct Socket {
    stream: TcpStream,
    activity: Arc<Activity>,
    stalled: bool,
    /// What was read to find out the version, and how much of it there is; it is read again.
    beginning: [u8; PREFACE.len()],
    begun: u8,
}

/// How HTTP/2 begins. No method of HTTP/1 is called so
/// ([RFC 9113, 11.6](https://www.rfc-editor.org/rfc/rfc9113#section-11.6)), so the rest of the preface is h2's to check.
const PREFACE: [u8; 4] = *b"PRI ";

impl Socket {
    pub(crate) fn new(stream: TcpStream, activity: Arc<Activity>) -> Self {
        Self { stream, activity, stalled: false, beginning: [0; PREFACE.len()], begun: 0 }
    }

    /// Whether the peer begins with HTTP/2.
    pub(crate) fn poll_version(&mut self, context: &mut Context<'_>) -> Poll<io::Result<bool>> {
        loop {
            let begun = usize::from(self.begun);
            if self.beginning[..begun] != PREFACE[..begun] {
                return Poll::Ready(Ok(false));
            }
            if begun == PREFACE.len() {
                return Poll::Ready(Ok(true));
            }
            let mut buffer = ReadBuf::new(&mut self.beginning[begun..]);
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer))?;
            match buffer.filled().len() {
                // The end, which HTTP/1 understands.
                0 => return Poll::Ready(Ok(false)),
                read => self.begun += read as u8,
            }
        }
    }

    fn begin_again(&mut self, buffer: &mut ReadBuf<'_>) {
        let begun = usize::from(self.begun);
        let fits = begun.min(buffer.remaining());
        buffer.put_slice(&self.beginning[..fits]);
        self.beginning.copy_within(fits..begun, 0);
        self.begun -= fits as u8;
    }

    fn note<T>(&mut self, written: Poll<T>) -> Poll<T> {
        if written.is_pending() != self.stalled {
            self.stalled = written.is_pending();
            self.activity.stalled(self.stalled);
        }
        written
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        // In one piece with what follows: a reader that got the first four bytes alone would double its buffer.
        if self.begun > 0 {
            self.begin_again(buffer);
        }
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.activity.received();
            // Whatever else there is to say comes with the next read.
            return Poll::Ready(Ok(()));
        }
        read
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.note(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.note(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
