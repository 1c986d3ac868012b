//! One keep-alive connection with at most one request under way.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

use crate::load::answer::AnswerReader;
use crate::load::request::Request;

pub(super) struct Connection {
    pub(super) stream: TcpStream,
    /// When the request under way was sent, or due.
    pub(super) began: Option<Instant>,
    address: SocketAddr,
    request: Request,
    sent: usize,
    reader: AnswerReader,
    /// It was closed under a request once; a second time is an error.
    retried: bool,
}

/// What a readable socket had.
pub(super) enum Came {
    /// Nothing whole yet.
    Part,
    /// The right answer; the connection is free again.
    Answer,
    /// The right answer, and the connection is closed by the server.
    LastAnswer,
    /// The server closed it while no answer was under way.
    Closed,
}

impl Connection {
    pub(super) fn open(address: SocketAddr, request: Request) -> Result<Self> {
        let stream = connect(address)?;
        Ok(Self {
            stream,
            began: None,
            address,
            request,
            sent: 0,
            reader: AnswerReader::default(),
            retried: false,
        })
    }

    pub(super) fn into_request(self) -> Request {
        self.request
    }

    /// Sends the next request. True when all of it is on its way.
    pub(super) fn start(&mut self, began: Instant) -> Result<bool> {
        self.renew(began);
        self.write()
    }

    /// Makes the next request, and sends nothing of it yet.
    pub(super) fn renew(&mut self, began: Instant) {
        self.request.renew();
        self.began = Some(began);
        self.sent = 0;
    }

    /// Sends more of it. True when all of it is on its way.
    pub(super) fn write(&mut self) -> Result<bool> {
        self.write_at_most(usize::MAX)
    }

    /// The same, but no more than so many bytes.
    pub(super) fn write_at_most(&mut self, most: usize) -> Result<bool> {
        let bytes = self.request.bytes();
        let end = self.sent.saturating_add(most).min(bytes.len());
        while self.sent < end {
            match self.stream.write(&bytes[self.sent..end]) {
                Ok(written) => self.sent += written,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                // Closed while idle; what the socket says when it is read next tells so.
                Err(error) if is_closed(error.kind()) => return Ok(true),
                Err(error) => return Err(error).context("cannot send a request"),
            }
        }
        Ok(end == bytes.len())
    }

    /// Sends one more byte, and begins anew after the last.
    pub(super) fn dribble(&mut self) {
        self.began.get_or_insert_with(Instant::now);
        let bytes = self.request.bytes();
        // When the server has closed it, the socket tells so when it is read.
        let written = self.stream.write(&bytes[self.sent..=self.sent]).unwrap_or(0);
        self.sent = (self.sent + written) % bytes.len();
    }

    pub(super) fn read(&mut self) -> Result<Came> {
        let read = match self.stream.read(self.reader.room()) {
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Came::Part),
            Err(error) if is_closed(error.kind()) => 0,
            Err(error) => return Err(error).context("cannot read an answer"),
        };
        if self.began.is_none() {
            return if read == 0 { Ok(Came::Closed) } else { bail!("an answer to no request") };
        }
        let nothing_came = read == 0 && self.reader.is_empty();
        match self.reader.take(read)? {
            Some(answer) => {
                self.request.expect().check(&answer)?;
                let came = if answer.keeps { Came::Answer } else { Came::LastAnswer };
                self.reader.clear();
                self.retried = false;
                Ok(came)
            }
            None if read > 0 => Ok(Came::Part),
            None if nothing_came && !self.retried => Ok(Came::Closed),
            None => bail!("the server closed the connection within an answer"),
        }
    }

    /// A new connection in place of the closed one; a request that was under way is sent again. True as for `start`.
    pub(super) fn reopen(&mut self) -> Result<bool> {
        self.stream = connect(self.address)?;
        self.reader.clear();
        self.sent = 0;
        if self.began.is_none() {
            return Ok(true);
        }
        self.retried = true;
        self.write()
    }
}

fn connect(address: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect(address).with_context(|| format!("cannot connect to {address}"))?;
    stream.set_nodelay(true)?;
    stream.set_nonblocking(true)?;
    Ok(stream)
}

fn is_closed(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted)
}
