//! A proof of possession: a line of JSON that is its header, and its claims behind it. Every signature is good here, so
//! that what counts is everything else.
#![no_main]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use barewire_oauth::dpop::{PROOF_HEADER, ProofLimits, Proofs, ProvenRequest, Target};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use libfuzzer_sys::fuzz_target;

/// The time of the seeds.
const NOW: u64 = 1_562_262_618;

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW)
}

fn fresh() -> Proofs {
    let begun = now() - Duration::from_secs(3_600);
    Proofs::new(&ProofLimits::default(), &[7; 32], |_, _, _, _| true, begun)
}

fuzz_target!(|data: &[u8]| {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (header, claims) = (&data[..end], data.get(end + 1..).unwrap_or_default());
    let made = format!("{}.{}.c2ln", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let target = Target::parse("https://resource.example.org/protectedresource").expect("it is a URL");
    let token = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
    let about = ProvenRequest { method: &Method::GET, target: &target, access_token: Some(token) };
    for text in [made.as_bytes(), data] {
        let Ok(value) = HeaderValue::from_bytes(text) else { continue };
        let headers = HeaderMap::from_iter([(HeaderName::from_static(PROOF_HEADER), value)]);
        let proofs = fresh();
        let key = match proofs.check(&headers, &about, None, now()) {
            Ok(key) => key,
            Err(error) => {
                assert!(!error.to_string().is_empty() && !error.word().is_empty());
                continue;
            }
        };
        assert_eq!(key.len(), 43, "a SHA-256 in base64url");
        assert!(proofs.check(&headers, &about, Some(&key), now()).is_err(), "it counts once");
        assert!(fresh().check(&headers, &about, Some(&key), now()).is_ok(), "it is for its key");
        let another = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4J";
        assert!(fresh().check(&headers, &about, Some(another), now()).is_err());
        let elsewhere = Target::parse("https://resource.example.org/other").expect("it is a URL");
        for other in [
            ProvenRequest { method: &Method::POST, ..about },
            ProvenRequest { target: &elsewhere, ..about },
            ProvenRequest { access_token: Some("another"), ..about },
        ] {
            assert!(fresh().check(&headers, &other, None, now()).is_err(), "it is for one request");
        }
        let tomorrow = now() + Duration::from_secs(86_400);
        assert!(fresh().check(&headers, &about, None, tomorrow).is_err(), "it is for now");
    }
});
