//! `Authorization`, a line for each header, and what a token and a scope are made of.
#![no_main]

use barewire_oauth::bearer::{MAX_TOKEN_BYTES, from_authorization, presented};
use barewire_oauth::jwt::{Compact, Header};
use barewire_oauth::scope::ScopeSet;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = presented(data);
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(credentials) = from_authorization(text.lines()) {
        let token = credentials.token;
        assert!((1..=MAX_TOKEN_BYTES).contains(&token.len()));
        // It goes into logs and stores as it is.
        assert!(token.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"\\,;'".contains(&byte)));
        assert_eq!(
            presented(text.lines().next().unwrap_or_default().as_bytes()),
            Some((credentials.scheme, token.as_bytes()))
        );
    }
    if let Some(compact) = Compact::cut(text) {
        assert!(text.starts_with(compact.signed) && compact.signed.matches('.').count() == 1);
        let _ = (compact.payload(), compact.signature());
        if let Some(header) = compact.header() {
            let _ = Header::parse(&header).map(|header| header.is_access_token());
        }
    }
    let _ = Header::parse(data).map(|header| header.is_access_token());
    let scopes = ScopeSet::parse_lenient(text);
    let again = ScopeSet::parse(&scopes.to_string()).expect("what was taken are scopes");
    assert!(again.iter().eq(scopes.iter()));
    if let Ok(strict) = ScopeSet::parse(text) {
        assert!(strict.iter().eq(scopes.iter()));
    }
});
