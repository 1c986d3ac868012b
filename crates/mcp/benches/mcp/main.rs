//! What the protocol itself costs: `cargo bench -p barewire-mcp [-- decode]`.
//!
//! For differences that are too small for a clock, `hot-path` of the package `barewire-bench` counts instructions.

mod decode;
mod encode;
mod head;
mod requests;
mod sse;

criterion::criterion_group!(benches, decode::bench, encode::bench, head::bench, sse::bench);
criterion::criterion_main!(benches);
