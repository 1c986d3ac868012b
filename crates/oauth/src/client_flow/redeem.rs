//! A request for tokens, on its way.

use std::time::SystemTime;

use super::error::Refusal;
use super::grant::{Grant, GrantKind};
use super::identity::ClientIdentity;
use super::server::AuthorizationServer;
use super::settings::DpopUse;
use super::signatures::Signatures;
use super::token::{self, Possession};
use super::{Answer, Fetch, FlowError, Judgement, Purpose, Stage, Step};
use crate::dpop::ProofKey;
use crate::resource::Resource;
use crate::scope::ScopeSet;

/// Who asks whom, for what.
pub(super) struct Redeeming {
    pub(super) server: AuthorizationServer,
    pub(super) client: ClientIdentity,
    pub(super) resource: Resource,
    pub(super) scopes: ScopeSet,
    /// The key that the token will be bound to.
    pub(super) proof_key: Option<ProofKey>,
    pub(super) dpop: DpopUse,
    pub(super) kind: GrantKind,
    pub(super) max_body: usize,
}

impl Redeeming {
    /// Sends the form to the token endpoint.
    pub(super) fn ask(self, form: &[(&str, &str)], purpose: Purpose, after: Judgement) -> Step {
        let signatures = Signatures::of(&self.client, &self.server.issuer, self.proof_key.as_ref());
        match token::post(&self.server.token_endpoint, &self.client, form) {
            Ok(request) => {
                Fetch::step(request, purpose, Some(after), Stage::Token(Box::new(self))).signed(signatures)
            }
            Err(reason) => {
                let name = "token_endpoint";
                FlowError::UnusableEndpoint { issuer: self.server.issuer, name, reason }.into()
            }
        }
    }

    /// What the error of an endpoint means here.
    pub(super) fn refused(&self, refusal: Refusal) -> FlowError {
        self.reading().refused(refusal)
    }

    /// Reads the answer.
    pub(super) fn answered(self, answer: &Answer, now: SystemTime) -> Step {
        match self.reading().tokens(answer, now) {
            Ok(tokens) => Step::Done(Box::new(Grant {
                issuer: self.server.issuer,
                resource: self.resource,
                proof_key: self.proof_key.filter(|_| tokens.is_bound()),
                // What authenticated the client this time has ended by the next.
                client: ClientIdentity { assertion: None, ..self.client },
                token_endpoint: self.server.token_endpoint,
                revocation_endpoint: self.server.revocation_endpoint,
                kind: self.kind,
                requested: self.scopes,
                tokens,
            })),
            Err(error) => error.into(),
        }
    }

    fn reading(&self) -> token::Reading<'_> {
        token::Reading {
            issuer: &self.server.issuer,
            client_id: &self.client.client_id,
            requested: &self.scopes,
            possession: match (&self.proof_key, self.dpop) {
                (None, _) => Possession::None,
                (Some(_), DpopUse::Always) => Possession::Required,
                (Some(_), _) => Possession::Proven,
            },
            by_assertion: self.kind == GrantKind::JwtBearer,
            max_body: self.max_body,
        }
    }
}
