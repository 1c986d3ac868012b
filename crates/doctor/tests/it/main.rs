//! Servers with one fault each, over real HTTP: the doctor finds it, by its name, and no other error.
//!
//! `faults.rs`: a proxy with a fault in front of our demo. `alone.rs`: small servers of their own. `tls.rs`: certificates,
//! and metadata that names the inside of a proxy. `hostile.rs`: servers that want to hold the doctor or to flood it.
//! `healthy.rs`: our demo. `guide.rs`: what the guide says.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod alone;
mod faults;
mod guide;
mod healthy;
mod hostile;
mod proxy;
mod scripted;
mod support;
mod tls;
