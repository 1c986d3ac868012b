//! The life of an authorization code: issued, then redeemed once
//! ([OAuth 2.1 §4.1.3](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-4.1.3)).
//!
//! A code that comes again has leaked or its first use was not the client's: the grant it became ends. Two requests
//! that race are the same client asking twice; the one that loses is refused and the winner keeps its tokens.

use std::time::SystemTime;

use crate::pkce::{CodeChallenge, CodeVerifier};
use crate::resource::Resource;

/// What the user allowed, waiting to be collected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorized {
    /// For whom.
    pub client_id: String,
    /// Where the code was sent, byte for byte.
    pub redirect_uri: String,
    /// Which resource the tokens are for.
    pub resource: Resource,
    /// Proves that whoever collects is whoever asked.
    pub code_challenge: CodeChallenge,
    /// The grant it becomes.
    pub grant_id: String,
    /// When it can no longer be collected.
    pub expires_at: SystemTime,
    /// Who may collect.
    pub holder: Holder,
}

/// Who may collect what a code or refresh token is for, beside its client
/// ([RFC 9449 §10](https://www.rfc-editor.org/rfc/rfc9449#section-10)).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holder {
    /// Only whoever proves to have the key with this thumbprint.
    pub key: Option<String>,
    /// Only whoever proves to have a key, whichever.
    pub proof_required: bool,
}

/// Why a proof of possession is not the right one here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WrongHolder {
    /// There is none.
    NoProof,
    /// It is of another key.
    OtherKey,
}

impl Holder {
    /// Whether this is whoever may, by the thumbprint of the key that was proven.
    ///
    /// # Errors
    /// [`WrongHolder`].
    pub fn check(&self, proven: Option<&str>) -> Result<(), WrongHolder> {
        match (&self.key, proven) {
            (Some(key), Some(proven)) if key != proven => Err(WrongHolder::OtherKey),
            (Some(_), None) => Err(WrongHolder::NoProof),
            (None, None) if self.proof_required => Err(WrongHolder::NoProof),
            _ => Ok(()),
        }
    }
}

/// An authorization code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthorizationCode {
    /// Sent to the client.
    Issued(Authorized),
    /// Exchanged for tokens.
    Redeemed {
        /// What it was for.
        authorized: Authorized,
        /// When.
        at: SystemTime,
    },
}

/// An attempt to collect.
#[derive(Debug, Clone, Copy)]
pub struct Redemption<'a> {
    /// The authenticated client.
    pub client_id: &'a str,
    /// OAuth 2.0 clients repeat it; OAuth 2.1 dropped it, PKCE does its work.
    pub redirect_uri: Option<&'a str>,
    /// The proof.
    pub verifier: &'a CodeVerifier,
    /// The resource, if the client names it again (RFC 8707 §2.2).
    pub resource: Option<&'a Resource>,
    /// When the request arrived.
    pub arrived_at: SystemTime,
    /// The thumbprint of the key that it proves to have, if it does.
    pub key: Option<&'a str>,
}

/// Why a code was not exchanged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodeRefusal {
    /// No such code; or one so old that it was forgotten.
    #[error("the authorization code is not known")]
    Unknown,
    /// Issued to another client.
    #[error("the authorization code was issued to another client")]
    WrongClient,
    /// Too late.
    #[error("the authorization code has expired; start the authorization again")]
    Expired,
    /// Sent elsewhere.
    #[error("redirect_uri is not the one of the authorization request")]
    WrongRedirect,
    /// The verifier does not belong to the challenge.
    #[error("code_verifier does not match the code_challenge of the authorization request")]
    WrongVerifier,
    /// For another resource.
    #[error("resource is not the one of the authorization request")]
    WrongResource,
    /// No key was proven, and one has to be.
    #[error("the authorization code is bound to a key; this needs a DPoP proof")]
    NoProof,
    /// Bound to another key.
    #[error("the authorization code is bound to another key than the one of the DPoP proof")]
    OtherKey,
    /// Another request is exchanging it, or has just done so.
    #[error("the authorization code is being exchanged by another request")]
    Raced,
    /// It came again.
    #[error("the authorization code was already used; the tokens it gave were revoked")]
    Replayed {
        /// What has to be revoked.
        grant_id: String,
    },
}

impl AuthorizationCode {
    /// Exchanges the code, at `now`.
    ///
    /// A wrong client or verifier leaves the code as it is: whoever found a code must not be able to spoil it for the
    /// client that can prove itself.
    ///
    /// # Errors
    /// [`CodeRefusal`]; [`CodeRefusal::Replayed`] demands the revocation of a grant.
    pub fn redeem(self, by: &Redemption<'_>, now: SystemTime) -> Result<Self, CodeRefusal> {
        let (Self::Issued(authorized) | Self::Redeemed { authorized, .. }) = &self;
        if authorized.client_id != by.client_id {
            return Err(CodeRefusal::WrongClient);
        }
        match self {
            Self::Redeemed { at, .. } if by.arrived_at < at => Err(CodeRefusal::Raced),
            Self::Redeemed { authorized, .. } => Err(CodeRefusal::Replayed { grant_id: authorized.grant_id }),
            Self::Issued(authorized) if authorized.expires_at <= now => Err(CodeRefusal::Expired),
            Self::Issued(authorized) => {
                authorized.check(by)?;
                Ok(Self::Redeemed { authorized, at: now })
            }
        }
    }
}

impl Authorized {
    fn check(&self, by: &Redemption<'_>) -> Result<(), CodeRefusal> {
        if by.redirect_uri.is_some_and(|uri| uri != self.redirect_uri) {
            return Err(CodeRefusal::WrongRedirect);
        }
        if !self.code_challenge.accepts(by.verifier) {
            return Err(CodeRefusal::WrongVerifier);
        }
        if by.resource.is_some_and(|resource| !resource.is_equivalent(&self.resource)) {
            return Err(CodeRefusal::WrongResource);
        }
        self.holder.check(by.key).map_err(|wrong| match wrong {
            WrongHolder::NoProof => CodeRefusal::NoProof,
            WrongHolder::OtherKey => CodeRefusal::OtherKey,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn authorized() -> Authorized {
        Authorized {
            client_id: "c".into(),
            redirect_uri: "https://c.example/cb".into(),
            resource: Resource::parse("https://rs.example/mcp").unwrap(),
            code_challenge: CodeVerifier::from_random(&[7; 32]).challenge(),
            grant_id: "g".into(),
            expires_at: at(160),
            holder: Holder::default(),
        }
    }

    #[test]
    fn an_issued_code_is_exchanged_by_its_client_in_time() {
        let good = CodeVerifier::from_random(&[7; 32]);
        let bad = CodeVerifier::from_random(&[8; 32]);
        let (same, other) = (
            Resource::parse("https://rs.example/mcp/").unwrap(),
            Resource::parse("https://rs.example").unwrap(),
        );
        let by = |client_id, redirect_uri, verifier, resource| Redemption {
            client_id,
            redirect_uri,
            verifier,
            resource,
            arrived_at: at(100),
            key: Some("any"),
        };
        for (by, now, expected) in [
            (by("c", None, &good, None), 100, Ok(())),
            (by("c", Some("https://c.example/cb"), &good, Some(&same)), 159, Ok(())),
            (by("c", None, &good, None), 160, Err(CodeRefusal::Expired)),
            (by("d", None, &good, None), 100, Err(CodeRefusal::WrongClient)),
            (by("c", None, &bad, None), 100, Err(CodeRefusal::WrongVerifier)),
            (by("c", Some("https://c.example/cb/"), &good, None), 100, Err(CodeRefusal::WrongRedirect)),
            (by("c", None, &good, Some(&other)), 100, Err(CodeRefusal::WrongResource)),
        ] {
            let redeemed = AuthorizationCode::Issued(authorized()).redeem(&by, at(now));
            let expected =
                expected.map(|()| AuthorizationCode::Redeemed { authorized: authorized(), at: at(now) });
            assert_eq!(redeemed, expected, "{by:?}");
        }
    }

    #[test]
    fn a_replay_revokes_and_a_race_does_not() {
        let verifier = CodeVerifier::from_random(&[7; 32]);
        for (client_id, arrived_at, expected) in [
            ("c", 99, CodeRefusal::Raced),
            ("c", 100, CodeRefusal::Replayed { grant_id: "g".into() }),
            ("c", 100_000, CodeRefusal::Replayed { grant_id: "g".into() }),
            ("d", 101, CodeRefusal::WrongClient),
        ] {
            let by = Redemption {
                client_id,
                redirect_uri: None,
                verifier: &verifier,
                resource: None,
                arrived_at: at(arrived_at),
                key: None,
            };
            let code = AuthorizationCode::Redeemed { authorized: authorized(), at: at(100) };
            assert_eq!(code.redeem(&by, at(arrived_at)), Err(expected));
        }
    }

    #[test]
    fn a_code_is_for_the_holder_of_its_key() {
        let verifier = CodeVerifier::from_random(&[7; 32]);
        for (key, proof_required, proven, expected) in [
            (None, false, None, Ok(())),
            (None, false, Some("k"), Ok(())),
            (None, true, None, Err(CodeRefusal::NoProof)),
            (None, true, Some("k"), Ok(())),
            (Some("k"), false, None, Err(CodeRefusal::NoProof)),
            (Some("k"), false, Some("k"), Ok(())),
            (Some("k"), true, Some("l"), Err(CodeRefusal::OtherKey)),
        ] {
            let holder = Holder { key: key.map(str::to_owned), proof_required };
            let by = Redemption {
                client_id: "c",
                redirect_uri: None,
                verifier: &verifier,
                resource: None,
                arrived_at: at(100),
                key: proven,
            };
            let code = AuthorizationCode::Issued(Authorized { holder, ..authorized() });
            assert_eq!(code.redeem(&by, at(100)).map(drop), expected, "{key:?} {proof_required} {proven:?}");
        }
    }
}
