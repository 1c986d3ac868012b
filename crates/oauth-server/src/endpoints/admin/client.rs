//! `GET /admin/clients/{id}`, `POST /admin/clients/{id}`: one application; disables or deletes it.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use url::form_urlencoded;

use super::clients::{count, how, name};
use super::{Administrator, Around, Section, done, field, refused};
use crate::administration::ClientView;
use crate::csrf::Purpose;
use crate::duration::Moment;
use crate::flow::{Stop, finish};
use crate::pages::{ErrorPage, Extras, Frame, page};
use crate::posted::Posted;
use crate::routes::{ADMIN_APPS, ADMIN_CLIENT};
use crate::server::{AppState, Inner};

#[derive(Template)]
#[template(path = "admin/client.html")]
struct ClientTemplate {
    frame: Frame,
    around: Around,
    action: String,
    csrf: String,
    name: String,
    known_by: &'static str,
    client: ClientView,
    registered: Option<Moment>,
    used: Option<Moment>,
    disabled: Option<Moment>,
    grants: String,
    apps: String,
    /// Whether there is a record here that can be deleted.
    can_be_deleted: bool,
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
    let section = Section::Client(id.clone());
    let administrator = Administrator::read(state, headers, section.clone()).await?;
    let client = match state.administration.client(&id).await {
        Ok(client) => client,
        Err(error) => return refused(state, &administrator, &section, error),
    };
    let now = state.now();
    let moment = |at: crate::administration::Stamp| Moment::new(at.0, now);
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("client", &id).finish();
    let template = ClientTemplate {
        frame: Frame::new(state),
        around: Around::new(state, &administrator, &section),
        action: state.path(&section.path()),
        csrf: administrator.visitor.csrf(Purpose::AdminClient, &id),
        name: name(&client),
        known_by: how(client.known_by),
        registered: client.registered_at.map(moment),
        used: client.last_used_at.map(moment),
        disabled: client.disabled_at.map(moment),
        grants: count(&client),
        apps: state.path_with(ADMIN_APPS, &query),
        can_be_deleted: matches!(client.known_by, "added" | "registered"),
        client,
    };
    Ok(page(StatusCode::OK, &template, Extras::default()))
}

async fn change(state: &Inner, id: String, posted: &Posted) -> Result<Response, Stop> {
    let section = Section::Client(id.clone());
    let (administrator, fields) =
        Administrator::change(state, posted, section.clone(), Purpose::AdminClient, &id).await?;
    let by = administrator.by(ADMIN_CLIENT, &posted.sender);
    let all = &state.administration;
    let (result, back, title, text) = match field(&fields, "action") {
        "disable" => (
            all.set_client_disabled(&by, &id, true).await,
            section,
            "Disabled",
            "Its very next request is refused, whoever it acts for, and nobody can connect it.",
        ),
        "enable" => (
            all.set_client_disabled(&by, &id, false).await,
            section,
            "Enabled",
            "It can be connected again, and what it was allowed before can be renewed.",
        ),
        "delete" => (
            all.delete_client(&by, &id).await,
            Section::Clients,
            "Deleted",
            "All that it was allowed has ended. It can register itself again, where that is allowed, as another one.",
        ),
        _ => return Err(Stop::page(ErrorPage::stale_form())),
    };
    match result {
        Ok(()) => Ok(done(state, &administrator, &back, title, text)),
        Err(error) => refused(state, &administrator, &back, error),
    }
}
