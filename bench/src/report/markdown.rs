//! The page of a run: plain tables, and a sentence where somebody else is ahead.

use std::fmt::Write as _;

use crate::report::ahead::ahead;
use crate::report::table::{Table, kibibytes, mebibytes, micros, thousands, with_spread};
use crate::report::targets::{TARGETS, Unit};
use crate::report::{CallResult, Calls, Report, Turn};
use crate::row::{Drive, Group};
use crate::subject::Kind;

/// Why a target is not reached, by its id; written by people.
pub type Notes = std::collections::BTreeMap<String, String>;

/// The whole page.
pub fn page(report: &Report, notes: &Notes) -> String {
    let mut page = String::from(HEAD);
    if report.method.quick {
        page.push_str("**This was a trial run. Its figures are good for nothing.**\n\n");
    }
    for section in [
        targets(report, notes),
        calls(report),
        connections(report),
        open(report),
        tools(report),
        sizes(report),
        starts(report),
        streams(report),
        sessions(report),
        clients(report),
        hostile(report),
        instructions(report),
        peers_ahead(report),
        left_out(report),
        method(report),
    ] {
        page.push_str(&section);
    }
    page
}

const HEAD: &str = "# Benchmarks

Written by `cargo xtask bench`, which builds and measures all of it in one run; [the figures as JSON](benchmarks.json).
How to read the code of it: [`bench/README.md`](../bench/README.md). Where our time goes, and what was tried: [performance](performance.md).

A ratio is CPU time per request (user and system time of the server's process) over that of the *serde floor* in the same round:
a bare hyper server that parses the body into `serde_json::Value`, and answers `echo` from one. A smaller figure is better everywhere but
where it says `a second`. Figures in parentheses are the lowest and the highest of the rounds.

";

fn section(title: &str, words: &str, tables: &[String]) -> String {
    let tables: String = tables.concat();
    if tables.is_empty() { String::new() } else { format!("## {title}\n\n{words}\n\n{tables}") }
}

fn targets(report: &Report, notes: &Notes) -> String {
    let ours = report.ours();
    let peers: Vec<&str> = report
        .servers
        .iter()
        .filter(|server| server.kind == Kind::Peer)
        .map(|server| server.name.as_str())
        .collect();
    let mut head = vec!["", "target", "barewire", "reached"];
    head.extend(&peers);
    let mut table = Table::new(&head);
    let mut missed = String::new();
    for target in &TARGETS {
        let measured = target.measured(report, ours);
        let reached = measured.map(|figure| target.is_reached(figure));
        let shown =
            |figure: Option<f64>| figure.map_or_else(|| "–".to_owned(), |figure| target.unit.show(figure));
        let limit = match target.unit {
            Unit::Bytes => "0 bytes".to_owned(),
            unit => format!("≤ {}", unit.show(target.limit)),
        };
        let word = match reached {
            Some(true) => "yes",
            Some(false) => "**no**",
            None => "not measured",
        };
        let mut cells = vec![target.what.to_owned(), limit, shown(measured), word.to_owned()];
        let comparable = !matches!(target.id, "cold-token" | "list-tools-alike");
        cells.extend(peers.iter().map(|peer| shown(target.measured(report, peer).filter(|_| comparable))));
        table.row(cells);
        if reached != Some(true) {
            let why = notes
                .get(target.id)
                .map_or("Nobody has written down yet why, and what was tried.", String::as_str);
            if reached == Some(false) || notes.contains_key(target.id) {
                let _ = writeln!(missed, "* **{}**: {}", target.what, why.trim());
            }
        }
    }
    if !missed.is_empty() {
        missed = format!("Not reached, or not measured here, and why:\n\n{missed}\n");
    }
    let words = "What the project wants to reach, and what this run found. The peers' columns say what the same measure gives for them.";
    section("Targets", words, &[table.text(), missed])
}

fn calls(report: &Report) -> String {
    let ratio = by_server(report, Group::Calls, "ratio of CPU per request", |calls, result| {
        with_spread(calls.ratio(result, |turn| turn.cpu_us), |value| format!("{value:.2}x"))
    });
    let cost = by_server(report, Group::Calls, "CPU per request, requests a second", |_, result| {
        let cpu = result.spread(|turn| turn.cpu_us).median;
        format!("{cpu:.1} µs, {}", thousands(result.spread(|turn| turn.per_second).median))
    });
    let latency = by_server(report, Group::Calls, "p50 / p99 / p99.9", |_, result| latencies(result));
    let peak = by_server(report, Group::Calls, "most memory", |_, result| {
        mebibytes(result.spread(|turn| turn.peak_kib as f64).high)
    });
    let words = "64 keep-alive connections, each sends its next request when it has its answer. The floors answer `echo` as JSON whatever the row \
        asks of the others. In this closed loop a latency is that of a saturated server.";
    section("What a call costs", words, &[ratio, cost, latency, peak, remarks(report, Group::Calls)])
}

fn connections(report: &Report) -> String {
    let ratio = by_server(report, Group::Connections, "ratio of CPU per request", |calls, result| {
        with_spread(calls.ratio(result, |turn| turn.cpu_us), |value| format!("{value:.2}x"))
    });
    let cost = by_server(report, Group::Connections, "CPU per request, requests a second", |_, result| {
        let cpu = result.spread(|turn| turn.cpu_us).median;
        format!("{cpu:.1} µs, {}", thousands(result.spread(|turn| turn.per_second).median))
    });
    let latency = by_server(report, Group::Connections, "p50 / p99 / p99.9", |_, result| latencies(result));
    let words = "The same with one connection, where each request waits for two processes to wake up, and with a thousand.";
    section("Few and many connections", words, &[ratio, cost, latency])
}

fn open(report: &Report) -> String {
    let latency = by_server(report, Group::Open, "p50 / p99 / p99.9", |calls, result| {
        let lost: u64 = result.turns.iter().map(|turn| turn.unsent).sum();
        let rate = match calls.row.drive {
            Drive::Share(_) => format!(" at {} a second", thousands(result.rate.unwrap_or_default())),
            Drive::Rate(_) | Drive::Closed => String::new(),
        };
        let lost = if lost > 0 { format!(", {lost} never sent") } else { String::new() };
        format!("{}{rate}{lost}", latencies(result))
    });
    let words = "Requests are due at fixed times on 64 connections, whatever the answers do, and a latency counts from when its request was due. \
        At a common rate all servers have the same to do; at a share of what each managed above, all are equally busy. A figure is the median of \
        many short turns, so whatever else the machine does for some milliseconds spoils a few of them and not the figure; a turn during which the machine's \
        host gave time to somebody else (`steal` in `/proc/stat`) is measured again.";
    section("Latency under a load that does not wait", words, &[latency])
}

fn tools(report: &Report) -> String {
    let cost = by_server(report, Group::Tools, "CPU per request", |_, result| {
        with_spread(Some(result.spread(|turn| turn.cpu_us)), |value| format!("{value:.1} µs"))
    });
    let words = "How the cost of a call grows with the number of registered tools; `more tools` are beside the four of every server. A page has 250 entries where a row says \
        nothing else: the first page of 10,000 tools is as long as a list of 250, and its like beside a list of 10 is a page of 10.";
    section("Many tools", words, &[cost])
}

fn sizes(report: &Report) -> String {
    let cost = by_server(report, Group::Sizes, "CPU per request, ratio", |calls, result| {
        let cpu = result.spread(|turn| turn.cpu_us).median;
        let ratio = calls.ratio(result, |turn| turn.cpu_us).map_or(f64::NAN, |ratio| ratio.median);
        format!("{} µs, {ratio:.2}x", thousands(cpu))
    });
    let peak = by_server(report, Group::Sizes, "most memory", |_, result| {
        mebibytes(result.spread(|turn| turn.peak_kib as f64).high)
    });
    let words = "`echo` with a text of that size, which is the argument and comes back as the result.";
    section("Large arguments and results", words, &[cost, peak])
}

fn starts(report: &Report) -> String {
    let mut table = Table::new(&["", "state", "start to first answer", "memory then"]);
    for start in &report.starts {
        table.row(vec![
            start.server.clone(),
            start.state.clone(),
            with_spread(Some(start.ms), |value| format!("{value:.1} ms")),
            mebibytes(start.idle_kib.median),
        ]);
    }
    let words = "From the start of the process to its first right answer to `echo`, on all cores, and what it holds in memory after it.";
    section("Start, and memory at rest", words, &[table.text()])
}

fn streams(report: &Report) -> String {
    let mut idle = Table::new(&[
        "",
        "what",
        "how many",
        "memory each",
        "beyond a kept connection",
        "left of each once closed",
    ]);
    for row in &report.streams {
        let beyond = report
            .connection(row.count)
            .map_or_else(|| "–".to_owned(), |connection| kibibytes(row.bytes_each - connection));
        let (each, left) = (kibibytes(row.bytes_each), kibibytes(row.left_each));
        idle.row(vec![row.server.clone(), row.kind.clone(), thousands(row.count as f64), each, beyond, left]);
    }
    let mut published =
        Table::new(&["", "what", "how many", "the first has it after", "the last has it after"]);
    for row in &report.published {
        let all = with_spread(Some(row.all_ms), |value| format!("{value:.1} ms"));
        let first = format!("{:.1} ms", row.first_ms);
        published.row(vec![row.server.clone(), row.kind.clone(), thousands(row.count as f64), first, all]);
    }
    let words = "Streams on which nothing happens (heap and stacks; `keep-alive` is a connection on which a bare hyper server has answered once, at each number of them), and one \
        change of the list of tools to all of them, from the request that causes it, on all cores; the time is also that of the one process that reads them all.";
    section("Idle streams, and a change to all of them", words, &[idle.text(), published.text()])
}

fn sessions(report: &Report) -> String {
    let mut abandoned = Table::new(&["", "what", "how many", "memory kept of each", "CPU of each"]);
    for row in &report.abandoned {
        let (each, cpu) =
            (format!("{} bytes", thousands(row.bytes_each.max(0.0))), format!("{:.0} µs", row.cpu_us));
        abandoned.row(vec![row.server.clone(), row.kind.clone(), thousands(row.count as f64), each, cpu]);
    }
    let mut growth = Table::new(&["", "sessions opened before", "CPU of one echo in a session"]);
    for row in &report.sessions {
        growth.row(vec![row.server.clone(), thousands(row.count as f64), format!("{:.1} µs", row.cpu_us)]);
    }
    let words = "Sessions of 2025-11-25 that nobody takes up again, and calls beside many of them.";
    section("Sessions", words, &[abandoned.text(), growth.text()])
}

fn clients(report: &Report) -> String {
    let mut table =
        Table::new(&["", "era", "calls at once", "CPU per call", "calls a second", "most memory"]);
    for row in &report.clients {
        table.row(vec![
            row.client.clone(),
            row.era.clone(),
            row.concurrency.to_string(),
            with_spread(Some(row.cpu_us), |value| format!("{value:.1} µs")),
            thousands(row.per_second.median),
            mebibytes(row.peak_kib),
        ]);
    }
    let words = "Clients that call `echo` of our server, which has the other core. CPU is that of the client's process.";
    section("Clients", words, &[table.text()])
}

fn hostile(report: &Report) -> String {
    let head = [
        "beside good requests",
        "good / hostile a second",
        "p99 alone",
        "p99 beside them",
        "ratio",
        "CPU of a hostile one",
        "most memory alone",
        "beside them",
    ];
    let mut table = Table::new(&head);
    for row in &report.hostile {
        table.row(vec![
            row.what.clone(),
            format!("{} / {}", thousands(row.rate), thousands(row.hostile_rate)),
            with_spread(Some(row.p99_alone_us), |value| format!("{value:.0} µs")),
            with_spread(Some(row.p99_us), |value| format!("{value:.0} µs")),
            with_spread(Some(row.ratio), |value| format!("{value:.2}x")),
            format!("{:.1} µs", row.cpu_us),
            mebibytes(row.peak_alone_kib),
            mebibytes(row.peak_kib),
        ]);
    }
    let words = "Good `echo` requests with a bearer token, due at fixed times, alone and beside requests that our server has to refuse, in many short pairs of \
        turns of which now the one is first and now the other: so whatever else the machine does for some milliseconds spoils a few of them and not the median; those from which the machine's host took time are measured again. A ratio is \
        taken within a pair first. Each hostile request is \
        checked as well: it has to be refused as it should, or its connection closed. Of slow clients each byte counts as one request.";
    section("Hostile requests", words, &[table.text()])
}

fn instructions(report: &Report) -> String {
    let mut table = Table::new(&["case", "instructions"]);
    for row in &report.instructions {
        table.row(vec![row.case.clone(), thousands(row.each)]);
    }
    let words = "Of one request through our service without a socket, as callgrind counts them. They do not depend on what else the machine does, so they show \
        changes that a clock cannot. `floor` is the body through `serde_json::Value` both ways, `request` what the program itself adds to each case but the last \
        three. `token-cold` is the whole check of an ES256 access token with no memory in front, `signature` its signature alone with aws-lc-rs (key parsed, signature \
        decoded), `signature-jsonwebtoken` the same as that library does it. Valgrind shows a program no SHA, ADX or AVX-512 instructions, so these three are higher than \
        on the machine, in the same way.";
    section("Instructions of the pure path", words, &[table.text()])
}

fn peers_ahead(report: &Report) -> String {
    if report.servers.iter().all(|server| server.kind != Kind::Peer) {
        return String::new();
    }
    let text = ahead(report);
    let text = if text.is_empty() { "There is none.\n".to_owned() } else { text };
    let words = "Rows of this run in which a peer's figure is smaller than ours, whatever the reason.";
    section("Where a peer is ahead", words, &[text, "\n".to_owned()])
}

fn left_out(report: &Report) -> String {
    let mut text = String::new();
    for row in &report.left_out {
        let what = if row.what.is_empty() { "everything" } else { &row.what };
        let _ = writeln!(text, "* {}, {what}: {}", row.server, row.reason.replace('|', "\\|"));
    }
    if !text.is_empty() {
        text = format!("Left out in this run:\n\n{text}\n");
    }
    section("What is not measured", NOT_MEASURED, &[text, "\n".to_owned()])
}

const NOT_MEASURED: &str = "* TLS, HTTP/2, a proxy in front, and any network but loopback.
* More than one core for a server that answers calls. Streams and starts have all cores.
* Audit and metrics of the peers: those that have any have another kind.
* Handlers that do something. A tool that asks a database makes all of these differences small.
* Sessions and tokens at many replicas.";

fn method(report: &Report) -> String {
    let (machine, method) = (&report.machine, &report.method);
    let mut text = String::new();
    let cores = if method.apart {
        "The server has the first core to itself and the generator the second (`sched_setaffinity`); a server then sees one core and starts what it starts by \
         default for one. Starts and publishing have all cores."
    } else {
        "Server and generator share all cores."
    };
    let _ = writeln!(
        text,
        "* {cores}\n\
         * Rows are interleaved: in each of {} rounds (3 for all but the first table) every server has one turn of {} s; all servers run all the time, and those whose \
         turn it is not are idle. Each turn opens its connections anew and runs for 0.12 s that are not counted. Medians of the rounds; a ratio is taken within \
         a round first.\n\
         * CPU is the time of all threads of the server's process (`/proc/PID/task/*/schedstat`, to the nanosecond) from before the first request to after the last answer, over \
         the requests answered. On a machine that is shared this is the figure to trust; requests a second and latencies depend on the neighbours.\n\
         * The generator is one thread on one epoll with requests built before. It checks every answer: status 200, the text that it must hold, no error. A wrong answer of ours \
         ends the run; a peer's leaves it out of that row. Before each row one answer is read as JSON and compared as a whole.\n\
         * In a closed loop a server that is below 95 % busy was waiting for the generator: its latency and its requests a second are the generator's then.\n\
         * Memory is resident memory; of streams and sessions the heap and stacks (`RssAnon`).\n\
         * The whole run took {:.0} minutes.\n",
        method.rounds, method.seconds, method.minutes
    );
    let virtual_machine = if machine.virtual_machine { ", virtual" } else { "" };
    let _ = writeln!(
        text,
        "Machine: {} ({} cores{virtual_machine}, {} GiB), Linux {}. {}{}{}.\n",
        machine.processor,
        machine.cores,
        machine.memory_gib,
        machine.kernel,
        machine.rustc,
        if machine.node.is_empty() { String::new() } else { format!(", Node {}", machine.node) },
        if machine.python.is_empty() { String::new() } else { format!(", {}", machine.python) },
    );
    let mut versions = Table::new(&["", "measured"]);
    for server in &report.servers {
        versions.row(vec![server.name.clone(), server.version.clone()]);
    }
    section("Method, machine, versions", "", &[text, versions.text()]).replace("\n\n\n\n", "\n\n")
}

/// A table with the rows of a group, and a column for each server.
fn by_server(
    report: &Report,
    group: Group,
    title: &str,
    cell: impl Fn(&Calls, &CallResult) -> String,
) -> String {
    let rows: Vec<&Calls> = report.calls.iter().filter(|calls| calls.row.group == group).collect();
    let takes_part = |name: &str| rows.iter().any(|calls| calls.of(name).is_some());
    let servers: Vec<&str> =
        report.servers.iter().map(|server| server.name.as_str()).filter(|name| takes_part(name)).collect();
    let mut head = vec![title];
    head.extend(&servers);
    let mut table = Table::new(&head);
    for calls in &rows {
        let mut cells = vec![calls.row.title.to_string()];
        cells.extend(servers.iter().map(|name| {
            calls.of(name).map_or_else(
                || "–".to_owned(),
                |result| {
                    let mark = if result.remark.is_some() { " \\*" } else { "" };
                    format!("{}{mark}", cell(calls, result))
                },
            )
        }));
        table.row(cells);
    }
    table.text()
}

/// What the stars in the tables mean.
fn remarks(report: &Report, group: Group) -> String {
    let mut lines: Vec<String> = Vec::new();
    for result in
        report.calls.iter().filter(|calls| calls.row.group == group).flat_map(|calls| &calls.results)
    {
        if let Some(remark) = &result.remark {
            let line = format!("\\* {}: {remark}\n", result.server);
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
    }
    if lines.is_empty() { String::new() } else { format!("{}\n", lines.join("\n")) }
}

fn latencies(result: &CallResult) -> String {
    let of = |figure: fn(&Turn) -> f64| micros(result.spread(figure).median);
    format!("{} / {} / {}", of(|turn| turn.p50_us), of(|turn| turn.p99_us), of(|turn| turn.p999_us))
}
