//! `GET /consent`, `POST /consent`: the user is asked, and the answer goes back to the client.

use axum::extract::{RawQuery, State};
use axum::response::Response;
use barewire_oauth::authorize::Next;
use barewire_oauth::consent::{self, Question};
use http::{HeaderMap, StatusCode};

use super::authorize::CODE_ISSUED;
use crate::csrf::{self, Purpose};
use crate::flow::{Flow, Stop, finish};
use crate::pages::{ConsentForms, ConsentTemplate, ErrorPage, Extras, page};
use crate::posted::{Posted, STALE_FORM};
use crate::respond::see_other;
use crate::routes::{CONSENT, LOGIN, LOGOUT};
use crate::server::{AppState, Inner};
use crate::sessions::{Cookies, Session};
use crate::witness::{Draft, EventKind, Sender, authorization_refusal};

pub(crate) async fn get(
    State(state): State<AppState>,
    RawQuery(query): RawQuery,
    sender: Sender,
    headers: HeaderMap,
) -> Response {
    finish(&state, show(&state, query.as_deref(), &sender, &headers).await)
}

pub(crate) async fn post(
    State(state): State<AppState>,
    RawQuery(query): RawQuery,
    posted: Posted,
) -> Response {
    finish(&state, submit(&state, query.as_deref(), &posted).await)
}

async fn show(
    state: &Inner,
    query: Option<&str>,
    sender: &Sender,
    headers: &HeaderMap,
) -> Result<Response, Stop> {
    let flow = Flow::read(state, query).await?;
    let cookies = Cookies::read(state, headers);
    let session = cookies.session(state, state.now()).await?;
    let flow = flow.within_bounds(state, session.as_ref());
    match (flow.next(state, session.as_ref()).await?, &session) {
        (Next::Refuse(error), _) => {
            let rule = authorization_refusal(&error.error);
            state.tell(sender, CONSENT, EventKind::Authorization, &flow.draft(), Err(rule));
            Err(flow.refuse(state, error))
        }
        (Next::Ask(question), Some(session)) => Ok(ask(state, &flow, &cookies, session, &question)),
        // Allowed in another window meanwhile; going on by itself is what /authorize does.
        (Next::Issue, Some(session)) => {
            let response = flow.issue_code(state, session).await?;
            let draft = Draft { user: Some(session.user.id.clone()), ..flow.draft() };
            state.tell(sender, CONSENT, EventKind::Authorization, &draft, Ok(Some(CODE_ISSUED)));
            Ok(response)
        }
        (Next::LogIn | Next::Issue | Next::Ask(_), _) => Ok(see_other(&state.path_with(LOGIN, &flow.query))),
    }
}

async fn submit(state: &Inner, query: Option<&str>, posted: &Posted) -> Result<Response, Stop> {
    let flow = Flow::read(state, query).await?;
    let cookies = Cookies::read(state, &posted.headers);
    let Some(session) = cookies.session(state, state.now()).await? else {
        return Ok(see_other(&state.path_with(LOGIN, &flow.query)));
    };
    let flow = flow.within_bounds(state, Some(&session));
    let draft = Draft { user: Some(session.user.id.clone()), ..flow.draft() };
    let tell = |ending| state.tell(&posted.sender, CONSENT, EventKind::Consent, &draft, ending);
    let fields =
        posted.form(&cookies, Purpose::Consent, &flow.query).inspect_err(|_| tell(Err(STALE_FORM)))?;
    // What the page was made for may not hold any more, and a form can be made without one: whoever has to log in first
    // answers nothing.
    match flow.next(state, Some(&session)).await? {
        Next::Ask(_) | Next::Issue => {}
        Next::LogIn => return Ok(see_other(&state.path_with(LOGIN, &flow.query))),
        Next::Refuse(error) => return Err(flow.refuse(state, error)),
    }
    match fields.one("decision") {
        Ok(Some("allow")) => {
            let user = &session.user.id;
            if consent::may_be_remembered(&flow.request, &flow.client) {
                let earlier = flow.remembered(state, user).await?;
                flow.remember(state, user, &consent::remember(&flow.request, earlier.as_ref())).await?;
            }
            let response = flow.issue_code(state, &session).await?;
            tell(Ok(None));
            Ok(response)
        }
        Ok(Some("deny")) => {
            tell(Err("user"));
            flow.deny(state).await
        }
        _ => Err(Stop::page(ErrorPage::stale_form())),
    }
}

fn ask(state: &Inner, flow: &Flow, cookies: &Cookies, session: &Session, question: &Question) -> Response {
    let (secret, cookie) = cookies.secret_or_new(state);
    let forms = ConsentForms {
        action: state.path_with(CONSENT, &flow.query),
        csrf: csrf::token(&secret, Purpose::Consent, &flow.query),
        logout: state.path_with(LOGOUT, &flow.query),
        logout_csrf: csrf::token(&secret, Purpose::Logout, &flow.query),
    };
    let template = ConsentTemplate::new(state, flow, question, &session.user.name, forms);
    let extras = Extras {
        leads_to: Some(&flow.request.redirect_uri),
        cookies: cookie.into_iter().collect(),
        ..Extras::default()
    };
    page(StatusCode::OK, &template, extras)
}
