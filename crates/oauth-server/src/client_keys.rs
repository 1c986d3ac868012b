//! Whether a client's statement was signed with one of its keys.

use std::sync::Arc;
use std::time::SystemTime;

use barewire_jose::{IssuerKeys, KeySource, KeysUnavailable, NoKey, VerifyingKey, key_of};
use barewire_oauth::client::{ClientAuthentication, ClientKeys, Registration, keys_url};
use barewire_oauth::jwk::{Jwk, JwkSet};
use barewire_oauth::register::RegistrationError;
use barewire_oauth::statement::{Statement, StatementError};
use barewire_oauth::token::TokenError;
use quick_cache::sync::Cache;
use url::Url;

use crate::config::AuthConfig;
use crate::documents;
use crate::fetch::{Fetcher, UrlOf};

/// Refuses metadata with keys that cannot be read: nobody could sign with them, and they would be read anew each time.
pub(crate) fn check_readable(authentication: &ClientAuthentication) -> Result<(), RegistrationError> {
    let ClientAuthentication::PrivateKeyJwt { keys: ClientKeys::Jwks(set), .. } = authentication else {
        return Ok(());
    };
    let readable =
        |jwk: &Jwk| jwk.algorithms().all(|algorithm| VerifyingKey::new(&jwk.key, algorithm).is_some());
    if set.keys.iter().all(readable) {
        return Ok(());
    }
    Err(RegistrationError::Unsupported(
        "jwks has a key that cannot be read: coordinates have to be a point of their curve, RSA has 2048 to 8192 bits",
    ))
}

/// The keys of clients that have them at a URL. Strangers' and the operator's are kept apart: a stranger who names the
/// operator's URL must not get what only the operator may have fetched, and however many strangers there are, they push none
/// of the operator's out.
pub(crate) struct KeysAtUrls {
    of_strangers: Cache<String, Arc<IssuerKeys>>,
    of_operator: Cache<String, Arc<IssuerKeys>>,
    fetcher: Arc<Fetcher>,
}

impl KeysAtUrls {
    pub(crate) fn new(config: &AuthConfig, fetcher: Arc<Fetcher>) -> Self {
        // Every client that the operator has configured finds room.
        let of_operator = Cache::new(config.clients.len().max(config.client_document_cache));
        Self { of_strangers: Cache::new(config.client_document_cache), of_operator, fetcher }
    }

    /// Checks the signature of what a client says of itself.
    pub(crate) async fn verify(
        &self,
        config: &AuthConfig,
        keys: &ClientKeys,
        registration: Registration,
        statement: &Statement<'_>,
        now: SystemTime,
    ) -> Result<(), TokenError> {
        let wrong = || TokenError::from(StatementError::Signature);
        let keys = match keys {
            ClientKeys::Jwks(set) => {
                let key = key_of(set, statement.key_id.as_deref(), statement.algorithm).ok_or_else(wrong)?;
                let good = key.verifies(statement.signed.as_bytes(), &statement.signature);
                return if good { Ok(()) } else { Err(wrong()) };
            }
            ClientKeys::JwksUri(text) => self.at(config, text, registration)?,
        };
        match keys.find(statement.key_id.as_deref(), statement.algorithm, now).await {
            Ok(key) if key.verifies(statement.signed.as_bytes(), &statement.signature) => Ok(()),
            Ok(_) | Err(NoKey::Unknown) => Err(wrong()),
            Err(NoKey::Unavailable) => Err(TokenError::NotNow("the client's jwks_uri does not answer")),
        }
    }

    fn at(
        &self,
        config: &AuthConfig,
        text: &str,
        registration: Registration,
    ) -> Result<Arc<IssuerKeys>, TokenError> {
        let of = match registration {
            Registration::Preregistered => UrlOf::Operator,
            Registration::Dynamic | Registration::Document => UrlOf::Stranger,
        };
        let allow_loopback = of == UrlOf::Operator || config.client_documents_from_loopback;
        let url = keys_url(text, allow_loopback)
            // The operator may have changed his mind about that host since.
            .filter(|url| {
                of == UrlOf::Operator || documents::is_accepted_host(config, url.host_str().unwrap_or(""))
            })
            .ok_or(TokenError::WrongSecret("this server does not fetch keys from the client's jwks_uri"))?;
        let cache = match of {
            UrlOf::Stranger => &self.of_strangers,
            UrlOf::Operator => &self.of_operator,
        };
        let source = At { url, of, fetcher: Arc::clone(&self.fetcher) };
        let known = cache.get_or_insert_with(text, || {
            Ok::<_, std::convert::Infallible>(Arc::new(IssuerKeys::fetched(source)))
        });
        Ok(known.unwrap_or_else(|never| match never {}))
    }
}

/// A key set at a URL.
pub(crate) struct At {
    pub(crate) url: Url,
    pub(crate) of: UrlOf,
    pub(crate) fetcher: Arc<Fetcher>,
}

impl KeySource for At {
    async fn fetch(&self) -> Result<JwkSet, KeysUnavailable> {
        let fetched = self.fetcher.get(&self.url, self.of).await;
        let fetched = fetched.map_err(|error| KeysUnavailable(error.into()))?;
        barewire_oauth::json::object(&fetched.body).map_err(|error| KeysUnavailable(error.into()))
    }

    fn is_a_strangers(&self) -> bool {
        self.of == UrlOf::Stranger
    }
}
