//! What is measured of a server that runs, and who does it.

use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::dialect::{Call, Dialect, Era};
use crate::field;
use crate::launch::Running;
use crate::oauth::drive::{Player, Table};
use crate::oauth::players::{Fixed, LoginFlow, Proven, Refresher};
use crate::oauth::population::{Part, Population};
use crate::oauth::sides::{Given, Side};
use crate::report::Turn;
use crate::usage;

/// One row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Row {
    /// Everything that a first login takes.
    LoginFlow,
    /// The same for somebody who is logged in and has consented.
    CodeFlow,
    /// The next tokens for a refresh token.
    Refresh,
    /// Whether an access token counts.
    Introspect,
    /// A client's token for itself.
    ClientCredentials,
    /// `echo` of the MCP server with a token.
    EchoBearer,
    /// The same with one that is bound to a key.
    EchoDpop,
}

impl Row {
    /// In the order of the report.
    pub const ALL: [Self; 7] = [
        Self::LoginFlow,
        Self::CodeFlow,
        Self::Refresh,
        Self::Introspect,
        Self::ClientCredentials,
        Self::EchoBearer,
        Self::EchoDpop,
    ];

    /// As it stands in tables.
    pub fn title(self) -> &'static str {
        match self {
            Self::LoginFlow => "login: authorize, password, consent, code, token (7 requests)",
            Self::CodeFlow => "code: authorize, code, token (2 requests)",
            Self::Refresh => "refresh",
            Self::Introspect => "introspect an access token",
            Self::ClientCredentials => "client_credentials",
            Self::EchoBearer => "echo-bearer: MCP echo with a bearer token",
            Self::EchoDpop => "echo-dpop: MCP echo with a bound token and a proof",
        }
    }

    /// How many clients do it at once.
    pub fn connections(self) -> usize {
        // A password is hashed for tens of milliseconds; more of them at once only wait for each other.
        if self == Self::LoginFlow { 8 } else { 64 }
    }

    /// Those clients, for our server.
    ///
    /// # Errors
    /// When a token that they need is refused.
    pub fn players(self, side: &Side, population: &Population) -> Result<Vec<Box<dyn Player>>> {
        let count = self.connections();
        (0..count).map(|number| self.player(side, population, number, count)).collect()
    }

    fn player(
        self,
        side: &Side,
        population: &Population,
        number: usize,
        of: usize,
    ) -> Result<Box<dyn Player>> {
        let user = number as u64;
        Ok(match self {
            Self::LoginFlow => Box::new(LoginFlow::whole(side, population, user)),
            Self::CodeFlow => Box::new(LoginFlow::again(side, user)),
            Self::Refresh => {
                Box::new(Refresher::of(side, population, population.part(Part::Rows, number, of)))
            }
            Self::Introspect => introspection(side, &side.service_token(&[])?),
            Self::ClientCredentials => client_credentials(side),
            Self::EchoBearer => {
                let token = side.service_token(&[])?;
                let dialect =
                    Dialect { address: side.address, path: "/mcp", era: Era::Modern, token: Some(&token) };
                dialect.probe(Call::ECHO)?;
                let request = dialect.request(Call::ECHO, None).bytes().to_vec();
                Box::new(Fixed { request, holds: "\"result\"" })
            }
            Self::EchoDpop => Box::new(Proven::new(side)?),
        })
    }

    /// Those clients, for a peer; `None` where it is not measured.
    ///
    /// # Errors
    /// When a token that they need is refused.
    pub fn players_of_peer(self, side: &Side, given: &Given) -> Result<Option<Vec<Box<dyn Player>>>> {
        let mut players: Vec<Box<dyn Player>> = Vec::new();
        for number in 0..self.connections() {
            players.push(match self {
                Self::Refresh => {
                    let tokens = given.refresh.iter().skip(number).step_by(self.connections()).cloned();
                    Box::new(Refresher { side: side.clone(), tokens: tokens.collect() })
                }
                Self::Introspect => introspection(side, &side.service_token(&[])?),
                Self::ClientCredentials => client_credentials(side),
                Self::LoginFlow | Self::CodeFlow | Self::EchoBearer | Self::EchoDpop => return Ok(None),
            });
        }
        Ok(Some(players))
    }
}

fn introspection(side: &Side, token: &str) -> Box<dyn Player> {
    let request = side.post_by_service(side.introspect, &[], &[("token", token)]);
    Box::new(Fixed { request, holds: "\"active\":true" })
}

fn client_credentials(side: &Side) -> Box<dyn Player> {
    Box::new(Fixed { request: side.client_credentials(&[]), holds: "\"access_token\":" })
}

/// One turn of a closed loop: everybody begins anew as soon as they are done.
///
/// # Errors
/// At the first wrong answer.
pub fn closed(server: &Running, table: &mut Table, seconds: f64) -> Result<Turn> {
    turn(server, || table.closed(Duration::from_secs_f64(seconds)))
}

/// One turn of an open loop: work is due at that rate.
///
/// # Errors
/// At the first wrong answer.
pub fn open(server: &Running, table: &mut Table, rate: f64, seconds: f64) -> Result<Turn> {
    turn(server, || table.open(rate, Duration::from_secs_f64(seconds)))
}

fn turn(server: &Running, play: impl FnOnce() -> Result<crate::load::Outcome>) -> Result<Turn> {
    let pid = server.pid();
    usage::forget_peak(pid)?;
    let before = usage::cpu(pid)?;
    let outcome = play().with_context(|| server.words())?;
    let cpu = usage::cpu(pid)?.saturating_sub(before);
    Ok(field::turn(&outcome, cpu, usage::memory(pid)?))
}
