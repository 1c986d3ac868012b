//! `GET /admin/apps/{id}`, `POST /admin/apps/{id}`: one connection of whatever user: narrows or ends it.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use barewire_oauth::scope::ScopeSet;
use http::{HeaderMap, StatusCode};

use super::apps::{ended, name};
use super::{Administrator, Around, Section, done, field, refused};
use crate::administration::GrantView;
use crate::csrf::Purpose;
use crate::duration::Moment;
use crate::flow::{Stop, finish};
use crate::pages::{ErrorPage, Extras, Frame, HeldScope, page};
use crate::posted::Posted;
use crate::routes::ADMIN_APP;
use crate::server::{AppState, Inner};

#[derive(Template)]
#[template(path = "admin/app.html")]
struct AppTemplate {
    frame: Frame,
    around: Around,
    action: String,
    csrf: String,
    name: String,
    grant: GrantView,
    user: String,
    client: String,
    connected: Moment,
    used: Moment,
    expires: Moment,
    ended: Option<String>,
    lines: Vec<HeldScope>,
    /// Whether there is anything to take away.
    can_be_narrowed: bool,
}

pub(crate) async fn get(
    State(state): State<AppState>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    finish(&state, show(&state, id, &headers).await)
}

pub(crate) async fn post(State(state): State<AppState>, Path(id): Path<String>, posted: Posted) -> Response {
    finish(&state, change(&state, id, &posted).await)
}

async fn show(state: &Inner, id: String, headers: &HeaderMap) -> Result<Response, Stop> {
    let section = Section::App(id.clone());
    let administrator = Administrator::read(state, headers, section.clone()).await?;
    let grant = match state.administration.grant(&id).await {
        Ok(grant) => grant,
        Err(error) => return refused(state, &administrator, &section, error),
    };
    let now = state.now();
    let lines = HeldScope::all(state, &grant.resource, &grant.scope);
    let ended = ended(&grant, now);
    let template = AppTemplate {
        frame: Frame::new(state),
        around: Around::new(state, &administrator, &section),
        action: state.path(&section.path()),
        csrf: administrator.visitor.csrf(Purpose::AdminApp, &id),
        name: name(&grant),
        user: state.path(&Section::Person(grant.user.clone()).path()),
        client: state.path(&Section::Client(grant.client.clone()).path()),
        connected: Moment::new(grant.created_at.0, now),
        used: Moment::new(grant.last_used_at.0, now),
        expires: Moment::new(grant.expires_at.0, now),
        can_be_narrowed: ended.is_none() && HeldScope::can_be_narrowed(&lines),
        ended,
        lines,
        grant,
    };
    Ok(page(StatusCode::OK, &template, Extras::default()))
}

async fn change(state: &Inner, id: String, posted: &Posted) -> Result<Response, Stop> {
    let section = Section::App(id.clone());
    let (administrator, fields) =
        Administrator::change(state, posted, section.clone(), Purpose::AdminApp, &id).await?;
    let by = administrator.by(ADMIN_APP, &posted.sender);
    let (result, title, text) = match field(&fields, "action") {
        "narrow" => {
            let keep = ScopeSet::from_tokens(fields.all("scope"));
            (
                state.administration.narrow(&by, &id, &keep).await.map(drop),
                "Saved",
                "What you took away is refused from its next request on. It has not to connect again.",
            )
        }
        "revoke" => (
            state.administration.revoke(&by, &id).await.map(drop),
            "Disconnected",
            "Its very next request is refused, and it gets nothing more unless the user allows it again.",
        ),
        _ => return Err(Stop::page(ErrorPage::stale_form())),
    };
    match result {
        Ok(()) => Ok(done(state, &administrator, &section, title, text)),
        Err(error) => refused(state, &administrator, &section, error),
    }
}
