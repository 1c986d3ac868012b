//! `/admin/api/users`: people.

use axum::extract::{Path, State};
use axum::response::Response;
use barewire_oauth::secret::Password;
use barewire_oauth::upstream::id_token::Account;
use http::StatusCode;
use serde::{Deserialize, Deserializer};

use super::{Answer, Called, ListQuery, Problem, Sent, no_content};
use crate::administration::NewUser;
use crate::respond::json;
use crate::routes::{
    ADMIN_API_USER, ADMIN_API_USER_ACCOUNTS, ADMIN_API_USER_FACTORS, ADMIN_API_USER_PASSWORD,
    ADMIN_API_USER_SESSIONS, ADMIN_API_USERS,
};
use crate::server::AppState;

type Id = Path<String>;

/// Somebody who is to be added.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Add {
    name: String,
    #[serde(deserialize_with = "password")]
    password: Password,
    #[serde(default)]
    administrator: bool,
}

/// What is to be changed of a person; what is not named stays.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Change {
    disabled: Option<bool>,
    administrator: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPassword {
    #[serde(deserialize_with = "password")]
    password: Password,
}

/// An account at an identity provider.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Linked {
    issuer: String,
    subject: String,
}

fn password<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Password, D::Error> {
    String::deserialize(deserializer).map(Password::new)
}

/// `GET /admin/api/users?search=&cursor=&limit=`
pub(crate) async fn list(State(state): State<AppState>, query: ListQuery) -> Answer<Response> {
    let search = query.one("search")?.unwrap_or_default();
    let found = state.administration.users(search, query.one("cursor")?, query.limit()?).await?;
    Ok(json(StatusCode::OK, &found))
}

/// `POST /admin/api/users`
pub(crate) async fn add(
    State(state): State<AppState>,
    caller: Called,
    Sent(Add { name, password, administrator }): Sent<Add>,
) -> Answer<Response> {
    let new = NewUser { name, password, administrator };
    let user = state.administration.add_user(&caller.by(ADMIN_API_USERS), new).await?;
    Ok(json(StatusCode::CREATED, &user))
}

/// `GET /admin/api/users/{id}`
pub(crate) async fn show(State(state): State<AppState>, Path(id): Id) -> Answer<Response> {
    Ok(json(StatusCode::OK, &state.administration.user(&id).await?))
}

/// `PATCH /admin/api/users/{id}`
pub(crate) async fn change(
    State(state): State<AppState>,
    caller: Called,
    Path(id): Id,
    Sent(change): Sent<Change>,
) -> Answer<Response> {
    let by = caller.by(ADMIN_API_USER);
    if change.disabled.is_none() && change.administrator.is_none() {
        return Err(Problem::Malformed("name what is to be changed: disabled, administrator".to_owned()));
    }
    if let Some(administrator) = change.administrator {
        state.administration.set_administrator(&by, &id, administrator).await?;
    }
    if let Some(disabled) = change.disabled {
        state.administration.set_user_disabled(&by, &id, disabled).await?;
    }
    Ok(json(StatusCode::OK, &state.administration.user(&id).await?))
}

/// `PUT /admin/api/users/{id}/password`
pub(crate) async fn reset_password(
    State(state): State<AppState>,
    caller: Called,
    Path(id): Id,
    Sent(NewPassword { password }): Sent<NewPassword>,
) -> Answer<Response> {
    state.administration.reset_password(&caller.by(ADMIN_API_USER_PASSWORD), &id, password).await?;
    Ok(no_content())
}

/// `DELETE /admin/api/users/{id}/second_factors`
pub(crate) async fn reset_second_factors(
    State(state): State<AppState>,
    caller: Called,
    Path(id): Id,
) -> Answer<Response> {
    state.administration.reset_second_factors(&caller.by(ADMIN_API_USER_FACTORS), &id).await?;
    Ok(no_content())
}

/// `DELETE /admin/api/users/{id}/sessions`
pub(crate) async fn end_sessions(
    State(state): State<AppState>,
    caller: Called,
    Path(id): Id,
) -> Answer<Response> {
    state.administration.end_sessions(&caller.by(ADMIN_API_USER_SESSIONS), &id).await?;
    Ok(no_content())
}

/// `POST /admin/api/users/{id}/accounts`
pub(crate) async fn link(
    State(state): State<AppState>,
    caller: Called,
    Path(id): Id,
    Sent(Linked { issuer, subject }): Sent<Linked>,
) -> Answer<Response> {
    let account = Account { issuer, subject };
    state.administration.link_account(&caller.by(ADMIN_API_USER_ACCOUNTS), &id, account).await?;
    Ok(no_content())
}

/// `DELETE /admin/api/users/{id}/accounts?issuer=&subject=`
pub(crate) async fn unlink(
    State(state): State<AppState>,
    caller: Called,
    Path(id): Id,
    query: ListQuery,
) -> Answer<Response> {
    let text = |name| Answer::Ok(query.one(name)?.unwrap_or_default().to_owned());
    let account = Account { issuer: text("issuer")?, subject: text("subject")? };
    state.administration.unlink_account(&caller.by(ADMIN_API_USER_ACCOUNTS), &id, &account).await?;
    Ok(no_content())
}
