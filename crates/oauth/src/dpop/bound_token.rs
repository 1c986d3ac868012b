//! A token that is bound to a key, in the hands of whoever has both.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use url::Url;

use super::wanted::{nonce, wanted_by_resource};
use super::{PROOF_HEADER, Proof, ProofKey};
use crate::bearer::{Scheme, presented};
use crate::jws::{SignError, Signer};
use crate::secret::AccessToken;

/// The key that a token is bound to, and who signs with it.
#[derive(Clone)]
pub struct Possession {
    /// The key.
    pub key: ProofKey,
    /// Who signs.
    pub signer: Arc<dyn Signer + Send + Sync>,
}

impl fmt::Debug for Possession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Possession").field("key", &self.key).finish_non_exhaustive()
    }
}

/// Shows a bound token at one resource, each time with a new proof, and with the nonce that the resource gave last.
#[derive(Debug, Clone)]
pub struct BoundToken {
    token: AccessToken,
    possession: Possession,
    nonce: Option<String>,
}

impl BoundToken {
    /// No nonce was given yet.
    #[must_use]
    pub fn new(token: AccessToken, possession: Possession) -> Self {
        Self { token, possession, nonce: None }
    }

    /// With the nonce that somebody else was given.
    #[must_use]
    pub fn with_nonce(mut self, nonce: Option<String>) -> Self {
        self.nonce = nonce;
        self
    }

    /// Makes headers that present this token present it rightly: by the scheme `DPoP`, with a new proof
    /// ([RFC 9449 §7.1](https://www.rfc-editor.org/rfc/rfc9449#section-7.1)). Headers with another token, or with none, stay as
    /// they are; whether they did not. `id` is different for each proof.
    ///
    /// # Errors
    /// [`SignError`].
    pub fn present(
        &self,
        headers: &mut HeaderMap,
        method: &Method,
        url: &Url,
        id: &str,
        now: SystemTime,
    ) -> Result<bool, SignError> {
        if !self.is_in(headers) {
            return Ok(false);
        }
        let proof =
            Proof { method, url, access_token: Some(&self.token), nonce: self.nonce.as_deref(), id, now };
        let proof = proof.sign(&self.possession.key, self.possession.signer.as_ref())?;
        headers.insert(AUTHORIZATION, secret(&format!("DPoP {}", self.token.expose()))?);
        headers.insert(PROOF_HEADER, secret(&proof)?);
        Ok(true)
    }

    /// Keeps the nonce that an answer gives; whether the request is good with it, and was not without.
    pub fn learn(&mut self, status: StatusCode, headers: &HeaderMap) -> bool {
        let wanted =
            wanted_by_resource(status, headers).is_some_and(|new| self.nonce.as_deref() != Some(new));
        if let Some(nonce) = nonce(headers) {
            self.nonce = Some(nonce.to_owned());
        }
        wanted
    }

    fn is_in(&self, headers: &HeaderMap) -> bool {
        let line = headers.get(AUTHORIZATION).and_then(|line| presented(line.as_bytes()));
        line.is_some_and(|(scheme, token)| {
            matches!(scheme, Scheme::Bearer | Scheme::Dpop) && token == self.token.expose().as_bytes()
        })
    }
}

fn secret(text: &str) -> Result<HeaderValue, SignError> {
    let mut value =
        HeaderValue::from_str(text).map_err(|_| SignError("the token is not ASCII".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use serde_json::json;

    use super::*;
    use crate::dpop::NONCE_HEADER;
    use crate::jws::tests::{Echo, read};
    use crate::secret::PrivateKey;

    fn bound() -> BoundToken {
        let public = json!({ "kty": "EC", "crv": "P-256", "x": "x", "y": "y" });
        let public = serde_json::from_value(public).unwrap();
        let key = ProofKey { private: PrivateKey::new("private half"), public };
        BoundToken::new(AccessToken::new("ours"), Possession { key, signer: Arc::new(Echo) })
    }

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let line = |(name, value): &(&'static str, &str)| {
            (http::HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        lines.iter().map(line).collect()
    }

    #[test]
    fn our_token_gets_a_proof_and_no_other_does() {
        let (bound, url) = (bound(), Url::parse("https://a.example/mcp").unwrap());
        for (authorization, expected) in [
            (Some("Bearer ours"), true),
            (Some("DPoP ours"), true),
            (Some("Bearer theirs"), false),
            (Some("Basic ours"), false),
            (None, false),
        ] {
            let lines: Vec<_> = authorization.map(|value| ("authorization", value)).into_iter().collect();
            let mut shown = headers(&lines);
            let now = UNIX_EPOCH + Duration::from_secs(7);
            assert_eq!(bound.present(&mut shown, &Method::GET, &url, "1", now), Ok(expected));
            if !expected {
                assert_eq!(shown, headers(&lines));
                continue;
            }
            assert_eq!(shown["authorization"], "DPoP ours");
            let (_, claims, _) = read(shown[PROOF_HEADER].to_str().unwrap());
            assert_eq!((&claims["htm"], &claims["htu"]), (&json!("GET"), &json!("https://a.example/mcp")));
            assert!(claims["ath"].is_string() && claims.get("nonce").is_none());
            assert!(shown.values().all(HeaderValue::is_sensitive));
        }
        assert!(!format!("{bound:?}").contains("ours"));
    }

    #[test]
    fn a_nonce_is_learned_and_asks_for_another_try_once() {
        let mut bound = bound();
        let wants = [("www-authenticate", r#"DPoP error="use_dpop_nonce""#), (NONCE_HEADER, "n1")];
        assert!(bound.learn(StatusCode::UNAUTHORIZED, &headers(&wants)));
        assert!(!bound.learn(StatusCode::UNAUTHORIZED, &headers(&wants)), "it was in the proof already");
        let url = Url::parse("https://a.example/mcp").unwrap();
        let mut shown = headers(&[("authorization", "Bearer ours")]);
        bound.present(&mut shown, &Method::GET, &url, "1", UNIX_EPOCH).unwrap();
        assert_eq!(read(shown[PROOF_HEADER].to_str().unwrap()).1["nonce"], "n1");
        // What comes with a good answer is for the next one.
        assert!(!bound.learn(StatusCode::OK, &headers(&[(NONCE_HEADER, "n2")])));
        assert_eq!(bound.nonce.as_deref(), Some("n2"));
    }
}
