//! Dynamic client registration, seen from the client
//! ([RFC 7591](https://www.rfc-editor.org/rfc/rfc7591),
//! [Application Type and Redirect URI Constraints](https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization/client-registration#application-type-and-redirect-uri-constraints)).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::answer::{document, refusal};
use super::device::DEVICE_CODE;
use super::discover::Protected;
use super::error::{Refusal, shown};
use super::identity::{AuthMethod, ClientIdentity, IdentityOrigin};
use super::server::AuthorizationServer;
use super::settings::{ClientSettings, DpopUse, Way};
use super::{Answer, Fetch, FlowError, Judgement, Purpose, Stage, Step, authorization, device, token};
use crate::client::ApplicationType;
use crate::metadata::{flat, lenient};
use crate::secret::ClientSecret;

/// A registration on its way.
pub(super) struct Registering {
    protected: Protected,
    server: AuthorizationServer,
    auth_method: AuthMethod,
}

/// Asks for the registration.
pub(super) fn register(
    protected: Protected,
    server: AuthorizationServer,
    endpoint: &str,
    auth_method: AuthMethod,
) -> Step {
    let request = match request(endpoint, &protected.context.request.settings, &server, auth_method) {
        Ok(request) => request,
        Err(reason) => {
            let name = "registration_endpoint";
            return FlowError::UnusableEndpoint { issuer: server.issuer, name, reason }.into();
        }
    };
    let after = Judgement::Server(Box::new(server.clone()));
    let stage = Stage::Registration(Box::new(Registering { protected, server, auth_method }));
    Fetch::step(request, Purpose::Registration, Some(after), stage)
}

impl Registering {
    pub(super) fn answered(self, answer: &Answer, now: SystemTime) -> Step {
        let Self { protected, server, auth_method } = self;
        let settings = &protected.context.request.settings;
        let by_device = matches!(settings.way, Way::DeviceCode);
        let identity = match read(
            answer,
            &server,
            if by_device { "" } else { settings.redirect_uri.as_str() },
            auth_method,
            settings.limits.max_body,
        ) {
            Ok(identity) => identity,
            Err(failure) => return failure.into(),
        };
        let after = Judgement::Registered {
            client_id: identity.client_id.clone(),
            auth_method: identity.auth_method,
        };
        if by_device {
            return device::begin(protected, server, identity, after);
        }
        authorization::open(protected, server, identity, after, now)
    }
}

#[derive(Serialize)]
struct Registration<'a> {
    client_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_uri: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logo_uri: Option<&'a str>,
    redirect_uris: Vec<&'a str>,
    grant_types: Vec<&'static str>,
    response_types: Vec<&'static str>,
    token_endpoint_auth_method: &'static str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    dpop_bound_access_tokens: bool,
    application_type: ApplicationType,
}

/// The request. No `scope` is registered: a client that did could not ask for more later.
fn request(
    endpoint: &str,
    settings: &ClientSettings,
    server: &AuthorizationServer,
    auth_method: AuthMethod,
) -> Result<Request<Bytes>, &'static str> {
    let by_device = matches!(settings.way, Way::DeviceCode);
    let mut grant_types = vec![if by_device { DEVICE_CODE } else { "authorization_code" }];
    if server.grant_types.as_ref().is_none_or(|list| list.iter().any(|grant| grant == "refresh_token")) {
        grant_types.push("refresh_token");
    }
    let registration = Registration {
        client_name: &settings.client_name,
        client_uri: settings.client_uri.as_deref(),
        logo_uri: settings.logo_uri.as_deref(),
        redirect_uris: if by_device { Vec::new() } else { vec![settings.redirect_uri.as_str()] },
        grant_types,
        response_types: if by_device { Vec::new() } else { vec!["code"] },
        token_endpoint_auth_method: auth_method.as_str(),
        // So that the server, too, gives us no others (RFC 9449 §5.2).
        dpop_bound_access_tokens: settings.dpop == DpopUse::Always,
        application_type: settings.application_type,
    };
    let body = serde_json::to_vec(&registration).expect("strings and lists of strings always serialise");
    let mut request = token::request(Method::POST, endpoint)?;
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    *request.body_mut() = Bytes::from(body);
    Ok(request)
}

#[derive(Deserialize)]
struct Registered {
    client_id: String,
    #[serde(default, deserialize_with = "lenient")]
    client_secret: Option<ClientSecret>,
    #[serde(default, deserialize_with = "flat")]
    client_secret_expires_at: Value,
    #[serde(default, deserialize_with = "lenient")]
    token_endpoint_auth_method: Option<String>,
}

/// Longest client identifier or secret that is taken, in bytes.
const MAX_CREDENTIAL: usize = 2048;

/// Reads the answer. A server may register something else than what was asked for, so the answer decides
/// ([RFC 7591 §3.2.1](https://www.rfc-editor.org/rfc/rfc7591#section-3.2.1)).
fn read(
    answer: &Answer,
    server: &AuthorizationServer,
    redirect_uri: &str,
    asked: AuthMethod,
    max_body: usize,
) -> Result<ClientIdentity, FlowError> {
    let issuer = server.issuer.clone();
    if let Some(refusal) = refusal(answer, max_body) {
        return Err(FlowError::RegistrationRefused { issuer, refusal });
    }
    let registered: Registered = match document(answer, max_body) {
        Ok(registered) => registered,
        Err(obstacle) => {
            return Err(FlowError::RegistrationRefused { issuer, refusal: Refusal::Other(obstacle) });
        }
    };
    let fits = |text: &str| (1..=MAX_CREDENTIAL).contains(&text.len()) && !text.chars().any(char::is_control);
    if !fits(&registered.client_id) {
        let reason = "gave a client_id that cannot be used";
        return Err(FlowError::UnusableEndpoint { issuer, name: "registration_endpoint", reason });
    }
    let client_secret = registered.client_secret.filter(|secret| fits(secret.expose()));
    let auth_method = match registered.token_endpoint_auth_method.as_deref() {
        // A key of ours is not what it can have registered.
        Some(word) => AuthMethod::from_word(word)
            .filter(|method| *method != AuthMethod::PrivateKeyJwt)
            .ok_or_else(|| FlowError::NoSharedAuthMethod { issuer: issuer.clone(), offered: shown(word) })?,
        None => asked,
    };
    // A method that needs a secret, and none was given: nothing but the identifier is left.
    let auth_method = if client_secret.is_some() { auth_method } else { AuthMethod::None };
    Ok(ClientIdentity {
        issuer,
        client_id: registered.client_id,
        client_secret: client_secret.filter(|_| auth_method != AuthMethod::None),
        secret_expires_at: expiry(&registered.client_secret_expires_at),
        key: None,
        assertion: None,
        auth_method,
        origin: IdentityOrigin::Registered,
        redirect_uri: redirect_uri.to_owned(),
    })
}

/// Seconds since 1970; zero means "never".
fn expiry(value: &Value) -> Option<SystemTime> {
    let seconds = value.as_u64().or_else(|| value.as_str()?.parse().ok()).filter(|seconds| *seconds > 0)?;
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}
