//! Who the client is that asks, and whether it is
//! ([OAuth 2.1 §2.4](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-2.4)).

use std::sync::Arc;

use barewire_oauth::client::{Client, ClientAuthentication, Registration};
use barewire_oauth::client_assertion::{self, Limits};
use barewire_oauth::client_authentication::{self, ClientCredentials, Proof, Unproven};
use barewire_oauth::client_document::DocumentUrl;
use barewire_oauth::parameters::Parameters;
use barewire_oauth::secret::Assertion;
use barewire_oauth::statement::{Statement, StatementError};
use barewire_oauth::token::TokenError;
use http::HeaderMap;

use crate::documents::DocumentFetchError;
use crate::endpoints::token::Failure;
use crate::fetch::FetchError;
use crate::routes::TOKEN;
use crate::server::Inner;
use crate::store::{Use, UsedStatement};
use crate::{documents, random, respond};

/// A client that is who it says, as far as it can prove that.
#[derive(Debug, Clone)]
pub(crate) struct Authenticated {
    pub(crate) id: String,
    /// The client; `None` for one with a document that came without proof: its document was read when its user allowed
    /// it, and fetching it again would only make a token depend on somebody else's web server.
    pub(crate) client: Option<Arc<Client>>,
}

impl Authenticated {
    /// Refuses a client that came without proof where it was said that it has keys. A client's own document says that
    /// when the user allows it; a stored client's record has said so already.
    pub(crate) fn prove(&self, has_keys: bool) -> Result<(), TokenError> {
        if has_keys && self.client.is_none() {
            return Err(TokenError::WrongSecret("this client has to sign (private_key_jwt)"));
        }
        Ok(())
    }

    /// How it is known here.
    pub(crate) fn registration(&self) -> Registration {
        self.client.as_ref().map_or(Registration::Document, |client| client.registration)
    }

    /// The client, if it has proven who it is.
    pub(crate) fn proven(&self) -> Option<&Client> {
        self.client.as_deref().filter(|client| !client.is_public())
    }
}

/// Who asks; proven, if the client has a way to prove it.
pub(crate) async fn authenticate(
    state: &Inner,
    headers: &HeaderMap,
    parameters: &Parameters,
) -> Result<Authenticated, Failure> {
    let credentials = client_authentication::credentials(&respond::authorization(headers), parameters)?;
    let id = credentials.client_id()?.to_owned();
    if DocumentUrl::looks_like_one(&id) {
        // The operator may have changed his mind about that host since.
        let url = DocumentUrl::parse(&id, state.config.client_documents_from_loopback).ok();
        url.filter(|url| documents::is_accepted(&state.config, url.host()))
            .ok_or(TokenError::UnknownClient)?;
    }
    authenticate_as(state, &id, &credentials).await
}

/// Checks that the credentials are good for the client called `id`.
pub(crate) async fn authenticate_as(
    state: &Inner,
    id: &str,
    credentials: &ClientCredentials,
) -> Result<Authenticated, Failure> {
    let client = if DocumentUrl::looks_like_one(id) {
        if state.store.client_disabled(id).await?.is_some() {
            return Err(TokenError::UnknownClient.into());
        }
        if credentials.proof == Proof::Nothing {
            return Ok(Authenticated { id: id.to_owned(), client: None });
        }
        state.documents.client(&state.config, id, state.now()).await.map_err(|error| of_document(&error))?
    } else {
        let record = if id.len() <= 256 { state.store.client(id).await? } else { None };
        let record = record.filter(|record| record.disabled_at.is_none());
        Arc::new(record.ok_or(TokenError::UnknownClient)?.client)
    };
    if let Unproven::Signature(statement) = client_authentication::authenticate(&client, credentials)? {
        check_statement(state, &client, statement).await?;
    }
    Ok(Authenticated { id: id.to_owned(), client: Some(client) })
}

pub(crate) fn of_document(error: &DocumentFetchError) -> TokenError {
    tracing::info!(
        error = error as &dyn std::error::Error,
        "the document of a client that signs was not accepted"
    );
    match error {
        DocumentFetchError::Fetch(FetchError::Busy | FetchError::Failed { .. }) => {
            TokenError::NotNow("the client's document cannot be fetched")
        }
        _ => TokenError::UnknownClient,
    }
}

/// Whether a client has signed this statement about itself, for us, and now, and has not used it yet
/// ([RFC 7523 §3](https://www.rfc-editor.org/rfc/rfc7523#section-3)).
async fn check_statement(state: &Inner, client: &Client, text: &Assertion) -> Result<(), Failure> {
    let ClientAuthentication::PrivateKeyJwt { keys, algorithm } = &client.authentication else {
        return Err(TokenError::WrongSecret("this client has no key").into());
    };
    let (config, now) = (&state.config, state.now());
    let statement = Statement::read(text.expose()).map_err(TokenError::from)?;
    let limits = Limits {
        audiences: &[&state.issuer, &state.url(TOKEN)],
        algorithm: *algorithm,
        leeway: config.clock_leeway,
        max_lifetime: config.client_assertion_max_ttl,
    };
    client_assertion::check(&statement, &client.id, &limits, now).map_err(TokenError::from)?;
    state.keys_at_urls.verify(config, keys, client.registration, &statement, now).await?;
    let id = statement.id.as_deref().unwrap_or_default();
    let used = UsedStatement {
        digest: random::digest_of(&[b"client", client.id.as_bytes(), id.as_bytes()]),
        owner: random::digest_of(&[b"client", client.id.as_bytes()]),
        until: statement.forgettable_at(config.clock_leeway),
    };
    use_statement(state, &used).await
}

/// Notes that a statement with a good signature was used, or refuses it.
pub(crate) async fn use_statement(state: &Inner, used: &UsedStatement) -> Result<(), Failure> {
    match state.store.use_statement(used, state.config.statement_limits(), state.now()).await? {
        Use::First => Ok(()),
        Use::Again => Err(TokenError::from(StatementError::Used).into()),
        Use::Full => {
            tracing::warn!("there is no room to remember that a signed statement was used");
            Err(TokenError::NotNow("too many signed statements are in use").into())
        }
    }
}
