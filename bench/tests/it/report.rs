//! The page says what the figures say: a small report that was made up, and what has to stand in its page.

use barewire_bench::figures::Spread;
use barewire_bench::report::markdown::{Notes, page};
use barewire_bench::report::{
    Abandoned, CallResult, Calls, Client, Hostile, Instructions, Published, Report, Server, Sessions, Start,
    Streams, Turn,
};
use barewire_bench::row::rows;
use barewire_bench::subject::Kind;

const SERVERS: [(&str, Kind); 4] = [
    ("floor-fixed", Kind::FixedFloor),
    ("floor-serde", Kind::SerdeFloor),
    ("barewire", Kind::Ours),
    ("other", Kind::Peer),
];

/// A row in which these servers needed so many microseconds in each of its rounds.
fn calls(row: &str, costs: &[(&str, [f64; 3])]) -> Calls {
    let row = rows().into_iter().find(|known| known.name == row).unwrap();
    let result = |(name, costs): &(&str, [f64; 3])| CallResult {
        server: (*name).to_owned(),
        kind: SERVERS.iter().find(|(server, _)| server == name).unwrap().1,
        remark: None,
        rate: None,
        turns: costs
            .iter()
            .map(|cpu| Turn {
                requests: 1_000,
                per_second: 1e6 / cpu,
                cpu_us: *cpu,
                p99_us: cpu * 64.0,
                ..Turn::default()
            })
            .collect(),
    };
    Calls { row, results: costs.iter().map(result).collect() }
}

fn report() -> Report {
    let server =
        |(name, kind): (&str, Kind)| Server { name: name.to_owned(), kind, version: "1.0.0".to_owned() };
    let mut report = Report { servers: SERVERS.map(server).into(), ..Report::default() };
    // The machine was twice as slow in the second round, which no ratio may show.
    report.calls = vec![
        calls(
            "echo",
            &[
                ("floor-serde", [10.0, 20.0, 10.0]),
                ("barewire", [12.0, 24.0, 12.0]),
                ("other", [40.0, 80.0, 44.0]),
            ],
        ),
        calls(
            "get-user",
            &[
                ("floor-serde", [10.0, 20.0, 10.0]),
                ("barewire", [16.0, 32.0, 16.0]),
                ("other", [8.0, 16.0, 8.0]),
            ],
        ),
        calls("list-tools-10", &[("floor-serde", [10.0; 3]), ("barewire", [11.0; 3])]),
        calls("list-tools-10000", &[("floor-serde", [10.0; 3]), ("barewire", [60.5; 3])]),
    ];
    report
}

#[track_caller]
fn check(report: &Report, notes: &Notes, expected: &[&str], absent: &[&str]) {
    let page = page(report, notes);
    for line in expected {
        assert!(page.contains(line), "{line}\nis not in\n{page}");
    }
    for line in absent {
        assert!(!page.contains(line), "{line}\nis in\n{page}");
    }
}

#[test]
fn ratios_are_of_one_round_and_a_missed_target_is_said() {
    let notes = Notes::from([("get-user".to_owned(), "It was tried to do less.".to_owned())]);
    check(
        &report(),
        &notes,
        &[
            "| echo, 2026-07-28, JSON, no token | ≤ 1.25x | 1.20x | yes | 4.00x |",
            "| get_user with structured content and output schema | ≤ 1.50x | 1.60x | **no** | 0.80x |",
            "| tools/list with 10,000 tools over the same with 10 | ≤ 1.10x | 5.50x | **no** | – |",
            "| the same with a bearer token | ≤ 1.35x | – | not measured | – |",
            "* **get_user with structured content and output schema**: It was tried to do less.",
            "| echo, 2026-07-28, JSON | 1.00x | 1.20x | 4.00x (4.00–4.40) |",
            "| echo, 2026-07-28, JSON | 10.0 µs, 100,000 | 12.0 µs, 83,333 | 44.0 µs, 22,727 |",
            "* other, get_user, 2026-07-28, JSON: CPU per request is 50 % of ours.",
        ],
        &["* **echo", "* other, echo, 2026-07-28, JSON: CPU", "trial run"],
    );
}

#[test]
fn what_was_not_measured_is_said_and_not_shown() {
    let mut report = report();
    report.leave_out("other", "echo", "it ended:\n  no such | thing");
    report.leave_out("other", "echo", "it ended: no such | thing");
    assert_eq!(report.left_out.len(), 1);
    report.method.quick = true;
    let absent = ["## Sessions", "## Clients", "## Hostile requests", "## Instructions", "NaN"];
    check(&report, &Notes::new(), &["* other, echo: it ended: no such \\| thing", "trial run"], &absent);
}

#[test]
fn every_kind_of_figure() {
    let one = |value: f64| Spread { median: value, low: value, high: value };
    let mut report = report();
    let name = |name: &str| name.to_owned();
    // A connection costs something else at each number, and of ten the figure is good for nothing.
    for (server, kind, count, bytes_each) in [
        ("floor-serde", "keep-alive", 10, 8_192.0),
        ("floor-serde", "keep-alive", 1_000, 10_240.0),
        ("floor-serde", "keep-alive", 10_000, 11_264.0),
        ("barewire", "listen", 10, 40_960.0),
        ("barewire", "listen", 1_000, 12_288.0),
        ("barewire", "get", 1_000, 13_312.0),
        ("barewire", "get", 10_000, 13_824.0),
        ("other", "listen", 1_000, 61_440.0),
    ] {
        report.streams.push(Streams {
            server: name(server),
            kind: name(kind),
            count,
            bytes_each,
            left_each: 0.0,
        });
    }
    report.published.push(Published {
        server: name("barewire"),
        kind: name("get"),
        count: 10_000,
        first_ms: 2.0,
        all_ms: one(151.0),
    });
    report.abandoned.push(Abandoned {
        server: name("barewire"),
        kind: name("initialize"),
        count: 50_000,
        bytes_each: -3.0,
        cpu_us: 20.0,
    });
    report.sessions.push(Sessions { server: name("barewire"), count: 1_000_000, cpu_us: 15.0 });
    report.starts.push(Start {
        server: name("barewire"),
        state: name("SQLite state open"),
        ms: one(25.0),
        idle_kib: one(12_288.0),
    });
    report.clients.push(Client {
        client: name("barewire"),
        era: name("modern"),
        concurrency: 64,
        per_second: one(20_000.0),
        cpu_us: one(40.0),
        peak_kib: 10_240.0,
    });
    report.hostile.push(Hostile {
        what: name("bad tokens"),
        rate: 9_000.0,
        hostile_rate: 1_000.0,
        p99_alone_us: one(100.0),
        p99_us: one(150.0),
        ratio: one(1.5),
        cpu_us: 8.0,
        peak_alone_kib: 10_240.0,
        peak_kib: 11_264.0,
    });
    for (case, each) in
        [("echo", 15_000.0), ("tools-list-10-of-10", 20_000.0), ("tools-list-10-of-10000", 21_000.0)]
    {
        report.instructions.push(Instructions { case: name(case), each });
    }
    check(
        &report,
        &Notes::new(),
        &[
            "the larger of listen and GET at any number | ≤ 3.0 KiB | 3.0 KiB | yes | 50.0 KiB |",
            "| floor-serde | keep-alive | 10,000 | 11.0 KiB | 0.0 KiB | 0.0 KiB |",
            "| barewire | get | 10,000 | 13.5 KiB | 2.5 KiB | 0.0 KiB |",
            "until the last has it | ≤ 150.0 ms | 151.0 ms | **no** | – |",
            "or of a call without one | 0 bytes | 0 bytes | yes | – |",
            "with SQLite state open | ≤ 30.0 ms | 25.0 ms | yes | – |",
            "| the same where both answers have 10 entries, in instructions | ≤ 1.10x | 1.05x | yes | – |",
            "| barewire | 1,000,000 | 15.0 µs |",
            "| barewire | modern | 64 | 40.0 µs | 20,000 | 10.0 MiB |",
            "| bad tokens | 9,000 / 1,000 | 100 µs | 150 µs | 1.50x | 8.0 µs | 10.0 MiB | 11.0 MiB |",
            "| echo | 15,000 |",
        ],
        &["NaN"],
    );
    let json = report.to_json().unwrap();
    let read: Report = serde_json::from_str(&json).unwrap();
    assert_eq!(read.to_json().unwrap(), json);
}
