//! Good requests at a fixed rate, alone and beside hostile ones, in turns.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::dialect::{Call, Dialect, Era};
use crate::figures::{Spread, rounded};
use crate::launch::Running;
use crate::load::{Beside, Expect, Hostile as Client, Load, Outcome, Request};
use crate::options::Options;
use crate::pin::Cores;
use crate::progress;
use crate::report::{Hostile, Report};
use crate::subject::{Kind, Setup, Subject};
use crate::undisturbed::undisturbed;
use crate::usage;

/// Good requests a second, on 64 connections: a fifth of what the server could do on the machine this was written on.
const RATE: f64 = 9_000.0;
/// So that one request of ten is hostile.
const HOSTILE_RATE: f64 = 1_000.0;

/// A neighbour on the machine that takes a core for some milliseconds spoils the p99 of the whole turn that it falls into.
/// So turns are short and many, measured again where that is known to have happened, and the median is one that nobody
/// came into. 1,350 good requests are enough for a p99.
const TURN: Duration = Duration::from_millis(150);
/// Pairs of turns for each round of the other rows, and one more.
const PAIRS_PER_ROUND: usize = 10;
/// Unmeasured before a turn: accepting the connections is not the work, nor is what the turn before left.
const WARM_UP: Duration = Duration::from_millis(50);

/// Measures ours, which checks tokens.
///
/// # Errors
/// When it answers a request wrongly, good or hostile.
pub fn measure(cores: &Cores, subjects: &[Subject], options: &Options, report: &mut Report) -> Result<()> {
    for subject in subjects.iter().filter(|subject| subject.kind == Kind::Ours) {
        if !options.picks(&["hostile"]) {
            continue;
        }
        let setup = Setup { bearer: true, ..Setup::default() };
        let server = Running::start(&subject.launch(setup)?, cores)?;
        let token = server.token.clone().context("it was started so that it wants one")?;
        let dialect =
            Dialect { address: server.address, path: "/mcp", era: Era::Modern, token: Some(&token) };
        dialect.probe(Call::ECHO)?;
        for case in cases(server.address, &dialect, &token) {
            let row = match one(&server, &dialect, &case, options) {
                Ok(row) => row,
                Err(error) => {
                    report.leave_out(&subject.name, case.what, &format!("{error:#} {}", server.words()));
                    continue;
                }
            };
            progress::line(&format!(
                "hostile · {}: p99 {:.0} µs alone, {:.0} beside ({:.2}x), {:.1} µs each, {:.0} KiB at most",
                row.what,
                row.p99_alone_us.median,
                row.p99_us.median,
                row.ratio.median,
                row.cpu_us,
                row.peak_kib
            ));
            report.hostile.push(row);
        }
    }
    Ok(())
}

/// Hostile clients of one kind.
struct Case {
    what: &'static str,
    clients: Vec<Client>,
    rate: f64,
}

fn one(server: &Running, dialect: &Dialect<'_>, case: &Case, options: &Options) -> Result<Hostile> {
    let pairs = if options.quick { 1 } else { PAIRS_PER_ROUND * options.rounds + 1 };
    let mut requests = dialect.requests(Call::ECHO, 64)?;
    let (mut alone, mut beside, mut ratios, mut cost) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut peak_alone, mut peak) = (0, 0);
    for pair in 1..=pairs {
        progress::now(&format!("hostile · {} · pair {pair} of {pairs}", case.what));
        let mut load = Load::connect(server.address, std::mem::take(&mut requests))?;
        // Who is first changes, so that whatever a second turn is spared or has to bear is on both sides.
        let (quiet, (loud, sent)) = if pair % 2 == 1 {
            let alone = undisturbed(|| quiet(server, &mut load))?;
            (alone, undisturbed(|| loud(server, &mut load, case))?)
        } else {
            let beside = undisturbed(|| loud(server, &mut load, case))?;
            (undisturbed(|| quiet(server, &mut load))?, beside)
        };
        requests = load.close();
        alone.push(rounded(quiet.p99_us));
        beside.push(rounded(loud.p99_us));
        ratios.push(rounded(loud.p99_us / quiet.p99_us));
        cost.push((loud.cpu - quiet.cpu) / sent.max(1) as f64);
        peak_alone = peak_alone.max(quiet.peak_kib);
        peak = peak.max(loud.peak_kib);
    }
    let spread = |values: &[f64]| Spread::of(values.iter().copied()).context("there was a round");
    Ok(Hostile {
        what: case.what.to_owned(),
        rate: RATE,
        hostile_rate: case.rate,
        p99_alone_us: spread(&alone)?,
        p99_us: spread(&beside)?,
        ratio: spread(&ratios)?,
        cpu_us: rounded(spread(&cost)?.median),
        peak_alone_kib: peak_alone as f64,
        peak_kib: peak as f64,
    })
}

fn quiet(server: &Running, load: &mut Load) -> Result<Turn> {
    load.closed(WARM_UP)?;
    turn(server, || load.open(RATE, TURN))
}

/// With how many hostile requests were sent.
fn loud(server: &Running, load: &mut Load, case: &Case) -> Result<(Turn, u64)> {
    load.closed(WARM_UP)?;
    let clients = Beside::connect(server.address, case.clients.clone(), case.rate)?;
    let mut sent = 0;
    let turn = turn(server, || {
        let (outcome, refusals) = load.open_beside(RATE, TURN, clients)?;
        sent = refusals.sent;
        Ok(outcome)
    })?;
    Ok((turn, sent))
}

struct Turn {
    p99_us: f64,
    /// Microseconds of the server in all.
    cpu: f64,
    peak_kib: u64,
}

fn turn(server: &Running, load: impl FnOnce() -> Result<Outcome>) -> Result<Turn> {
    usage::forget_peak(server.pid())?;
    let before = usage::cpu(server.pid())?;
    let outcome = load()?;
    let cpu = (usage::cpu(server.pid())? - before).as_secs_f64() * 1e6;
    Ok(Turn { p99_us: outcome.micros(0.99), cpu, peak_kib: usage::memory(server.pid())?.peak })
}

fn cases(address: SocketAddr, dialect: &Dialect<'_>, token: &str) -> Vec<Case> {
    let malformed = malformed(dialect);
    let oversized = oversized(address, token);
    let slow = slow(address, token);
    let tokens = bad_tokens(dialect, token);
    let forged = repeated(&forged(dialect, token), 32);
    // Those that dribble need many turns to be felt; the others share the rest.
    let mixed = [malformed.clone(), oversized.clone(), tokens.clone(), slow.clone()].concat();
    let case = |what, clients, rate| Case { what, clients, rate };
    vec![
        case("malformed requests", malformed, HOSTILE_RATE),
        case("oversized requests", oversized, HOSTILE_RATE),
        case("slow requests, a byte at a time", slow, HOSTILE_RATE),
        case("bad tokens", tokens, HOSTILE_RATE),
        case("all of these", mixed, HOSTILE_RATE),
        case("a flood of distinct forged tokens, as many as good requests", forged, RATE),
    ]
}

fn malformed(dialect: &Dialect<'_>) -> Vec<Client> {
    let good = text(&dialect.request(Call::ECHO, None));
    let (head, body) = good.split_once("\r\n\r\n").unwrap_or((&good, ""));
    let with_body = |body: &str| {
        let head = head.lines().filter(|line| !line.starts_with("content-length")).collect::<Vec<_>>();
        format!("{}\r\ncontent-length: {}\r\n\r\n{body}", head.join("\r\n"), body.len())
    };
    let deep = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
    let requests = [
        with_body(&body[..body.len() - 1]),
        with_body("\u{0}\u{1}\u{2}"),
        with_body(&deep),
        with_body(&body.replacen("\"echo\"", "\"other\"", 1)),
        good.replacen("mcp-name: echo", "mcp-name: other", 1),
        good.replacen("2026-07-28", "1999-01-01", 1),
        good.replacen("application/json", "text/plain", 1),
        "GET / HTTP/9.9\r\n\r\n".to_owned(),
        "\u{16}\u{3}\u{1}no TLS here\r\n\r\n".to_owned(),
    ];
    let refused = Expect::statuses(&[400, 404, 405, 406, 408, 413, 415, 505]);
    let clients: Vec<Client> = requests
        .into_iter()
        .map(|bytes| Client { request: Request::raw(bytes.into_bytes(), refused.clone()), dribbles: false })
        .collect();
    repeated(&clients, 3)
}

fn oversized(address: SocketAddr, token: &str) -> Vec<Client> {
    let head = format!(
        "POST /mcp HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n\
         accept: application/json, text/event-stream\r\nmcp-protocol-version: 2026-07-28\r\nmcp-method: tools/call\r\n\
         mcp-name: echo\r\n"
    );
    let refused = Expect::statuses(&[400, 413, 431]);
    let client = |bytes: Vec<u8>| Client { request: Request::raw(bytes, refused.clone()), dribbles: false };
    let declared = format!("{head}content-length: 1000000000\r\n\r\n{{").into_bytes();
    let long_head =
        format!("{head}x-long: {}\r\ncontent-length: 2\r\n\r\n{{}}", "x".repeat(60_000)).into_bytes();
    let many_headers = format!("{head}{}content-length: 2\r\n\r\n{{}}", "x: y\r\n".repeat(500)).into_bytes();
    let mut chunked = format!("{head}transfer-encoding: chunked\r\n\r\n").into_bytes();
    for _ in 0..100 {
        chunked.extend_from_slice(b"10000\r\n");
        chunked.extend(std::iter::repeat_n(b' ', 0x10000));
        chunked.extend_from_slice(b"\r\n");
    }
    let mut clients = repeated(&[client(declared), client(long_head), client(many_headers)], 20);
    // Megabytes that are really sent are a matter of bandwidth; a few are enough to see whether they are kept.
    clients.push(client(chunked));
    clients
}

fn slow(address: SocketAddr, token: &str) -> Vec<Client> {
    let head = format!("POST /mcp HTTP/1.1\r\nhost: {address}\r\nx-slow: {}\r\n\r\n", "x".repeat(2_000));
    let body = format!(
        "POST /mcp HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n\
         content-length: 4000000\r\n\r\n{}",
        " ".repeat(2_000)
    );
    let ended = Expect::statuses(&[400, 408, 413]);
    let client =
        |text: String| Client { request: Request::raw(text.into_bytes(), ended.clone()), dribbles: true };
    repeated(&[client(head), client(body)], 100)
}

fn bad_tokens(dialect: &Dialect<'_>, token: &str) -> Vec<Client> {
    let refused = Expect::statuses(&[400, 401]);
    let with = |bad: Option<&str>| {
        let dialect = Dialect { token: bad, ..dialect.clone() };
        let bytes = dialect.request(Call::ECHO, None).bytes().to_vec();
        Client { request: Request::raw(bytes, refused.clone()), dribbles: false }
    };
    let cut = &token[..token.len() - 4];
    let mut clients = vec![with(None), with(Some("x")), with(Some(cut)), with(Some(&"x".repeat(4_000)))];
    clients.extend(forged(dialect, token));
    repeated(&clients, 4)
}

/// The good token with another signature each time. Only the check of the signature can tell.
fn forged(dialect: &Dialect<'_>, token: &str) -> Vec<Client> {
    let Some((signed, signature)) = token.rsplit_once('.') else { return Vec::new() };
    let kept = signature.len().saturating_sub(2 * Request::ID.len());
    let forged =
        format!("{signed}.{}{}{}", &signature[..kept], Request::ID, &signature[kept + Request::ID.len()..]);
    let dialect = Dialect { token: Some(&forged), ..dialect.clone() };
    let bytes = dialect.request(Call::ECHO, None).bytes().to_vec();
    vec![Client { request: Request::raw(bytes, Expect::statuses(&[401, 503])), dribbles: false }]
}

/// Each so many times, with ids of its own.
fn repeated(clients: &[Client], times: usize) -> Vec<Client> {
    let all = clients.iter().cycle().take(clients.len() * times).cloned().enumerate();
    all.map(|(number, client)| Client { request: client.request.numbered(number), ..client }).collect()
}

fn text(request: &Request) -> String {
    String::from_utf8_lossy(request.bytes()).into_owned()
}
