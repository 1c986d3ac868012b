//! What the head of a request is checked for.

use std::hint::black_box;

use barewire_mcp::http::mirrored::MirroredParams;
use barewire_mcp::http::origin::{Origin, OriginPolicy};
use barewire_mcp::server::{Policy, admit};
use barewire_mcp::types::json::RawJson;
use criterion::Criterion;
use serde_json::json;

use crate::requests::echo;

pub(crate) fn bench(criterion: &mut Criterion) {
    let origin = Origin::parse("https://mcp.example.com").expect("it is an origin");
    let policy = Policy { origin: OriginPolicy::public(origin) };
    let mut group = criterion.benchmark_group("head");
    for (name, wanted) in [
        ("loopback", echo("")),
        ("public host", echo("").with("host", "mcp.example.com")),
        ("host in capitals", echo("").with("host", "MCP.Example.com")),
        ("page of the public origin", echo("").with("origin", "https://mcp.example.com")),
        ("page of another origin", echo("").with("origin", "https://evil.example.com")),
        ("accept with weights", echo("").with("accept", "application/json;q=0.9, text/event-stream;q=0.5")),
        ("accept anything", echo("").with("accept", "*/*")),
    ] {
        group.bench_function(name, |bench| bench.iter(|| admit(black_box(&wanted.parts), &policy)));
    }

    let text = |header| json!({ "type": "string", "x-mcp-header": header });
    let schema =
        json!({ "type": "object", "properties": { "region": text("Region"), "tenant": text("Tenant") } });
    let mirrored = MirroredParams::of_schema(&RawJson::from(schema)).expect("the annotations are valid");
    let arguments = RawJson::from(json!({ "query": "x".repeat(200), "region": "eu", "tenant": "Größe" }));
    let mut headers = echo("").parts.headers;
    mirrored.write(Some(&arguments), &mut headers).expect("the arguments fit");
    group.bench_function("two mirrored arguments", |bench| {
        bench.iter(|| mirrored.check(black_box(Some(&arguments)), &headers));
    });
    group.finish();
}
