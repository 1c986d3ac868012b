//! From an outcome to the bytes of a message.

use std::hint::black_box;

use barewire_mcp::error::{Error, HeaderMismatch};
use barewire_mcp::jsonrpc::Id;
use barewire_mcp::revision::Era;
use barewire_mcp::server::error_message;
use barewire_mcp::types::caching::CacheHint;
use barewire_mcp::types::implementation::Implementation;
use barewire_mcp::types::json::RawJson;
use barewire_mcp::types::operation::Outcome;
use barewire_mcp::types::tools::{CallToolResult, ListToolsResult, Tool};
use barewire_mcp::wire::{v2025_11_25, v2026_07_28};
use criterion::Criterion;
use serde_json::json;

pub(crate) fn bench(criterion: &mut Criterion) {
    let (id, info) = (Id::from(1), Implementation::new("bench", "1.0.0"));
    let user =
        RawJson::from(json!({ "id": 7, "name": "User 7", "email": "user7@example.com", "active": true }));
    let structured =
        CallToolResult { structured_content: Some(user.clone()), ..CallToolResult::text(user.as_str()) };
    let tools = (0..250).map(|number| Tool::new(format!("tool_{number}"), "One of many.")).collect();
    let mut group = criterion.benchmark_group("encode");
    for (name, outcome) in [
        ("text", Outcome::CallTool(CallToolResult::text("hello"))),
        ("structured", Outcome::CallTool(structured)),
        ("text of 64 kB", Outcome::CallTool(CallToolResult::text("x".repeat(64_000)))),
        ("page of 250 tools", Outcome::ListTools(ListToolsResult { tools, ..ListToolsResult::default() })),
    ] {
        group.bench_function(format!("{name}, 2026-07-28"), |bench| {
            bench.iter(|| {
                v2026_07_28::encode_result(&id, black_box(&outcome), CacheHint::default(), Some(&info))
            });
        });
        group.bench_function(format!("{name}, 2025-11-25"), |bench| {
            bench.iter(|| v2025_11_25::encode_result(&id, black_box(&outcome)));
        });
    }
    let error = Error::HeaderMismatch(HeaderMismatch::Missing { header: "Mcp-Name".to_owned() });
    group.bench_function("error", |bench| {
        bench.iter(|| error_message(&id, black_box(&error), Era::Modern));
    });
    group.finish();
}
