//! What an administrator sees and changes of everybody's: pages here, the same as JSON in [`api`]. Every page works without
//! a script, every change is a form with a token of its own and asks for a recent login, and for everybody else there is
//! nothing here.

pub(crate) mod api;
pub(crate) mod app;
pub(crate) mod apps;
pub(crate) mod client;
pub(crate) mod clients;
pub(crate) mod funnel;
pub(crate) mod people;
pub(crate) mod person;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use barewire_oauth::parameters::Parameters;
use http::{HeaderMap, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::account::{Place, Visitor};
use crate::administration::{AdminError, By};
use crate::csrf::Purpose;
use crate::flow::Stop;
use crate::pages::{ErrorPage, Extras, Frame, page};
use crate::passwords::PasswordError;
use crate::posted::Posted;
use crate::respond::see_other;
use crate::routes::{ADMIN_APPS, ADMIN_CLIENTS, ADMIN_FUNNEL, ADMIN_PEOPLE, LOGOUT};
use crate::server::{AppState, Inner};
use crate::store::UserRecord;
use crate::witness::Sender;

/// Records on one page.
const PAGE: u32 = 25;

/// The pages, as a login can lead to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Section {
    People,
    Person(String),
    Clients,
    Client(String),
    Apps,
    App(String),
    Funnel,
}

impl Section {
    /// Its word in the query of `/login`. What it leads to is always one of these pages, whatever the id.
    pub(crate) fn word(&self) -> String {
        match self {
            Self::People => "people".to_owned(),
            Self::Person(id) => format!("people/{}", encoded(id)),
            Self::Clients => "clients".to_owned(),
            Self::Client(id) => format!("clients/{}", encoded(id)),
            Self::Apps => "apps".to_owned(),
            Self::App(id) => format!("apps/{}", encoded(id)),
            Self::Funnel => "funnel".to_owned(),
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        let Some((list, id)) = word.split_once('/') else {
            return match word {
                "people" => Some(Self::People),
                "clients" => Some(Self::Clients),
                "apps" => Some(Self::Apps),
                "funnel" => Some(Self::Funnel),
                _ => None,
            };
        };
        let id = percent_decode_str(id).decode_utf8().ok().filter(|id| !id.is_empty())?.into_owned();
        match list {
            "people" => Some(Self::Person(id)),
            "clients" => Some(Self::Client(id)),
            "apps" => Some(Self::App(id)),
            _ => None,
        }
    }

    pub(crate) fn path(&self) -> String {
        format!("/admin/{}", self.word())
    }

    /// The list that it is in.
    fn list(&self) -> &'static str {
        match self {
            Self::People | Self::Person(_) => ADMIN_PEOPLE,
            Self::Clients | Self::Client(_) => ADMIN_CLIENTS,
            Self::Apps | Self::App(_) => ADMIN_APPS,
            Self::Funnel => ADMIN_FUNNEL,
        }
    }
}

/// As a segment of a path: names and identifiers can have any letters. Dots are encoded, too, since two of them lead upwards.
fn encoded(id: &str) -> String {
    const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'~');
    utf8_percent_encode(id, SEGMENT).to_string()
}

/// `GET /admin`.
pub(crate) async fn get(State(state): State<AppState>) -> Response {
    see_other(&state.path(ADMIN_PEOPLE))
}

/// The administrator who is signed in, in this browser.
struct Administrator {
    visitor: Visitor,
}

impl Administrator {
    /// The one behind these headers; otherwise the way to the login, which leads back to `section`. For everybody else who
    /// is signed in, there is nothing here.
    async fn read(state: &Inner, headers: &HeaderMap, section: Section) -> Result<Self, Stop> {
        let visitor = Visitor::of(state, headers).await?.ok_or(Stop::LogInToAdminister(section))?;
        if visitor.session.user.administrator { Ok(Self { visitor }) } else { Err(nothing_here()) }
    }

    /// The same for a change, with the fields of its form: the login has to be recent, and the form ours.
    async fn change(
        state: &Inner,
        posted: &Posted,
        section: Section,
        purpose: Purpose,
        about: &str,
    ) -> Result<(Self, Parameters), Stop> {
        let administrator = Self::read(state, &posted.headers, section.clone()).await?;
        let fields = posted.form(&administrator.visitor.cookies, purpose, about)?;
        if administrator.visitor.session.is_stale(state, state.now()) {
            return Err(Stop::LogInToAdminister(section));
        }
        Ok((administrator, fields))
    }

    fn user(&self) -> &UserRecord {
        &self.visitor.session.user
    }

    fn by<'a>(&'a self, endpoint: &'static str, sender: &'a Sender) -> By<'a> {
        By::administrator(&self.user().id, endpoint, sender)
    }
}

/// What stands around the content of each of these pages.
struct Around {
    links: Vec<Link>,
    account: String,
    user: String,
    logout: String,
    logout_csrf: String,
    /// Whether a change leads to the login first.
    asks_for_login: bool,
}

struct Link {
    path: String,
    name: &'static str,
    current: bool,
}

impl Around {
    fn new(state: &Inner, administrator: &Administrator, section: &Section) -> Self {
        let link = |(path, name): (&'static str, &'static str)| Link {
            path: state.path(path),
            name,
            current: section.list() == path,
        };
        let links =
            [(ADMIN_PEOPLE, "People"), (ADMIN_CLIENTS, "Applications"), (ADMIN_APPS, "Connected apps")];
        // Where nobody keeps account of them, there is no page.
        let kept = state.connection_attempts.is_some().then_some((ADMIN_FUNNEL, "Connecting"));
        let links = links.into_iter().chain(kept);
        Self {
            links: links.map(link).collect(),
            account: state.path(Place::Apps.path()),
            user: administrator.user().name.clone(),
            logout: state.path(LOGOUT),
            logout_csrf: administrator.visitor.csrf(Purpose::Logout, ""),
            asks_for_login: administrator.visitor.session.is_stale(state, state.now()),
        }
    }
}

/// Something was done, or not, and this is what it means.
#[derive(Template)]
#[template(path = "admin/done.html")]
struct DoneTemplate<'a> {
    frame: Frame,
    around: Around,
    good: bool,
    title: &'a str,
    text: &'a str,
    /// Something to be kept now, with its name: it is shown this once.
    once: Option<(&'static str, &'a str)>,
    back: String,
}

/// Says that something was done, with the way back to `section`.
fn done(
    state: &Inner,
    administrator: &Administrator,
    section: &Section,
    title: &str,
    text: &str,
) -> Response {
    done_once(state, administrator, section, title, text, None)
}

fn done_once(
    state: &Inner,
    administrator: &Administrator,
    section: &Section,
    title: &str,
    text: &str,
    once: Option<(&'static str, &str)>,
) -> Response {
    let template = DoneTemplate {
        frame: Frame::new(state),
        around: Around::new(state, administrator, section),
        good: true,
        title,
        text,
        once,
        back: state.path(&section.path()),
    };
    page(StatusCode::OK, &template, Extras::default())
}

/// Says why something was not done; what is not there is not there, and a store that fails is nobody's fault here.
fn refused(
    state: &Inner,
    administrator: &Administrator,
    section: &Section,
    error: AdminError,
) -> Result<Response, Stop> {
    let status = match error {
        AdminError::Store(error) => return Err(error.into()),
        AdminError::NoSuchUser
        | AdminError::NoSuchClient
        | AdminError::NoSuchGrant
        | AdminError::Cursor
        | AdminError::Demoted => {
            return Err(nothing_here());
        }
        AdminError::Password(PasswordError::Busy) => StatusCode::SERVICE_UNAVAILABLE,
        AdminError::UserName
        | AdminError::Unfit(_)
        | AdminError::Client(_)
        | AdminError::Account
        | AdminError::Password(PasswordError::Length | PasswordError::Settings) => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
        AdminError::UserExists
        | AdminError::ClientExists
        | AdminError::NoSuchAccount
        | AdminError::AccountTaken
        | AdminError::Yourself
        | AdminError::Configured
        | AdminError::Narrowing(_)
        | AdminError::Changed => StatusCode::CONFLICT,
    };
    let text = format!("{}.", crate::pages::capitalised(&error.to_string()));
    let template = DoneTemplate {
        frame: Frame::new(state),
        around: Around::new(state, administrator, section),
        good: false,
        title: "That was not done",
        text: &text,
        once: None,
        back: state.path(&section.path()),
    };
    Ok(page(status, &template, Extras::default()))
}

/// The page for something that is not there, or for whoever is no administrator.
fn nothing_here() -> Stop {
    Stop::page(ErrorPage {
        status: StatusCode::NOT_FOUND,
        title: "There is nothing here",
        what: "What you looked for is not among the things that your account can see.".to_owned(),
        why: "It may be gone meanwhile, or it is for administrators of this server.".to_owned(),
        next:
            "Go back and look again. If you administer this server, sign out and in again with that account."
                .to_owned(),
        back: None,
        details: Vec::new(),
    })
}

/// The value of a field, or nothing.
fn field<'a>(fields: &'a Parameters, name: &str) -> &'a str {
    fields.one(name).ok().flatten().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_leads_to_these_pages_only() {
        for section in [
            Section::People,
            Section::Person("a/b ?&#%".to_owned()),
            Section::Clients,
            Section::Client("https://c.example/client".to_owned()),
            Section::Apps,
            Section::App("..".to_owned()),
            Section::Funnel,
        ] {
            assert_eq!(Section::from_word(&section.word()).as_ref(), Some(&section));
            assert!(section.path().starts_with(section.list()), "{}", section.path());
            assert!(section.path().split('/').all(|segment| segment != ".."), "{}", section.path());
        }
        for word in ["", "x", "people/", "/", "//evil.example", "people/%ff", "x/y"] {
            assert_eq!(Section::from_word(word), None, "{word}");
        }
    }
}
