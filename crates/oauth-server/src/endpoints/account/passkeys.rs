//! `GET /account/passkeys`, `POST /account/passkeys`: a person's passkeys: adding one, removing one. Both ask for the
//! current password.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use barewire_oauth::parameters::Parameters;
use barewire_oauth::passkey::{self, Algorithm, AuthenticatorData, Ceremony, PasskeyRefusal};
use barewire_oauth::stranger::visible;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, StatusCode};

use super::{Around, Change, Place, Visitor, done, not_there};
use crate::attempts::{Asked, Denial};
use crate::csrf::Purpose;
use crate::duration::Moment;
use crate::endpoints::login_passkey::bytes;
use crate::flow::{Stop, finish};
use crate::pages::{ErrorPage, Extras, Frame, page};
use crate::passkeys::{For, Passkeys, public_key};
use crate::posted::Posted;
use crate::respond;
use crate::routes::ACCOUNT_PASSKEYS;
use crate::server::{AppState, Inner};
use crate::store::{NewPasskey, PasskeyRecord, Swap};
use crate::witness::passkey_refusal;

/// Longest name of a passkey, in characters.
const MAX_NAME: usize = 60;

#[derive(Template)]
#[template(path = "account/passkeys.html")]
struct PasskeysTemplate {
    frame: Frame,
    around: Around,
    action: String,
    csrf: String,
    passkeys: Vec<Line>,
    stage: Stage,
    error: Option<String>,
}

struct Line {
    id: String,
    name: String,
    created: Moment,
    used: Option<Moment>,
    backed_up: bool,
}

/// What the page offers.
enum Stage {
    List,
    /// The password was right: the browser makes the passkey now.
    Making(Box<Making>),
}

/// What the script hands to the browser.
struct Making {
    name: String,
    challenge: String,
    rp_id: String,
    handle: String,
    user: String,
    exclude: String,
    algorithms: String,
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
    let _known_here = state.passkeys.as_ref().ok_or_else(not_there)?;
    render(state, &visitor, Stage::List, None).await
}

async fn submit(state: &AppState, posted: &Posted) -> Result<Response, Stop> {
    let change = Change::read(state, posted, ACCOUNT_PASSKEYS, Purpose::Passkeys).await?;
    let passkeys = state.passkeys.as_ref().ok_or_else(not_there)?;
    let (visitor, fields) = (&change.visitor, &change.fields);
    match change.field("action") {
        "add" => match add(state, passkeys, visitor, fields).await? {
            Ok(name) => {
                change.tell(Ok(Some("passkey_added")));
                let text = "From now on it signs you in by itself, without password and code.";
                let title = format!("The passkey {name} is added");
                Ok(done(state, visitor, Place::Security, &title, text))
            }
            Err(refusal) => {
                change.tell(Err(passkey_refusal(refusal)));
                let why =
                    "This passkey could not be added. Begin anew; if it keeps failing, use another device.";
                render(state, visitor, Stage::List, Some((StatusCode::FORBIDDEN, why.to_owned()))).await
            }
        },
        action @ ("begin" | "remove") => {
            if let Err(denial) = change.prove().await? {
                return denied(state, visitor, &denial).await;
            }
            if action == "begin" {
                return begin(state, passkeys, visitor, fields).await;
            }
            let id = bytes(fields, "passkey").map_err(|_| not_there())?;
            let user = change.user();
            if state.store.remove_passkey(&user.id, &id, &user.password_hash).await? == Swap::Lost {
                return Err(not_there());
            }
            change.tell(Ok(Some("passkey_removed")));
            let text = "It signs nobody in any more. You may want to delete it on the device, too.";
            Ok(done(state, visitor, Place::Security, "The passkey is removed", text))
        }
        _ => Err(Stop::page(ErrorPage::stale_form())),
    }
}

/// Lets the browser make one.
async fn begin(
    state: &Inner,
    passkeys: &Passkeys,
    visitor: &Visitor,
    fields: &Parameters,
) -> Result<Response, Stop> {
    let user = &visitor.session.user;
    let known = state.store.passkeys_of(&user.id).await?;
    let exclude: Vec<_> = known.iter().map(|passkey| URL_SAFE_NO_PAD.encode(&passkey.id)).collect();
    let secret = visitor.cookies.secret().unwrap_or_default();
    let algorithms: Vec<_> = Algorithm::ALL.iter().map(|algorithm| algorithm.number().to_string()).collect();
    let making = Making {
        name: name(fields),
        challenge: passkeys.challenge(For::New(&user.id), secret, state.now()),
        rp_id: passkeys.party.id.clone(),
        handle: URL_SAFE_NO_PAD.encode(passkeys.handle(&user.id)),
        user: user.name.clone(),
        exclude: exclude.join(" "),
        algorithms: algorithms.join(" "),
    };
    render(state, visitor, Stage::Making(Box::new(making)), None).await
}

/// Checks what the browser made ([Web Authentication §7.1](https://www.w3.org/TR/webauthn-3/#sctn-registering-a-new-credential))
/// and keeps it; its name.
async fn add(
    state: &Inner,
    passkeys: &Passkeys,
    visitor: &Visitor,
    fields: &Parameters,
) -> Result<Result<String, PasskeyRefusal>, Stop> {
    let (user_id, now) = (&visitor.session.user.id, state.now());
    let secret = visitor.cookies.secret().unwrap_or_default();
    let check = || -> Result<_, PasskeyRefusal> {
        let client_data = bytes(fields, "client_data")?;
        let answered = passkey::answered(&client_data, Ceremony::Create, &passkeys.party)?;
        let challenge = passkeys.is_ours(&answered, For::New(user_id), secret, now)?;
        let authenticator_data = bytes(fields, "authenticator_data")?;
        let said = AuthenticatorData::parse(&authenticator_data, &passkeys.party)?;
        let number = fields.one("algorithm").ok().flatten().and_then(|number| number.parse().ok());
        let algorithm = number.and_then(Algorithm::from_number).ok_or(PasskeyRefusal::Key)?;
        let key = bytes(fields, "public_key")?;
        public_key(algorithm, &key)?;
        let record = PasskeyRecord {
            id: said.credential_id.ok_or(PasskeyRefusal::Malformed)?.to_vec(),
            user_id: user_id.clone(),
            name: name(fields),
            algorithm: algorithm.number(),
            public_key: key,
            counter: said.counter,
            backed_up: said.backed_up,
            created_at: now,
            last_used_at: None,
        };
        Ok((record, challenge))
    };
    let (record, challenge) = match check() {
        Ok(checked) => checked,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let (max, password) = (state.config.max_passkeys_per_user, &visitor.session.user.password_hash);
    Ok(match state.store.insert_passkey(&record, challenge, max, password).await? {
        NewPasskey::Inserted => Ok(record.name),
        // Begun with the password from before, it is no more than one that was never begun.
        NewPasskey::Answered | NewPasskey::OtherPassword => Err(PasskeyRefusal::WrongChallenge),
        NewPasskey::Exists | NewPasskey::Full => Err(PasskeyRefusal::Key),
    })
}

/// What its owner calls it, as far as that can be seen.
fn name(fields: &Parameters) -> String {
    let name = visible(fields.one("name").ok().flatten().unwrap_or_default(), MAX_NAME);
    if name.is_empty() { "Passkey".to_owned() } else { name }
}

async fn denied(state: &Inner, visitor: &Visitor, denial: &Denial) -> Result<Response, Stop> {
    let error = Some((denial.status(), denial.text(Asked::CurrentPassword)));
    let mut response = render(state, visitor, Stage::List, error).await?;
    respond::retry_after(&mut response, denial.retry_after());
    Ok(response)
}

async fn render(
    state: &Inner,
    visitor: &Visitor,
    stage: Stage,
    error: Option<(StatusCode, String)>,
) -> Result<Response, Stop> {
    let now = state.now();
    let line = |passkey: PasskeyRecord| Line {
        id: URL_SAFE_NO_PAD.encode(&passkey.id),
        name: passkey.name,
        created: Moment::new(passkey.created_at, now),
        used: passkey.last_used_at.map(|at| Moment::new(at, now)),
        backed_up: passkey.backed_up,
    };
    let passkeys = state.store.passkeys_of(&visitor.session.user.id).await?;
    let scripted = matches!(stage, Stage::Making(_));
    let template = PasskeysTemplate {
        frame: if scripted { Frame::scripted(state) } else { Frame::new(state) },
        around: Around::new(state, visitor, Place::Security),
        action: state.path(ACCOUNT_PASSKEYS),
        csrf: visitor.csrf(Purpose::Passkeys, ""),
        passkeys: passkeys.into_iter().map(line).collect(),
        stage,
        error: error.as_ref().map(|(_, text)| text.clone()),
    };
    let status = error.map_or(StatusCode::OK, |(status, _)| status);
    Ok(page(status, &template, Extras { scripted, ..Extras::default() }))
}
