//! `GET /admin/people`, `POST /admin/people`: everybody who can log in, found by name; adds somebody.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use barewire_oauth::parameters::Parameters;
use barewire_oauth::secret::Password;
use http::{HeaderMap, StatusCode};
use url::form_urlencoded;

use super::{Administrator, Around, PAGE, Section, done, field, refused};
use crate::administration::{NewUser, UserView};
use crate::csrf::Purpose;
use crate::duration::Moment;
use crate::flow::{Stop, finish};
use crate::pages::{Extras, Frame, page};
use crate::posted::Posted;
use crate::routes::ADMIN_PEOPLE;
use crate::server::{AppState, Inner};

#[derive(Template)]
#[template(path = "admin/people.html")]
struct PeopleTemplate {
    frame: Frame,
    around: Around,
    action: String,
    csrf: String,
    shortest: usize,
    search: String,
    people: Vec<Person>,
    next: Option<String>,
    is_first: bool,
}

/// Somebody, in a line or two.
struct Person {
    name: String,
    path: String,
    administrator: bool,
    disabled: bool,
    added: Moment,
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
    let administrator = Administrator::read(state, headers, Section::People).await?;
    let parameters = Parameters::parse(query.as_bytes());
    let search = field(&parameters, "search");
    let after = parameters.one("after").ok().flatten();
    let found = match state.administration.users(search, after, Some(PAGE)).await {
        Ok(found) => found,
        Err(error) => return refused(state, &administrator, &Section::People, error),
    };
    let now = state.now();
    let person = |user: &UserView| Person {
        path: state.path(&Section::Person(user.id.clone()).path()),
        name: user.name.clone(),
        administrator: user.administrator,
        disabled: user.disabled_at.is_some(),
        added: Moment::new(user.created_at.0, now),
    };
    let template = PeopleTemplate {
        frame: Frame::new(state),
        around: Around::new(state, &administrator, &Section::People),
        action: state.path(ADMIN_PEOPLE),
        csrf: administrator.visitor.csrf(Purpose::AdminPeople, ""),
        shortest: state.config.min_password_length,
        people: found.items.iter().map(person).collect(),
        next: found.next_cursor.map(|cursor| next_page(state, ADMIN_PEOPLE, &[("search", search)], &cursor)),
        search: search.to_owned(),
        is_first: after.is_none(),
    };
    Ok(page(StatusCode::OK, &template, Extras::default()))
}

/// The address of the next page of a list, with what it was asked for.
pub(super) fn next_page(state: &Inner, path: &str, asked: &[(&str, &str)], cursor: &str) -> String {
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(asked.iter().filter(|(_, value)| !value.is_empty()))
        .append_pair("after", cursor)
        .finish();
    state.path_with(path, &query)
}

async fn add(state: &Inner, posted: &Posted) -> Result<Response, Stop> {
    let section = Section::People;
    let (administrator, fields) =
        Administrator::change(state, posted, section.clone(), Purpose::AdminPeople, "").await?;
    let new = NewUser {
        name: field(&fields, "name").to_owned(),
        password: Password::new(field(&fields, "password")),
        administrator: field(&fields, "administrator") == "yes",
    };
    match state.administration.add_user(&administrator.by(ADMIN_PEOPLE, &posted.sender), new).await {
        Ok(user) => {
            let title = format!("{} is added", user.name);
            let text = "They can sign in with the password that you typed. Tell it to them in person, and ask them to \
                        change it.";
            Ok(done(state, &administrator, &section, &title, text))
        }
        Err(error) => refused(state, &administrator, &section, error),
    }
}
