//! `WWW-Authenticate`: bounded, and each challenge that was read is written as itself.
#![no_main]

use barewire_oauth::challenge::{Challenge, MAX_HEADER_BYTES, MAX_PARAMETERS};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(header) = std::str::from_utf8(data) else { return };
    let challenges = Challenge::parse_all(header);
    for challenge in &challenges {
        assert!(challenge.parameters.len() <= MAX_PARAMETERS && !challenge.scheme.is_empty());
        let _ = (challenge.error(), challenge.scope(), challenge.resource_metadata());
        let written = challenge.to_string();
        if written.len() <= MAX_HEADER_BYTES {
            assert_eq!(Challenge::parse_all(&written), [challenge.clone()], "{written}");
        }
    }
    match Challenge::select(header.lines()) {
        Some(selected) => assert!(selected.is_oauth()),
        None if header.lines().count() == 1 => assert!(!challenges.iter().any(Challenge::is_oauth)),
        None => {}
    }
});
