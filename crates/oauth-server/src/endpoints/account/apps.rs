//! `GET /account/apps`: the applications that a person has connected, the newest connection first.

use std::time::{Duration, SystemTime};

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use barewire_oauth::parameters::Parameters;
use http::{HeaderMap, StatusCode};

use super::{Around, Place, Visitor};
use crate::duration::Moment;
use crate::flow::{Stop, finish};
use crate::pages::{Extras, Frame, Identification, page, scope_words};
use crate::routes::ACCOUNT_APPS;
use crate::server::{AppState, Inner};
use crate::store::{GrantOverview, GrantsWanted, Live};

/// Connections on one page.
pub(crate) const PAGE: u32 = 25;

#[derive(Template)]
#[template(path = "account/apps.html")]
struct AppsTemplate {
    frame: Frame,
    around: Around,
    apps: Vec<App>,
    /// The page with older ones.
    older: Option<String>,
    /// Whether there are newer ones than these.
    is_first: bool,
}

/// A connection, in a line or two.
struct App {
    name: String,
    known_by: Identification,
    manage: String,
    /// What it may do, in words.
    may: Vec<String>,
    connected: Moment,
    used: Moment,
    from: Option<String>,
}

pub(crate) async fn get(
    State(state): State<AppState>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    finish(&state, list(&state, query.as_deref().unwrap_or_default(), &headers).await)
}

async fn list(state: &Inner, query: &str, headers: &HeaderMap) -> Result<Response, Stop> {
    let visitor = Visitor::read(state, headers, Place::Apps).await?;
    let now = state.now();
    let parameters = Parameters::parse(query.as_bytes());
    let after = parameters.one("after").ok().flatten().and_then(Cursor::parse);
    let mut found = state
        .store
        .grants(&GrantsWanted {
            user_id: Some(&visitor.session.user.id),
            client_id: None,
            live: Some(live(state, now)),
            after: after.as_ref().map(|cursor| (cursor.at, cursor.id.as_str())),
            limit: PAGE + 1,
        })
        .await?;
    let more = found.len() > PAGE as usize;
    found.truncate(PAGE as usize);
    let last = found.last().filter(|_| more).map(|last| Cursor::of(last).to_string());
    let template = AppsTemplate {
        frame: Frame::new(state),
        around: Around::new(state, &visitor, Place::Apps),
        older: last.map(|cursor| state.path_with(ACCOUNT_APPS, &format!("after={cursor}"))),
        apps: found.iter().map(|overview| App::new(state, overview, now)).collect(),
        is_first: after.is_none(),
    };
    Ok(page(StatusCode::OK, &template, Extras::default()))
}

impl App {
    fn new(state: &Inner, overview: &GrantOverview, now: SystemTime) -> Self {
        let grant = &overview.grant;
        Self {
            name: name(overview),
            known_by: Identification::of_grant(overview),
            manage: state.path(&format!("{ACCOUNT_APPS}/{}", grant.id)),
            may: grant
                .scope
                .split_whitespace()
                .map(|scope| scope_words(state, &grant.resource, scope))
                .collect(),
            connected: Moment::new(grant.created_at, now),
            used: Moment::new(grant.last_used_at, now),
            from: grant.last_used_from.map(|address| address.to_string()),
        }
    }
}

/// What lives now.
pub(crate) fn live(state: &Inner, now: SystemTime) -> Live {
    let expired_until = now.checked_sub(state.config.access_token_ttl).unwrap_or(SystemTime::UNIX_EPOCH);
    Live { at: now, expired_until }
}

/// What an application called itself when it was connected.
pub(crate) fn name(overview: &GrantOverview) -> String {
    let known = || overview.client.as_ref().and_then(|client| client.name.clone());
    let name = overview.grant.client_name.clone().or_else(known);
    name.unwrap_or_else(|| "An application without a name".to_owned())
}

/// Where a page of grants begins: `<microseconds>.<id>` of the one before.
pub(crate) struct Cursor {
    pub(crate) at: SystemTime,
    pub(crate) id: String,
}

impl Cursor {
    pub(crate) fn of(overview: &GrantOverview) -> Self {
        Self { at: overview.grant.created_at, id: overview.grant.id.clone() }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (micros, id) = text.split_once('.')?;
        let at = SystemTime::UNIX_EPOCH.checked_add(Duration::from_micros(micros.parse().ok()?))?;
        (id.len() <= 64).then(|| Self { at, id: id.to_owned() })
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let micros = self.at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_micros();
        write!(f, "{micros}.{}", self.id)
    }
}
