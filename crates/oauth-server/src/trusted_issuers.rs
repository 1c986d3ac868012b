//! Whose word the operator takes, and for what.

use std::sync::Arc;
use std::time::SystemTime;

use barewire_jose::{IssuerKeys, NoKey};
use barewire_oauth::client::keys_url;
use barewire_oauth::scope::ScopeSet;
use barewire_oauth::statement::{Statement, StatementError};
use barewire_oauth::token::TokenError;
use indexmap::IndexMap;
use serde::Deserialize;

use crate::client_keys::At;
use crate::fetch::{Fetcher, UrlOf};

/// Somebody whose statements are worth a token (RFC 7523).
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TrustedIssuer {
    /// Its issuer identifier, byte for byte.
    #[cfg_attr(feature = "schema", schemars(example = &"https://idp.example"))]
    pub issuer: String,
    /// Where its keys are. A host of the operator's own network is fine here.
    #[cfg_attr(feature = "schema", schemars(example = &"https://idp.example/jwks"))]
    pub jwks_uri: String,
    /// The audience of its statements, byte for byte; if nothing is said, this server's issuer identifier, and for workloads
    /// its token endpoint as well.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(example = &"https://auth.example"))]
    pub audience: Option<String>,
    /// What it says.
    #[serde(flatten)]
    pub says: Says,
}

/// What a trusted issuer says.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Says {
    /// Which of its users may use which resource through which client (ID-JAG).
    IdJag {
        /// The claim with the name of the user here: `sub`, `email` …
        #[serde(default = "sub")]
        #[cfg_attr(feature = "schema", schemars(example = &"email"))]
        user_claim: String,
        /// What it may allow.
        #[cfg_attr(feature = "schema", schemars(example = &"posts:read posts:write"))]
        scopes: ScopeSet,
    },
    /// Which workload somebody is.
    Workload {
        /// Which workloads get what; the first that fits counts.
        subjects: Vec<Workloads>,
    },
}

/// Workloads that get the same.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Workloads {
    /// Their `sub`; what ends in `*` is a beginning.
    #[cfg_attr(feature = "schema", schemars(example = &"system:serviceaccount:reports:*"))]
    pub subject: String,
    /// Further claims that they have, each with this text.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(example = serde_json::json!({ "environment": "production" })))]
    pub claims: IndexMap<String, String>,
    /// The client that they are here.
    #[cfg_attr(feature = "schema", schemars(example = &"reports-jobs"))]
    pub client_id: String,
    /// What they get.
    #[cfg_attr(feature = "schema", schemars(example = &"posts:read"))]
    pub scopes: ScopeSet,
}

fn sub() -> String {
    "sub".to_owned()
}

impl TrustedIssuer {
    /// Every scope that it can lead to.
    pub(crate) fn scopes(&self) -> ScopeSet {
        match &self.says {
            Says::IdJag { scopes, .. } => scopes.clone(),
            Says::Workload { subjects } => {
                subjects.iter().fold(ScopeSet::new(), |all, workloads| all.union(&workloads.scopes))
            }
        }
    }
}

/// All of them, with their keys.
pub(crate) struct TrustedIssuers(Vec<(TrustedIssuer, Arc<IssuerKeys>)>);

impl TrustedIssuers {
    /// `None` for what has no usable `jwks_uri`; [`AuthConfig::mistake`](crate::AuthConfig) has refused that before.
    pub(crate) fn new(issuers: &[TrustedIssuer], fetcher: &Arc<Fetcher>) -> Self {
        let with_keys = |issuer: &TrustedIssuer| {
            let url = keys_url(&issuer.jwks_uri, true)?;
            let source = At { url, of: UrlOf::Operator, fetcher: Arc::clone(fetcher) };
            Some((issuer.clone(), Arc::new(IssuerKeys::fetched(source))))
        };
        Self(issuers.iter().filter_map(with_keys).collect())
    }

    /// The issuer of a statement. One that nobody trusts is not looked at, and nothing is fetched for it.
    pub(crate) fn of(&self, statement: &Statement<'_>) -> Option<(&TrustedIssuer, &Arc<IssuerKeys>)> {
        self.0
            .iter()
            .find(|(issuer, _)| issuer.issuer == statement.issuer)
            .map(|(issuer, keys)| (issuer, keys))
    }
}

/// Whether a statement was signed with one of these keys.
pub(crate) async fn check_signature(
    keys: &Arc<IssuerKeys>,
    statement: &Statement<'_>,
    now: SystemTime,
) -> Result<(), TokenError> {
    match keys.find(statement.key_id.as_deref(), statement.algorithm, now).await {
        Ok(key) if key.verifies(statement.signed.as_bytes(), &statement.signature) => Ok(()),
        Ok(_) | Err(NoKey::Unknown) => Err(TokenError::Grant(StatementError::Signature)),
        Err(NoKey::Unavailable) => Err(TokenError::NotNow("the issuer's keys cannot be fetched")),
    }
}
