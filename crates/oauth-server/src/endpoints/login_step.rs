//! What all ways to log in have in common: a form of the login pages, sent for an errand, and what follows when it was
//! right.

use axum::response::Response;
use barewire_oauth::parameters::Parameters;

use super::login::Errand;
use crate::csrf::Purpose;
use crate::flow::{Flow, Stop};
use crate::posted::{Posted, STALE_FORM};
use crate::respond::{see_other, see_other_with};
use crate::routes::LOGIN;
use crate::server::Inner;
use crate::sessions::Cookies;
use crate::store::UserRecord;
use crate::witness::{Draft, Ending, EventKind};

/// A form of the login pages.
pub(crate) struct Step<'a> {
    state: &'a Inner,
    posted: &'a Posted,
    endpoint: &'static str,
    fields: Parameters,
    pub(crate) errand: Errand,
    pub(crate) cookies: Cookies,
    /// What is known of the login, whoever it is.
    pub(crate) draft: Draft,
}

impl<'a> Step<'a> {
    /// The form that was posted to the page at `endpoint` with this query.
    pub(crate) async fn read(
        state: &'a Inner,
        query: Option<&str>,
        posted: &'a Posted,
        endpoint: &'static str,
        purpose: Purpose,
    ) -> Result<Self, Stop> {
        let errand = Errand::read(state, query).await?;
        let cookies = Cookies::read(state, &posted.headers);
        let draft = errand.flow().map(Flow::draft).unwrap_or_default();
        let fields = posted.form(&cookies, purpose, &errand.query()).inspect_err(|_| {
            state.tell(&posted.sender, endpoint, EventKind::Login, &draft, Err(STALE_FORM));
        })?;
        Ok(Self { state, posted, endpoint, fields, errand, cookies, draft })
    }

    pub(crate) fn fields(&self) -> &Parameters {
        &self.fields
    }

    /// The value of a field, or nothing.
    pub(crate) fn field(&self, name: &str) -> &str {
        self.fields.one(name).ok().flatten().unwrap_or_default()
    }

    pub(crate) fn tell(&self, ending: Ending) {
        self.state.tell(&self.posted.sender, self.endpoint, EventKind::Login, &self.draft, ending);
    }

    /// Logs `user` in, who was recognised in this `way`, and leads on to what they came for; nothing if they were changed
    /// while this login waited.
    pub(crate) async fn log_in(
        &self,
        user: &UserRecord,
        way: Option<&'static str>,
    ) -> Result<Option<Response>, Stop> {
        let now = self.state.now();
        let Some(set) = self.cookies.log_in(self.state, user, &self.posted.sender, now).await? else {
            return Ok(None);
        };
        self.tell(Ok(way));
        Ok(Some(see_other_with(&self.errand.next(self.state), set)))
    }

    /// The way back to the first page of this login.
    pub(crate) fn again(&self) -> Response {
        see_other(&self.state.path_with(LOGIN, &self.errand.query()))
    }
}
