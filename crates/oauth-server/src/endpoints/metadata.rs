//! `GET /.well-known/…`: what this server is and can ([RFC 8414](https://datatracker.ietf.org/doc/html/rfc8414)), under
//! every name that clients look for. The `OpenID` form has the same content: there are no ID tokens here, but clients
//! that read only that form find the endpoints.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use barewire_oauth::authorize::{OFFLINE_ACCESS, Policy};
use barewire_oauth::client::GrantType;
use barewire_oauth::client_authentication;
use barewire_oauth::dpop;
use barewire_oauth::jws::Algorithm;
use barewire_oauth::metadata::{AuthorizationServerMetadata, well_known};
use barewire_oauth::pkce;
use bytes::Bytes;
use http::Uri;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use serde::Serialize;

use crate::config::{AuthConfig, Dpop};
use crate::keys::ALGORITHM;
use crate::routes::{AUTHORIZE, DEVICE_AUTHORIZATION, INTROSPECT, JWKS, PAR, REGISTER, REVOKE, TOKEN};
use crate::server::AppState;
use crate::witness::{Draft, EventKind, Sender};

pub(crate) async fn get(State(state): State<AppState>, sender: Sender, uri: Uri) -> Response {
    let forms = [well_known::AUTHORIZATION_SERVER, well_known::OPENID_CONFIGURATION];
    let form = forms.into_iter().find(|form| uri.path().contains(form)).unwrap_or(forms[0]);
    state.tell(&sender, form, EventKind::Metadata, &Draft::default(), Ok(None));
    let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "public, max-age=300")];
    (headers, state.metadata.clone()).into_response()
}

/// What `OpenID` Connect Discovery requires beyond RFC 8414; strict readers refuse a document without.
#[derive(Serialize)]
struct Document {
    #[serde(flatten)]
    metadata: AuthorizationServerMetadata,
    subject_types_supported: [&'static str; 1],
    id_token_signing_alg_values_supported: [&'static str; 1],
}

/// The document, made once.
pub(crate) fn document(issuer: &str, policy: &Policy, config: &AuthConfig) -> Bytes {
    let base = issuer.trim_end_matches('/');
    let at = |path: &str| Some(format!("{base}{path}"));
    let words = |words: &[&str]| Some(words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>());
    let methods = client_authentication::METHODS;
    let offered = |grant: &GrantType| match grant {
        GrantType::DeviceCode => config.device_flow,
        GrantType::JwtBearer => !config.trusted_issuers.is_empty(),
        GrantType::TokenExchange => !config.token_exchange.is_empty(),
        GrantType::AuthorizationCode | GrantType::RefreshToken | GrantType::ClientCredentials => true,
    };
    let grant_types: Vec<_> = GrantType::ALL.into_iter().filter(offered).map(GrantType::as_str).collect();
    let algorithms: Vec<_> = Algorithm::ALL.into_iter().map(Algorithm::as_str).collect();
    let mut scopes: Vec<String> = policy.scopes().iter().map(str::to_owned).collect();
    // Here and not in the resource's metadata: it is about this server's tokens, not about the resource.
    scopes.push(OFFLINE_ACCESS.to_owned());
    let metadata = AuthorizationServerMetadata {
        issuer: issuer.to_owned(),
        authorization_endpoint: at(AUTHORIZE),
        token_endpoint: at(TOKEN),
        registration_endpoint: config.dynamic_registration.then(|| at(REGISTER)).flatten(),
        jwks_uri: at(JWKS),
        scopes_supported: Some(scopes),
        response_types_supported: words(&["code"]),
        response_modes_supported: words(&["query"]),
        grant_types_supported: words(&grant_types),
        device_authorization_endpoint: config.device_flow.then(|| at(DEVICE_AUTHORIZATION)).flatten(),
        token_endpoint_auth_methods_supported: words(&methods),
        token_endpoint_auth_signing_alg_values_supported: words(&algorithms),
        revocation_endpoint: at(REVOKE),
        revocation_endpoint_auth_methods_supported: words(&methods),
        revocation_endpoint_auth_signing_alg_values_supported: words(&algorithms),
        introspection_endpoint: at(INTROSPECT),
        introspection_endpoint_auth_methods_supported: words(&methods[1..]),
        introspection_endpoint_auth_signing_alg_values_supported: words(&algorithms),
        code_challenge_methods_supported: words(&[pkce::S256]),
        pushed_authorization_request_endpoint: at(PAR),
        require_pushed_authorization_requests: config.require_pushed_authorization_requests,
        dpop_signing_alg_values_supported: (config.dpop != Dpop::Off)
            .then(|| words(&dpop::ALGORITHMS))
            .flatten(),
        authorization_response_iss_parameter_supported: true,
        client_id_metadata_document_supported: config.client_documents,
        ..AuthorizationServerMetadata::default()
    };
    let document = Document {
        metadata,
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: [ALGORITHM],
    };
    serde_json::to_vec(&document).expect("strings, lists and flags can be serialised").into()
}
