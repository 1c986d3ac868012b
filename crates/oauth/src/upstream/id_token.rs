//! Whether an ID token says who has just logged in, to us
//! ([OpenID Connect Core §3.1.3.7](https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation)).
//!
//! Signatures are checked by whoever has the keys, after [`check`] and before [`claims`]: what is not for us needs no key,
//! and of what is not signed no claim is read.

use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use subtle::ConstantTimeEq as _;

use super::RelyingParty;
use super::discovery::Provider;
use crate::claims::seconds;
use crate::jws::Algorithm;
use crate::secret::AccessToken;
use crate::statement::{Statement, StatementError};
use crate::stranger::visible;

/// Longest subject, in characters ([§2](https://openid.net/specs/openid-connect-core-1_0.html#IDToken)).
pub const MAX_SUBJECT: usize = 255;

/// Who somebody is, for good: the issuer as it is kept, and what it calls them. Names and addresses change hands; this does
/// not ([§5.7](https://openid.net/specs/openid-connect-core-1_0.html#ClaimStability)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The issuer.
    pub issuer: String,
    /// `sub`.
    pub subject: String,
}

/// What an ID token has to fit.
#[derive(Debug, Clone, Copy)]
pub enum Occasion<'a> {
    /// A login.
    Login {
        /// The `nonce` that was sent.
        nonce: &'a str,
        /// When it was sent.
        started_at: SystemTime,
        /// Whether the person was to be asked although the provider knew them.
        anew: bool,
    },
    /// A refresh ([§12.2](https://openid.net/specs/openid-connect-core-1_0.html#RefreshTokenResponse)).
    Refresh {
        /// Who had logged in.
        account: &'a Account,
    },
}

/// Why an ID token does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdTokenError {
    /// There is none.
    #[error("the provider gave no ID token")]
    Missing,
    /// Not a signed JWT with what an ID token has.
    #[error("the ID token cannot be read")]
    Malformed,
    /// `none`, a shared secret, or one that this provider is not expected to use.
    #[error("the ID token is signed in a way that is not accepted here")]
    Algorithm,
    /// Somebody else's.
    #[error("the ID token is of the issuer {found}, and {expected} was asked")]
    Issuer {
        /// Who was asked.
        expected: String,
        /// Who signed.
        found: String,
    },
    /// For another application, or for others too and not said to be for us.
    #[error("the ID token is for another application")]
    Audience,
    /// Another login's.
    #[error("the ID token belongs to another login")]
    Nonce,
    /// It has ended.
    #[error("the ID token has expired")]
    Expired,
    /// It is of a time that has not come; a clock is wrong.
    #[error("the ID token is of a time that has not come")]
    NotYet,
    /// It is older than the login.
    #[error("the ID token is older than the login")]
    Old,
    /// The person had to be asked, and was not.
    #[error("the provider did not ask the person again")]
    NotAsked,
    /// It does not belong to the access token beside it.
    #[error("the ID token does not belong to the access token")]
    AccessToken,
    /// About somebody else than the one who had logged in.
    #[error("the ID token is about somebody else")]
    Subject,
    /// Not signed by whom it names.
    #[error("the signature of the ID token is not good")]
    Signature,
}

impl IdTokenError {
    /// A word for whoever keeps account.
    #[must_use]
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Missing | Self::Malformed => "upstream_id_token",
            Self::Algorithm => "upstream_id_token_algorithm",
            Self::Issuer { .. } => "upstream_id_token_issuer",
            Self::Audience => "upstream_id_token_audience",
            Self::Nonce => "upstream_id_token_nonce",
            Self::Expired | Self::NotYet | Self::Old => "upstream_id_token_time",
            Self::NotAsked => "upstream_not_asked",
            Self::AccessToken => "upstream_id_token_at_hash",
            Self::Subject => "upstream_id_token_subject",
            Self::Signature => "upstream_id_token_signature",
        }
    }
}

impl From<StatementError> for IdTokenError {
    fn from(error: StatementError) -> Self {
        match error {
            StatementError::Algorithm => Self::Algorithm,
            _ => Self::Malformed,
        }
    }
}

#[derive(Deserialize)]
struct Claims {
    #[serde(default)]
    nonce: Option<String>,
    #[serde(default)]
    azp: Option<String>,
    #[serde(default)]
    at_hash: Option<String>,
    #[serde(default)]
    auth_time: Option<u64>,
    /// The organisation, at a provider of many.
    #[serde(default)]
    tid: Option<String>,
}

/// Whose ID token this is, if it is for us, for this occasion and for now. Its signature is still to be looked at.
///
/// # Errors
/// [`IdTokenError`].
pub fn check(
    token: &Statement<'_>,
    party: &RelyingParty,
    provider: &Provider,
    occasion: &Occasion<'_>,
    access_token: Option<&AccessToken>,
    now: SystemTime,
) -> Result<Account, IdTokenError> {
    if !party.accepts(token.algorithm) {
        return Err(IdTokenError::Algorithm);
    }
    let claims: Claims = token.claims().ok_or(IdTokenError::Malformed)?;
    let issuer = provider
        .issuer
        .canonical(&token.issuer)
        .filter(|_| !provider.issuer.contradicts(&token.issuer, claims.tid.as_deref()))
        .ok_or_else(|| IdTokenError::Issuer {
            expected: provider.issuer.shown(),
            found: visible(&token.issuer, 200),
        })?;
    let ours = |audience: &String| *audience == party.client_id;
    let azp_is_ours = claims.azp.as_ref().map(ours);
    let alone = token.audiences.len() == 1;
    if !token.audiences.iter().any(ours)
        || azp_is_ours == Some(false)
        || !(alone || azp_is_ours == Some(true))
    {
        return Err(IdTokenError::Audience);
    }
    if !(1..=MAX_SUBJECT).contains(&token.subject.chars().count()) {
        return Err(IdTokenError::Malformed);
    }
    let issued = token.issued.ok_or(IdTokenError::Malformed)?;
    let (seconds_now, leeway) = (seconds(now), party.leeway.as_secs());
    if token.expires.saturating_add(leeway) <= seconds_now {
        return Err(IdTokenError::Expired);
    }
    if issued.max(token.not_before.unwrap_or(0)) > seconds_now.saturating_add(leeway) {
        return Err(IdTokenError::NotYet);
    }
    if let (Some(hash), Some(access_token)) = (&claims.at_hash, access_token)
        && !bool::from(hash.as_bytes().ct_eq(half_hash(token.algorithm, access_token).as_bytes()))
    {
        return Err(IdTokenError::AccessToken);
    }
    match *occasion {
        Occasion::Login { nonce, started_at, anew } => {
            let given = claims.nonce.as_deref().unwrap_or_default();
            if !bool::from(given.as_bytes().ct_eq(nonce.as_bytes())) {
                return Err(IdTokenError::Nonce);
            }
            let started = seconds(started_at);
            if issued.saturating_add(leeway) < started {
                return Err(IdTokenError::Old);
            }
            if anew && claims.auth_time.is_some_and(|at| at.saturating_add(leeway) < started) {
                return Err(IdTokenError::NotAsked);
            }
        }
        Occasion::Refresh { account } => {
            if account.issuer != issuer || account.subject != token.subject {
                return Err(IdTokenError::Subject);
            }
        }
    }
    Ok(Account { issuer, subject: token.subject.clone() })
}

/// All claims of an ID token whose signature is good.
#[must_use]
pub fn claims(token: &Statement<'_>) -> Map<String, Value> {
    token.claims().unwrap_or_default()
}

/// Adds what the userinfo endpoint says of the same person; what the ID token says goes first.
///
/// # Errors
/// [`IdTokenError::Subject`] when it speaks of somebody else
/// ([§5.3.2](https://openid.net/specs/openid-connect-core-1_0.html#UserInfoResponse)), [`IdTokenError::Malformed`].
pub fn with_userinfo(claims: &mut Map<String, Value>, userinfo: &[u8]) -> Result<(), IdTokenError> {
    let said: Map<String, Value> = serde_json::from_slice(userinfo).map_err(|_| IdTokenError::Malformed)?;
    if said.get("sub").and_then(Value::as_str) != claims.get("sub").and_then(Value::as_str) {
        return Err(IdTokenError::Subject);
    }
    for (name, value) in said {
        claims.entry(name).or_insert(value);
    }
    Ok(())
}

/// The left half of the hash that belongs to the algorithm
/// ([§3.1.3.6](https://openid.net/specs/openid-connect-core-1_0.html#CodeIDToken)).
fn half_hash(algorithm: Algorithm, access_token: &AccessToken) -> String {
    let text = access_token.expose().as_bytes();
    let hash = match algorithm {
        Algorithm::Es256 | Algorithm::Rs256 | Algorithm::Ps256 => Sha256::digest(text).to_vec(),
        Algorithm::Es384 | Algorithm::Rs384 | Algorithm::Ps384 => Sha384::digest(text).to_vec(),
        Algorithm::Rs512 | Algorithm::Ps512 | Algorithm::EdDsa => Sha512::digest(text).to_vec(),
    };
    URL_SAFE_NO_PAD.encode(&hash[..hash.len() / 2])
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use serde_json::json;

    use super::*;
    use crate::statement::tests::unsigned;
    use crate::upstream::Profile;
    use crate::upstream::discovery::tests::{TID, provider};
    use crate::upstream::tests::party;

    const ISSUER: &str = "https://idp.example";

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn token(header: &Value, changes: &Value) -> String {
        let mut claims = json!({
            "iss": ISSUER, "sub": "u-1", "aud": "our-id", "exp": 1_300, "iat": 1_000, "nonce": "n"
        });
        for (name, value) in changes.as_object().unwrap() {
            match value {
                Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
                value => claims[name] = value.clone(),
            }
        }
        unsigned(header, &claims)
    }

    fn verdict(
        party: &RelyingParty,
        header: &Value,
        changes: &Value,
        occasion: &Occasion<'_>,
    ) -> Result<Account, IdTokenError> {
        let idp = provider(party, &party.issuer);
        let text = token(header, changes);
        let statement = Statement::read(&text)?;
        let access_token = AccessToken::new("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y");
        check(&statement, party, &idp, occasion, Some(&access_token), at(1_005))
    }

    fn issuer_error(found: &str) -> IdTokenError {
        IdTokenError::Issuer { expected: ISSUER.to_owned(), found: found.to_owned() }
    }

    #[test]
    fn an_id_token_is_for_us_and_for_this_login() {
        let header = json!({ "alg": "RS256", "kid": "k" });
        let check = |changes: Value, expected: Result<(), IdTokenError>| {
            let login = Occasion::Login { nonce: "n", started_at: at(1_000), anew: false };
            let verdict = verdict(&party(Profile::Generic, ISSUER), &header, &changes, &login);
            assert_eq!(verdict.map(|_| ()), expected, "{changes}");
        };
        check(json!({}), Ok(()));
        check(json!({ "iss": "https://evil.example" }), Err(issuer_error("https://evil.example")));
        check(json!({ "iss": "https://idp.example/" }), Err(issuer_error("https://idp.example/")));
        // Substitution: good tokens that were made for others.
        check(json!({ "aud": "another" }), Err(IdTokenError::Audience));
        check(json!({ "aud": ["another"] }), Err(IdTokenError::Audience));
        check(json!({ "aud": [] }), Err(IdTokenError::Audience));
        check(json!({ "aud": ["our-id"] }), Ok(()));
        check(json!({ "aud": ["our-id", "another"] }), Err(IdTokenError::Audience));
        check(json!({ "aud": ["our-id", "another"], "azp": "our-id" }), Ok(()));
        check(json!({ "aud": ["our-id", "another"], "azp": "another" }), Err(IdTokenError::Audience));
        check(json!({ "azp": "another" }), Err(IdTokenError::Audience));
        check(json!({ "azp": "our-id" }), Ok(()));
        for nonce in [Value::Null, json!(""), json!("m"), json!("n ")] {
            check(json!({ "nonce": nonce }), Err(IdTokenError::Nonce));
        }
        check(json!({ "nonce": 7 }), Err(IdTokenError::Malformed));
        check(json!({ "exp": 996 }), Ok(()));
        check(json!({ "exp": 995 }), Err(IdTokenError::Expired));
        check(json!({ "iat": null }), Err(IdTokenError::Malformed));
        check(json!({ "iat": 1_015 }), Ok(()));
        check(json!({ "iat": 1_016 }), Err(IdTokenError::NotYet));
        check(json!({ "nbf": 1_016 }), Err(IdTokenError::NotYet));
        check(json!({ "iat": 990 }), Ok(()));
        check(json!({ "iat": 989 }), Err(IdTokenError::Old));
        for sub in [Value::Null, json!(""), json!("x".repeat(256)), json!(7)] {
            check(json!({ "sub": sub }), Err(IdTokenError::Malformed));
        }
        // The example of OpenID Connect Core, A.3.
        check(json!({ "at_hash": "77QmUPtjPfzWtF2AnpK9RQ" }), Ok(()));
        check(json!({ "at_hash": "77QmUPtjPfzWtF2AnpK9RR" }), Err(IdTokenError::AccessToken));
        check(json!({ "auth_time": 5 }), Ok(()));
    }

    #[test]
    fn algorithms_are_those_of_the_provider() {
        let login = Occasion::Login { nonce: "n", started_at: at(1_000), anew: false };
        let check = |profile, issuer: &str, alg: &str, expected: bool| {
            let header = json!({ "alg": alg });
            let verdict = verdict(&party(profile, issuer), &header, &json!({ "iss": issuer }), &login);
            assert_eq!(verdict.is_ok(), expected, "{profile:?} {alg} {verdict:?}");
            assert!(verdict.is_ok() || verdict == Err(IdTokenError::Algorithm), "{verdict:?}");
        };
        for alg in ["none", "None", "HS256", "HS512", ""] {
            for profile in [Profile::Okta, Profile::Keycloak, Profile::Generic] {
                check(profile, ISSUER, alg, false);
            }
        }
        check(Profile::Okta, ISSUER, "RS256", true);
        check(Profile::Okta, ISSUER, "ES256", false);
        check(Profile::Keycloak, ISSUER, "ES256", true);
        check(Profile::Generic, ISSUER, "EdDSA", true);
        check(Profile::Auth0, "https://t.example/", "RS256", true);
        check(Profile::Auth0, "https://t.example/", "RS512", false);
    }

    #[test]
    fn who_had_to_be_asked_was() {
        let header = json!({ "alg": "RS256" });
        let login = Occasion::Login { nonce: "n", started_at: at(1_000), anew: true };
        let party = party(Profile::Generic, ISSUER);
        for (auth_time, expected) in
            [(json!(989), Some(IdTokenError::NotAsked)), (json!(990), None), (Value::Null, None)]
        {
            let verdict = verdict(&party, &header, &json!({ "auth_time": auth_time }), &login);
            assert_eq!(verdict.err(), expected, "{auth_time}");
        }
    }

    #[test]
    fn a_refresh_speaks_of_the_same_person() {
        let header = json!({ "alg": "RS256" });
        let party = party(Profile::Generic, ISSUER);
        let account = Account { issuer: ISSUER.to_owned(), subject: "u-1".to_owned() };
        let refresh = Occasion::Refresh { account: &account };
        let check = |changes: Value, expected: Result<Account, IdTokenError>| {
            assert_eq!(verdict(&party, &header, &changes, &refresh), expected, "{changes}");
        };
        check(json!({ "nonce": null, "iat": 5 }), Ok(account.clone()));
        check(json!({ "sub": "u-2" }), Err(IdTokenError::Subject));
        check(json!({ "aud": "another" }), Err(IdTokenError::Audience));
        check(json!({ "exp": 5 }), Err(IdTokenError::Expired));
    }

    #[test]
    fn both_versions_of_one_organisation_speak_of_one_account() {
        let own = format!("https://login.microsoftonline.com/{TID}/v2.0");
        let party = party(Profile::Entra, &own);
        let (header, login) =
            (json!({ "alg": "RS256" }), Occasion::Login { nonce: "n", started_at: at(1_000), anew: false });
        let check =
            |iss: &str, tid: Value| verdict(&party, &header, &json!({ "iss": iss, "tid": tid }), &login);
        let account = Account { issuer: own.clone(), subject: "u-1".to_owned() };
        let v1 = format!("https://sts.windows.net/{TID}/");
        assert_eq!(check(&own, json!(TID)), Ok(account.clone()));
        assert_eq!(check(&v1, json!(TID)), Ok(account.clone()));
        assert_eq!(check(&v1, Value::Null), Ok(account));
        for (iss, tid) in [
            (own.as_str(), "1a2b3c4d-0000-4000-8000-00000000000b"),
            ("https://sts.windows.net/1a2b3c4d-0000-4000-8000-00000000000b/", TID),
            ("https://login.microsoftonline.com/{tenantid}/v2.0", TID),
        ] {
            assert!(matches!(check(iss, json!(tid)), Err(IdTokenError::Issuer { .. })), "{iss} {tid}");
        }
    }

    #[test]
    fn userinfo_is_about_the_same_person_and_adds_only() {
        let claims = || {
            let text = token(&json!({ "alg": "RS256" }), &json!({ "groups": ["a"] }));
            claims(&Statement::read(&text).unwrap())
        };
        let mut all = claims();
        with_userinfo(&mut all, br#"{"sub":"u-1","groups":["b"],"email":"a@b"}"#).unwrap();
        assert_eq!((&all["groups"], &all["email"]), (&json!(["a"]), &json!("a@b")));
        for (userinfo, expected) in [
            (r#"{"sub":"u-2","groups":["b"]}"#, IdTokenError::Subject),
            (r#"{"groups":["b"]}"#, IdTokenError::Subject),
            (r#"{"sub":null}"#, IdTokenError::Subject),
            ("[]", IdTokenError::Malformed),
        ] {
            assert_eq!(with_userinfo(&mut claims(), userinfo.as_bytes()), Err(expected), "{userinfo}");
        }
    }
}
