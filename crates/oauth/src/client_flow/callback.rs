//! The callback: what the browser brings back
//! ([Authorization Response Validation](https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization#authorization-response-validation)).

use super::answer::shown_error;
use super::authorization::PendingAuthorization;
use super::error::shown;
use super::grant::GrantKind;
use super::redeem::Redeeming;
use super::{FlowError, Judgement, Purpose, Step};
use crate::error::{ErrorCode, ErrorResponse};
use crate::parameters::{Parameters, Repeated};
use crate::secret::{AuthorizationCode, State};

/// The `state` of a callback's query (with or without its question mark), for finding the pending authorization.
/// `None` when there is none or more than one.
#[must_use]
pub fn state_of(query: &str) -> Option<State> {
    let parameters = Parameters::parse(query.strip_prefix('?').unwrap_or(query).as_bytes());
    parameters.one("state").ok().flatten().map(State::new)
}

impl PendingAuthorization {
    /// Checks the callback's query (with or without its question mark) and asks for the token request.
    ///
    /// The order is state, `iss`, error, code: nothing of an answer that is not ours is acted on or shown.
    #[must_use]
    pub fn callback(self, query: &str) -> Step {
        match self.accept(query) {
            Ok(accepted) => self.redeem(&accepted),
            Err(error) => error.into(),
        }
    }

    fn accept(&self, query: &str) -> Result<Accepted, FlowError> {
        let parameters = Parameters::parse(query.strip_prefix('?').unwrap_or(query).as_bytes());
        let one = |name: &'static str| {
            parameters.one(name).map_err(|Repeated { name }| FlowError::RepeatedParameter { name })
        };
        if one("state")?.map(State::new).as_ref() != Some(&self.state) {
            return Err(FlowError::StateMismatch);
        }
        let iss = one("iss")?;
        self.check_issuer(iss)?;
        let (error, code) = (one("error")?, one("code")?);
        if let Some(error) = error {
            return Err(self.refused(&ErrorResponse {
                error: ErrorCode::from_word(error),
                error_description: one("error_description")?.map(str::to_owned),
                error_uri: one("error_uri")?.map(str::to_owned),
            }));
        }
        let code = code.map(AuthorizationCode::new).ok_or(FlowError::NoCode)?;
        Ok(Accepted { code, iss: iss.is_some() })
    }

    /// The table of [Authorization Response Validation](https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization#authorization-response-validation):
    /// what is there has to be identical, byte for byte; what is promised has to be there.
    fn check_issuer(&self, iss: Option<&str>) -> Result<(), FlowError> {
        let expected = &self.server.issuer;
        match iss {
            Some(iss) if iss == expected => Ok(()),
            Some(iss) => Err(FlowError::IssMismatch { expected: expected.clone(), found: shown(iss) }),
            None if self.server.sends_iss => Err(FlowError::IssMissing { expected: expected.clone() }),
            None => Ok(()),
        }
    }

    /// An error response ([OAuth 2.1 §4.1.2.1](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-4.1.2.1)).
    fn refused(&self, error: &ErrorResponse) -> FlowError {
        let error = shown_error(error);
        match error.error {
            ErrorCode::AccessDenied => FlowError::AccessDenied { description: error.error_description },
            _ => {
                FlowError::AuthorizationRefused { issuer: self.server.issuer.clone(), error: Box::new(error) }
            }
        }
    }

    /// The token request ([OAuth 2.1 §4.1.3](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-4.1.3)).
    /// OAuth 2.0 servers also compare `redirect_uri`.
    fn redeem(self, accepted: &Accepted) -> Step {
        let resource = self.resource.clone();
        let form = [
            ("grant_type", "authorization_code"),
            ("code", accepted.code.expose()),
            ("redirect_uri", self.redirect_uri.as_str()),
            ("code_verifier", self.verifier.expose()),
            ("resource", resource.as_str()),
        ];
        let redeeming = Redeeming {
            server: self.server,
            client: self.client,
            resource: self.resource,
            scopes: self.scopes,
            proof_key: self.proof_key,
            dpop: self.dpop,
            kind: GrantKind::AuthorizationCode,
            max_body: self.max_body,
        };
        redeeming.ask(&form, Purpose::Token, Judgement::Callback { iss: accepted.iss })
    }
}

/// A callback that is ours.
struct Accepted {
    code: AuthorizationCode,
    iss: bool,
}
