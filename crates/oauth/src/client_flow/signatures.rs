//! What has to be signed into a request just before it is sent: that takes a key, the time and randomness, and the
//! driver has them.

use std::fmt;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{HeaderValue, Request};
use url::{Url, form_urlencoded};

use super::identity::{AuthMethod, ClientIdentity};
use crate::client_assertion::{self, ClientKey};
use crate::dpop::{PROOF_HEADER, Proof, ProofKey};
use crate::jws::{SignError, Signer};

/// The signatures that a request to the token or revocation endpoint still needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signatures {
    assertion: Option<Statement>,
    proof: Option<ProofKey>,
}

/// A client's statement about itself, not signed yet.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Statement {
    key: ClientKey,
    client_id: String,
    audience: String,
}

/// What belongs to one sending of a request. `random` is never used for a second one: a request that is repeated is
/// signed anew.
#[derive(Clone, Copy)]
pub struct Moment<'a> {
    /// The time.
    pub now: SystemTime,
    /// 32 bytes of a cryptographic generator.
    pub random: &'a [u8; 32],
    /// What the server gave for proofs, if it did.
    pub nonce: Option<&'a str>,
}

impl fmt::Debug for Moment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Moment").field("now", &self.now).field("nonce", &self.nonce).finish_non_exhaustive()
    }
}

impl Signatures {
    /// Those of a request that this client sends; `issuer` is who checks them.
    pub(super) fn of(client: &ClientIdentity, issuer: &str, proof: Option<&ProofKey>) -> Self {
        let key = client.key.as_ref().filter(|_| client.auth_method == AuthMethod::PrivateKeyJwt);
        // A statement that was given comes first, and is in the request already.
        let key = key.filter(|_| client.assertion.is_none());
        Self {
            assertion: key.map(|key| Statement {
                key: key.clone(),
                client_id: client.client_id.clone(),
                audience: issuer.to_owned(),
            }),
            proof: proof.cloned(),
        }
    }

    /// Whether the request proves possession of a key, so that the server may want a nonce first.
    #[must_use]
    pub fn prove_possession(&self) -> bool {
        self.proof.is_some()
    }

    /// The request with everything that goes over the wire.
    ///
    /// # Errors
    /// [`SignError`] when a key cannot sign.
    pub fn complete(
        &self,
        request: &Request<Bytes>,
        moment: &Moment<'_>,
        signer: &dyn Signer,
    ) -> Result<Request<Bytes>, SignError> {
        let mut complete = request.clone();
        let (first, second) = moment.random.split_at(16);
        if let Some(Statement { key, client_id, audience }) = &self.assertion {
            let id = URL_SAFE_NO_PAD.encode(first);
            let statement = client_assertion::sign(key, client_id, audience, &id, moment.now, signer)?;
            *complete.body_mut() = with_statement(complete.body(), &statement);
        }
        if let Some(key) = &self.proof {
            let url = Url::parse(&request.uri().to_string())
                .map_err(|_| SignError("there is no URL to sign".to_owned()))?;
            let proof = Proof {
                method: request.method(),
                url: &url,
                access_token: None,
                nonce: moment.nonce,
                id: &URL_SAFE_NO_PAD.encode(second),
                now: moment.now,
            };
            let mut value = HeaderValue::from_str(&proof.sign(key, signer)?)
                .expect("base64url and dots are visible ASCII");
            value.set_sensitive(true);
            complete.headers_mut().insert(PROOF_HEADER, value);
        }
        Ok(complete)
    }
}

/// The form with the statement behind the rest. No `client_id`: the statement says it
/// ([RFC 7521 §4.2](https://www.rfc-editor.org/rfc/rfc7521#section-4.2)).
pub(super) fn with_statement(form: &Bytes, statement: &str) -> Bytes {
    let form = String::from_utf8_lossy(form).into_owned();
    let mut form = form_urlencoded::Serializer::new(form);
    form.append_pair("client_assertion_type", client_assertion::TYPE)
        .append_pair("client_assertion", statement);
    Bytes::from(form.finish())
}
