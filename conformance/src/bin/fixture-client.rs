//! `fixture-client URL`: the client that the official conformance suite starts.
fn main() {}
