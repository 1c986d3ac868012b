//! What users have let applications do.

use barewire_oauth::narrowing;
use barewire_oauth::scope::ScopeSet;

use super::{About, AdminError, Administration, By, GrantView, Page, page_size};
use crate::endpoints::account::apps::Cursor;
use crate::store::{GrantOverview, GrantsWanted, Revocation, RevocationReason, Swap};
use crate::witness::EventKind;

/// Which grants.
#[derive(Debug, Clone, Copy, Default)]
pub struct GrantFilter<'a> {
    /// Those of this user.
    pub user: Option<&'a str>,
    /// Those of this client.
    pub client: Option<&'a str>,
}

impl Administration {
    /// Grants, the newest first; those that were revoked are among them for a day.
    ///
    /// # Errors
    /// [`AdminError::Cursor`], [`AdminError::Store`].
    pub async fn grants(
        &self,
        filter: GrantFilter<'_>,
        cursor: Option<&str>,
        limit: Option<u32>,
    ) -> Result<Page<GrantView>, AdminError> {
        let after = cursor.map(|text| Cursor::parse(text).ok_or(AdminError::Cursor)).transpose()?;
        let size = page_size(limit);
        let wanted = GrantsWanted {
            user_id: filter.user,
            client_id: filter.client,
            live: None,
            after: after.as_ref().map(|cursor| (cursor.at, cursor.id.as_str())),
            limit: size + 1,
        };
        let found = self.store.grants(&wanted).await?;
        Ok(Page::cut(found, size, |last| Cursor::of(last).to_string(), GrantView::from))
    }

    /// One grant.
    ///
    /// # Errors
    /// [`AdminError::NoSuchGrant`], [`AdminError::Store`].
    pub async fn grant(&self, id: &str) -> Result<GrantView, AdminError> {
        Ok(self.overview(id).await?.into())
    }

    pub(crate) async fn overview(&self, id: &str) -> Result<GrantOverview, AdminError> {
        self.store.grant_overview(id).await?.ok_or(AdminError::NoSuchGrant)
    }

    /// Leaves a grant with no more than these scopes. Its next request counts only as far as they go.
    ///
    /// # Errors
    /// [`AdminError::NoSuchGrant`], [`AdminError::Narrowing`], [`AdminError::Changed`], [`AdminError::Store`].
    pub async fn narrow(&self, by: &By<'_>, id: &str, keep: &ScopeSet) -> Result<GrantView, AdminError> {
        let overview = self.standing(id).await;
        let (about, result) = match overview {
            Ok(overview) => {
                let result = self.try_narrow(&overview, keep).await;
                (Some(overview.grant), result)
            }
            Err(error) => (None, Err(error)),
        };
        let left = result.as_ref().ok().map(ToString::to_string);
        let about = about.as_ref().map_or_else(About::default, |grant| About {
            user: Some(&grant.user_id),
            client: Some(&grant.client_id),
            grant: Some(&grant.id),
            scope: left.as_deref(),
        });
        self.done(by, EventKind::Narrowing, RevocationReason::Operator.as_str(), about, result).await?;
        self.grant(id).await
    }

    async fn try_narrow(&self, overview: &GrantOverview, keep: &ScopeSet) -> Result<ScopeSet, AdminError> {
        let grant = &overview.grant;
        let current = ScopeSet::parse_lenient(&grant.scope);
        let left = narrowing::narrow(&current, keep)?;
        if left == current {
            return Ok(left);
        }
        match self.store.narrow_grant(&grant.id, &grant.scope, &left.to_string(), self.now()).await? {
            Swap::Done => Ok(left),
            Swap::Lost => Err(AdminError::Changed),
        }
    }

    /// Ends what the user of this grant has let its client do at its resource: this grant and the others of these three,
    /// and what would still become one. How many grants that were.
    ///
    /// # Errors
    /// [`AdminError::NoSuchGrant`], [`AdminError::Store`].
    pub async fn revoke(&self, by: &By<'_>, id: &str) -> Result<usize, AdminError> {
        let reason = RevocationReason::Operator;
        let result = match self.standing(id).await {
            Ok(overview) => {
                let revocation = Revocation { at: self.now(), reason };
                let ended = self.store.disconnect(id, revocation).await;
                ended.map(|ended| (overview.grant, ended)).map_err(AdminError::from)
            }
            Err(error) => Err(error),
        };
        let (grant, ended) = match result {
            Ok(done) => done,
            Err(error) => {
                let refused = Err(error);
                return self
                    .done(by, EventKind::Revocation, reason.as_str(), About::default(), refused)
                    .await;
            }
        };
        self.catch_up().await;
        for id in &ended {
            tracing::info!(grant = id, reason = reason.as_str(), "a grant was revoked");
            let about = About {
                user: Some(&grant.user_id),
                client: Some(&grant.client_id),
                grant: Some(id),
                scope: Some(grant.scope.as_str()).filter(|_| *id == grant.id),
            };
            self.tell(by, EventKind::Revocation, reason.as_str(), about, None);
        }
        Ok(ended.len())
    }

    /// One that is neither revoked nor over.
    async fn standing(&self, id: &str) -> Result<GrantOverview, AdminError> {
        let overview = self.overview(id).await?;
        let stands = overview.grant.revoked.is_none() && overview.grant.expires_at > self.now();
        if stands { Ok(overview) } else { Err(AdminError::NoSuchGrant) }
    }
}
