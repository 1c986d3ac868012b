//! Reading what somebody signed about somebody: a client about itself, an identity provider about a user, a platform about
//! a workload. What has to hold for all of them stands here ([RFC 7523 §3](https://www.rfc-editor.org/rfc/rfc7523#section-3));
//! signatures are checked by whoever has the keys, and whether it was used before is looked up by whoever remembers.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::claims::{MAX_AUDIENCES, seconds};
use crate::json;
use crate::jws::Algorithm;
use crate::jwt::{Compact, Header};

/// Longest `jti`, in bytes.
pub const MAX_ID_BYTES: usize = 512;

/// A signed statement whose signature nobody has checked yet.
#[derive(Debug, Clone)]
pub struct Statement<'a> {
    /// How it is signed.
    pub algorithm: Algorithm,
    /// With which key (`kid`).
    pub key_id: Option<String>,
    /// What the signature is over.
    pub signed: &'a str,
    /// The signature.
    pub signature: Vec<u8>,
    /// Who says it.
    pub issuer: String,
    /// About whom.
    pub subject: String,
    /// Its own identifier.
    pub id: Option<String>,
    typ: Option<String>,
    pub(crate) audiences: Vec<String>,
    pub(crate) expires: u64,
    pub(crate) not_before: Option<u64>,
    pub(crate) issued: Option<u64>,
    payload: Vec<u8>,
}

/// What whoever reads a statement expects of it.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The names of the reader. A statement that is for somebody else *too* is refused: he could pass it on.
    pub audiences: &'a [&'a str],
    /// The accepted `typ`s; an absent one is written as the empty string. They keep a token that somebody signed for
    /// another purpose from being taken for this one ([RFC 8725 §3.11](https://www.rfc-editor.org/rfc/rfc8725#section-3.11)).
    pub types: &'a [&'a str],
    /// How far the clocks may be apart.
    pub leeway: Duration,
    /// How far its end may lie ahead: that long it has to be remembered that it was used.
    pub max_lifetime: Duration,
}

/// Why a statement does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// Not three parts of base64url with JSON in them, or a claim that is needed is missing or has another type.
    #[error("it is not a signed JWT with iss, sub, aud and exp")]
    Malformed,
    /// `none`, a shared secret, or one that is not known here.
    #[error("its algorithm is not accepted")]
    Algorithm,
    /// It was made for another purpose.
    #[error("its typ is not the one of such a statement")]
    Type,
    /// Not by whom it has to be.
    #[error("its iss is not the one expected")]
    Issuer,
    /// Not about whom it has to be.
    #[error("its sub is not the one expected")]
    Subject,
    /// For another client than the one that presents it.
    #[error("its client_id is not the client that presents it")]
    Client,
    /// About a user whom nobody knows here, or a workload that no rule names.
    #[error("nobody here is whom it is about")]
    Unknown,
    /// Not for this server, or not only.
    #[error("its aud is not this server alone")]
    Audience,
    /// It has ended.
    #[error("it has expired")]
    Expired,
    /// It has not begun.
    #[error("it is not valid yet")]
    NotYetValid,
    /// It lasts for longer than is accepted.
    #[error("it is valid for too long")]
    TooLong,
    /// It has no `jti`, so that nobody could tell whether it was used.
    #[error("it has no jti")]
    NoId,
    /// Not signed by whom it names.
    #[error("its signature is not good")]
    Signature,
    /// It was used before.
    #[error("it was used before")]
    Used,
}

impl StatementError {
    /// A word for whoever keeps account.
    #[must_use]
    pub fn rule(self) -> &'static str {
        match self {
            Self::Malformed => "malformed_assertion",
            Self::Algorithm => "assertion_algorithm",
            Self::Type => "assertion_type",
            Self::Issuer => "assertion_issuer",
            Self::Subject => "assertion_subject",
            Self::Client => "assertion_client",
            Self::Unknown => "assertion_unknown_subject",
            Self::Audience => "assertion_audience",
            Self::Expired => "assertion_expired",
            Self::NotYetValid => "assertion_not_yet_valid",
            Self::TooLong => "assertion_too_long",
            Self::NoId => "assertion_without_id",
            Self::Signature => "assertion_signature",
            Self::Used => "assertion_replay",
        }
    }
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audiences,
    exp: Seconds,
    #[serde(default)]
    nbf: Option<Seconds>,
    #[serde(default)]
    iat: Option<Seconds>,
    #[serde(default)]
    jti: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audiences {
    One(String),
    Many(Vec<String>),
}

impl Audiences {
    /// All of them; `None` where there are too many.
    fn list(self) -> Option<Vec<String>> {
        match self {
            Self::One(one) => Some(vec![one]),
            Self::Many(many) => (many.len() <= MAX_AUDIENCES).then_some(many),
        }
    }
}

/// For whom somebody's statement is, as whoever only passes it on can see; `None` for what is no JWT or does not say so.
#[must_use]
pub fn audiences(text: &str) -> Option<Vec<String>> {
    #[derive(Deserialize)]
    struct Audience {
        aud: Audiences,
    }
    let payload = Compact::cut(text)?.payload()?;
    json::object::<Audience>(&payload).ok()?.aud.list()
}

/// `NumericDate`; fractions are allowed ([RFC 7519 §2](https://www.rfc-editor.org/rfc/rfc7519#section-2)), and cut off.
#[derive(Clone, Copy, Deserialize)]
#[serde(untagged)]
enum Seconds {
    Whole(u64),
    Fraction(f64),
}

impl Seconds {
    fn whole(self) -> u64 {
        match self {
            Self::Whole(seconds) => seconds,
            // A cast saturates, and what is no number becomes zero.
            Self::Fraction(seconds) => seconds as u64,
        }
    }
}

impl<'a> Statement<'a> {
    /// Takes a statement apart. Nothing in it is believed yet.
    ///
    /// # Errors
    /// [`StatementError::Malformed`], [`StatementError::Algorithm`].
    pub fn read(text: &'a str) -> Result<Self, StatementError> {
        let malformed = || StatementError::Malformed;
        let jwt = Compact::cut(text).ok_or_else(malformed)?;
        let header = jwt.header().ok_or_else(malformed)?;
        let header = Header::parse(&header).ok_or_else(malformed)?;
        let algorithm = Algorithm::from_word(&header.alg).ok_or(StatementError::Algorithm)?;
        let payload = jwt.payload().ok_or_else(malformed)?;
        let claims: Claims = json::object(&payload).map_err(|_| malformed())?;
        let audiences = claims.aud.list().ok_or_else(malformed)?;
        Ok(Self {
            algorithm,
            key_id: header.kid.map(String::from),
            signed: jwt.signed,
            signature: jwt.signature().ok_or_else(malformed)?,
            issuer: claims.iss,
            subject: claims.sub,
            id: claims.jti.filter(|id| (1..=MAX_ID_BYTES).contains(&id.len())),
            typ: header.typ.map(String::from),
            audiences,
            expires: claims.exp.whole(),
            not_before: claims.nbf.map(Seconds::whole),
            issued: claims.iat.map(Seconds::whole),
            payload,
        })
    }

    /// Checks type, audience and times.
    ///
    /// # Errors
    /// [`StatementError`].
    pub fn check(&self, expected: &Expected<'_>, now: SystemTime) -> Result<(), StatementError> {
        let typ = self.typ.as_deref().unwrap_or_default();
        let typ = typ.strip_prefix("application/").unwrap_or(typ);
        if !expected.types.iter().any(|known| known.eq_ignore_ascii_case(typ)) {
            return Err(StatementError::Type);
        }
        let ours = |audience: &String| expected.audiences.contains(&audience.as_str());
        if self.audiences.is_empty() || !self.audiences.iter().all(ours) {
            return Err(StatementError::Audience);
        }
        let (now, leeway) = (seconds(now), expected.leeway.as_secs());
        if self.expires.saturating_add(leeway) <= now {
            return Err(StatementError::Expired);
        }
        let begins = self.not_before.max(self.issued).unwrap_or(0);
        if begins > now.saturating_add(leeway) {
            return Err(StatementError::NotYetValid);
        }
        if self.expires > now.saturating_add(expected.max_lifetime.as_secs()).saturating_add(leeway) {
            return Err(StatementError::TooLong);
        }
        Ok(())
    }

    /// Until when it has to be remembered that it was used; [`Statement::check`] bounds it.
    #[must_use]
    pub fn forgettable_at(&self, leeway: Duration) -> SystemTime {
        let end = Duration::from_secs(self.expires).saturating_add(leeway);
        UNIX_EPOCH.checked_add(end).unwrap_or(UNIX_EPOCH)
    }

    /// Further claims; `None` when they have other types.
    #[must_use]
    pub fn claims<T: DeserializeOwned>(&self) -> Option<T> {
        json::object(&self.payload).ok()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::{Value, json};

    use super::*;

    /// A statement with this header and payload, and a signature that nobody made.
    pub(crate) fn unsigned(header: &Value, payload: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.c2ln", part(header), part(payload))
    }

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn type_audience_and_times() {
        let expected = Expected {
            audiences: &["https://as.example", "https://as.example/token"],
            types: &["", "JWT"],
            leeway: Duration::from_secs(10),
            max_lifetime: Duration::from_secs(600),
        };
        let check = |header: Value, change: Value, now: u64, verdict: Result<(), StatementError>| {
            let mut head = json!({ "alg": "ES256", "kid": "k" });
            head.as_object_mut().unwrap().extend(header.as_object().unwrap().clone());
            let mut payload = json!({
                "iss": "c", "sub": "c", "aud": "https://as.example", "exp": 1_060, "iat": 1_000, "jti": "j"
            });
            for (name, value) in change.as_object().unwrap() {
                match value {
                    Value::Null => drop(payload.as_object_mut().unwrap().remove(name)),
                    value => payload[name] = value.clone(),
                }
            }
            let text = unsigned(&head, &payload);
            let read = Statement::read(&text).and_then(|statement| statement.check(&expected, at(now)));
            assert_eq!(read, verdict, "{head} {payload} at {now}");
        };
        let no = json!({});
        check(no.clone(), no.clone(), 1_000, Ok(()));
        check(json!({ "typ": "JWT" }), no.clone(), 1_000, Ok(()));
        check(json!({ "typ": "application/jwt" }), no.clone(), 1_000, Ok(()));
        for typ in ["at+jwt", "dpop+jwt", "oauth-id-jag+jwt"] {
            check(json!({ "typ": typ }), no.clone(), 1_000, Err(StatementError::Type));
        }
        for alg in ["none", "HS256", "es256", ""] {
            check(json!({ "alg": alg }), no.clone(), 1_000, Err(StatementError::Algorithm));
        }
        check(json!({ "crit": ["x"] }), no.clone(), 1_000, Err(StatementError::Malformed));
        check(no.clone(), json!({ "aud": ["https://as.example"] }), 1_000, Ok(()));
        check(
            no.clone(),
            json!({ "aud": ["https://as.example/token", "https://as.example"] }),
            1_000,
            Ok(()),
        );
        for audience in [
            json!("https://as.example/"),
            json!("https://b.example"),
            json!([]),
            json!(["https://as.example", "https://b.example"]),
        ] {
            check(no.clone(), json!({ "aud": audience }), 1_000, Err(StatementError::Audience));
        }
        for missing in ["iss", "sub", "aud", "exp"] {
            check(no.clone(), json!({ missing: null }), 1_000, Err(StatementError::Malformed));
        }
        check(no.clone(), json!({ "exp": "1060" }), 1_000, Err(StatementError::Malformed));
        check(
            no.clone(),
            json!({ "aud": vec!["x"; MAX_AUDIENCES + 1] }),
            1_000,
            Err(StatementError::Malformed),
        );
        check(no.clone(), json!({ "exp": 1_060.7 }), 1_000, Ok(()));
        check(no.clone(), no.clone(), 1_069, Ok(()));
        check(no.clone(), no.clone(), 1_070, Err(StatementError::Expired));
        check(no.clone(), no.clone(), 990, Ok(()));
        check(no.clone(), no.clone(), 989, Err(StatementError::NotYetValid));
        check(no.clone(), json!({ "nbf": 1_011 }), 1_000, Err(StatementError::NotYetValid));
        check(no.clone(), json!({ "exp": 1_610 }), 1_000, Ok(()));
        check(no.clone(), json!({ "exp": 1_611 }), 1_000, Err(StatementError::TooLong));
        check(no.clone(), json!({ "exp": 1e300 }), 1_000, Err(StatementError::TooLong));
        check(no, json!({ "exp": -5.0 }), 1_000, Err(StatementError::Expired));
    }

    #[test]
    fn what_is_no_statement() {
        for text in ["", "a.b", "a.b.c", "e30.e30.", "e30.e30.e30.e30"] {
            assert_eq!(Statement::read(text).err(), Some(StatementError::Malformed), "{text}");
        }
        let twice = URL_SAFE_NO_PAD.encode(r#"{"iss":"c","sub":"c","sub":"d","aud":"a","exp":1}"#);
        let head = URL_SAFE_NO_PAD.encode(r#"{"alg":"ES256"}"#);
        assert_eq!(Statement::read(&format!("{head}.{twice}.c2ln")).err(), Some(StatementError::Malformed));
    }

    #[test]
    fn an_id_has_a_length() {
        for (id, expected) in [("j".to_owned(), true), (String::new(), false), ("x".repeat(513), false)] {
            let payload = json!({ "iss": "c", "sub": "c", "aud": "a", "exp": 1, "jti": id });
            let text = unsigned(&json!({ "alg": "ES256" }), &payload);
            assert_eq!(Statement::read(&text).unwrap().id.is_some(), expected, "{}", id.len());
        }
    }
}
