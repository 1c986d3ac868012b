//! `POST /login/passkey`: a login by passkey, in place of name, password and code. The authenticator has verified the
//! person, so it is both factors in one.

use aws_lc_rs::signature::ParsedPublicKey;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use barewire_oauth::parameters::Parameters;
use barewire_oauth::passkey::{self, Algorithm, AuthenticatorData, Ceremony, PasskeyRefusal};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::login::passkey_refused;
use super::login_step::Step;
use crate::csrf::Purpose;
use crate::flow::{Stop, finish};
use crate::passkeys::{For, Passkeys, public_key};
use crate::posted::Posted;
use crate::respond::see_other;
use crate::routes::{LOGIN, LOGIN_PASSKEY};
use crate::server::{AppState, Inner};
use crate::sessions::Cookies;
use crate::store::{PasskeyRecord, StoreError, Swap, UserRecord};
use crate::witness::passkey_refusal;

pub(crate) async fn get(State(state): State<AppState>, RawQuery(query): RawQuery) -> Response {
    see_other(&state.path_with(LOGIN, query.as_deref().unwrap_or_default()))
}

pub(crate) async fn post(
    State(state): State<AppState>,
    RawQuery(query): RawQuery,
    posted: Posted,
) -> Response {
    finish(&state, submit(&state, query.as_deref(), &posted).await)
}

async fn submit(state: &Inner, query: Option<&str>, posted: &Posted) -> Result<Response, Stop> {
    let mut step = Step::read(state, query, posted, LOGIN_PASSKEY, Purpose::Passkey).await?;
    let outcome = match &state.passkeys {
        Some(passkeys) => verify(state, passkeys, &step.cookies, step.fields()).await,
        None => Err(Failure::Refused(PasskeyRefusal::Unknown, None)),
    };
    match outcome {
        Ok(user) => {
            step.draft.user = Some(user.id.clone());
            // The password was changed in this very moment: what that ended must not begin anew unseen.
            Ok(step.log_in(&user, Some("passkey")).await?.unwrap_or_else(|| step.again()))
        }
        Err(Failure::Refused(refusal, user_id)) => {
            if refusal == PasskeyRefusal::CounterWentBack {
                tracing::warn!(
                    user = user_id,
                    "a passkey was used less often than before: there is a copy of it"
                );
            }
            step.draft.user = user_id;
            step.tell(Err(passkey_refusal(refusal)));
            Ok(passkey_refused(state, &step.cookies, &step.errand))
        }
        Err(Failure::Store(error)) => Err(error.into()),
    }
}

/// Why nobody is logged in; and whose passkey it was, if the signature was right.
enum Failure {
    Refused(PasskeyRefusal, Option<String>),
    Store(StoreError),
}

impl From<PasskeyRefusal> for Failure {
    fn from(refusal: PasskeyRefusal) -> Self {
        Self::Refused(refusal, None)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Who has answered ([Web Authentication §7.2](https://www.w3.org/TR/webauthn-3/#sctn-verifying-assertion)).
async fn verify(
    state: &Inner,
    passkeys: &Passkeys,
    cookies: &Cookies,
    fields: &Parameters,
) -> Result<UserRecord, Failure> {
    let now = state.now();
    let client_data = bytes(fields, "client_data")?;
    let answered = passkey::answered(&client_data, Ceremony::Get, &passkeys.party)?;
    let cookie = cookies.secret().unwrap_or_default();
    let challenge = passkeys.is_ours(&answered, For::Login, cookie, now)?;
    let authenticator_data = bytes(fields, "authenticator_data")?;
    let said = AuthenticatorData::parse(&authenticator_data, &passkeys.party)?;
    let id = bytes(fields, "credential")?;
    if id.len() > passkey::MAX_CREDENTIAL_ID {
        return Err(PasskeyRefusal::Malformed.into());
    }
    let record = state.store.passkey(&id).await?.ok_or(PasskeyRefusal::Unknown)?;
    // The authenticator says whose it is; a passkey of somebody else must not do for them.
    if bytes(fields, "user_handle")? != passkeys.handle(&record.user_id) {
        return Err(PasskeyRefusal::Unknown.into());
    }
    let signature = bytes(fields, "signature")?;
    let signed = passkey::signed(&authenticator_data, &client_data);
    key(&record)?.verify_sig(&signed, &signature).map_err(|_| PasskeyRefusal::Signature)?;
    let refused = |refusal| Failure::Refused(refusal, Some(record.user_id.clone()));
    passkey::count(record.counter, said.counter).map_err(refused)?;
    let user = state.store.user(&record.user_id).await?.filter(UserRecord::is_enabled);
    let user = user.ok_or(PasskeyRefusal::Unknown)?;
    let used = state.store.use_passkey(&record.id, record.counter, said.counter, now, challenge).await?;
    // Lost: the same answer again, or another one in the same moment.
    if used == Swap::Lost { Err(refused(PasskeyRefusal::WrongChallenge)) } else { Ok(user) }
}

fn key(record: &PasskeyRecord) -> Result<ParsedPublicKey, PasskeyRefusal> {
    public_key(Algorithm::from_number(record.algorithm).ok_or(PasskeyRefusal::Key)?, &record.public_key)
}

/// A field in base64url.
pub(crate) fn bytes(fields: &Parameters, name: &str) -> Result<Vec<u8>, PasskeyRefusal> {
    let text = fields.one(name).ok().flatten().ok_or(PasskeyRefusal::Malformed)?;
    URL_SAFE_NO_PAD.decode(text).map_err(|_| PasskeyRefusal::Malformed)
}
