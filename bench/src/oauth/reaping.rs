//! What becomes of other people's requests while the server has something large to do besides.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::launch::{Launch, Running};
use crate::oauth::drive::{Player, Table};
use crate::oauth::fill;
use crate::oauth::options::Options;
use crate::oauth::players::{LoginFlow, Refresher};
use crate::oauth::population::{Part, Population};
use crate::oauth::report::{Beside, Reaped};
use crate::oauth::rows;
use crate::oauth::sides::Side;
use crate::pin::Cores;
use crate::progress;

/// Who refreshes meanwhile.
const CONNECTIONS: usize = 64;
/// Who logs in meanwhile, again and again: nearly as many as are let in at once by a server with one core.
const LOGINS: usize = 60;
/// The share of what the server manages at most that is asked of it: it has time for something else, and nobody waits for
/// others who refresh.
const SHARE: f64 = 0.25;
/// Turns are longer than elsewhere: a step of a sweep is not to be missed.
const LONGER: f64 = 5.0;
/// How long the end of a sweep is waited for.
const PATIENCE: Duration = Duration::from_secs(150);

/// Refreshes alone, beside logins, and beside a sweep of a tenth of all grants.
///
/// # Errors
/// At the first wrong answer.
pub fn measure(
    launch: &Launch,
    file: &Path,
    population: &Population,
    options: &Options,
    cores: &Cores,
) -> Result<(Vec<Beside>, Reaped)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let seconds = options.seconds * LONGER;
    progress::now("beside · alone");
    let server = Running::start(launch, cores)?;
    let side = Side::ours(server.address);
    let mut table = refreshers(&side, population, Part::Alone)?;
    table.once()?;
    let most = rows::closed(&server, &mut table, options.seconds)?.per_second;
    let rate = (most * SHARE).max(10.0).round();
    let alone = rows::open(&server, &mut table, rate, seconds)?;

    progress::now("beside · logins");
    let crowd = {
        let (side, population) = (side.clone(), *population);
        std::thread::spawn(move || -> Result<u64> {
            let browser = |user| Box::new(LoginFlow::whole(&side, &population, user)) as Box<dyn Player>;
            let mut table = Table::sit(side.address, (0..LOGINS as u64).map(browser).collect())?;
            Ok(table.closed(Duration::from_secs_f64(seconds + 0.5))?.requests)
        })
    };
    // So that all of them have begun.
    std::thread::sleep(Duration::from_millis(250));
    let beside_logins = rows::open(&server, &mut table, rate, seconds)?;
    let logins = crowd.join().ok().context("the logins panicked")?.context("logins")?;
    drop((table, server));

    progress::now("beside · grants end");
    let over = runtime.block_on(fill::expire(file, population))?;
    progress::now("beside · a sweep");
    let began = Instant::now();
    let server = Running::start(launch, cores)?;
    let mut table = refreshers(&Side::ours(server.address), population, Part::Reaping)?;
    table.once()?;
    let before = runtime.block_on(fill::expired(file))?;
    let beside_sweep = rows::open(&server, &mut table, rate, seconds)?;
    let after = runtime.block_on(fill::expired(file))?;
    while runtime.block_on(fill::expired(file))? > 0 && began.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(200));
    }
    let left = runtime.block_on(fill::expired(file))?;
    let reaped = Reaped {
        grants: over,
        during: before - after.min(before),
        went_on: after > 0,
        seconds: (left == 0).then(|| began.elapsed().as_secs_f64()),
    };
    let beside = |what: &str, turn| Beside { what: what.to_owned(), rate, turn };
    let logins = format!("beside {LOGINS} who log in again and again ({logins} times)");
    let sweep = format!("beside a sweep of {over} grants");
    Ok((vec![beside("alone", alone), beside(&logins, beside_logins), beside(&sweep, beside_sweep)], reaped))
}

fn refreshers(side: &Side, population: &Population, part: Part) -> Result<Table> {
    let player = |number| {
        let grants = population.part(part, number, CONNECTIONS);
        Box::new(Refresher::of(side, population, grants)) as Box<dyn Player>
    };
    Table::sit(side.address, (0..CONNECTIONS).map(player).collect())
}
