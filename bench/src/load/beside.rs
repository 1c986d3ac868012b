//! Requests that a server has to refuse, sent beside the good ones of an open loop.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::time::Instant;

use anyhow::Result;
use rustix::event::epoll::{self, EventData, EventFlags};

use crate::load::connection::{Came, Connection};
use crate::load::request::{Request, WrongAnswer};

/// One hostile client.
#[derive(Clone)]
pub struct Hostile {
    /// What it sends again and again; what is expected is how it is refused.
    pub request: Request,
    /// It sends one byte each time that it has its turn, and nothing else.
    pub dribbles: bool,
}

/// What became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Refusals {
    /// Sent; of a client that dribbles, bytes.
    pub sent: u64,
    /// Answered as they should be.
    pub refused: u64,
    /// The connection was closed without an answer.
    pub closed: u64,
}

/// Bytes of hostile requests that are written between two looks at the good ones. The thread that writes them is the one
/// that measures: while it hands megabytes to the socket, the good answers would wait for it and not for the server.
const PIECE: usize = 16 * 1024;

/// Hostile clients with a connection each, which take turns.
pub struct Beside {
    clients: Vec<(Connection, bool)>,
    /// Those whose request is not all sent.
    sending: VecDeque<usize>,
    rate: f64,
    due: u64,
    turn: usize,
    pub(super) refusals: Refusals,
}

impl Beside {
    /// They send so many requests a second together.
    ///
    /// # Errors
    /// When a connection is refused.
    pub fn connect(address: SocketAddr, clients: Vec<Hostile>, rate: f64) -> Result<Self> {
        let open = |client: Hostile| Ok((Connection::open(address, client.request)?, client.dribbles));
        let clients = clients.into_iter().map(open).collect::<Result<_>>()?;
        Ok(Self { clients, sending: VecDeque::new(), rate, due: 0, turn: 0, refusals: Refusals::default() })
    }

    /// Their sockets are number `first` and on of that epoll.
    pub(super) fn watch(&self, epoll: impl AsFd, first: usize) -> Result<()> {
        for (number, (connection, _)) in self.clients.iter().enumerate() {
            let data = EventData::new_u64((first + number) as u64);
            epoll::add(&epoll, &connection.stream, data, EventFlags::IN)?;
        }
        Ok(())
    }

    /// Begins what is due, and sends a piece of what is begun. A client that waits for its refusal misses its turn.
    pub(super) fn send(&mut self, start: Instant, now: Instant) {
        while !self.clients.is_empty() && (now - start).as_secs_f64() * self.rate >= self.due as f64 {
            self.due += 1;
            self.turn = (self.turn + 1) % self.clients.len();
            let (connection, dribbles) = &mut self.clients[self.turn];
            if *dribbles {
                connection.dribble();
                self.refusals.sent += 1;
            } else if connection.began.is_none() {
                connection.renew(now);
                self.sending.push_back(self.turn);
                self.refusals.sent += 1;
            }
        }
        if let Some(number) = self.sending.pop_front() {
            // A server may close such a connection at any time, which the socket tells when it is read.
            let all_sent = self.clients[number].0.write_at_most(PIECE).unwrap_or(true);
            if !all_sent {
                self.sending.push_back(number);
            }
        }
    }

    /// Reads what that client got.
    pub(super) fn read(&mut self, epoll: impl AsFd, first: usize, number: usize) -> Result<()> {
        let (connection, _) = &mut self.clients[number];
        let was_idle = connection.began.is_none();
        let came = match connection.read() {
            Ok(Came::Part) => return Ok(()),
            Ok(came) => came,
            Err(error) if error.downcast_ref::<WrongAnswer>().is_some() => return Err(error),
            Err(_) => Came::Closed,
        };
        connection.began = None;
        self.sending.retain(|sending| *sending != number);
        match came {
            Came::Answer | Came::LastAnswer => self.refusals.refused += 1,
            Came::Closed if !was_idle => self.refusals.closed += 1,
            Came::Closed | Came::Part => {}
        }
        if !matches!(came, Came::Answer) {
            connection.reopen()?;
            let data = EventData::new_u64((first + number) as u64);
            epoll::add(&epoll, &connection.stream, data, EventFlags::IN)?;
        }
        Ok(())
    }
}
