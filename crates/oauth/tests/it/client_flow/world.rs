//! A scripted world: which URL answers what. A login is run through it and leaves a story behind.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use barewire_oauth::challenge::Challenge;
use barewire_oauth::client::RedirectUri;
use barewire_oauth::client_flow::{
    Answer, ClientSettings, Entropy, FlowError, Grant, Judgement, LoginRequest, Moment, PendingAuthorization,
    Step, start,
};
use barewire_oauth::dpop::ProofKey;
use barewire_oauth::jws::{Algorithm, SignError, Signer};
use barewire_oauth::parameters::Parameters;
use barewire_oauth::scope::ScopeSet;
use barewire_oauth::secret::PrivateKey;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};
use url::Url;

pub(super) const MCP: &str = "https://mcp.example/mcp";
pub(super) const ISSUER: &str = "https://as.example";
pub(super) const RESOURCE_METADATA: &str = "https://mcp.example/.well-known/oauth-protected-resource/mcp";
pub(super) const RESOURCE_METADATA_AT_ROOT: &str = "https://mcp.example/.well-known/oauth-protected-resource";
pub(super) const SERVER_METADATA: &str = "https://as.example/.well-known/oauth-authorization-server";
pub(super) const REDIRECT_URI: &str = "http://localhost:5173/callback";

/// What the authorization server says about itself in the browser's answer.
#[derive(Clone)]
pub(super) enum Callback {
    /// A code, with these parameters beside `code` and `state`.
    Code(Vec<(&'static str, String)>),
    /// These parameters beside `state`, and no code.
    NoCode(Vec<(&'static str, String)>),
    /// This query, whatever it is.
    Query(String),
}

pub(super) struct World {
    /// URL to answer; whatever is not here is a 404.
    pub(super) pages: HashMap<String, Answer>,
    /// Answers that come once each, before those.
    pub(super) first: HashMap<String, VecDeque<Answer>>,
    pub(super) login: LoginRequest,
    pub(super) callback: Callback,
    /// Different for each login, as randomness is.
    runs: u8,
}

/// What a login left behind.
pub(super) struct Story {
    /// Every request in order.
    pub(super) requests: Vec<Request<Bytes>>,
    /// Where the browser was sent.
    pub(super) browser: Option<Url>,
    pub(super) pending: Option<PendingAuthorization>,
    /// The code that the user was shown and the seconds waited, each time.
    pub(super) waits: Vec<(String, u64)>,
    pub(super) judgements: Vec<Judgement>,
    pub(super) end: Result<Grant, FlowError>,
}

/// Signs with the key's own text, so that a test sees which key was used.
pub(super) struct KeysOwnText;

impl Signer for KeysOwnText {
    fn sign(&self, key: &PrivateKey, _: Algorithm, _: &[u8]) -> Result<Vec<u8>, SignError> {
        Ok(key.expose().as_bytes().to_vec())
    }
}

pub(super) fn proof_key() -> ProofKey {
    let public = json!({ "kty": "EC", "crv": "P-256", "x": "x", "y": "y" });
    ProofKey { private: PrivateKey::new("the proof key"), public: serde_json::from_value(public).unwrap() }
}

/// Header, claims and signature of a signed text.
pub(super) fn read_signed(text: &str) -> (Value, Value, String) {
    let parts: Vec<Vec<u8>> = text.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap()).collect();
    let [header, claims, signature] = parts.try_into().unwrap();
    let json = |bytes: &[u8]| serde_json::from_slice(bytes).unwrap();
    (json(&header), json(&claims), String::from_utf8(signature).unwrap())
}

pub(super) fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

pub(super) fn scopes(text: &str) -> ScopeSet {
    ScopeSet::parse(text).unwrap()
}

pub(super) fn json_answer(status: u16, body: &Value) -> Answer {
    answer(status, body.to_string())
}

pub(super) fn answer(status: u16, body: impl Into<Bytes>) -> Answer {
    Answer::Response(http::Response::builder().status(status).body(body.into()).unwrap())
}

pub(super) fn resource_metadata(resource: &str, issuers: &[&str]) -> Value {
    json!({ "resource": resource, "authorization_servers": issuers })
}

/// The metadata of the suite's mock server.
pub(super) fn server_metadata(issuer: &str) -> Value {
    json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "registration_endpoint": format!("{issuer}/register"),
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none"],
        "authorization_response_iss_parameter_supported": true,
    })
}

/// `document` with `name` set to `value`; `null` takes it away.
pub(super) fn with(mut document: Value, name: &str, value: Value) -> Value {
    let members = document.as_object_mut().unwrap();
    if value.is_null() {
        members.remove(name)
    } else {
        members.insert(name.to_owned(), value)
    };
    document
}

impl World {
    /// A server and an authorization server that do everything right, and a client that nobody knows.
    pub(super) fn new() -> Self {
        let mut world = Self {
            pages: HashMap::new(),
            first: HashMap::new(),
            login: LoginRequest {
                endpoint: MCP.to_owned(),
                challenge: None,
                settings: ClientSettings::native("Test", RedirectUri::parse(REDIRECT_URI).unwrap()),
                known: Vec::new(),
                held_scopes: ScopeSet::new(),
                proof_key: Some(proof_key()),
            },
            callback: Callback::Code(vec![("iss", ISSUER.to_owned())]),
            runs: 0,
        };
        world.page(RESOURCE_METADATA, &resource_metadata(MCP, &[ISSUER]));
        world.authorization_server(SERVER_METADATA, ISSUER, &server_metadata(ISSUER));
        world
    }

    /// Puts an authorization server's metadata at `place`, and its registration and token endpoints.
    pub(super) fn authorization_server(&mut self, place: &str, issuer: &str, metadata: &Value) {
        self.page(place, metadata);
        self.page(
            &format!("{issuer}/register"),
            &json!({ "client_id": format!("client-of-{issuer}"), "token_endpoint_auth_method": "none" }),
        );
        self.page(
            &format!("{issuer}/token"),
            &json!({ "access_token": "test-token-1", "token_type": "Bearer", "expires_in": 3600 }),
        );
    }

    pub(super) fn page(&mut self, url: &str, body: &Value) -> &mut Self {
        self.answers(url, json_answer(200, body))
    }

    pub(super) fn answers(&mut self, url: &str, answer: Answer) -> &mut Self {
        self.pages.insert(url.to_owned(), answer);
        self
    }

    pub(super) fn gone(&mut self, url: &str) -> &mut Self {
        self.pages.remove(url);
        self
    }

    pub(super) fn challenge(&mut self, header: &str) -> &mut Self {
        self.login.challenge = Challenge::select([header]);
        self
    }

    /// Runs the login to its end.
    pub(super) fn run(&mut self) -> Story {
        self.runs += 1;
        let mut story = Story {
            requests: Vec::new(),
            browser: None,
            pending: None,
            judgements: Vec::new(),
            waits: Vec::new(),
            end: Err(FlowError::NoCode),
        };
        let mut step = start(self.login.clone(), Entropy::from_random(&[self.runs; 64]));
        story.end = loop {
            step = match step {
                Step::Fetch(mut fetch) => {
                    assert!(story.requests.len() < 50, "it goes on and on");
                    story.judgements.extend(fetch.after.take());
                    let random = [u8::try_from(story.requests.len()).unwrap(); 32];
                    let moment = Moment { now: now(), random: &random, nonce: None };
                    story
                        .requests
                        .push(fetch.signatures.complete(&fetch.request, &moment, &KeysOwnText).unwrap());
                    let missing = answer(404, "<!doctype html>");
                    let url = fetch.request.uri().to_string();
                    let first = self.first.get_mut(&url).and_then(VecDeque::pop_front);
                    let answer = first.as_ref().or(self.pages.get(&url)).unwrap_or(&missing);
                    fetch.answered(answer, now())
                }
                Step::OpenBrowser(open) => {
                    story.judgements.extend(open.after);
                    story.browser = Some(Url::parse(&open.url).unwrap());
                    // The host restarts while the user is away.
                    let kept = serde_json::to_string(&open.pending).unwrap();
                    let pending: PendingAuthorization = serde_json::from_str(&kept).unwrap();
                    story.pending = Some(pending.clone());
                    let query = self.query(pending.state.expose());
                    pending.callback(&query)
                }
                Step::WaitForUser(mut wait) => {
                    story.judgements.extend(wait.after.take());
                    story.waits.push((wait.user_code.clone(), wait.interval.as_secs()));
                    wait.ask(now())
                }
                Step::Done(grant) => break Ok(*grant),
                Step::Failed(error) => break Err(*error),
            };
        };
        story
    }

    fn query(&self, state: &str) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        match &self.callback {
            Callback::Code(more) => query
                .append_pair("code", "test-auth-code")
                .append_pair("state", state)
                .extend_pairs(more)
                .finish(),
            Callback::NoCode(more) => query.append_pair("state", state).extend_pairs(more).finish(),
            Callback::Query(query) => query.replace("{state}", state),
        }
    }
}

impl Story {
    /// `GET url` or `POST url`, in order.
    pub(super) fn asked(&self) -> Vec<String> {
        self.requests.iter().map(|request| format!("{} {}", request.method(), request.uri())).collect()
    }

    /// A parameter of the authorization URL.
    pub(super) fn in_browser(&self, name: &str) -> Option<String> {
        let url = self.browser.as_ref().expect("the browser was sent somewhere");
        let parameters = Parameters::parse(url.query().unwrap_or_default().as_bytes());
        parameters.one(name).unwrap().map(str::to_owned)
    }

    /// The request to this URL.
    pub(super) fn request_to(&self, url: &str) -> &Request<Bytes> {
        self.requests.iter().find(|request| *request.uri() == *url).expect("it was asked")
    }

    /// The parameters of the form posted to this URL.
    pub(super) fn form(&self, url: &str) -> Parameters {
        Parameters::parse(self.request_to(url).body())
    }

    /// The JSON posted to this URL.
    pub(super) fn json(&self, url: &str) -> Value {
        serde_json::from_slice(self.request_to(url).body()).unwrap()
    }

    pub(super) fn grant(&self) -> &Grant {
        self.end.as_ref().expect("a grant")
    }

    pub(super) fn error(&self) -> &FlowError {
        self.end.as_ref().expect_err("an error")
    }

    /// The end in one word: `grant`, or the name of the error.
    pub(super) fn ending(&self) -> String {
        match &self.end {
            Ok(_) => "grant".to_owned(),
            Err(error) => {
                let debug = format!("{error:?}");
                debug.split([' ', '{', '(']).next().unwrap().to_owned()
            }
        }
    }
}
