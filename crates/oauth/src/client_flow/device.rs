//! The login of a program whose user has a browser elsewhere only: over SSH, say
//! ([RFC 8628](https://datatracker.ietf.org/doc/html/rfc8628)).

use std::fmt;
use std::time::{Duration, SystemTime};

use serde::Deserialize;

use super::answer::{document, refusal};
use super::authorization::{proof_key, scopes};
use super::discover::Protected;
use super::endpoint::EndpointRule;
use super::error::{Obstacle, Refusal};
use super::grant::GrantKind;
use super::identity::ClientIdentity;
use super::redeem::Redeeming;
use super::server::AuthorizationServer;
use super::signatures::Signatures;
use super::{Answer, Fetch, FlowError, Judgement, Purpose, Stage, Step, token};
use crate::error::ErrorCode;
use crate::metadata::lenient;
use crate::secret::DeviceCode;

/// `grant_type` of [RFC 8628 §3.4](https://datatracker.ietf.org/doc/html/rfc8628#section-3.4).
pub(super) const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// How often to ask where the server does not say
/// ([RFC 8628 §3.2](https://datatracker.ietf.org/doc/html/rfc8628#section-3.2)).
const INTERVAL: Duration = Duration::from_secs(5);
/// How much less often after `slow_down`.
const SLOWER: Duration = Duration::from_secs(5);
/// Nobody is asked less often than this.
const LONGEST_INTERVAL: Duration = Duration::from_secs(60);
/// Nobody waits longer than this for his user.
const LONGEST_WAIT: Duration = Duration::from_secs(30 * 60);
/// A longer code is not shown; nobody would type it.
const MAX_USER_CODE: usize = 40;

/// A code for the user, and what has to be kept until he has typed it.
pub struct DeviceWait {
    /// What he types.
    pub user_code: String,
    /// Where.
    pub verification_uri: String,
    /// The same with the code in it, if the server has such a place: for a QR code.
    pub verification_uri_complete: Option<String>,
    /// How long to wait before the next [`DeviceWait::ask`].
    pub interval: Duration,
    /// When the code is over.
    pub expires_at: SystemTime,
    /// What was made of the answer before.
    pub after: Option<Judgement>,
    device_code: DeviceCode,
    redeeming: Redeeming,
}

impl fmt::Debug for DeviceWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceWait").field("verification_uri", &self.verification_uri).finish_non_exhaustive()
    }
}

/// The first request on its way.
pub(super) struct Beginning {
    rule: EndpointRule,
    redeeming: Redeeming,
}

/// A device's answer ([RFC 8628 §3.2](https://datatracker.ietf.org/doc/html/rfc8628#section-3.2)).
#[derive(Deserialize)]
struct Given {
    device_code: String,
    user_code: String,
    verification_uri: String,
    #[serde(default, deserialize_with = "lenient")]
    verification_uri_complete: Option<String>,
    expires_in: u64,
    #[serde(default, deserialize_with = "lenient")]
    interval: Option<u64>,
}

/// Everything is known: asks for a code.
pub(super) fn begin(
    protected: Protected,
    server: AuthorizationServer,
    client: ClientIdentity,
    after: Judgement,
) -> Step {
    let proof_key = match proof_key(&protected, &server) {
        Ok(proof_key) => proof_key,
        Err(error) => return error.into(),
    };
    let Protected { context, resource, scopes_supported, rule, .. } = protected;
    let scopes = scopes(&context.request, &scopes_supported, &server);
    let settings = context.request.settings;
    let unusable = |reason| {
        let name = "device_authorization_endpoint";
        Step::from(FlowError::UnusableEndpoint { issuer: server.issuer.clone(), name, reason })
    };
    let Some(endpoint) = server.device_authorization_endpoint.clone() else { return unusable("is missing") };
    let scope = scopes.to_string();
    let mut form = vec![("resource", resource.as_str())];
    if !scope.is_empty() {
        form.push(("scope", &scope));
    }
    let request = match token::post(&endpoint, &client, &form) {
        Ok(request) => request,
        Err(reason) => return unusable(reason),
    };
    let signatures = Signatures::of(&client, &server.issuer, None);
    let redeeming = Redeeming {
        server,
        client,
        resource,
        scopes,
        proof_key,
        dpop: settings.dpop,
        kind: GrantKind::DeviceCode,
        max_body: settings.limits.max_body,
    };
    let stage = Stage::DeviceBegin(Box::new(Beginning { rule, redeeming }));
    Fetch::step(request, Purpose::DeviceAuthorization, Some(after), stage).signed(signatures)
}

impl Beginning {
    pub(super) fn answered(self, answer: &Answer, now: SystemTime) -> Step {
        let Self { rule, redeeming } = self;
        if let Some(refusal) = refusal(answer, redeeming.max_body) {
            return redeeming.refused(refusal).into();
        }
        let given: Given = match document(answer, redeeming.max_body) {
            Ok(given) => given,
            Err(obstacle) => return redeeming.refused(Refusal::Other(obstacle)).into(),
        };
        let unusable = |reason| {
            let name = "verification_uri";
            Step::from(FlowError::UnusableEndpoint { issuer: redeeming.server.issuer.clone(), name, reason })
        };
        // Both are shown to a person, who goes there and types.
        if let Err(reason) = rule.endpoint(&given.verification_uri) {
            return unusable(reason);
        }
        let plain = |text: &str, max: usize| {
            (1..=max).contains(&text.len())
                && text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ')
        };
        if !plain(&given.user_code, MAX_USER_CODE) || !plain(&given.device_code, 4096) {
            return unusable("comes with a code that cannot be typed");
        }
        let interval = given.interval.map_or(INTERVAL, Duration::from_secs);
        Step::WaitForUser(Box::new(DeviceWait {
            user_code: given.user_code,
            verification_uri: given.verification_uri,
            verification_uri_complete: given
                .verification_uri_complete
                .filter(|url| rule.endpoint(url).is_ok()),
            interval: interval.clamp(Duration::from_secs(1), LONGEST_INTERVAL),
            expires_at: now + Duration::from_secs(given.expires_in).min(LONGEST_WAIT),
            after: None,
            device_code: DeviceCode::new(given.device_code),
            redeeming,
        }))
    }
}

impl DeviceWait {
    /// Asks whether the user has decided, at `now`.
    #[must_use]
    pub fn ask(mut self, now: SystemTime) -> Step {
        if self.expires_at <= now {
            return FlowError::CodeExpired { issuer: self.redeeming.server.issuer }.into();
        }
        let after = self.after.take();
        let (server, client) = (&self.redeeming.server, &self.redeeming.client);
        let form = [("grant_type", DEVICE_CODE), ("device_code", self.device_code.expose())];
        let signatures = Signatures::of(client, &server.issuer, self.redeeming.proof_key.as_ref());
        match token::post(&server.token_endpoint, client, &form) {
            Ok(request) => {
                let stage = Stage::DeviceWait(Box::new(self));
                Fetch::step(request, Purpose::DeviceToken, after, stage).signed(signatures)
            }
            Err(reason) => {
                let (issuer, name) = (self.redeeming.server.issuer, "token_endpoint");
                FlowError::UnusableEndpoint { issuer, name, reason }.into()
            }
        }
    }

    /// Goes on waiting, or reads the tokens ([RFC 8628 §3.5](https://datatracker.ietf.org/doc/html/rfc8628#section-3.5)).
    pub(super) fn answered(mut self, answer: &Answer, now: SystemTime) -> Step {
        match refusal(answer, self.redeeming.max_body) {
            Some(Refusal::Error(error)) if error.error == ErrorCode::AuthorizationPending => {}
            Some(Refusal::Error(error)) if error.error == ErrorCode::SlowDown => {
                self.interval = (self.interval + SLOWER).min(LONGEST_INTERVAL);
            }
            Some(Refusal::Error(error)) if error.error == ErrorCode::AccessDenied => {
                return FlowError::AccessDenied { description: error.error_description }.into();
            }
            Some(Refusal::Error(error)) if error.error == ErrorCode::ExpiredToken => {
                return FlowError::CodeExpired { issuer: self.redeeming.server.issuer }.into();
            }
            // A server that cannot answer now may be able to later; it is asked less and less often.
            Some(Refusal::Other(obstacle @ (Obstacle::Unreachable(_) | Obstacle::Status(_))))
                if obstacle.is_transient() =>
            {
                self.interval = (self.interval * 2).min(LONGEST_INTERVAL);
            }
            _ => return self.redeeming.answered(answer, now),
        }
        Step::WaitForUser(Box::new(self))
    }
}
