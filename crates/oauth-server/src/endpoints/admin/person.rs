//! `GET /admin/people/{id}`, `POST /admin/people/{id}`: one person: how they sign in, where they are signed in, what they
//! have connected; changes any of it.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use barewire_oauth::parameters::Parameters;
use barewire_oauth::secret::Password;
use barewire_oauth::upstream::id_token::Account;
use http::{HeaderMap, StatusCode};
use url::form_urlencoded;

use super::apps::App;
use super::{Administrator, Around, Section, done, field, refused};
use crate::administration::{AdminError, GrantFilter, SessionView, UserDetails};
use crate::csrf::Purpose;
use crate::duration::Moment;
use crate::flow::{Stop, finish};
use crate::pages::{ErrorPage, Extras, Frame, page};
use crate::posted::Posted;
use crate::routes::{ADMIN_APPS, ADMIN_PERSON};
use crate::server::{AppState, Inner};

/// Connected apps that are shown here; the others are a link away.
const SHOWN: u32 = 10;

#[derive(Template)]
#[template(path = "admin/person.html")]
struct PersonTemplate {
    frame: Frame,
    around: Around,
    action: String,
    csrf: String,
    details: UserDetails,
    added: Moment,
    changed: Option<Moment>,
    disabled: Option<Moment>,
    shortest: usize,
    /// Whether it is the administrator who looks.
    yourself: bool,
    sessions: Vec<Session>,
    apps: Vec<App>,
    all_apps: Option<String>,
    /// Of the providers in the settings; where there is none, no account is of use.
    issuers: Vec<String>,
}

struct Session {
    browser: String,
    from: Option<String>,
    started: Moment,
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
    let section = Section::Person(id.clone());
    let administrator = Administrator::read(state, headers, section.clone()).await?;
    match template(state, &administrator, &section, &id).await {
        Ok(template) => Ok(page(StatusCode::OK, &template, Extras::default())),
        Err(error) => refused(state, &administrator, &section, error),
    }
}

async fn template(
    state: &Inner,
    administrator: &Administrator,
    section: &Section,
    id: &str,
) -> Result<PersonTemplate, AdminError> {
    let now = state.now();
    let details = state.administration.user(id).await?;
    let filter = GrantFilter { user: Some(id), client: None };
    let grants = state.administration.grants(filter, None, Some(SHOWN)).await?;
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("user", id).finish();
    let session = |session: &SessionView| Session {
        browser: session.browser.clone().unwrap_or_else(|| "A browser".to_owned()),
        from: session.started_from.clone(),
        started: Moment::new(session.authenticated_at.0, now),
    };
    Ok(PersonTemplate {
        frame: Frame::new(state),
        around: Around::new(state, administrator, section),
        action: state.path(&section.path()),
        csrf: administrator.visitor.csrf(Purpose::AdminPerson, id),
        added: Moment::new(details.user.created_at.0, now),
        changed: details.user.password_changed_at.map(|at| Moment::new(at.0, now)),
        disabled: details.user.disabled_at.map(|at| Moment::new(at.0, now)),
        shortest: state.config.min_password_length,
        yourself: administrator.user().id == id,
        sessions: details.sessions.iter().map(session).collect(),
        all_apps: grants.next_cursor.is_some().then(|| state.path_with(ADMIN_APPS, &query)),
        apps: grants.items.iter().map(|grant| App::new(state, grant, now)).collect(),
        issuers: state.upstreams.iter().map(|upstream| upstream.config.issuer.clone()).collect(),
        details,
    })
}

async fn change(state: &Inner, id: String, posted: &Posted) -> Result<Response, Stop> {
    let section = Section::Person(id.clone());
    let (administrator, fields) =
        Administrator::change(state, posted, section.clone(), Purpose::AdminPerson, &id).await?;
    let by = administrator.by(ADMIN_PERSON, &posted.sender);
    let all = &state.administration;
    let (result, title, text) = match field(&fields, "action") {
        "disable" => (
            all.set_user_disabled(&by, &id, true).await,
            "Disabled",
            "They are signed out everywhere, and the very next request of each application that acts for them is refused.",
        ),
        "enable" => (
            all.set_user_disabled(&by, &id, false).await,
            "Enabled",
            "They can sign in again. What they had connected can renew its access.",
        ),
        "promote" => (
            all.set_administrator(&by, &id, true).await,
            "An administrator now",
            "They see and can change all that you do.",
        ),
        "demote" => (
            all.set_administrator(&by, &id, false).await,
            "No administrator any more",
            "They see and change their own account only.",
        ),
        "password" => (
            all.reset_password(&by, &id, Password::new(field(&fields, "password"))).await,
            "The password is replaced",
            "They are signed out everywhere. What they have connected stays connected; end it below if you do not trust it.",
        ),
        "factors" => (
            all.reset_second_factors(&by, &id).await,
            "Reset",
            "Their authenticator app, recovery codes and passkeys are gone. The password alone signs them in.",
        ),
        "sessions" => (
            all.end_sessions(&by, &id).await.map(drop),
            "Signed out",
            "They have to sign in again in each browser. What they have connected stays connected.",
        ),
        "link" => (
            all.link_account(&by, &id, account(&fields)).await,
            "Linked",
            "Whoever signs in with that account at its provider is this person from now on.",
        ),
        "unlink" => (
            all.unlink_account(&by, &id, &account(&fields)).await,
            "Taken away",
            "Nobody signs in with that account as this person. Browsers that came in with it have to sign in again, and \
             what was connected that way ends at its next refresh.",
        ),
        _ => return Err(Stop::page(ErrorPage::stale_form())),
    };
    match result {
        Ok(()) => Ok(done(state, &administrator, &section, title, text)),
        Err(error) => refused(state, &administrator, &section, error),
    }
}

/// The account that a form is about.
fn account(fields: &Parameters) -> Account {
    Account { issuer: field(fields, "issuer").to_owned(), subject: field(fields, "subject").to_owned() }
}
