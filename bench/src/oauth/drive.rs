//! Clients that do something else each time: a code or a refresh token is good for one request, and so is a proof.
//!
//! The generator of [`load`](crate::load) sends the same bytes again and again, which keeps up with a server that answers in
//! microseconds. Here a request is a signature and a write to the disk on the other side, so a client may think between two.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use futures_util::future::try_join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

use crate::load::{Answer, AnswerReader, Outcome};

/// One client, with a connection of its own.
pub trait Player {
    /// The next request.
    ///
    /// # Errors
    /// When it has nothing left to ask.
    fn ask(&mut self) -> Result<Vec<u8>>;

    /// What came back.
    ///
    /// # Errors
    /// When it is not what should have come.
    fn hear(&mut self, answer: &Answer<'_>) -> Result<Heard>;
}

/// Whether a client has done one piece of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// It has; what comes next is another one.
    Done,
    /// There are further requests to it.
    GoesOn,
}

/// Clients at their connections.
pub struct Table {
    runtime: Runtime,
    seats: Vec<Seat>,
}

struct Seat {
    player: Box<dyn Player>,
    connection: Connection,
}

/// A wait that ends this much earlier is spent polling: a timer is late by its own resolution.
const POLLED: Duration = Duration::from_millis(2);

impl Table {
    /// Connects each of them.
    ///
    /// # Errors
    /// When a connection is refused.
    pub fn sit(address: SocketAddr, players: Vec<Box<dyn Player>>) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start a runtime")?;
        let seats = players.into_iter().map(|player| async move {
            let connection = Connection::open(address).await?;
            Ok::<_, anyhow::Error>(Seat { player, connection })
        });
        let seats = runtime.block_on(try_join_all(seats))?;
        Ok(Self { runtime, seats })
    }

    /// Each does one piece of work, which nobody measures.
    ///
    /// # Errors
    /// At the first wrong answer.
    pub fn once(&mut self) -> Result<()> {
        self.runtime.block_on(try_join_all(self.seats.iter_mut().map(Seat::work))).map(drop)
    }

    /// Each begins anew as soon as it is done, until the time is up; then the last pieces are waited for.
    ///
    /// # Errors
    /// At the first wrong answer.
    pub fn closed(&mut self, time: Duration) -> Result<Outcome> {
        let outcome = RefCell::new(Outcome::new());
        let start = Instant::now();
        let all = self.seats.iter_mut().map(|seat| {
            let outcome = &outcome;
            async move {
                while start.elapsed() < time {
                    let began = Instant::now();
                    seat.work().await?;
                    outcome.borrow_mut().answered(began.elapsed());
                }
                Ok::<_, anyhow::Error>(())
            }
        });
        self.runtime.block_on(try_join_all(all))?;
        let mut outcome = outcome.into_inner();
        outcome.elapsed = start.elapsed();
        Ok(outcome)
    }

    /// Work is due at a fixed rate, and begun by whoever is free; its latency counts from when it was due. What is due when
    /// as much time again has passed is not begun any more, and counted.
    ///
    /// # Errors
    /// At the first wrong answer.
    pub fn open(&mut self, rate: f64, time: Duration) -> Result<Outcome> {
        let outcome = RefCell::new(Outcome::new());
        let (next, due) = (Cell::new(0), (rate * time.as_secs_f64()) as u64);
        let start = Instant::now();
        let all = self.seats.iter_mut().map(|seat| {
            let (outcome, next) = (&outcome, &next);
            async move {
                while next.get() < due && start.elapsed() < time * 2 {
                    let number = next.replace(next.get() + 1);
                    let due = start + Duration::from_secs_f64(number as f64 / rate);
                    wait_until(due).await;
                    seat.work().await?;
                    outcome.borrow_mut().answered(due.elapsed());
                }
                Ok::<_, anyhow::Error>(())
            }
        });
        self.runtime.block_on(try_join_all(all))?;
        let mut outcome = outcome.into_inner();
        outcome.elapsed = start.elapsed();
        outcome.unsent = due - next.get();
        Ok(outcome)
    }
}

impl Seat {
    async fn work(&mut self) -> Result<()> {
        loop {
            let request = self.player.ask()?;
            let player = &mut self.player;
            match self.connection.exchange(&request, |answer| player.hear(answer)).await? {
                Heard::Done => return Ok(()),
                Heard::GoesOn => {}
            }
        }
    }
}

async fn wait_until(due: Instant) {
    if let Some(early) = due.checked_sub(POLLED) {
        tokio::time::sleep_until(early.into()).await;
    }
    while Instant::now() < due {
        tokio::task::yield_now().await;
    }
}

struct Connection {
    address: SocketAddr,
    stream: TcpStream,
    reader: AnswerReader,
}

impl Connection {
    async fn open(address: SocketAddr) -> Result<Self> {
        Ok(Self { address, stream: connect(address).await?, reader: AnswerReader::default() })
    }

    async fn exchange<T>(
        &mut self,
        request: &[u8],
        hear: impl FnOnce(&Answer<'_>) -> Result<T>,
    ) -> Result<T> {
        self.stream.write_all(request).await.context("cannot send a request")?;
        loop {
            let read = self.stream.read(self.reader.room()).await.context("cannot read an answer")?;
            if let Some(answer) = self.reader.take(read)? {
                let (heard, keeps) = (hear(&answer)?, answer.keeps);
                self.reader.clear();
                if !keeps {
                    self.stream = connect(self.address).await?;
                }
                return Ok(heard);
            }
            if read == 0 {
                bail!("the server closed the connection within an answer");
            }
        }
    }
}

async fn connect(address: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect(address).await.with_context(|| format!("cannot connect to {address}"))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
