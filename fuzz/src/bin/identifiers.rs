//! URLs that name something (resources, issuers, clients) and the parameters of a query or form.
#![no_main]

use std::time::Duration;

use barewire_oauth::client_authentication;
use barewire_oauth::client_document::{DocumentUrl, freshness};
use barewire_oauth::metadata::well_known;
use barewire_oauth::parameters::Parameters;
use barewire_oauth::resource::Resource;
use barewire_oauth::token;
use libfuzzer_sys::fuzz_target;
use url::Url;

fuzz_target!(|data: &[u8]| {
    let parameters = Parameters::parse(data);
    // A name that none can have: what is no text becomes three bytes for one.
    let absent = "x".repeat(3 * data.len() + 1);
    let again = parameters.without(&absent);
    assert_eq!(Parameters::parse(again.as_bytes()), parameters);
    let _ = (token::read(&parameters), client_authentication::credentials(&[], &parameters));

    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = client_authentication::credentials(&[text], &parameters);
    if let Ok(resource) = Resource::parse(text) {
        assert_eq!(resource.as_str(), text);
        assert!(resource.covers(text) && resource.is_equivalent(&resource));
        // It is shown to people, on terminals too.
        assert!(!text.chars().any(char::is_control));
    }
    if let Ok(resource) = Resource::of_server_url(text) {
        assert_eq!(Resource::of_server_url(resource.as_str()).as_ref(), Ok(&resource));
        assert!(resource.covers(text));
    }
    for allow_loopback in [false, true] {
        if let Ok(document) = DocumentUrl::parse(text, allow_loopback) {
            assert_eq!(document.url().as_str(), text);
            assert!(DocumentUrl::looks_like_one(text) && !document.host().is_empty());
        }
    }
    let origin = Url::parse(text).map(|url| url.origin());
    let locations = [well_known::protected_resource(text), well_known::authorization_server(text)];
    for location in locations.iter().flatten() {
        // A document is never looked for anywhere else.
        let url = Url::parse(&location.url).expect("it is where to look");
        assert_eq!(Ok(url.origin()), origin);
    }
    for path in well_known::paths_to_serve(well_known::PROTECTED_RESOURCE, text) {
        assert!(path.starts_with('/'));
    }
    let (least, most) = (Duration::from_secs(5), Duration::from_secs(60));
    let (cache_control, age) = text.split_once('\n').unwrap_or((text, ""));
    let fresh = freshness(Some(cache_control), Some(age), least, most);
    assert!((least..=most).contains(&fresh));
});
