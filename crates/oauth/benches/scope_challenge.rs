//! Scopes and challenges, read and written.

use std::hint::black_box;

use barewire_oauth::challenge::Challenge;
use barewire_oauth::scope::ScopeSet;
use criterion::{Criterion, criterion_group, criterion_main};

const HEADER: &str = r#"Bearer error="insufficient_scope", error_description="this needs the scope posts:write", scope="posts:read posts:write", resource_metadata="https://a.example/.well-known/oauth-protected-resource/mcp""#;

fn scopes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("scope");
    let hundred = (0..100).map(|number| format!("scope:{number}")).collect::<Vec<_>>().join(" ");
    for (name, text) in [("two", "posts:read posts:write"), ("a hundred", &hundred)] {
        group.bench_function(format!("read {name}"), |bench| {
            bench.iter(|| ScopeSet::parse(black_box(text)));
        });
        let set = ScopeSet::parse_lenient(text);
        group.bench_function(format!("write {name}"), |bench| bench.iter(|| black_box(&set).to_string()));
        group.bench_function(format!("compare {name}"), |bench| {
            bench.iter(|| black_box(&set).is_subset(black_box(&set)));
        });
    }
    group.finish();
}

fn challenges(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("challenge");
    let negotiate = format!("Negotiate, Basic realm=\"a, b\", {HEADER}");
    for (name, header) in [("one", HEADER), ("three", &negotiate)] {
        group.bench_function(format!("read {name}"), |bench| {
            bench.iter(|| Challenge::parse_all(black_box(header)));
        });
    }
    group.bench_function("write", |bench| {
        bench.iter(|| {
            Challenge::bearer()
                .with("error", "insufficient_scope")
                .with("scope", black_box("posts:read posts:write"))
                .to_string()
        });
    });
    group.finish();
}

criterion_group!(benches, scopes, challenges);
criterion_main!(benches);
