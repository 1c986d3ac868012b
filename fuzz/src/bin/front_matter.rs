//! The head of a `SKILL.md`: it comes to no more than it may, and what is below does not matter.
#![no_main]

use barewire_mcp::types::skills::front_matter;
use libfuzzer_sys::fuzz_target;

/// A name that refers to another part of the text costs a few bytes and may stand for many; this is the end of it. A file's
/// own bytes come to a fraction of it at most.
const MAX_BYTES: usize = 4 * 1024 * 1024;

fuzz_target!(|data: &[u8]| {
    let read = front_matter(data);
    if let Ok(read) = &read {
        let written = serde_json::to_string(read).expect("what was read can be written");
        assert!(written.len() <= MAX_BYTES, "{} bytes out of {}", written.len(), data.len());
        assert_eq!(front_matter(&[data, b"\n---\n# Below"].concat()).as_ref(), Ok(read));
    }
});
