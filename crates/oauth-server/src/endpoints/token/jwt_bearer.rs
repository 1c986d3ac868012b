//! `grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer`
//! ([RFC 7523 §2.1](https://www.rfc-editor.org/rfc/rfc7523#section-2.1)). There is no refresh token: whoever made the
//! statement decides each time.

use barewire_oauth::dpop::ProofError;
use barewire_oauth::jwt_bearer::{self, MAX_WORKLOAD_LIFETIME, Reading, has_claims, names, user_claim};
use barewire_oauth::resource::Resource;
use barewire_oauth::scope::ScopeSet;
use barewire_oauth::secret::Assertion;
use barewire_oauth::statement::{Statement, StatementError};
use barewire_oauth::stranger::visible;
use barewire_oauth::token::{TokenError, TokenResponse, own_scope, own_subject};

use super::client_credentials::{own_grant, part_of};
use super::{Account, Failure, response, signed};
use crate::access_tokens::NewToken;
use crate::client_authentication::{Authenticated, use_statement};
use crate::random;
use crate::routes::TOKEN;
use crate::server::Inner;
use crate::store::{GrantRecord, Insert, StoreError, UsedStatement, UserRecord};
use crate::trusted_issuers::{Says, Workloads, check_signature};

/// What the client asks for beside the statement.
pub(super) struct Wanted<'a> {
    pub(super) assertion: &'a Assertion,
    pub(super) scope: Option<&'a ScopeSet>,
    pub(super) resource: Option<&'a Resource>,
}

pub(super) async fn redeem(
    state: &Inner,
    client: Option<&Authenticated>,
    wanted: &Wanted<'_>,
    account: &mut Account<'_>,
) -> Result<TokenResponse, Failure> {
    let statement = Statement::read(wanted.assertion.expose()).map_err(TokenError::Grant)?;
    let (issuer, keys) = state.trusted.of(&statement).ok_or(TokenError::Grant(StatementError::Issuer))?;
    let now = state.now();
    // An ID-JAG is for the issuer; a workload's token, as the draft of that extension has it, for the token endpoint
    // (https://github.com/modelcontextprotocol/ext-auth/blob/main/specification/draft/workload-identity-federation.mdx).
    let endpoint = state.url(TOKEN);
    let own_names = [state.issuer.as_str(), endpoint.as_str()];
    let configured = issuer.audience.as_deref().map(|one| [one]);
    let audiences = match (&configured, &issuer.says) {
        (Some(one), _) => &one[..],
        (None, Says::IdJag { .. }) => &own_names[..1],
        (None, Says::Workload { .. }) => &own_names[..],
    };
    let mut reading = Reading {
        audiences,
        leeway: state.config.clock_leeway,
        max_lifetime: state.config.client_assertion_max_ttl,
    };
    match &issuer.says {
        Says::IdJag { user_claim: claim, scopes } => {
            let client = client.ok_or(TokenError::NoClient)?.proven().ok_or(TokenError::NotAllowed(
                "only a client that authenticates may present what an identity provider says of a user",
            ))?;
            let jag = jwt_bearer::id_jag(&statement, &client.id, &reading, now).map_err(TokenError::Grant)?;
            check_signature(keys, &statement, now).await?;
            // Used up from here on, whatever comes of it: it may have been seen by others.
            let id = statement.id.as_deref().unwrap_or_default();
            let used = UsedStatement {
                digest: random::digest_of(&[b"issuer", statement.issuer.as_bytes(), id.as_bytes()]),
                owner: random::digest_of(&[b"issuer", statement.issuer.as_bytes()]),
                until: statement.forgettable_at(reading.leeway),
            };
            use_statement(state, &used).await.map_err(of_grant)?;
            let offered = state.policy.resource(Some(&jag.resource)).ok_or(TokenError::UnknownResource)?;
            if wanted.resource.is_some_and(|wanted| !wanted.is_equivalent(&offered.resource)) {
                return Err(TokenError::UnknownResource.into());
            }
            let allowed = jag.scope.map_or_else(|| scopes.clone(), |scope| scope.intersection(scopes));
            // Nothing of it counts here: a token that is good for nothing would only hide that.
            if allowed.is_empty() && !scopes.is_empty() {
                return Err(TokenError::MoreScope(scopes.clone()).into());
            }
            let scope = own_scope(&part_of(&allowed, offered)?, wanted.scope)?;
            let name = user_claim(&statement, claim).ok_or(TokenError::Grant(StatementError::Unknown))?;
            let user = state.store.user_by_name(&name).await?;
            let user = user.filter(UserRecord::is_enabled);
            let user = user.ok_or(TokenError::Grant(StatementError::Unknown))?;
            let grant = GrantRecord {
                id: random::token::<16>(),
                user_id: user.id,
                client_id: client.id.clone(),
                client_name: client.name.clone(),
                scope: scope.to_string(),
                resource: offered.resource.as_str().to_owned(),
                client_has_keys: false,
                created_at: now,
                last_used_at: now,
                last_used_from: account.sender.address,
                expires_at: now + state.config.access_token_ttl,
                narrowed: None,
                revoked: None,
            };
            account.concerns(&grant.user_id, &grant.id, grant.client_name.as_deref(), &grant.scope);
            let response = response(state, &grant, &scope, None, &account.possession, now)?;
            if state.store.insert_grant(&grant).await? == Insert::Exists {
                return Err(StoreError::new("two random grants were equal").into());
            }
            Ok(response)
        }
        Says::Workload { subjects } => {
            reading.max_lifetime = MAX_WORKLOAD_LIFETIME;
            jwt_bearer::workload(&statement, &reading, now).map_err(TokenError::Grant)?;
            check_signature(keys, &statement, now).await?;
            account.draft.client_name = Some(visible(&statement.subject, 100));
            let fits = |workloads: &&Workloads| {
                let claims = workloads.claims.iter().map(|(name, value)| (name.as_str(), value.as_str()));
                names(&workloads.subject, &statement.subject) && has_claims(&statement, claims)
            };
            let found = subjects.iter().find(fits).ok_or(TokenError::Grant(StatementError::Unknown))?;
            if state.store.client_disabled(&found.client_id).await?.is_some() {
                return Err(TokenError::UnknownClient.into());
            }
            let client = state.store.client(&found.client_id).await?;
            let bound = client.is_some_and(|it| it.client.demands.dpop_bound_access_tokens);
            if bound && account.possession.key.is_none() {
                return Err(TokenError::from(ProofError::Missing).into());
            }
            let offered = state.policy.resource(wanted.resource).ok_or(TokenError::UnknownResource)?;
            let scope = own_scope(&part_of(&found.scopes, offered)?, wanted.scope)?;
            let (subject, grant_id) = (own_subject(&found.client_id), own_grant(&found.client_id));
            account.draft.client = Some(found.client_id.clone());
            account.draft.grant = Some(grant_id.clone());
            account.draft.scope = Some(scope.to_string());
            let new = NewToken {
                subject: &subject,
                client_id: &found.client_id,
                resource: offered.resource.as_str(),
                scope: &scope,
                grant_id: &grant_id,
                until: None,
                actor: None,
            };
            signed(state, &new, None, &account.possession, now)
        }
    }
}

/// Here it is not the client whose statement was used before.
fn of_grant(failure: Failure) -> Failure {
    match failure {
        Failure::Refused(TokenError::Assertion(error)) => TokenError::Grant(error).into(),
        other => other,
    }
}
