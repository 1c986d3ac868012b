//! The head of a request: the quick answers are the thorough ones, and text that was put into a header comes out of it.
#![no_main]

use barewire_fuzz::request;
use barewire_mcp::http::headers::check_accept;
use barewire_mcp::http::origin::{Origin, OriginPolicy};
use barewire_mcp::http::value;
use barewire_mcp::server::{Policy, admit, http_sse, legacy};
use http::header::{ACCEPT, HOST, HeaderValue};
use http::uri::{Authority, Uri};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        let written = value::encode(text);
        let written = written.to_str().expect("a header is visible ASCII, blanks and tabs");
        assert_eq!(value::decode(written).as_deref(), Some(text));
        let _ = Origin::parse(text);
    }
    let Some((mut parts, _)) = request(data) else { return };
    for written in parts.headers.values().filter_map(|value| value.to_str().ok()) {
        if let Some(text) = value::decode(written) {
            let again = value::encode(&text);
            assert_eq!(value::decode(again.to_str().expect("visible ASCII")), Some(text));
        }
    }

    let public = Origin::parse("https://mcp.example.com").expect("it is one");
    let policy = Policy { origin: OriginPolicy::public(public) };
    let _ = admit(&parts, &policy);
    let _ = (http_sse::admit_stream(&parts, &policy), http_sse::session(&parts), http_sse::revision(&parts));
    let _ = (legacy::accept_get(&parts), legacy::accept_delete(&parts));

    let quick = check_accept(&parts.headers);
    if parts.headers.contains_key(ACCEPT) {
        // Nothing more is said, and in more lines than the quick answer is for.
        parts.headers.append(ACCEPT, HeaderValue::from_static(""));
        assert_eq!(quick, check_accept(&parts.headers));
    }

    let mut hosts = parts.headers.get_all(HOST).iter();
    if let (Some(host), None) = (hosts.next(), hosts.next()) {
        let quick = policy.origin.check(&parts.headers, &Uri::from_static("/mcp"));
        let same = Authority::try_from(host.as_bytes()).ok().and_then(|host| {
            Uri::builder().scheme("https").authority(host).path_and_query("/mcp").build().ok()
        });
        let thorough = same.map(|uri| policy.origin.check(&parts.headers, &uri));
        assert_eq!(quick.is_ok(), thorough.is_some_and(|checked| checked.is_ok()));
    }
});
