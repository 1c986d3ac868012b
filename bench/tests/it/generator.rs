//! It counts rightly, notices a wrong answer, and an open loop does not forget who had to wait.

use std::time::Duration;

use barewire_bench::dialect::{Call, Dialect, Era};
use barewire_bench::launch::{Launch, Running};
use barewire_bench::load::{Beside, Expect, Hostile, Load, Request, WrongAnswer};
use barewire_bench::pin::Cores;
use barewire_bench::usage;
use rustix::process::{Pid, Signal, kill_process};

fn floor(kind: &str) -> Running {
    let launch = Launch::ours("floor", &["--listen", "{listen}", "--kind", kind]).unwrap();
    Running::start(&launch, &Cores::of_this_process(false).unwrap()).unwrap()
}

fn requests(floor: &Running, call: Call, connections: usize) -> Vec<Request> {
    let dialect = Dialect { address: floor.address, path: "/mcp", era: Era::Modern, token: None };
    dialect.probe(call).unwrap();
    dialect.requests(call, connections).unwrap()
}

#[test]
fn every_answer_is_counted() {
    let floor = floor("serde");
    for (call, connections) in [(Call::ECHO, 1), (Call::ECHO, 16), (Call::Echo(3_000_000), 2)] {
        let mut load = Load::connect(floor.address, requests(&floor, call, connections)).unwrap();
        let before = usage::cpu(floor.pid()).unwrap();
        let outcome = load.closed(Duration::from_millis(200)).unwrap();
        assert!(outcome.requests >= connections as u64, "{outcome:?}");
        assert_eq!(outcome.latency.len(), outcome.requests);
        assert_eq!((outcome.reconnects, outcome.unsent), (0, 0));
        assert!(usage::cpu(floor.pid()).unwrap() > before);

        let outcome = load.open(100.0, Duration::from_millis(200)).unwrap();
        assert_eq!(outcome.requests + outcome.unsent, 20, "{outcome:?}");
        assert_eq!(outcome.latency.len(), outcome.requests);
        assert_eq!(load.close().len(), connections);
    }
}

#[test]
fn a_wrong_answer_ends_the_run() {
    let floor = floor("fixed");
    let right = requests(&floor, Call::ECHO, 1).remove(0);
    let expectations = [
        (Expect::success().containing("hello", 1), true),
        (Expect::success().containing("hello", 2), false),
        (Expect::success().containing("goodbye", 1), false),
        (Expect::statuses(&[202, 404]), false),
        (Expect::statuses(&[404, 200]), true),
    ];
    for (number, (expect, is_right)) in expectations.into_iter().enumerate() {
        let request = Request::raw(right.bytes().to_vec(), expect);
        let mut load = Load::connect(floor.address, vec![right.clone(), request]).unwrap();
        let error = load.closed(Duration::from_millis(50)).err();
        let noticed = error.as_ref().is_some_and(|error| error.downcast_ref::<WrongAnswer>().is_some());
        assert_eq!(noticed, !is_right, "{number}: {error:?}");
    }
}

/// A server that stands still for a while delays every request that is due meanwhile, also those for which no
/// connection was free. A generator that only timed what it had sent would report one slow request.
#[test]
fn an_open_loop_counts_from_when_a_request_was_due() {
    let floor = floor("serde");
    let mut load = Load::connect(floor.address, requests(&floor, Call::ECHO, 1)).unwrap();
    let pid = Pid::from_raw(floor.pid().try_into().unwrap()).unwrap();
    kill_process(pid, Signal::STOP).unwrap();
    let standing = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(300));
        kill_process(pid, Signal::CONT).unwrap();
    });
    let outcome = load.open(1_000.0, Duration::from_millis(400)).unwrap();
    standing.join().unwrap();
    assert_eq!(outcome.requests + outcome.unsent, 400);
    // It stood still for 300 ms or more of these 400, so those due in the first 200 waited for 100 ms or more each.
    let late = outcome.latency.count_between(95_000_000, u64::MAX);
    assert!(late >= 190, "{late} of {}", outcome.requests);
}

/// uvicorn and Node close connections that were idle for some seconds; that is no wrong answer.
#[test]
fn a_connection_that_the_server_closed_is_opened_anew() {
    let floor = floor("fixed");
    let closing = requests(&floor, Call::ECHO, 1).remove(0);
    let text = String::from_utf8(closing.bytes().to_vec()).unwrap();
    let text = text.replacen("\r\n", "\r\nconnection: close\r\n", 1);
    let request = Request::raw(text.into_bytes(), closing.expect().clone());
    let mut load = Load::connect(floor.address, vec![request]).unwrap();
    let outcome = load.closed(Duration::from_millis(50)).unwrap();
    assert!(outcome.requests > 0);
    assert_eq!(outcome.reconnects, outcome.requests);
}

/// Hostile requests have answers of their own, which are checked as well and count for nothing else.
#[test]
fn hostile_requests_are_counted_apart() {
    let floor = floor("fixed");
    let good = requests(&floor, Call::ECHO, 4);
    let client = |bytes: &[u8], status, dribbles| Hostile {
        request: Request::raw(bytes.to_vec(), Expect::statuses(&[status])),
        dribbles,
    };
    let garbage = b"GET / HTTP/9.9\r\n\r\n";
    let clients =
        vec![client(garbage, 400, false), client(garbage, 400, true), client(good[0].bytes(), 200, false)];
    let mut load = Load::connect(floor.address, good.clone()).unwrap();
    let time = Duration::from_millis(200);
    let beside = Beside::connect(floor.address, clients, 300.0).unwrap();
    let (outcome, refusals) = load.open_beside(500.0, time, beside).unwrap();
    assert_eq!(outcome.requests + outcome.unsent, 100);
    assert_eq!(outcome.latency.len(), outcome.requests);
    assert!(refusals.sent > 0 && refusals.refused > 0, "{refusals:?}");

    let accepted = vec![client(good[0].bytes(), 401, false)];
    let beside = Beside::connect(floor.address, accepted, 300.0).unwrap();
    let error = load.open_beside(500.0, time, beside).unwrap_err();
    assert!(error.downcast_ref::<WrongAnswer>().is_some(), "{error:#}");
}
