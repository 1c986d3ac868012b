//! What an introspection endpoint answers, and the payloads of other people's tokens, in the words of each provider.
#![no_main]

use std::time::{Duration, UNIX_EPOCH};

use barewire_fuzz::response;
use barewire_oauth::bearer::BearerError;
use barewire_oauth::external::{ExternalClaims, OwnNames, TokenProfile, read_introspection};
use barewire_oauth::resource::Resource;
use barewire_oauth::scope::ScopeSet;
use libfuzzer_sys::fuzz_target;

const ISSUER: &str = "https://as.example";

fn names() -> OwnNames {
    let mut names = OwnNames::of(Resource::parse("https://rs.example/mcp").expect("it is a URL"));
    names.add("api://mcp");
    names
}

fn look(claims: Result<ExternalClaims, BearerError>) {
    let Ok(claims) = claims else { return };
    assert!(!claims.subject.is_empty());
    let again = ScopeSet::parse(&claims.scope.to_string()).expect("what was taken are scopes");
    assert!(again.iter().eq(claims.scope.iter()));
    let now = UNIX_EPOCH + Duration::from_secs(1_500);
    if claims.check(ISSUER, &names(), Duration::ZERO, now).is_ok() {
        let ours = |audience: &String| {
            audience == "api://mcp"
                || Resource::parse(audience).is_ok_and(|named| {
                    named.is_equivalent(&Resource::parse("https://rs.example/mcp").expect("it is a URL"))
                })
        };
        assert!(claims.audiences.iter().any(ours), "the audience is never optional");
        assert!(claims.issuer.is_none_or(|issuer| issuer == ISSUER));
        assert!(claims.expires_at.is_none_or(|end| end > 1_500));
    }
}

fuzz_target!(|data: &[u8]| {
    let profiles = [
        TokenProfile::rfc9068(),
        TokenProfile::entra(),
        TokenProfile::okta(),
        TokenProfile::auth0(),
        TokenProfile { scope_claims: vec!["/realm_access/roles".to_owned()], ..TokenProfile::keycloak() },
    ];
    for profile in &profiles {
        let read = profile.read_payload(data);
        assert!(read.as_ref().is_ok_and(|read| read.issuer.is_some() && read.expires_at.is_some()) || read.is_err());
        look(read);
    }
    let Some(answer) = response(data) else { return };
    if let Ok(Some(claims)) = read_introspection(&answer) {
        assert_eq!((answer.status().as_u16(), claims["active"].as_bool()), (200, Some(true)));
        for profile in &profiles {
            look(profile.claims(claims.clone()));
        }
    }
});
