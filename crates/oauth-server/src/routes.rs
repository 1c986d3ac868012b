//! Every path there is. The issuer's own path, if it has one, stands before each.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{MethodRouter, delete, get, post, put};
use barewire_oauth::metadata::well_known;

use crate::endpoints::account::{self, app, apps, passkeys, password, security, sessions, totp};
use crate::endpoints::admin::{self, api};
use crate::endpoints::{
    assets, authorize, client_configuration, consent, device, device_authorization, introspect, jwks, login,
    login_code, login_passkey, logout, metadata, pushed, register, revoke, token, upstream,
};
use crate::respond::method_not_allowed;
use crate::server::AppState;
use crate::{body, cors, host};

/// GET: begins an authorization.
pub(crate) const AUTHORIZE: &str = "/authorize";
/// GET, POST: asks for name and password.
pub(crate) const LOGIN: &str = "/login";
/// POST: the second factor, after the password.
pub(crate) const LOGIN_CODE: &str = "/login/code";
/// POST: a login by passkey.
pub(crate) const LOGIN_PASSKEY: &str = "/login/passkey";
/// GET: leads to an identity provider, to log in there.
pub(crate) const LOGIN_UPSTREAM: &str = "/login/upstream/{provider}";
/// GET: where the provider sends the browser back to.
pub(crate) const LOGIN_UPSTREAM_CALLBACK: &str = "/login/upstream/{provider}/callback";
/// GET, POST: asks whether the client may.
pub(crate) const CONSENT: &str = "/consent";
/// POST: ends the browser's session.
pub(crate) const LOGOUT: &str = "/logout";
/// GET: leads to the first page of an account.
pub(crate) const ACCOUNT: &str = "/account";
/// GET: the applications that the signed-in person has connected.
pub(crate) const ACCOUNT_APPS: &str = "/account/apps";
/// GET, POST: one of them; narrows or ends it.
pub(crate) const ACCOUNT_APP: &str = "/account/apps/{id}";
/// GET, POST: where the person is signed in; ends that.
pub(crate) const ACCOUNT_SESSIONS: &str = "/account/sessions";
/// GET: how the person signs in.
pub(crate) const ACCOUNT_SECURITY: &str = "/account/security";
/// GET, POST: changes the password.
pub(crate) const ACCOUNT_PASSWORD: &str = "/account/password";
/// GET, POST: the passkeys.
pub(crate) const ACCOUNT_PASSKEYS: &str = "/account/passkeys";
/// GET, POST: the authenticator app and the recovery codes.
pub(crate) const ACCOUNT_TOTP: &str = "/account/totp";
/// GET: leads to the first page of administrators.
pub(crate) const ADMIN: &str = "/admin";
/// GET, POST: everybody who can log in; adds somebody.
pub(crate) const ADMIN_PEOPLE: &str = "/admin/people";
/// GET, POST: one of them.
pub(crate) const ADMIN_PERSON: &str = "/admin/people/{id}";
/// GET, POST: every application that is known; adds one.
pub(crate) const ADMIN_CLIENTS: &str = "/admin/clients";
/// GET, POST: one of them.
pub(crate) const ADMIN_CLIENT: &str = "/admin/clients/{id}";
/// GET: what all users have connected.
pub(crate) const ADMIN_APPS: &str = "/admin/apps";
/// GET, POST: one connection; narrows or ends it.
pub(crate) const ADMIN_APP: &str = "/admin/apps/{id}";
/// GET: attempts of applications to connect.
pub(crate) const ADMIN_FUNNEL: &str = "/admin/funnel";
/// The resource that administrators' programs get tokens for.
pub(crate) const ADMIN_API: &str = "/admin/api";
/// GET, POST: people.
pub(crate) const ADMIN_API_USERS: &str = "/admin/api/users";
/// GET, PATCH: one of them.
pub(crate) const ADMIN_API_USER: &str = "/admin/api/users/{id}";
/// PUT: another password.
pub(crate) const ADMIN_API_USER_PASSWORD: &str = "/admin/api/users/{id}/password";
/// DELETE: the authenticator app, the recovery codes and the passkeys.
pub(crate) const ADMIN_API_USER_FACTORS: &str = "/admin/api/users/{id}/second_factors";
/// DELETE: signs out everywhere.
pub(crate) const ADMIN_API_USER_SESSIONS: &str = "/admin/api/users/{id}/sessions";
/// POST, DELETE: an account at an identity provider, linked or taken away.
pub(crate) const ADMIN_API_USER_ACCOUNTS: &str = "/admin/api/users/{id}/accounts";
/// GET, POST: applications.
pub(crate) const ADMIN_API_CLIENTS: &str = "/admin/api/clients";
/// GET, PATCH, DELETE: one of them.
pub(crate) const ADMIN_API_CLIENT: &str = "/admin/api/clients/{id}";
/// GET: grants.
pub(crate) const ADMIN_API_GRANTS: &str = "/admin/api/grants";
/// GET, PATCH, DELETE: one of them.
pub(crate) const ADMIN_API_GRANT: &str = "/admin/api/grants/{id}";
/// GET, POST: asks for the code that a device shows, and whether the device may.
pub(crate) const DEVICE: &str = "/device";
/// POST: begins the login of a device without a browser.
pub(crate) const DEVICE_AUTHORIZATION: &str = "/device_authorization";
/// POST: takes an authorization request from the client itself.
pub(crate) const PAR: &str = "/par";
/// POST: exchanges a code or a refresh token.
pub(crate) const TOKEN: &str = "/token";
/// POST: registers a client.
pub(crate) const REGISTER: &str = "/register";
/// GET, PUT, DELETE: a registration, for the client whose it is.
pub(crate) const CLIENT_CONFIGURATION: &str = "/register/{client_id}";
/// POST: ends a token.
pub(crate) const REVOKE: &str = "/revoke";
/// POST: says whether a token counts.
pub(crate) const INTROSPECT: &str = "/introspect";
/// GET: the public keys.
pub(crate) const JWKS: &str = "/jwks";

/// The router over all of them.
pub(crate) fn router(state: AppState) -> Router {
    let mut pages = Router::new()
        .route(&state.path(AUTHORIZE), get(authorize::get))
        .route(&state.path(LOGIN), get(login::get))
        .route(&state.path(LOGIN_UPSTREAM), get(upstream::begin))
        .route(&state.path(LOGIN_UPSTREAM_CALLBACK), get(upstream::callback))
        .route(&state.path(CONSENT), get(consent::get).post(consent::post))
        .route(&state.path(LOGOUT), post(logout::post))
        .route(&state.path(ACCOUNT), get(account::get))
        .route(&state.path(ACCOUNT_APPS), get(apps::get))
        .route(&state.path(ACCOUNT_APP), get(app::get).post(app::post))
        .route(&state.path(ACCOUNT_SESSIONS), get(sessions::get).post(sessions::post))
        .route(&state.path(ACCOUNT_SECURITY), get(security::get))
        .route(&state.path(ACCOUNT_PASSWORD), get(password::get).post(password::post))
        .route(&state.path(ACCOUNT_PASSKEYS), get(passkeys::get).post(passkeys::post))
        .route(&state.path(ACCOUNT_TOTP), get(totp::get).post(totp::post))
        .route(&state.path(state.style.path()), get(assets::style))
        .route(&state.path(state.script.path()), get(assets::script));

    if state.config.local_logins {
        pages = pages
            .route(&state.path(LOGIN), post(login::post))
            .route(&state.path(LOGIN_CODE), get(login_code::get).post(login_code::post))
            .route(&state.path(LOGIN_PASSKEY), get(login_passkey::get).post(login_passkey::post));
    }

    let mut scripts = Router::new()
        .route(&state.path(PAR), json_post(post(pushed::post)))
        .route(&state.path(TOKEN), json_post(post(token::post)))
        .route(&state.path(REVOKE), json_post(post(revoke::post)))
        .route(&state.path(INTROSPECT), json_post(post(introspect::post)))
        .route(&state.path(JWKS), json_get(get(jwks::get)));
    if state.config.device_flow {
        pages = pages.route(&state.path(DEVICE), get(device::get).post(device::post));
        scripts =
            scripts.route(&state.path(DEVICE_AUTHORIZATION), json_post(post(device_authorization::post)));
    }
    if state.config.administration {
        pages = pages.merge(admin_pages(&state)).merge(admin_api(&state));
        scripts = scripts.route(&api::metadata_path(&state), json_get(get(api::metadata)));
    }
    if state.config.dynamic_registration {
        let own = get(client_configuration::get)
            .put(client_configuration::put)
            .delete(client_configuration::delete)
            .fallback(|| async { method_not_allowed("GET, HEAD, PUT, DELETE, OPTIONS") });
        scripts = scripts
            .route(&state.path(REGISTER), json_post(post(register::post)))
            .route(&state.path(CLIENT_CONFIGURATION), own);
    }
    for well_known in [well_known::AUTHORIZATION_SERVER, well_known::OPENID_CONFIGURATION] {
        for path in well_known::paths_to_serve(well_known, &state.issuer) {
            scripts = scripts.route(&path, json_get(get(metadata::get)));
        }
    }
    let in_time = from_fn_with_state(AppState::clone(&state), body::in_time);
    pages
        .layer(in_time.clone())
        .merge(scripts.layer(in_time).layer(from_fn(cors::open)))
        .layer(DefaultBodyLimit::max(state.config.max_body_bytes))
        .layer(from_fn_with_state(AppState::clone(&state), host::check))
        .with_state(state)
}

fn admin_pages(state: &AppState) -> Router<AppState> {
    Router::new()
        .route(&state.path(ADMIN), get(admin::get))
        .route(&state.path(ADMIN_PEOPLE), get(admin::people::get).post(admin::people::post))
        .route(&state.path(ADMIN_PERSON), get(admin::person::get).post(admin::person::post))
        .route(&state.path(ADMIN_CLIENTS), get(admin::clients::get).post(admin::clients::post))
        .route(&state.path(ADMIN_CLIENT), get(admin::client::get).post(admin::client::post))
        .route(&state.path(ADMIN_APPS), get(admin::apps::get))
        .route(&state.path(ADMIN_APP), get(admin::app::get).post(admin::app::post))
        .route(&state.path(ADMIN_FUNNEL), get(admin::funnel::get))
}

/// No script of another origin calls this, so it does not say that one may.
fn admin_api(state: &AppState) -> Router<AppState> {
    use api::{clients, grants, users};
    Router::new()
        .route(&state.path(ADMIN_API_USERS), get(users::list).post(users::add))
        .route(&state.path(ADMIN_API_USER), get(users::show).patch(users::change))
        .route(&state.path(ADMIN_API_USER_PASSWORD), put(users::reset_password))
        .route(&state.path(ADMIN_API_USER_FACTORS), delete(users::reset_second_factors))
        .route(&state.path(ADMIN_API_USER_SESSIONS), delete(users::end_sessions))
        .route(&state.path(ADMIN_API_USER_ACCOUNTS), post(users::link).delete(users::unlink))
        .route(&state.path(ADMIN_API_CLIENTS), get(clients::list).post(clients::add))
        .route(
            &state.path(ADMIN_API_CLIENT),
            get(clients::show).patch(clients::change).delete(clients::delete),
        )
        .route(&state.path(ADMIN_API_GRANTS), get(grants::list))
        .route(&state.path(ADMIN_API_GRANT), get(grants::show).patch(grants::narrow).delete(grants::revoke))
        .method_not_allowed_fallback(api::no_such_method)
        .route_layer(from_fn_with_state(AppState::clone(state), api::authenticate))
}

fn json_get(route: MethodRouter<AppState>) -> MethodRouter<AppState> {
    route.fallback(|| async { method_not_allowed("GET, HEAD, OPTIONS") })
}

fn json_post(route: MethodRouter<AppState>) -> MethodRouter<AppState> {
    route.fallback(|| async { method_not_allowed("POST, OPTIONS") })
}
