//! Tokens without a browser: the client vouches for itself, or its platform, or the user's organisation.

use super::authorization::{proof_key, scopes};
use super::device::DEVICE_CODE;
use super::discover::Protected;
use super::error::shown;
use super::grant::GrantKind;
use super::identity::ClientIdentity;
use super::redeem::Redeeming;
use super::server::AuthorizationServer;
use super::settings::{ClientSettings, Way};
use super::{FlowError, Judgement, Purpose, Step, enterprise};
use crate::secret::Assertion;
use crate::statement::audiences;

/// `grant_type` of [RFC 6749 §4.4](https://www.rfc-editor.org/rfc/rfc6749#section-4.4).
pub(super) const CLIENT_CREDENTIALS: &str = "client_credentials";
/// `grant_type` of [RFC 7523 §2.1](https://www.rfc-editor.org/rfc/rfc7523#section-2.1).
pub(super) const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

impl Way {
    /// The grant type that the authorization server has to know, where no browser is involved.
    pub(super) fn grant_type(&self) -> Option<&'static str> {
        match self {
            Self::AuthorizationCode => None,
            Self::DeviceCode => Some(DEVICE_CODE),
            Self::ClientCredentials => Some(CLIENT_CREDENTIALS),
            Self::JwtBearer { .. } | Self::Enterprise(_) => Some(JWT_BEARER),
        }
    }
}

/// Everything is known: asks for the token, or for what gets one.
pub(super) fn ask(
    protected: Protected,
    server: AuthorizationServer,
    client: ClientIdentity,
    after: Judgement,
) -> Step {
    let proof_key = match proof_key(&protected, &server) {
        Ok(proof_key) => proof_key,
        Err(error) => return error.into(),
    };
    let Protected { context, resource, scopes_supported, .. } = protected;
    let scopes = scopes(&context.request, &scopes_supported, &server);
    let settings = context.request.settings;
    if let Err(error) = check_audience(&settings, &server, &client) {
        return error.into();
    }
    let redeeming = Redeeming {
        server,
        client,
        resource,
        scopes,
        proof_key,
        dpop: settings.dpop,
        kind: match settings.way {
            Way::ClientCredentials => GrantKind::ClientCredentials,
            _ => GrantKind::JwtBearer,
        },
        max_body: settings.limits.max_body,
    };
    match settings.way {
        Way::JwtBearer { assertion, .. } => redeeming.by_assertion(&assertion, after),
        Way::Enterprise(provider) => enterprise::begin(redeeming, *provider, after),
        Way::ClientCredentials | Way::AuthorizationCode | Way::DeviceCode => redeeming.by_client(after),
    }
}

/// Whether what a platform says of its workload may be shown to this server. Whoever has it is that workload wherever it
/// counts, and it is the MCP server that names the issuer: so only one gets it that it is for
/// ([RFC 7523 §3](https://www.rfc-editor.org/rfc/rfc7523#section-3)), or that the settings name.
fn check_audience(
    settings: &ClientSettings,
    server: &AuthorizationServer,
    client: &ClientIdentity,
) -> Result<(), FlowError> {
    let (assertion, named) = match (&settings.way, &client.assertion) {
        (Way::JwtBearer { assertion, issuer }, _) => (assertion, issuer.as_deref()),
        (_, Some(assertion)) => (assertion, None),
        (_, None) => return Ok(()),
    };
    let refused = |meant_for| Err(FlowError::NotForThisIssuer { issuer: server.issuer.clone(), meant_for });
    if named.is_some_and(|named| named != server.issuer) {
        return refused(shown(named.unwrap_or_default()));
    }
    if named.is_some() || settings.names_issuer(&server.issuer) {
        return Ok(());
    }
    match audiences(assertion.expose()) {
        Some(audiences)
            if audiences.iter().any(|one| *one == server.issuer || *one == server.token_endpoint) =>
        {
            Ok(())
        }
        Some(audiences) => refused(shown(&audiences.join(", "))),
        None => refused("an issuer that it does not name".to_owned()),
    }
}

impl Redeeming {
    /// [OAuth Client Credentials](https://modelcontextprotocol.io/extensions/auth/oauth-client-credentials).
    fn by_client(self, after: Judgement) -> Step {
        let (resource, scope) = (self.resource.clone(), self.scopes.to_string());
        let mut form = vec![("grant_type", CLIENT_CREDENTIALS), ("resource", resource.as_str())];
        if !scope.is_empty() {
            form.push(("scope", &scope));
        }
        self.ask(&form, Purpose::ClientCredentials, after)
    }

    /// [RFC 7523 §2.1](https://www.rfc-editor.org/rfc/rfc7523#section-2.1).
    pub(super) fn by_assertion(self, assertion: &Assertion, after: Judgement) -> Step {
        let (resource, scope) = (self.resource.clone(), self.scopes.to_string());
        let mut form = vec![
            ("grant_type", JWT_BEARER),
            ("assertion", assertion.expose()),
            ("resource", resource.as_str()),
        ];
        if !scope.is_empty() {
            form.push(("scope", &scope));
        }
        self.ask(&form, Purpose::JwtBearer, after)
    }
}
