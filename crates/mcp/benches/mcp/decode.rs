//! From the bytes of a body to what is asked for.

use std::hint::black_box;

use barewire_mcp::server::accept_post;
use criterion::{Criterion, Throughput};
use serde_json::{Value, json};

use crate::requests::{Wanted, echo, legacy, modern};

pub(crate) fn bench(criterion: &mut Criterion) {
    let call = json!({ "name": "echo", "arguments": { "text": "hello" } });
    let page = json!({ "cursor": "c".repeat(80) });
    let again = json!({ "name": "echo", "inputResponses": { "ok": {} }, "requestState": "s" });
    let mut group = criterion.benchmark_group("decode");
    for (name, wanted) in [
        ("call, 2026-07-28", echo("hello")),
        ("call, 2025-11-25", legacy("tools/call", &call)),
        ("list, 2026-07-28", modern("tools/list", None, page.clone())),
        ("list, 2025-11-25", legacy("tools/list", &page)),
        ("call with answers", modern("tools/call", Some("echo"), again)),
        ("ping", legacy("ping", &json!({}))),
        ("refused: not JSON", Wanted { body: "{\"jsonrpc\":".into(), ..echo("") }),
        ("refused: another name in the header", echo("hello").with("mcp-name", "other")),
        ("1 kB of text", echo(&"x".repeat(1_000))),
        ("64 kB of text", echo(&"x".repeat(64_000))),
        ("4 MB of text", echo(&"x".repeat(4_000_000))),
        ("64 kB of numbers", numbers(9_000)),
        ("4 MB of numbers", numbers(560_000)),
    ] {
        group.throughput(Throughput::Bytes(wanted.body.len() as u64));
        group.bench_function(name, |bench| {
            bench.iter(|| accept_post(&wanted.parts, black_box(&wanted.body)));
        });
    }
    group.finish();
}

fn numbers(count: u32) -> Wanted {
    let numbers: Vec<Value> = (0..count).map(|number| (100_000 + number).into()).collect();
    modern("tools/call", Some("sum"), json!({ "name": "sum", "arguments": { "numbers": numbers } }))
}
