//! The clients of the rows, and the browsers of their users.

use std::collections::VecDeque;
use std::time::SystemTime;

use anyhow::{Context as _, Result, ensure};
use barewire_testkit::Holder;
use barewire_testkit::login::{PKCE_CHALLENGE, PKCE_VERIFIER};
use url::Url;
use url::form_urlencoded::Serializer;

use crate::dialect::{Call, Dialect, Era};
use crate::load::{Answer, head};
use crate::oauth::drive::{Heard, Player};
use crate::oauth::population::Population;
use crate::oauth::sides::{Side, token_in};
use crate::oauth::{CALLBACK, ORIGIN, PASSWORD, RESOURCE, WEB};
use crate::server::SCOPE;

/// Sends the same request each time.
pub struct Fixed {
    /// What.
    pub request: Vec<u8>,
    /// What a right answer holds.
    pub holds: &'static str,
}

impl Player for Fixed {
    fn ask(&mut self) -> Result<Vec<u8>> {
        Ok(self.request.clone())
    }

    fn hear(&mut self, answer: &Answer<'_>) -> Result<Heard> {
        let body = text(answer);
        ensure!(answer.status == 200 && body.contains(self.holds), "{} {body}", answer.status);
        Ok(Heard::Done)
    }
}

/// Trades refresh tokens for the next, each of another grant than the one before, for as long as there are others: grants that
/// nobody has looked at are what makes a store read the disk.
pub struct Refresher {
    /// Whom it asks.
    pub side: Side,
    /// Client and token of its grants; the next one first.
    pub tokens: VecDeque<(String, String)>,
}

impl Refresher {
    /// With the first tokens of these grants of our store.
    pub fn of(side: &Side, population: &Population, grants: impl Iterator<Item = u64>) -> Self {
        let token =
            |grant| (Population::client_id(population.client_of(grant)), Population::refresh_token(grant));
        Self { side: side.clone(), tokens: grants.map(token).collect() }
    }
}

impl Player for Refresher {
    fn ask(&mut self) -> Result<Vec<u8>> {
        let (client, token) = self.tokens.front().context("it has no grant")?;
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", client.as_str()),
            ("refresh_token", token.as_str()),
            ("resource", self.side.resource),
        ];
        Ok(self.side.post(self.side.token, &[], &form))
    }

    fn hear(&mut self, answer: &Answer<'_>) -> Result<Heard> {
        let answer = json(answer)?;
        token_in(&answer)?;
        let successor = answer["refresh_token"].as_str().context("no refresh token came back")?;
        let (client, used) = self.tokens.pop_front().context("it has asked for one")?;
        ensure!(successor != used, "a refresh token was not replaced");
        self.tokens.push_back((client, successor.to_owned()));
        Ok(Heard::Done)
    }
}

/// Calls `echo` with a token that is bound to a key, and proves each time that it has the key.
pub struct Proven {
    holder: Holder,
    token: String,
    /// The request without token and proof, in two parts between which these go.
    request: (Vec<u8>, Vec<u8>),
}

impl Proven {
    /// With a token of its own.
    ///
    /// # Errors
    /// When there is none.
    pub fn new(side: &Side) -> Result<Self> {
        let holder = Holder::new();
        let proof = holder.proof("POST", &format!("{ORIGIN}{}", side.token), None, SystemTime::now());
        let token = side.service_token(&[("dpop", &proof)])?;
        let dialect = Dialect { address: side.address, path: "/mcp", era: Era::Modern, token: None };
        let request = dialect.request(Call::ECHO, None);
        let line =
            request.bytes().iter().position(|byte| *byte == b'\n').context("a request has a first line")?;
        let (line, rest) = request.bytes().split_at(line + 1);
        Ok(Self { holder, token, request: (line.to_vec(), rest.to_vec()) })
    }
}

impl Player for Proven {
    fn ask(&mut self) -> Result<Vec<u8>> {
        let proof = self.holder.proof("POST", RESOURCE, Some(&self.token), SystemTime::now());
        let headers = format!("authorization: DPoP {}\r\ndpop: {proof}\r\n", self.token);
        Ok([&self.request.0, headers.as_bytes(), &self.request.1].concat())
    }

    fn hear(&mut self, answer: &Answer<'_>) -> Result<Heard> {
        let body = text(answer);
        ensure!(answer.status == 200 && body.contains("\"result\""), "{} {body}", answer.status);
        Ok(Heard::Done)
    }
}

/// A person's browser and the application that sent it, from the first request to the token.
pub struct LoginFlow {
    side: Side,
    user: String,
    client: String,
    callback: &'static str,
    /// The query of the authorization request.
    query: String,
    /// It goes on as the person who logged in last, instead of forgetting everything first.
    stays: bool,
    cookies: Vec<(String, String)>,
    step: Step,
}

/// What comes next.
#[derive(Debug, Clone)]
enum Step {
    Get(String),
    Login { csrf: String },
    Consent { csrf: String },
    Redeem { code: String },
}

impl LoginFlow {
    /// An application that registered itself, used by this user: password and consent each time.
    pub fn whole(side: &Side, population: &Population, user: u64) -> Self {
        let client = Population::client_id(user % population.clients);
        Self::new(side, user, client, CALLBACK, false)
    }

    /// A web application that the user has allowed before, in a browser that is logged in: neither page is shown.
    pub fn again(side: &Side, user: u64) -> Self {
        Self::new(side, user, WEB.0.to_owned(), WEB.1, true)
    }

    fn new(side: &Side, user: u64, client: String, callback: &'static str, stays: bool) -> Self {
        let query = Serializer::new(String::new())
            .append_pair("response_type", "code")
            .append_pair("client_id", &client)
            .append_pair("redirect_uri", callback)
            .append_pair("scope", SCOPE)
            .append_pair("state", "a state")
            .append_pair("code_challenge", PKCE_CHALLENGE)
            .append_pair("code_challenge_method", "S256")
            .append_pair("resource", RESOURCE)
            .finish();
        let step = Step::Get(format!("/authorize?{query}"));
        let (side, user) = (side.clone(), Population::user(user));
        Self { side, user, client, callback, query, stays, cookies: Vec::new(), step }
    }

    fn keep_cookies(&mut self, answer: &Answer<'_>) -> Result<()> {
        for (name, value) in answer.headers()? {
            let pair = value.split(';').next().and_then(|pair| pair.split_once('='));
            if let ("set-cookie", Some((cookie, value))) = (name.as_str(), pair) {
                self.cookies.retain(|(known, _)| known != cookie);
                self.cookies.push((cookie.to_owned(), value.to_owned()));
            }
        }
        Ok(())
    }

    fn after_redirect(&self, answer: &Answer<'_>) -> Result<Step> {
        let headers = answer.headers()?;
        let location =
            headers.iter().find(|(name, _)| name == "location").context("a redirect says where")?;
        let location = &location.1;
        if !location.starts_with(self.callback) {
            ensure!(location.starts_with('/'), "it leads to {location}");
            return Ok(Step::Get(location.clone()));
        }
        let url = Url::parse(location)?;
        let code = url.query_pairs().find(|(name, _)| name == "code");
        let code = code.with_context(|| format!("there is no code in {location}"))?.1.into_owned();
        Ok(Step::Redeem { code })
    }
}

impl Player for LoginFlow {
    fn ask(&mut self) -> Result<Vec<u8>> {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies = cookies.join("; ");
        let headers = if cookies.is_empty() { vec![] } else { vec![("cookie", cookies.as_str())] };
        let page = |page: &str| format!("{page}?{}", self.query);
        Ok(match &self.step {
            Step::Get(path) => head("GET", path, self.side.address, &headers).into_bytes(),
            Step::Login { csrf } => {
                let form = [("csrf", csrf.as_str()), ("username", &self.user), ("password", PASSWORD)];
                self.side.post(&page("/login"), &headers, &form)
            }
            Step::Consent { csrf } => {
                let form = [("csrf", csrf.as_str()), ("decision", "allow")];
                self.side.post(&page("/consent"), &headers, &form)
            }
            Step::Redeem { code } => {
                let form = [
                    ("grant_type", "authorization_code"),
                    ("client_id", self.client.as_str()),
                    ("code", code),
                    ("redirect_uri", self.callback),
                    ("code_verifier", PKCE_VERIFIER),
                    ("resource", RESOURCE),
                ];
                self.side.post(self.side.token, &[], &form)
            }
        })
    }

    fn hear(&mut self, answer: &Answer<'_>) -> Result<Heard> {
        if matches!(self.step, Step::Redeem { .. }) {
            let answer = json(answer)?;
            token_in(&answer)?;
            ensure!(answer["refresh_token"].is_string(), "no refresh token came with it");
            if !self.stays {
                self.cookies.clear();
            }
            self.step = Step::Get(format!("/authorize?{}", self.query));
            return Ok(Heard::Done);
        }
        self.keep_cookies(answer)?;
        let body = text(answer);
        self.step = match answer.status {
            303 => self.after_redirect(answer)?,
            200 if body.contains("type=\"password\"") => Step::Login { csrf: csrf(&body)? },
            200 if body.contains("value=\"allow\"") => Step::Consent { csrf: csrf(&body)? },
            status => anyhow::bail!("{:?} was answered with {status} {body}", self.step),
        };
        Ok(Heard::GoesOn)
    }
}

/// The token of the first form.
fn csrf(page: &str) -> Result<String> {
    let start = "name=\"csrf\" value=\"";
    let (_, rest) = page.split_once(start).context("a form has a token")?;
    let (token, _) = rest.split_once('"').context("an attribute ends")?;
    Ok(token.to_owned())
}

fn text<'a>(answer: &Answer<'a>) -> std::borrow::Cow<'a, str> {
    String::from_utf8_lossy(answer.body)
}

fn json(answer: &Answer<'_>) -> Result<serde_json::Value> {
    ensure!(answer.status == 200, "{} {}", answer.status, text(answer));
    Ok(serde_json::from_slice(answer.body)?)
}
