//! `GET /admin/apps`: what all users have connected, the newest first; of one user, of one application.

use std::time::SystemTime;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use barewire_oauth::parameters::Parameters;
use http::{HeaderMap, StatusCode};

use super::people::next_page;
use super::{Administrator, Around, PAGE, Section, field, refused};
use crate::administration::{GrantFilter, GrantView};
use crate::duration::Moment;
use crate::flow::{Stop, finish};
use crate::pages::{Extras, Frame, page, scope_words};
use crate::routes::ADMIN_APPS;
use crate::server::{AppState, Inner};

#[derive(Template)]
#[template(path = "admin/apps.html")]
struct AppsTemplate {
    frame: Frame,
    around: Around,
    action: String,
    user: String,
    client: String,
    apps: Vec<App>,
    next: Option<String>,
    is_first: bool,
}

/// A connection, in a line or two.
pub(super) struct App {
    pub(super) name: String,
    pub(super) path: String,
    pub(super) user: String,
    pub(super) may: Vec<String>,
    pub(super) connected: Moment,
    pub(super) used: Moment,
    pub(super) from: Option<String>,
    /// Since when it is over, and why.
    pub(super) ended: Option<String>,
}

impl App {
    pub(super) fn new(state: &Inner, grant: &GrantView, now: SystemTime) -> Self {
        Self {
            name: name(grant),
            path: state.path(&Section::App(grant.id.clone()).path()),
            user: grant.user.clone(),
            may: grant
                .scope
                .split_whitespace()
                .map(|scope| scope_words(state, &grant.resource, scope))
                .collect(),
            connected: Moment::new(grant.created_at.0, now),
            used: Moment::new(grant.last_used_at.0, now),
            from: grant.last_used_from.clone(),
            ended: ended(grant, now),
        }
    }
}

pub(super) fn name(grant: &GrantView) -> String {
    grant.client_name.clone().unwrap_or_else(|| "An application without a name".to_owned())
}

/// Since when a grant is over, and why, in words.
pub(super) fn ended(grant: &GrantView, now: SystemTime) -> Option<String> {
    if let Some(at) = grant.revoked_at {
        let by = match grant.revoked_reason {
            Some("client") => "by the application",
            Some("user") => "by the user",
            Some("operator") => "by an administrator",
            _ => "because a code or token of it came twice",
        };
        return Some(format!("Ended {by} {}", Moment::new(at.0, now).relative));
    }
    (grant.expires_at.0 <= now)
        .then(|| format!("Over since {}", Moment::new(grant.expires_at.0, now).relative))
}

pub(crate) async fn get(
    State(state): State<AppState>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    finish(&state, list(&state, query.as_deref().unwrap_or_default(), &headers).await)
}

async fn list(state: &Inner, query: &str, headers: &HeaderMap) -> Result<Response, Stop> {
    let section = Section::Apps;
    let administrator = Administrator::read(state, headers, section.clone()).await?;
    let parameters = Parameters::parse(query.as_bytes());
    let (user, client) = (field(&parameters, "user"), field(&parameters, "client"));
    let after = parameters.one("after").ok().flatten();
    // Whoever looks for a person knows the name; where there is none, the list is empty.
    let id = if user.is_empty() { None } else { Some(state.administration.user_id(user).await) };
    let id = id.map(|id| id.unwrap_or_else(|_| user.to_owned()));
    let filter =
        GrantFilter { user: id.as_deref(), client: Some(client).filter(|client| !client.is_empty()) };
    let found = match state.administration.grants(filter, after, Some(PAGE)).await {
        Ok(found) => found,
        Err(error) => return refused(state, &administrator, &section, error),
    };
    let now = state.now();
    let asked = [("user", user), ("client", client)];
    let template = AppsTemplate {
        frame: Frame::new(state),
        around: Around::new(state, &administrator, &section),
        action: state.path(ADMIN_APPS),
        apps: found.items.iter().map(|grant| App::new(state, grant, now)).collect(),
        next: found.next_cursor.map(|cursor| next_page(state, ADMIN_APPS, &asked, &cursor)),
        user: user.to_owned(),
        client: client.to_owned(),
        is_first: after.is_none(),
    };
    Ok(page(StatusCode::OK, &template, Extras::default()))
}
