//! Who the client is that asks, and whether it is
//! ([OAuth 2.1 §2.4](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-2.4)).

use barewire_oauth::client_document::DocumentUrl;
use barewire_oauth::parameters::Parameters;
use barewire_oauth::token::{self, ClientCredentials, TokenError};
use http::HeaderMap;

use crate::endpoints::token::Failure;
use crate::server::Inner;
use crate::{documents, respond};

/// Who asks; proven, if the client has a way to prove it.
pub(crate) async fn authenticate(
    state: &Inner,
    headers: &HeaderMap,
    parameters: &Parameters,
) -> Result<String, Failure> {
    let credentials = token::credentials(&respond::authorization(headers), parameters)?;
    let id = credentials.id.clone().ok_or(TokenError::Missing("client_id"))?;
    if DocumentUrl::looks_like_one(&id) {
        // The operator may have changed his mind about that host since.
        let url = DocumentUrl::parse(&id, state.config.client_documents_from_loopback).ok();
        url.filter(|url| documents::is_accepted(&state.config, url.host()))
            .ok_or(TokenError::UnknownClient)?;
    }
    authenticate_as(state, &id, &credentials).await?;
    Ok(id)
}

/// Checks that the credentials are good for the client called `id`.
pub(crate) async fn authenticate_as(
    state: &Inner,
    id: &str,
    credentials: &ClientCredentials,
) -> Result<(), Failure> {
    // A client with a document is public, and what it may exchange was fixed when its document was read: fetching it
    // again here would only make a token depend on somebody else's web server.
    if DocumentUrl::looks_like_one(id) {
        return match credentials.secret {
            None => Ok(()),
            Some(_) => Err(TokenError::WrongSecret("this client has no secret").into()),
        };
    }
    let record = if id.len() <= 256 { state.store.client(id).await? } else { None };
    Ok(token::authenticate(&record.ok_or(TokenError::UnknownClient)?.client, credentials)?)
}
