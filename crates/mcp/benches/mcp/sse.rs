//! Event streams, written and read.

use std::hint::black_box;

use barewire_mcp::http::sse::{Decoder, Event, encode, message};
use criterion::{Criterion, Throughput};

const NOTIFICATION: &str = r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":7,"progress":1,"total":3}}"#;

pub(crate) fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sse");
    group.bench_function("write a message", |bench| {
        bench.iter(|| message(black_box(NOTIFICATION.as_bytes())));
    });
    let event = Event { id: Some("e".repeat(80)), data: NOTIFICATION.to_owned(), ..Event::default() };
    group.bench_function("write an event with an id", |bench| bench.iter(|| encode(black_box(&event))));

    let large = message(format!("\"{}\"", "x".repeat(1_000_000)).as_bytes());
    for (name, stream, piece) in [
        ("1,000 messages, whole", message(NOTIFICATION.as_bytes()).repeat(1_000), usize::MAX),
        ("1,000 messages, in pieces of 1,400", message(NOTIFICATION.as_bytes()).repeat(1_000), 1_400),
        ("1,000 messages, in pieces of 7", message(NOTIFICATION.as_bytes()).repeat(1_000), 7),
        ("1 MB in one message, in pieces of 16 KiB", large.to_vec(), 16 * 1_024),
    ] {
        group.throughput(Throughput::Bytes(stream.len() as u64));
        group.bench_function(format!("read {name}"), |bench| {
            bench.iter(|| {
                let mut decoder = Decoder::new(4_000_000);
                let pieces = stream.chunks(piece.min(stream.len()));
                pieces
                    .map(|piece| decoder.feed(black_box(piece)).map_or(0, |events| events.len()))
                    .sum::<usize>()
            });
        });
    }
    group.finish();
}
