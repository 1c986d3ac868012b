//! A batch of 2025-03-26: bounded, and each member is what it would be by itself.
#![no_main]

use std::collections::HashSet;

use barewire_mcp::client;
use barewire_mcp::jsonrpc::parse_batch;
use barewire_mcp::revision::Revision;
use barewire_mcp::server::http_sse::accept_message;
use barewire_mcp::server::legacy::{Incoming, accept_batch};
use libfuzzer_sys::fuzz_target;

const MAX: usize = 8;

fuzz_target!(|data: &[u8]| {
    let members = parse_batch(data, MAX);
    if let Ok(members) = &members {
        assert!((1..=MAX).contains(&members.len()));
        let read = client::messages(Revision::V2025_03_26, data, MAX).expect("it is a batch");
        assert!(read.iter().copied().eq(members.iter().map(|member| member.get().as_bytes())));
    }
    let Ok(accepted) = accept_batch(data, MAX) else { return };
    let members = members.expect("whose members are accepted is a batch");
    assert_eq!(accepted.len(), members.len());
    let mut ids = HashSet::new();
    for (accepted, raw) in accepted.into_iter().zip(members) {
        assert_eq!(accepted.bytes, raw.get().len());
        if let Ok(message) = accepted.message {
            if let Incoming::Request { id, .. } = &message {
                assert!(accepted.is_answered && ids.insert(id.clone()));
            }
            assert_eq!(accept_message(raw.get().as_bytes()), Ok(message));
        }
    }
});
