//! `GET /account/password`, `POST /account/password`: another password, for whoever knows the current one.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use barewire_oauth::secret::Password;
use http::{HeaderMap, StatusCode};

use super::{Around, Change, Place, Visitor};
use crate::attempts::{Asked, Denial};
use crate::csrf::Purpose;
use crate::flow::{Stop, finish};
use crate::pages::{Extras, Frame, page};
use crate::passwords::{PasswordError, Unfit};
use crate::posted::Posted;
use crate::respond::{self, see_other_with};
use crate::routes::{ACCOUNT_PASSWORD, ACCOUNT_SECURITY};
use crate::server::{AppState, Inner};
use crate::store::{Swap, UserRecord};

#[derive(Template)]
#[template(path = "account/password.html")]
struct PasswordTemplate {
    frame: Frame,
    around: Around,
    action: String,
    csrf: String,
    user: String,
    shortest: usize,
    error: Option<String>,
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
    Ok(render(state, &visitor, None))
}

async fn submit(state: &AppState, posted: &Posted) -> Result<Response, Stop> {
    let change = Change::read(state, posted, ACCOUNT_PASSWORD, Purpose::Password).await?;
    let (visitor, user) = (&change.visitor, change.user());
    let (current, new) = (Password::new(change.field("current")), Password::new(change.field("new")));
    if let Some(why) = unfit(state, &user.name, &current, &new) {
        return Ok(render(state, visitor, Some((StatusCode::UNPROCESSABLE_ENTITY, why))));
    }
    if let Err(denial) = change.prove().await? {
        return Ok(denied(state, visitor, &denial));
    }
    let hash = match state.passwords.hash(new).await {
        Ok(hash) => hash,
        Err(PasswordError::Busy) => return Ok(denied(state, visitor, &Denial::Busy)),
        Err(error @ (PasswordError::Length | PasswordError::Settings)) => {
            return Ok(render(state, visitor, Some((StatusCode::UNPROCESSABLE_ENTITY, error.to_string()))));
        }
    };
    // Ends every session, this one too: it goes on under a new id.
    let now = state.now();
    if state.store.replace_password(&user.id, &user.password_hash, &hash, now).await? == Swap::Lost {
        let why = "Your password was changed in another window meanwhile.".to_owned();
        return Ok(render(state, visitor, Some((StatusCode::CONFLICT, why))));
    }
    change.tell(Ok(Some("password")));
    let user = UserRecord { password_hash: hash, ..user.clone() };
    // Nothing, if it was changed again since: then whoever did that goes on, and this browser logs in.
    let set = visitor.cookies.log_in(state, &user, &posted.sender, now).await?.unwrap_or_default();
    Ok(see_other_with(&state.path(ACCOUNT_SECURITY), set))
}

/// What is wrong with the new password, whatever the current one is.
fn unfit(state: &Inner, name: &str, current: &Password, new: &Password) -> Option<String> {
    match Unfit::check(new, name, state.config.min_password_length) {
        Err(Unfit::Short(shortest)) => {
            return Some(format!(
                "A new password has at least {shortest} characters. A few words are easy to keep."
            ));
        }
        Err(Unfit::Name) => return Some("Your user name is the first that somebody would try.".to_owned()),
        Ok(()) => {}
    }
    (new == current).then(|| "That is the password you have already.".to_owned())
}

fn denied(state: &Inner, visitor: &Visitor, denial: &Denial) -> Response {
    let text = denial.text(Asked::CurrentPassword);
    let mut response = render(state, visitor, Some((denial.status(), text)));
    respond::retry_after(&mut response, denial.retry_after());
    response
}

fn render(state: &Inner, visitor: &Visitor, error: Option<(StatusCode, String)>) -> Response {
    let status = error.as_ref().map_or(StatusCode::OK, |(status, _)| *status);
    let template = PasswordTemplate {
        frame: Frame::new(state),
        around: Around::new(state, visitor, Place::Security),
        action: state.path(ACCOUNT_PASSWORD),
        csrf: visitor.csrf(Purpose::Password, ""),
        user: visitor.session.user.name.clone(),
        shortest: state.config.min_password_length,
        error: error.map(|(_, text)| text),
    };
    page(status, &template, Extras::default())
}
