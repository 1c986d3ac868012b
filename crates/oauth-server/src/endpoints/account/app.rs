//! `GET /account/apps/{id}`, `POST /account/apps/{id}`: one connected application: what it may do, taking a part of that
//! away, and ending it.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use barewire_oauth::narrowing;
use barewire_oauth::parameters::Parameters;
use barewire_oauth::scope::ScopeSet;
use http::{HeaderMap, StatusCode};

use super::apps::{live, name};
use super::{Around, Place, Visitor, done, not_there};
use crate::csrf::Purpose;
use crate::duration::{Moment, words};
use crate::flow::{Stop, finish};
use crate::pages::{ErrorPage, Extras, Frame, HeldScope, Identification, page};
use crate::posted::Posted;
use crate::revocation::{Told, disconnect, narrow};
use crate::routes::{ACCOUNT_APP, ACCOUNT_APPS};
use crate::server::{AppState, Inner};
use crate::store::{GrantOverview, Swap};
use crate::witness::Draft;

#[derive(Template)]
#[template(path = "account/app.html")]
struct AppTemplate {
    frame: Frame,
    around: Around,
    name: String,
    known_by: Identification,
    resource: String,
    connected: Moment,
    used: Moment,
    from: Option<String>,
    renewable_until: Option<Moment>,
    expires: Moment,
    /// How long an access token counts that is not renewed.
    ends_after: String,
    lines: Vec<HeldScope>,
    /// Whether there is anything to take away.
    can_be_narrowed: bool,
    action: String,
    csrf: String,
    notice: Option<&'static str>,
    error: Option<String>,
}

/// What the page says at its top.
enum Says {
    Nothing,
    Done(&'static str),
    Refused(String),
}

pub(crate) async fn get(
    State(state): State<AppState>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    finish(&state, show(&state, &id, &headers).await)
}

pub(crate) async fn post(State(state): State<AppState>, Path(id): Path<String>, posted: Posted) -> Response {
    finish(&state, submit(&state, &id, &posted).await)
}

async fn show(state: &Inner, id: &str, headers: &HeaderMap) -> Result<Response, Stop> {
    let visitor = Visitor::read(state, headers, Place::Apps).await?;
    let overview = own(state, &visitor, id).await?;
    Ok(render(state, &visitor, &overview, Says::Nothing))
}

async fn submit(state: &Inner, id: &str, posted: &Posted) -> Result<Response, Stop> {
    let visitor = Visitor::read(state, &posted.headers, Place::Apps).await?;
    let fields = posted.form(&visitor.cookies, Purpose::App, id)?;
    let overview = own(state, &visitor, id).await?;
    let draft = Draft::of_grant(&overview.grant);
    let told = Told { sender: &posted.sender, endpoint: ACCOUNT_APP, draft: &draft };
    match fields.one("action") {
        Ok(Some("end")) => {
            disconnect(state, id, told).await?;
            let title = format!("{} is disconnected", name(&overview));
            let text = "Its very next request is refused. It can ask you again at any time, and gets nothing \
                        unless you allow it.";
            Ok(done(state, &visitor, Place::Apps, &title, text))
        }
        Ok(Some("narrow")) => take(state, &visitor, overview, &fields, told).await,
        _ => Err(Stop::page(ErrorPage::stale_form())),
    }
}

/// Takes away what is not checked any more.
async fn take(
    state: &Inner,
    visitor: &Visitor,
    overview: GrantOverview,
    fields: &Parameters,
    told: Told<'_>,
) -> Result<Response, Stop> {
    let current = ScopeSet::parse_lenient(&overview.grant.scope);
    let left = match narrowing::narrow(&current, &ScopeSet::from_tokens(fields.all("scope"))) {
        Ok(left) => left,
        Err(refusal) => {
            let why = match refusal {
                narrowing::NarrowingRefusal::Nothing => {
                    "Leave it at least one of these, or disconnect it below."
                }
                narrowing::NarrowingRefusal::More => {
                    "It may do less by now than when you opened this page. This is what is left."
                }
            };
            return Ok(render(state, visitor, &overview, Says::Refused(why.to_owned())));
        }
    };
    if left == current {
        return Ok(render(
            state,
            visitor,
            &overview,
            Says::Done("Nothing was changed: everything is still allowed."),
        ));
    }
    let swap = narrow(state, &overview.grant, &left, told).await?;
    let id = overview.grant.id;
    let overview = own(state, visitor, &id).await?;
    let says = match swap {
        Swap::Done => {
            Says::Done("Saved. What you took away is refused from now on; it has not to connect again.")
        }
        Swap::Lost => {
            Says::Refused("It was changed in another window meanwhile. This is what is left.".to_owned())
        }
    };
    Ok(render(state, visitor, &overview, says))
}

/// The connection with this id, if it is the visitor's and lives.
async fn own(state: &Inner, visitor: &Visitor, id: &str) -> Result<GrantOverview, Stop> {
    let found = if id.len() <= 64 { state.store.grant_overview(id).await? } else { None };
    let live = live(state, state.now());
    found
        .filter(|overview| overview.grant.user_id == visitor.session.user.id && overview.is_live(live))
        .ok_or_else(not_there)
}

fn render(state: &Inner, visitor: &Visitor, overview: &GrantOverview, says: Says) -> Response {
    let (grant, now) = (&overview.grant, state.now());
    let lines = HeldScope::all(state, &grant.resource, &grant.scope);
    let (status, notice, error) = match says {
        Says::Nothing => (StatusCode::OK, None, None),
        Says::Done(text) => (StatusCode::OK, Some(text), None),
        Says::Refused(text) => (StatusCode::CONFLICT, None, Some(text)),
    };
    let template = AppTemplate {
        frame: Frame::new(state),
        around: Around::new(state, visitor, Place::Apps),
        name: name(overview),
        known_by: Identification::of_grant(overview),
        resource: grant.resource.clone(),
        connected: Moment::new(grant.created_at, now),
        used: Moment::new(grant.last_used_at, now),
        from: grant.last_used_from.map(|address| address.to_string()),
        renewable_until: overview
            .renewable_until
            .filter(|until| *until > now)
            .map(|until| Moment::new(until.min(grant.expires_at), now)),
        expires: Moment::new(grant.expires_at, now),
        ends_after: words(state.config.access_token_ttl),
        can_be_narrowed: HeldScope::can_be_narrowed(&lines),
        lines,
        action: state.path(&format!("{ACCOUNT_APPS}/{}", grant.id)),
        csrf: visitor.csrf(Purpose::App, &grant.id),
        notice,
        error,
    };
    page(status, &template, Extras::default())
}
