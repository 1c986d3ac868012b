//! Demonstrating proof of possession ([RFC 9449](https://www.rfc-editor.org/rfc/rfc9449)): a token that only the holder
//! of a key can use, and the proofs that go along with it.

// What the client does.
mod bound_token;
mod proof;
mod wanted;

// What the servers do.
mod check;
mod nonces;
mod proofs;
mod seen;
mod shown_jwk;
mod target;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

pub use self::bound_token::{BoundToken, Possession};
pub use self::check::{ALGORITHMS, MAX_PROOF_BYTES, ProofError, ProvenRequest};
pub use self::proof::{Proof, ProofKey};
pub use self::proofs::{ProofLimits, Proofs};
pub use self::target::Target;
pub use self::wanted::{nonce, wanted_by_authorization_server, wanted_by_resource};
use crate::jws::Algorithm;
use crate::secret::AccessToken;

/// The header that carries a proof, in lower case.
pub const PROOF_HEADER: &str = "dpop";
/// The header by which a server gives a nonce, in lower case.
pub const NONCE_HEADER: &str = "dpop-nonce";
/// `typ` of a proof.
pub const TYPE: &str = "dpop+jwt";
/// The algorithm of our keys: the one every server has to be expected to know.
pub const ALGORITHM: Algorithm = Algorithm::Es256;
/// A longer nonce is not taken: it would come back in every request.
pub const MAX_NONCE_BYTES: usize = 1024;

/// `ath`: base64url of the SHA-256 of the token.
#[must_use]
pub fn token_hash(token: &AccessToken) -> String {
    hash(token.expose())
}

fn hash(token: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(token.as_bytes()))
}
