//! `GET /account/totp`, `POST /account/totp`: the authenticator app and the recovery codes. Each change asks for the
//! current password, so that a browser left alone is not enough.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};

use super::{Around, Change, Place, Visitor, done};
use crate::attempts::{self, Asked, Denial};
use crate::csrf::Purpose;
use crate::flow::{Stop, finish};
use crate::half_login::Half;
use crate::pages::{ErrorPage, Extras, Frame, page};
use crate::posted::Posted;
use crate::routes::ACCOUNT_TOTP;
use crate::server::{AppState, Inner};
use crate::store::{Digest, Secret, Swap, TotpRecord};
use crate::totp::{self, Picture};
use crate::{recovery_codes, respond};

#[derive(Template)]
#[template(path = "account/totp.html")]
struct TotpTemplate {
    frame: Frame,
    around: Around,
    action: String,
    csrf: String,
    stage: Stage,
    error: Option<String>,
}

/// What the page shows.
enum Stage {
    /// There is no app.
    Off,
    /// This is the secret; show that the app has it.
    SetUp(SetUp),
    /// There is one.
    On { codes_left: u32 },
}

struct SetUp {
    /// That this browser was shown the secret, upon the password.
    token: String,
    key: String,
    picture: Option<Picture>,
}

/// The recovery codes, this one time.
#[derive(Template)]
#[template(path = "account/recovery_codes.html")]
struct CodesTemplate {
    frame: Frame,
    around: Around,
    codes: Vec<String>,
    /// The app was turned on with this.
    is_new: bool,
    back: String,
}

pub(crate) async fn get(State(state): State<AppState>, headers: HeaderMap) -> Response {
    finish(&state, show(&state, &headers).await)
}

pub(crate) async fn post(State(state): State<AppState>, posted: Posted) -> Response {
    finish(&state, submit(&state, &posted).await)
}

async fn show(state: &Inner, headers: &HeaderMap) -> Result<Response, Stop> {
    let visitor = Visitor::read(state, headers, Place::Security).await?;
    visitor.must_sign_in_here(state)?;
    let app = state.store.totp(&visitor.session.user.id).await?;
    let stage = stage(state, &visitor, app.as_ref()).await?;
    Ok(render(state, &visitor, stage, None))
}

/// A change of the app or the codes, under way.
struct AppChange<'a> {
    change: Change<'a>,
    app: Option<TotpRecord>,
}

async fn submit(state: &AppState, posted: &Posted) -> Result<Response, Stop> {
    let change = Change::read(state, posted, ACCOUNT_TOTP, Purpose::Totp).await?;
    let app = state.store.totp(&change.user().id).await?;
    let asked = AppChange { change, app };
    match asked.change.field("action") {
        "confirm" => asked.confirm().await,
        action @ ("begin" | "codes" | "remove") => {
            if let Err(denial) = asked.change.prove().await? {
                return asked.denied(&denial).await;
            }
            match action {
                "begin" => asked.begin().await,
                "codes" => asked.codes().await,
                _ => asked.remove().await,
            }
        }
        _ => Err(Stop::page(ErrorPage::stale_form())),
    }
}

impl AppChange<'_> {
    fn state(&self) -> &AppState {
        self.change.state
    }

    fn visitor(&self) -> &Visitor {
        &self.change.visitor
    }

    fn user(&self) -> &str {
        &self.change.user().id
    }

    /// The password that was given; what it is asked for takes place only while it counts.
    fn password(&self) -> &Secret {
        &self.change.user().password_hash
    }

    /// A new secret, which asks for nothing until it is confirmed.
    async fn begin(&self) -> Result<Response, Stop> {
        let state = self.state();
        let new = TotpRecord {
            user_id: self.user().to_owned(),
            secret: totp::secret(),
            created_at: state.now(),
            confirmed_at: None,
            last_step: 0,
        };
        if state.store.begin_totp(&new, self.password()).await? == Swap::Lost {
            return self.changed_meanwhile().await;
        }
        Ok(render(state, self.visitor(), set_up(state, self.visitor(), &new), None))
    }

    /// Whoever has the app shows one of its codes. Only the browser that was shown the secret can: a secret that was begun
    /// and left is no one else's to finish.
    async fn confirm(&self) -> Result<Response, Stop> {
        let Some(app) = self.app.as_ref().filter(|app| app.confirmed_at.is_none()) else {
            return self.changed_meanwhile().await;
        };
        let (state, change) = (self.state(), &self.change);
        if !self.has_begun(app).await? {
            change.tell(Err("not_begun_here"));
            let why = "This took too long, or was begun elsewhere. Begin anew.".to_owned();
            return Ok(render(state, self.visitor(), Stage::Off, Some((StatusCode::FORBIDDEN, why))));
        }
        let step = match attempts::first_code(state, app, change.field("code")).await? {
            Ok(step) => step,
            Err(denial) => {
                denial.rule(Asked::Code).into_iter().for_each(|rule| change.tell(Err(rule)));
                return Ok(self.not_the_code(app, &denial));
            }
        };
        let (codes, digests) = self.new_codes();
        let confirmed = state.store.confirm_totp(app, step, state.now(), &digests, self.password()).await?;
        if confirmed == Swap::Lost {
            return self.changed_meanwhile().await;
        }
        change.tell(Ok(Some("totp_enabled")));
        Ok(self.show_codes(codes, true))
    }

    /// Whether this browser was shown the secret of `app`, not long ago, for the password that still counts.
    async fn has_begun(&self, app: &TotpRecord) -> Result<bool, Stop> {
        let (state, token) = (self.state(), self.change.field("set_up"));
        let cookie = self.visitor().cookies.secret().unwrap_or_default();
        let (store, half) = (state.store.as_ref(), Half::SetUp(&app.secret));
        let user = state.half_logins.open(half, store, token, cookie, state.now()).await?;
        Ok(user.is_some_and(|user| user.id == self.user()))
    }

    fn not_the_code(&self, app: &TotpRecord, denial: &Denial) -> Response {
        let why = match denial {
            Denial::Wrong => {
                "That is not the code that the app should show now. Check that the key was taken over and that the \
                 clock of the device is right, and type the next code."
                    .to_owned()
            }
            _ => denial.text(Asked::Code),
        };
        let stage = set_up(self.state(), self.visitor(), app);
        let mut response = render(self.state(), self.visitor(), stage, Some((denial.status(), why)));
        respond::retry_after(&mut response, denial.retry_after());
        response
    }

    /// New recovery codes; the old ones are void.
    async fn codes(&self) -> Result<Response, Stop> {
        let (codes, digests) = self.new_codes();
        let store = &self.state().store;
        if store.replace_recovery_codes(self.user(), &digests, self.password()).await? == Swap::Lost {
            return self.changed_meanwhile().await;
        }
        self.change.tell(Ok(Some("recovery_codes")));
        Ok(self.show_codes(codes, false))
    }

    async fn remove(&self) -> Result<Response, Stop> {
        if self.state().store.remove_totp(self.user(), self.password()).await? == Swap::Lost {
            return self.changed_meanwhile().await;
        }
        self.change.tell(Ok(Some("totp_removed")));
        let text = "Your password alone signs you in again. The recovery codes are void.";
        let title = "The authenticator app is turned off";
        Ok(done(self.state(), self.visitor(), Place::Security, title, text))
    }

    fn new_codes(&self) -> (Vec<String>, Vec<Digest>) {
        let count = self.state().config.recovery_codes;
        let codes: Vec<_> = (0..count).map(|_| recovery_codes::generate()).collect();
        let digests = codes.iter().filter_map(|code| recovery_codes::digest(self.user(), code)).collect();
        (codes, digests)
    }

    fn show_codes(&self, codes: Vec<String>, is_new: bool) -> Response {
        let state = self.state();
        let template = CodesTemplate {
            frame: Frame::new(state),
            around: Around::new(state, self.visitor(), Place::Security),
            codes,
            is_new,
            back: state.path(Place::Security.path()),
        };
        page(StatusCode::OK, &template, Extras::default())
    }

    async fn denied(&self, denial: &Denial) -> Result<Response, Stop> {
        let error = Some((denial.status(), denial.text(Asked::CurrentPassword)));
        let stage = stage(self.state(), self.visitor(), self.app.as_ref()).await?;
        let mut response = render(self.state(), self.visitor(), stage, error);
        respond::retry_after(&mut response, denial.retry_after());
        Ok(response)
    }

    async fn changed_meanwhile(&self) -> Result<Response, Stop> {
        let why = "This was changed in another window meanwhile. This is how it is now.".to_owned();
        let (state, visitor) = (self.state(), self.visitor());
        let app = state.store.totp(self.user()).await?;
        let stage = stage(state, visitor, app.as_ref()).await?;
        Ok(render(state, visitor, stage, Some((StatusCode::CONFLICT, why))))
    }
}

/// What there is to show of this app. One that was begun is shown only to whoever has just given the password.
async fn stage(state: &Inner, visitor: &Visitor, app: Option<&TotpRecord>) -> Result<Stage, Stop> {
    match app {
        Some(app) if app.confirmed_at.is_some() => {
            Ok(Stage::On { codes_left: state.store.recovery_codes_left(&visitor.session.user.id).await? })
        }
        _ => Ok(Stage::Off),
    }
}

fn set_up(state: &Inner, visitor: &Visitor, app: &TotpRecord) -> Stage {
    let uri = totp::key_uri(&app.secret, &state.display_name, &visitor.session.user.name);
    let cookie = visitor.cookies.secret().unwrap_or_default();
    let (half, ttl) = (Half::SetUp(&app.secret), state.config.second_factor_ttl);
    let token = state.half_logins.issue(half, &visitor.session.user, cookie, ttl, state.now());
    Stage::SetUp(SetUp { token, key: totp::key_text(&app.secret), picture: totp::picture(&uri) })
}

fn render(state: &Inner, visitor: &Visitor, stage: Stage, error: Option<(StatusCode, String)>) -> Response {
    let status = error.as_ref().map_or(StatusCode::OK, |(status, _)| *status);
    let template = TotpTemplate {
        frame: Frame::new(state),
        around: Around::new(state, visitor, Place::Security),
        action: state.path(ACCOUNT_TOTP),
        csrf: visitor.csrf(Purpose::Totp, ""),
        stage,
        error: error.map(|(_, text)| text),
    };
    page(status, &template, Extras::default())
}
