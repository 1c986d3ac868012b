//! `GET /admin/clients`, `POST /admin/clients`: every application that is known here, however it became so; adds one.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use barewire_oauth::client::RedirectUri;
use barewire_oauth::parameters::Parameters;
use barewire_oauth::secret::ClientSecret;
use http::{HeaderMap, StatusCode};

use super::people::next_page;
use super::{Administrator, Around, PAGE, Section, done_once, field, refused};
use crate::administration::{AdminError, ClientView, NewClient};
use crate::csrf::Purpose;
use crate::duration::Moment;
use crate::flow::{Stop, finish};
use crate::pages::{Extras, Frame, page};
use crate::posted::Posted;
use crate::routes::ADMIN_CLIENTS;
use crate::server::{AppState, Inner};

#[derive(Template)]
#[template(path = "admin/clients.html")]
struct ClientsTemplate {
    frame: Frame,
    around: Around,
    action: String,
    csrf: String,
    search: String,
    clients: Vec<Client>,
    next: Option<String>,
    is_first: bool,
}

/// An application, in a line or two.
struct Client {
    name: String,
    id: String,
    path: String,
    known_by: &'static str,
    disabled: bool,
    used: Option<Moment>,
    grants: String,
}

pub(crate) async fn get(
    State(state): State<AppState>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    finish(&state, list(&state, query.as_deref().unwrap_or_default(), &headers).await)
}

pub(crate) async fn post(State(state): State<AppState>, posted: Posted) -> Response {
    finish(&state, add(&state, &posted).await)
}

async fn list(state: &Inner, query: &str, headers: &HeaderMap) -> Result<Response, Stop> {
    let section = Section::Clients;
    let administrator = Administrator::read(state, headers, section.clone()).await?;
    let parameters = Parameters::parse(query.as_bytes());
    let search = field(&parameters, "search");
    let after = parameters.one("after").ok().flatten();
    let found = match state.administration.clients(search, after, Some(PAGE)).await {
        Ok(found) => found,
        Err(error) => return refused(state, &administrator, &section, error),
    };
    let now = state.now();
    let client = |client: &ClientView| Client {
        path: state.path(&Section::Client(client.id.clone()).path()),
        name: name(client),
        id: client.id.clone(),
        known_by: how(client.known_by),
        disabled: client.disabled_at.is_some(),
        used: client.last_used_at.map(|at| Moment::new(at.0, now)),
        grants: count(client),
    };
    let template = ClientsTemplate {
        frame: Frame::new(state),
        around: Around::new(state, &administrator, &section),
        action: state.path(ADMIN_CLIENTS),
        csrf: administrator.visitor.csrf(Purpose::AdminClients, ""),
        clients: found.items.iter().map(client).collect(),
        next: found.next_cursor.map(|cursor| next_page(state, ADMIN_CLIENTS, &[("search", search)], &cursor)),
        search: search.to_owned(),
        is_first: after.is_none(),
    };
    Ok(page(StatusCode::OK, &template, Extras::default()))
}

pub(super) fn name(client: &ClientView) -> String {
    client.name.clone().unwrap_or_else(|| "An application without a name".to_owned())
}

/// How a client became known, in words.
pub(super) fn how(known_by: &str) -> &'static str {
    match known_by {
        "configured" => "In the configuration",
        "added" => "Added by an administrator",
        "registered" => "Registered itself",
        "document" => "Known by its own document",
        _ => "Its registration is gone",
    }
}

/// How many connections it has, in words.
pub(super) fn count(client: &ClientView) -> String {
    match (client.grants, client.more_grants) {
        (0, _) => "no connections".to_owned(),
        (1, _) => "one connection".to_owned(),
        (some, false) => format!("{some} connections"),
        (some, true) => format!("{some} connections or more"),
    }
}

async fn add(state: &Inner, posted: &Posted) -> Result<Response, Stop> {
    let section = Section::Clients;
    let (administrator, fields) =
        Administrator::change(state, posted, section.clone(), Purpose::AdminClients, "").await?;
    let uris = field(&fields, "redirect_uris").split_whitespace().map(RedirectUri::parse);
    let Ok(redirect_uris) = uris.collect::<Result<Vec<_>, _>>() else {
        let error = AdminError::Client(
            "each redirect URI is an https URL, or http on the user's own machine, without a fragment",
        );
        return refused(state, &administrator, &section, error);
    };
    let new = NewClient {
        client_name: field(&fields, "client_name").to_owned(),
        redirect_uris,
        confidential: field(&fields, "confidential") == "yes",
        ..NewClient::default()
    };
    match state.administration.add_client(&administrator.by(ADMIN_CLIENTS, &posted.sender), new).await {
        Ok(added) => {
            let title = format!("{} is added", name(&added.client));
            let text = format!("Its client_id is {}", added.client.id);
            let secret = added.client_secret.as_ref().map(ClientSecret::expose);
            let once = secret.map(|secret| ("Its client_secret, shown this once", secret));
            Ok(done_once(state, &administrator, &section, &title, &text, once))
        }
        Err(error) => refused(state, &administrator, &section, error),
    }
}
