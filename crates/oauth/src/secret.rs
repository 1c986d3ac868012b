//! Strings that must not be seen: redacted in `Debug`, compared in constant time, wiped on drop.

use std::fmt;

use serde::{Deserialize, Deserializer, Serializer};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// What every secret offers. Turning one back into text is an explicit act that can be searched for.
pub trait Expose {
    /// The secret itself, for the wire or an encrypted store and nowhere else.
    fn expose(&self) -> &str;
}

macro_rules! secrets {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name(Zeroizing<String>);

        impl $name {
            /// Wraps the secret; the given string is moved, not copied.
            #[must_use]
            pub fn new(secret: impl Into<String>) -> Self {
                Self(Zeroizing::new(secret.into()))
            }

            /// The secret itself, for the wire or an encrypted store and nowhere else.
            #[must_use]
            pub fn expose(&self) -> &str {
                &self.0
            }
        }

        impl Expose for $name {
            fn expose(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(redacted)"))
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                bool::from(self.0.as_bytes().ct_eq(other.0.as_bytes()))
            }
        }

        impl Eq for $name {}

        impl From<String> for $name {
            fn from(secret: String) -> Self {
                Self::new(secret)
            }
        }

        impl From<&str> for $name {
            fn from(secret: &str) -> Self {
                Self::new(secret)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer).map(Self::new)
            }
        }
    )*};
}

secrets! {
    /// An access token ([OAuth 2.1 §1.4](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-1.4)).
    AccessToken;
    /// A refresh token ([OAuth 2.1 §1.3.2](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-1.3.2)).
    RefreshToken;
    /// An authorization code ([OAuth 2.1 §4.1](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-4.1)).
    AuthorizationCode;
    /// A device code ([RFC 8628 §3.2](https://datatracker.ietf.org/doc/html/rfc8628#section-3.2)).
    DeviceCode;
    /// A client secret ([OAuth 2.1 §2.4.1](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-2.4.1)).
    ClientSecret;
    /// A private key, as the text it is written in: PEM or JSON
    /// ([RFC 7517](https://www.rfc-editor.org/rfc/rfc7517)).
    PrivateKey;
    /// A statement that somebody signed about somebody: an ID token, a workload's token, an ID-JAG
    /// ([RFC 7521 §4](https://www.rfc-editor.org/rfc/rfc7521#section-4)).
    Assertion;
    /// A registration access token ([RFC 7592 §3](https://www.rfc-editor.org/rfc/rfc7592#section-3)).
    RegistrationAccessToken;
    /// A `state` value; it ties the callback to the browser that started
    /// ([OAuth 2.1 §4.1.1](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-4.1.1)).
    State;
    /// A user's password.
    Password;
}

/// For `#[serde(serialize_with = "oauth::secret::serialize_exposed")]`: secrets do not implement `Serialize`, so
/// that one cannot slip into a log; a wire type or store says aloud that it writes one.
///
/// # Errors
/// Only those of the serializer.
pub fn serialize_exposed<T: Expose, S: Serializer>(secret: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose())
}

/// [`serialize_exposed`] for an optional secret.
///
/// # Errors
/// Only those of the serializer.
pub fn serialize_exposed_option<T: Expose, S: Serializer>(
    secret: &Option<T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match secret {
        Some(secret) => serializer.serialize_some(secret.expose()),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_never_shows_the_secret() {
        let token = AccessToken::new("s3cr3t-token");
        assert_eq!(format!("{token:?}"), "AccessToken(redacted)");
        assert_eq!(format!("{:?}", Some(ClientSecret::new("s3cr3t"))), "Some(ClientSecret(redacted))");
    }

    #[test]
    fn equality_looks_at_the_whole_value() {
        assert_eq!(AccessToken::new("abc"), AccessToken::new("abc"));
        assert_ne!(AccessToken::new("abc"), AccessToken::new("abd"));
        assert_ne!(AccessToken::new("abc"), AccessToken::new("abcd"));
    }
}
