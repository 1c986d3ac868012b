//! Many connections on one epoll, driven in a closed or an open loop.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::time::Timespec;

use crate::load::beside::{Beside, Refusals};
use crate::load::connection::{Came, Connection};
use crate::load::outcome::Outcome;
use crate::load::request::Request;

/// Open connections that wait to be driven.
pub struct Load {
    epoll: OwnedFd,
    connections: Vec<Connection>,
}

/// Answers that did not come.
#[derive(Debug, thiserror::Error)]
#[error("{0} requests had no answer {1} seconds after the end of the run")]
pub struct Stalled(usize, u64);

/// How long answers may take beyond the time of a run.
const PATIENCE: Duration = Duration::from_secs(30);

/// Taken from the epoll at once.
const EVENTS: usize = 1_024;

impl Load {
    /// One connection for each request.
    ///
    /// # Errors
    /// When a connection is refused.
    pub fn connect(address: SocketAddr, requests: Vec<Request>) -> Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let mut connections = Vec::with_capacity(requests.len());
        for request in requests {
            let connection = Connection::open(address, request)?;
            let number = EventData::new_u64(connections.len() as u64);
            epoll::add(&epoll, &connection.stream, number, EventFlags::IN)?;
            connections.push(connection);
        }
        Ok(Self { epoll, connections })
    }

    /// Closes the connections and gives back what they sent.
    pub fn close(self) -> Vec<Request> {
        self.connections.into_iter().map(Connection::into_request).collect()
    }

    /// Each connection sends its next request when it has its answer, until the time is up; then the last answers are
    /// waited for, so that each request that the server worked on is counted.
    ///
    /// # Errors
    /// At the first wrong answer, and when answers do not come.
    pub fn closed(&mut self, time: Duration) -> Result<Outcome> {
        let mut outcome = Outcome::new();
        let mut events = Vec::with_capacity(EVENTS);
        let start = Instant::now();
        for number in 0..self.connections.len() {
            self.start(number, Instant::now())?;
        }
        let mut under_way = self.connections.len();
        while under_way > 0 {
            self.wait(&mut events, Duration::from_secs(1))?;
            // All of them had come by now; what we do with the first is not the last one's latency.
            let came = Instant::now();
            for event in events.drain(..) {
                if let Some(number) = self.progress(event, came, &mut outcome)? {
                    let now = Instant::now();
                    if now - start < time {
                        self.start(number, now)?;
                    } else {
                        under_way -= 1;
                    }
                }
            }
            if start.elapsed() > time + PATIENCE {
                return Err(Stalled(under_way, PATIENCE.as_secs()).into());
            }
        }
        outcome.elapsed = start.elapsed();
        Ok(outcome)
    }

    /// Requests are due at a fixed rate, and sent as soon as a connection is free. Those that are still waiting for
    /// one when as much time again has passed are not sent any more, and counted.
    ///
    /// # Errors
    /// At the first wrong answer, and when answers do not come.
    pub fn open(&mut self, rate: f64, time: Duration) -> Result<Outcome> {
        self.drive_open(rate, time, None)
    }

    /// The same, with hostile requests at the same time.
    ///
    /// # Errors
    /// As of [`Load::open`], and when a hostile request is not refused as it should be.
    pub fn open_beside(
        &mut self,
        rate: f64,
        time: Duration,
        mut beside: Beside,
    ) -> Result<(Outcome, Refusals)> {
        beside.watch(&self.epoll, self.connections.len())?;
        let outcome = self.drive_open(rate, time, Some(&mut beside))?;
        Ok((outcome, beside.refusals))
    }

    fn drive_open(&mut self, rate: f64, time: Duration, mut beside: Option<&mut Beside>) -> Result<Outcome> {
        let good = self.connections.len();
        let mut outcome = Outcome::new();
        let mut events = Vec::with_capacity(EVENTS);
        let all = (rate * time.as_secs_f64()) as u64;
        let start = Instant::now();
        let due = |number: u64| start + Duration::from_secs_f64(number as f64 / rate);
        let mut free: VecDeque<usize> = (0..self.connections.len()).collect();
        let (mut next, mut under_way) = (0, 0);
        while next < all || under_way > 0 {
            let now = Instant::now();
            while next < all && due(next) <= now {
                let Some(number) = free.pop_front() else { break };
                self.start(number, due(next))?;
                next += 1;
                under_way += 1;
            }
            if next < all && now - start > time * 2 {
                outcome.unsent = all - next;
                next = all;
            }
            if let Some(beside) = &mut beside {
                beside.send(start, now);
            }
            // A timer is late by its slack, which is more than an answer takes: the last millisecond is spent polling.
            let pause = match (next < all, free.is_empty()) {
                _ if beside.is_some() => Duration::ZERO,
                (true, false) => due(next)
                    .saturating_duration_since(Instant::now())
                    .checked_sub(Duration::from_millis(1))
                    .unwrap_or_default(),
                _ => Duration::from_millis(100),
            };
            self.wait(&mut events, pause)?;
            let came = Instant::now();
            for event in events.drain(..) {
                if let Some(beside) = &mut beside
                    && let Some(number) = number(event)?.checked_sub(good)
                {
                    beside.read(&self.epoll, good, number)?;
                } else if let Some(number) = self.progress(event, came, &mut outcome)? {
                    under_way -= 1;
                    free.push_back(number);
                }
            }
            if start.elapsed() > time * 2 + PATIENCE {
                return Err(Stalled(under_way, PATIENCE.as_secs()).into());
            }
        }
        outcome.elapsed = start.elapsed();
        Ok(outcome)
    }

    fn start(&mut self, number: usize, began: Instant) -> Result<()> {
        let all_sent = self.connections[number].start(began)?;
        if !all_sent {
            self.watch(number, EventFlags::IN | EventFlags::OUT)?;
        }
        Ok(())
    }

    /// What the event means; the number of the connection when its answer has come.
    fn progress(&mut self, event: Event, came: Instant, outcome: &mut Outcome) -> Result<Option<usize>> {
        let number = number(event)?;
        let flags = event.flags;
        if flags.contains(EventFlags::OUT) && self.connections[number].write()? {
            self.watch(number, EventFlags::IN)?;
        }
        if !flags.intersects(EventFlags::IN | EventFlags::HUP | EventFlags::ERR) {
            return Ok(None);
        }
        let read = self.connections[number].read()?;
        let mut answered = None;
        if matches!(read, Came::Answer | Came::LastAnswer) {
            let began = self.connections[number].began.take().context("an answer is to a request")?;
            outcome.answered(came.saturating_duration_since(began));
            answered = Some(number);
        }
        if matches!(read, Came::LastAnswer | Came::Closed) {
            outcome.reconnects += 1;
            // The epoll forgets the old socket when it is closed.
            let all_sent = self.connections[number].reopen()?;
            let flags = if all_sent { EventFlags::IN } else { EventFlags::IN | EventFlags::OUT };
            let data = EventData::new_u64(number as u64);
            epoll::add(&self.epoll, &self.connections[number].stream, data, flags)?;
        }
        Ok(answered)
    }

    fn watch(&self, number: usize, flags: EventFlags) -> Result<()> {
        let data = EventData::new_u64(number as u64);
        Ok(epoll::modify(&self.epoll, &self.connections[number].stream, data, flags)?)
    }

    fn wait(&self, events: &mut Vec<Event>, pause: Duration) -> Result<()> {
        match epoll::wait(&self.epoll, spare_capacity(events), Some(&Timespec::try_from(pause)?)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

fn number(event: Event) -> Result<usize> {
    usize::try_from(event.data.u64()).context("it was made from a usize")
}
