//! Sealed values: session ids, cursors and request states.

use std::hint::black_box;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use barewire_mcp_server::{KeyRing, Purpose, Secret};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn seal(criterion: &mut Criterion) {
    let secret = || Secret::new([7; 32]).expect("it is long enough");
    let ring = KeyRing::new(&secret(), &[]);
    let rotated = KeyRing::new(&Secret::new([8; 32]).expect("it is long enough"), &[secret()]);
    let (now, end): (SystemTime, SystemTime) = (UNIX_EPOCH, UNIX_EPOCH + Duration::from_secs(60));
    let who = b"alice and her client";
    let mut group = criterion.benchmark_group("seal");
    for (name, purpose, size) in [
        ("cursor of 16 bytes", Purpose::Cursor, 16),
        ("session of 160 bytes", Purpose::Session, 160),
        ("state of 16 KiB", Purpose::RequestState, 16 * 1_024),
    ] {
        let payload = vec![b'x'; size];
        let sealed = ring.seal(purpose, who, end, &payload);
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(format!("seal a {name}"), |bench| {
            bench.iter(|| ring.seal(purpose, who, end, black_box(&payload)));
        });
        group.bench_function(format!("open a {name}"), |bench| {
            bench.iter(|| ring.open(purpose, who, now, black_box(&sealed)));
        });
        group.bench_function(format!("open a {name} of the key before"), |bench| {
            bench.iter(|| rotated.open(purpose, who, now, black_box(&sealed)));
        });
        group.bench_function(format!("refuse a {name} of somebody else"), |bench| {
            bench.iter(|| ring.open(purpose, b"bob", now, black_box(&sealed)));
        });
    }
    group.finish();
}

criterion_group!(benches, seal);
criterion_main!(benches);
