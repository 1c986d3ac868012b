//! Whether a client proves to have a key, at the endpoints that it calls itself
//! ([RFC 9449 §5](https://www.rfc-editor.org/rfc/rfc9449#section-5)).

use axum::response::Response;
use barewire_oauth::dpop::{NONCE_HEADER, PROOF_HEADER, ProofError, Proofs, ProvenRequest, Target};
use http::{HeaderMap, HeaderValue, Method};

use crate::config::Dpop;
use crate::server::Inner;

/// The thumbprint of the key that a POST to this path proves possession of; `None` where it proves nothing.
pub(crate) fn proven(state: &Inner, path: &str, headers: &HeaderMap) -> Result<Option<String>, ProofError> {
    if state.config.dpop == Dpop::Off || !headers.contains_key(PROOF_HEADER) {
        return Ok(None);
    }
    let url = format!("{}{path}", state.issuer.trim_end_matches('/'));
    let target = Target::parse(&url).ok_or(ProofError::Target)?;
    let about = ProvenRequest { method: &Method::POST, target: &target, access_token: None };
    state.proofs.check(headers, &about, None, state.now()).map(Some)
}

/// Gives the answer a nonce for the next proof: where the lack of one is why it is a refusal, and with every proof where
/// all need one.
pub(crate) fn give_nonce(state: &Inner, wanted: bool, headers: &HeaderMap, response: &mut Response) {
    let proofs: &Proofs = &state.proofs;
    let always = proofs.always_want_nonces() && headers.contains_key(PROOF_HEADER);
    if (wanted || always)
        && let Ok(nonce) = HeaderValue::from_str(&proofs.nonce(state.now()))
    {
        response.headers_mut().insert(NONCE_HEADER, nonce);
    }
}
