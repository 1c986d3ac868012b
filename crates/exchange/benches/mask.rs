//! Masking of what is recorded.

use std::hint::black_box;

use barewire_exchange::Masker;
use barewire_exchange::mask::MAX_KNOWN;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn mask(criterion: &mut Criterion) {
    let secret = |number: usize| format!("secret-{number:08}-{}", "x".repeat(30));
    let (new, full) = (Masker::new(), Masker::new());
    for number in 0..MAX_KNOWN {
        full.learn(&secret(number));
    }
    let call = r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"hello"}]}}"#;
    let told = format!("the token {} is not valid", secret(MAX_KNOWN / 2));
    let long = "Nothing in here is a secret. ".repeat(2_000);
    let mut group = criterion.benchmark_group("mask");
    for (name, text) in [("a message", call), ("a secret in an error", &told), ("58 kB of text", &long)] {
        group.throughput(Throughput::Bytes(text.len() as u64));
        for (known, masker) in [("knowing nothing", &new), ("knowing as much as it can", &full)] {
            group.bench_function(format!("{name}, {known}"), |bench| {
                bench.iter(|| masker.text(black_box(text)));
            });
        }
    }
    let url = format!("https://a.example/callback?state=abc&iss=https%3A%2F%2Fa.example&code={}", secret(7));
    group.throughput(Throughput::Bytes(url.len() as u64));
    group.bench_function("the address of a callback", |bench| bench.iter(|| new.url(black_box(&url))));
    group.finish();
}

criterion_group!(benches, mask);
criterion_main!(benches);
