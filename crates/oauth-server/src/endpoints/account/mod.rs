//! What a signed-in person can see and do about their own account. Every page works without a script, every change is a
//! form with a token of its own, and nothing here can be framed.

pub(crate) mod app;
pub(crate) mod apps;
pub(crate) mod passkeys;
pub(crate) mod password;
pub(crate) mod security;
pub(crate) mod sessions;
pub(crate) mod totp;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use barewire_oauth::parameters::Parameters;
use barewire_oauth::secret::Password;
use http::{HeaderMap, StatusCode};

use crate::attempts::{self, Asked, Denial};
use crate::csrf::{self, Purpose};
use crate::flow::Stop;
use crate::pages::{ErrorPage, Extras, Frame, page};
use crate::posted::{Posted, STALE_FORM};
use crate::respond::see_other;
use crate::routes::{ACCOUNT_APPS, ACCOUNT_SECURITY, ACCOUNT_SESSIONS, ADMIN_PEOPLE, LOGOUT};
use crate::server::{AppState, Inner};
use crate::sessions::{Cookies, Session};
use crate::store::{StoreError, UserRecord};
use crate::witness::{Draft, Ending, EventKind};

/// `GET /account`.
pub(crate) async fn get(State(state): State<AppState>) -> Response {
    see_other(&state.path(ACCOUNT_APPS))
}

/// The pages that have a place in the navigation, and that a login can lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Apps,
    Security,
    Sessions,
}

impl Place {
    const ALL: [Self; 3] = [Self::Apps, Self::Security, Self::Sessions];

    /// Its word in the query of `/login`.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Apps => "apps",
            Self::Security => "security",
            Self::Sessions => "sessions",
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|place| place.word() == word)
    }

    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Apps => ACCOUNT_APPS,
            Self::Security => ACCOUNT_SECURITY,
            Self::Sessions => ACCOUNT_SESSIONS,
        }
    }

    /// As the navigation calls it, in one line on a phone.
    fn short(self) -> &'static str {
        match self {
            Self::Apps => "Apps",
            Self::Security => "Sign-in",
            Self::Sessions => "Sessions",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Apps => "Connected apps",
            Self::Security => "How you sign in",
            Self::Sessions => "Where you are signed in",
        }
    }
}

/// Whoever is signed in, in this browser.
pub(crate) struct Visitor {
    pub(crate) session: Session,
    pub(crate) cookies: Cookies,
    secret: String,
}

impl Visitor {
    /// The one behind these headers; otherwise the way to the login, which leads back to `place`.
    pub(crate) async fn read(state: &Inner, headers: &HeaderMap, place: Place) -> Result<Self, Stop> {
        Self::of(state, headers).await?.ok_or(Stop::LogIn(place))
    }

    /// The one behind these headers, if somebody is signed in.
    pub(crate) async fn of(state: &Inner, headers: &HeaderMap) -> Result<Option<Self>, StoreError> {
        let cookies = Cookies::read(state, headers);
        let session = cookies.session(state, state.now()).await?;
        let secret = cookies.secret().map(str::to_owned);
        Ok(session.zip(secret).map(|(session, secret)| Self { session, cookies, secret }))
    }

    /// Whether they sign in here, with a password that there is to change and to ask for.
    pub(crate) fn signs_in_here(&self, state: &Inner) -> bool {
        state.config.local_logins && self.session.user.password().is_some()
    }

    /// For what is changed with the password only: says it where there is none, whatever is sent.
    pub(crate) fn must_sign_in_here(&self, state: &Inner) -> Result<(), Stop> {
        if self.signs_in_here(state) {
            Ok(())
        } else {
            Err(Stop::page(signs_in_elsewhere(self.provider(state))))
        }
    }

    /// Where they sign in instead, as the login page calls it.
    pub(crate) fn provider<'a>(&self, state: &'a Inner) -> &'a str {
        let upstream = self.session.upstream.as_ref().and_then(|said| state.upstreams.get(&said.provider));
        upstream.map_or("your organisation", |upstream| upstream.display_name.as_str())
    }

    /// The token of a form of theirs.
    pub(crate) fn csrf(&self, purpose: Purpose, about: &str) -> String {
        csrf::token(&self.secret, purpose, about)
    }
}

/// A change of how a visitor signs in, as they ask for it with a form. They prove who they are, and then it is done.
pub(crate) struct Change<'a> {
    pub(crate) state: &'a AppState,
    pub(crate) posted: &'a Posted,
    pub(crate) visitor: Visitor,
    pub(crate) fields: Parameters,
    endpoint: &'static str,
}

impl<'a> Change<'a> {
    /// The one that was posted to the page at `endpoint`.
    pub(crate) async fn read(
        state: &'a AppState,
        posted: &'a Posted,
        endpoint: &'static str,
        purpose: Purpose,
    ) -> Result<Self, Stop> {
        let visitor = Visitor::read(state, &posted.headers, Place::Security).await?;
        let mut change = Self { state, posted, visitor, fields: Parameters::default(), endpoint };
        change.visitor.must_sign_in_here(state).inspect_err(|_| change.tell(Err(NO_PASSWORD)))?;
        let form = posted.form(&change.visitor.cookies, purpose, "");
        change.fields = form.inspect_err(|_| change.tell(Err(STALE_FORM)))?;
        Ok(change)
    }

    pub(crate) fn user(&self) -> &UserRecord {
        &self.visitor.session.user
    }

    /// The value of a field, or nothing.
    pub(crate) fn field(&self, name: &str) -> &str {
        self.fields.one(name).ok().flatten().unwrap_or_default()
    }

    /// Whether the current password came with it. A guess counts as one at the login does, and is told.
    pub(crate) async fn prove(&self) -> Result<Result<(), Denial>, StoreError> {
        let current = Password::new(self.field("current"));
        if current.expose().is_empty() {
            return Ok(Err(Denial::Incomplete));
        }
        let (state, user) = (self.state, self.user());
        let key = attempts::key(state, &self.visitor.cookies, self.posted.source, &user.name, Some(user));
        let proven = attempts::password(state, key, user.password().cloned(), current).await?;
        let rule = proven.as_ref().err().and_then(|denial| denial.rule(Asked::CurrentPassword));
        rule.into_iter().for_each(|rule| self.tell(Err(rule)));
        Ok(proven)
    }

    pub(crate) fn tell(&self, ending: Ending) {
        let draft = Draft { user: Some(self.user().id.clone()), ..Draft::default() };
        self.state.tell(&self.posted.sender, self.endpoint, EventKind::Credential, &draft, ending);
    }
}

/// What stands around the content of each of these pages.
pub(crate) struct Around {
    links: Vec<Link>,
    user: String,
    logout: String,
    logout_csrf: String,
}

/// A link of the navigation.
pub(crate) struct Link {
    pub(crate) path: String,
    pub(crate) name: &'static str,
    short: &'static str,
    current: bool,
}

/// The navigation of a user, with `current` marked.
pub(crate) fn links(state: &Inner, user: &UserRecord, current: Option<Place>) -> Vec<Link> {
    let link = |place: Place| Link {
        path: state.path(place.path()),
        name: place.name(),
        short: place.short(),
        current: current == Some(place),
    };
    let mut links: Vec<_> = Place::ALL.into_iter().map(link).collect();
    if user.administrator && state.config.administration {
        let (path, name) = (state.path(ADMIN_PEOPLE), "Administration");
        links.push(Link { path, name, short: "Admin", current: false });
    }
    links
}

impl Around {
    pub(crate) fn new(state: &Inner, visitor: &Visitor, current: Place) -> Self {
        Self {
            links: links(state, &visitor.session.user, Some(current)),
            user: visitor.session.user.name.clone(),
            logout: state.path(LOGOUT),
            logout_csrf: visitor.csrf(Purpose::Logout, ""),
        }
    }
}

/// Something was done, and this is what it means.
#[derive(Template)]
#[template(path = "account/done.html")]
struct DoneTemplate<'a> {
    frame: Frame,
    around: Around,
    title: &'a str,
    text: &'a str,
    back: String,
    back_name: &'static str,
}

/// Says that something was done, with the way back to `place`.
pub(crate) fn done(state: &Inner, visitor: &Visitor, place: Place, title: &str, text: &str) -> Response {
    let template = DoneTemplate {
        frame: Frame::new(state),
        around: Around::new(state, visitor, place),
        title,
        text,
        back: state.path(place.path()),
        back_name: place.name(),
    };
    page(StatusCode::OK, &template, Extras::default())
}

/// What the page for something that is not there says; the same for what belongs to somebody else.
pub(crate) fn not_there() -> Stop {
    Stop::page(ErrorPage {
        status: StatusCode::NOT_FOUND,
        title: "There is nothing here",
        what: "What you looked for is not among the things of your account.".to_owned(),
        why: "It may have ended meanwhile, or the link belongs to another account.".to_owned(),
        next: "Go back to the list and look again.".to_owned(),
        back: None,
        details: Vec::new(),
    })
}

/// How an event calls it when somebody without a password wants to change what is asked for with one.
const NO_PASSWORD: &str = "no_password";

fn signs_in_elsewhere(provider: &str) -> ErrorPage {
    ErrorPage {
        status: StatusCode::FORBIDDEN,
        title: "You sign in elsewhere",
        what: format!("You sign in with {provider}; there is no password of yours here."),
        why: "Password, authenticator app and passkeys are for accounts that sign in at this server itself."
            .to_owned(),
        next: format!("Change how you sign in with {provider}. Nothing was changed here."),
        back: None,
        details: Vec::new(),
    }
}
