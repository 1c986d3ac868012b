//! Plays one transcript: sends what its steps say, waits for what they wait for, and hands both to whoever judges.

mod line;
mod stream;

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

use barewire_exchange::Exchange;
use barewire_oauth::secret::AccessToken;
use serde_json::{Map, Value, json};
use url::Url;

use crate::answer::{self, Answer, Content};
use crate::judge;
use crate::names::{self, Names, Unknown};
use crate::transcript::{Need, Request, Step, Transcript};

pub use line::SetupError;
pub(crate) use line::{Line, Outgoing};
use stream::Stream;

/// What a player may do, and what it has to do it with.
#[derive(Default)]
pub(crate) struct Means<'a> {
    pub(crate) token: Option<&'a AccessToken>,
    pub(crate) calls: bool,
    pub(crate) person: Option<&'a dyn Person>,
}

/// Somebody at a browser.
pub trait Person: Send + Sync {
    /// Opens a page, does what it takes, and comes back with the address that the browser ends at.
    fn visit<'a>(&'a self, page: &'a Url) -> Pin<Box<dyn Future<Output = Option<Url>> + Send + 'a>>;
}

/// What became of one step.
pub(crate) struct Turn {
    pub(crate) result: TurnResult,
    pub(crate) exchange: Option<String>,
}

pub(crate) enum TurnResult {
    /// An answer, with the request that was sent, as checks look at it.
    Answered { request: Value, answer: Answer },
    /// Not about this server; the sentence says why.
    NotApplicable(String),
    /// Not done; the sentence says why.
    NotReplayed(String),
}

/// Why a request cannot be made, with the sentence that says so.
enum Unmade {
    NotApplicable(String),
    NotReplayed(String),
}

impl From<Unmade> for TurnResult {
    fn from(unmade: Unmade) -> Self {
        match unmade {
            Unmade::NotApplicable(reason) => TurnResult::NotApplicable(reason),
            Unmade::NotReplayed(reason) => TurnResult::NotReplayed(reason),
        }
    }
}

/// Plays the steps of one transcript, in order.
pub(crate) struct Player<'a> {
    line: &'a mut Line,
    server: Url,
    means: &'a Means<'a>,
    pub(crate) names: Names,
    /// By the step that opened them.
    streams: HashMap<String, (Stream, Value)>,
    /// When the servers of streams want their clients back, in milliseconds, by the same steps.
    retries: HashMap<String, u64>,
    /// The names that were given.
    given: HashSet<String>,
    /// Whether the step before was answered.
    answered: bool,
    /// Names of a transcript that nobody gave, with what stands for them.
    missing: HashMap<String, String>,
}

impl<'a> Player<'a> {
    /// Begins a transcript with what is given.
    pub(crate) fn begin(
        line: &'a mut Line,
        server: &Url,
        means: &'a Means<'a>,
        transcript: &Transcript,
        given: &HashMap<String, Value>,
    ) -> Player<'a> {
        let mut names = Names::default();
        let mut missing = HashMap::new();
        for (name, value) in given {
            names.set(name, value.clone());
        }
        for (name, what) in transcript.given.iter().filter(|(name, _)| !given.contains_key(*name)) {
            missing.insert(name.clone(), what.is.clone());
        }
        names.set("server", json!(server.as_str()));
        names.set("origin", json!(server.origin().ascii_serialization()));
        if let (None, Ok(sse)) = (names.get(SSE), sse_beside(server)) {
            names.set(SSE, json!(sse.as_str()));
        }
        if let Some(token) = means.token {
            names.set("access_token", json!(token.expose()));
        }
        Player {
            line,
            server: server.clone(),
            means,
            names,
            streams: HashMap::new(),
            retries: HashMap::new(),
            given: given.keys().cloned().collect(),
            answered: false,
            missing,
        }
    }

    /// Plays one step. What it keeps is known afterwards.
    pub(crate) async fn play(&mut self, step: &Step) -> Turn {
        let turn = self.turn(step).await;
        self.answered = matches!(turn.result, TurnResult::Answered { .. });
        if let TurnResult::Answered { answer, request } = &turn.result {
            if let Content::Events(events) = &answer.content
                && let Some(retry) = answer::retry(events)
            {
                self.retries.insert(step.continues.clone().unwrap_or_else(|| step.name.clone()), retry);
            }
            let view = answer.view();
            for (name, keep) in &step.keep {
                // Whoever gives a name means it.
                if !self.given.contains(name) {
                    self.names.keep(name, keep, &view);
                    if keep.address {
                        self.resolve(name, request);
                    }
                }
            }
            if let Some(token) = self.names.get("access_token").and_then(Value::as_str) {
                self.line.masker().learn(token);
            }
        }
        turn
    }

    /// An address that may be relative to that of the request whose answer it is in.
    fn resolve(&mut self, name: &str, request: &Value) {
        let base = request["url"].as_str().and_then(|url| Url::parse(url).ok());
        let address = self.names.get(name).and_then(Value::as_str);
        if let (Some(base), Some(address)) = (base, address)
            && let Ok(url) = base.join(address)
        {
            self.names.set(name, json!(url.as_str()));
        }
    }

    /// Ends the session that the transcript opened, where it did, as a client should.
    pub(crate) async fn leave(self, revision: &str) {
        let Some(session) = self.names.get("session").and_then(Value::as_str) else { return };
        let Ok(session) = http::HeaderValue::from_str(session) else { return };
        let mut headers = http::HeaderMap::new();
        headers.insert(barewire_mcp::http::headers::SESSION_ID, session);
        if let Ok(revision) = http::HeaderValue::from_str(revision) {
            headers.insert(barewire_mcp::http::headers::PROTOCOL_VERSION, revision);
        }
        self.authorize(&mut headers);
        let url = self.server.clone();
        let end = Outgoing { method: http::Method::DELETE, url, headers, json: None, body: None };
        // Whether the server lets clients end sessions is its choice.
        let _ = self.line.send("Ends the session of the transcript.", &end, None).await;
    }

    fn authorize(&self, headers: &mut http::HeaderMap) {
        if let Some(token) = self.means.token
            && let Ok(mut value) = http::HeaderValue::from_str(&format!("Bearer {}", token.expose()))
        {
            value.set_sensitive(true);
            headers.insert(http::header::AUTHORIZATION, value);
        }
    }

    async fn turn(&mut self, step: &Step) -> Turn {
        let not = |result| Turn { result, exchange: None };
        if let Some(reason) = self.not_allowed(step) {
            return not(TurnResult::NotReplayed(reason));
        }
        if let Some(condition) = &step.only_if {
            if self.names.was_left_out(&condition.kept) {
                return not(TurnResult::NotApplicable(condition.otherwise.clone()));
            }
            let Some(kept) = self.names.get(&condition.kept) else {
                return not(TurnResult::NotReplayed(format!(
                    "it is not known whether it applies: no `{}` came before",
                    condition.kept
                )));
            };
            if kept.pointer(&condition.has).is_none_or(|value| *value == json!(false)) {
                return not(TurnResult::NotApplicable(condition.otherwise.clone()));
            }
        }
        if let Some(opened) = &step.leaves
            && let Err(reason) = self.leave_stream(opened).await
        {
            return not(TurnResult::NotReplayed(reason));
        }
        match (&step.request, &step.continues) {
            (Some(request), _) => self.ask_until(step, request).await,
            // What it would read of the stream is what that step causes.
            (None, Some(_)) if !self.answered => {
                not(TurnResult::NotReplayed("the step before it was not replayed".to_owned()))
            }
            (None, Some(opened)) => self.go_on(step, opened).await,
            (None, None) => not(TurnResult::NotReplayed("the transcript has no request here".to_owned())),
        }
    }

    fn not_allowed(&self, step: &Step) -> Option<String> {
        match step.needs {
            Some(Need::Call) if !self.means.calls => Some(
                "it calls a tool, and tools have effects (allow it with --call or --allow-calls)".to_owned(),
            ),
            Some(Need::Login) if self.means.person.is_none() => {
                Some("it registers a client or needs somebody at a browser".to_owned())
            }
            _ => None,
        }
    }

    /// Leaves a stream, and waits until its server wants to be asked again.
    async fn leave_stream(&mut self, opened: &str) -> Result<(), String> {
        self.streams.remove(opened);
        let Some(retry) = self.retries.get(opened) else { return Ok(()) };
        let pause = Duration::from_millis(*retry);
        if pause > self.line.wait() {
            return Err(format!("the server wants nobody back within {retry} ms, and that is too long"));
        }
        tokio::time::sleep(pause).await;
        Ok(())
    }

    /// Asks, and where the step says so again until the answer is the one that it waits for.
    async fn ask_until(&mut self, step: &Step, request: &Request) -> Turn {
        let over = Instant::now() + self.line.wait();
        loop {
            let turn = self.ask(step, request).await;
            let (Some(until), TurnResult::Answered { answer, .. }) = (&step.until, &turn.result) else {
                return turn;
            };
            let view = answer.view();
            let arrived = judge::stands(&until.at, &until.expect, &self.names, &view);
            let left = over.saturating_duration_since(Instant::now());
            if arrived || left.is_zero() || view.pointer("/body/error").is_some() {
                return turn;
            }
            let asked = view.pointer("/body/result/pollIntervalMs").and_then(Value::as_u64);
            let pause = asked.map_or(POLL, Duration::from_millis).max(LEAST_POLL);
            tokio::time::sleep(pause.min(left)).await;
        }
    }

    async fn ask(&mut self, step: &Step, request: &Request) -> Turn {
        let outgoing = match self.fill(request) {
            Ok(outgoing) => outgoing,
            Err(unmade) => return Turn { result: unmade.into(), exchange: None },
        };
        let view = outgoing.view();
        // The page of a login is not fetched; somebody opens it and comes back somewhere else.
        if step.needs == Some(Need::Login) && outgoing.method == http::Method::GET {
            return self.visit(&outgoing, view).await;
        }
        let wait = step.leaves_open_after.as_deref();
        let (exchange, outcome) = self.line.send(&step.sentence, &outgoing, wait).await;
        let result = match outcome {
            Ok((answer, stream)) => {
                if let Some(stream) = stream {
                    self.streams.insert(step.name.clone(), (stream, view.clone()));
                }
                TurnResult::Answered { request: view, answer }
            }
            Err(fault) => TurnResult::NotReplayed(fault.to_string()),
        };
        Turn { result, exchange }
    }

    async fn go_on(&mut self, step: &Step, opened: &str) -> Turn {
        let Some((mut stream, request)) = self.streams.remove(opened) else {
            let reason = format!("the stream that `{opened}` opens is not there");
            return Turn { result: TurnResult::NotReplayed(reason), exchange: None };
        };
        let wait = step.leaves_open_after.as_deref();
        let (events, open) = self.line.go_on(&mut stream, wait).await;
        let exchange = Some(stream.exchange().to_owned());
        if open {
            self.streams.insert(opened.to_owned(), (stream, request.clone()));
        }
        let answer = Answer { head: None, content: Content::Events(events) };
        Turn { result: TurnResult::Answered { request, answer }, exchange }
    }

    async fn visit(&mut self, outgoing: &Outgoing, request: Value) -> Turn {
        let landed = match self.means.person {
            Some(person) => person.visit(&outgoing.url).await,
            None => None,
        };
        let result = match landed {
            Some(url) => {
                let query: Map<String, Value> =
                    url.query_pairs().map(|(name, value)| (name.into_owned(), json!(value))).collect();
                TurnResult::Answered { request, answer: crate::login::landing(&url, query) }
            }
            None => TurnResult::NotReplayed("the login did not come back to the client".to_owned()),
        };
        Turn { result, exchange: None }
    }

    /// The request with everything filled in.
    fn fill(&self, request: &Request) -> Result<Outgoing, Unmade> {
        let unknown = |unknown: Unknown| self.why_unknown(&unknown.0);
        let wrong = |what: &str| Unmade::NotReplayed(format!("{what} cannot be sent"));
        let url = self.names.fill_text(&request.url).map_err(unknown)?;
        let url = Url::parse(&url).map_err(|_| wrong(&format!("a request to {url}")))?;
        let mut headers = http::HeaderMap::new();
        for (name, value) in &request.headers {
            let value = match self.names.fill_text(value) {
                Ok(value) => value,
                // A session that the server did not open, for example.
                Err(Unknown(missing))
                    if names::name_of(value) == Some(missing.as_str())
                        && self.names.was_left_out(&missing) =>
                {
                    continue;
                }
                Err(missing) => return Err(unknown(missing)),
            };
            let name = http::HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong(name))?;
            // A name that no header can carry goes as the sentinel (Streamable HTTP, Value Encoding).
            let value = match name == barewire_mcp::http::headers::NAME {
                true => barewire_mcp::http::value::encode(&value),
                false => http::HeaderValue::from_str(&value).map_err(|_| wrong(name.as_str()))?,
            };
            headers.insert(name, value);
        }
        let is_ours = url == self.server
            || (matches!(request.url.as_str(), "{sse}" | "{messages}")
                && url.origin() == self.server.origin());
        if is_ours && !request.headers.contains_key("authorization") {
            self.authorize(&mut headers);
        }
        let method = http::Method::from_bytes(request.method.as_bytes()).map_err(|_| wrong("the method"))?;
        let mut outgoing = Outgoing { method, url, headers, json: None, body: None };
        if let Some(body) = &request.body {
            let body = self.names.fill(body).map_err(unknown)?;
            outgoing.body = Some(body.to_string());
            outgoing.json = Some(body);
        }
        if let Some(text) = &request.text {
            outgoing.body = Some(text.clone());
        }
        if let Some(form) = &request.form {
            let mut fields = Vec::new();
            for (name, value) in form {
                fields.push((name.clone(), self.names.fill_text(value).map_err(unknown)?));
            }
            outgoing.set_form(fields);
        }
        Ok(outgoing)
    }

    fn why_unknown(&self, name: &str) -> Unmade {
        match self.missing.get(name) {
            Some(what) => Unmade::NotReplayed(format!("it needs {what} (say which with --give {name}=…)")),
            None => match NONE_SUCH.iter().find(|(kept, _)| *kept == name) {
                Some((_, otherwise)) => Unmade::NotApplicable((*otherwise).to_owned()),
                None => Unmade::NotReplayed(format!("it needs `{name}`, which no earlier answer gave")),
            },
        }
    }
}

/// What it means where the lists of a server gave no value for a name.
const NONE_SUCH: &[(&str, &str)] = &[
    ("tool", "the server has no tool without required arguments"),
    ("uri", "the server lists no resource"),
    ("prompt", "the server has no prompt without required arguments"),
    ("needy_prompt", "the server has no prompt that requires an argument"),
    ("skill", "the server lists no skill"),
    ("file", "the skill lists no files"),
    ("digest", "the skill lists no files"),
];
/// The name of the stream's address in the transport of 2024-11-05.
const SSE: &str = "sse";
/// The pause between two questions about something that changes, where the server says none.
const POLL: Duration = Duration::from_millis(200);
/// The shortest such pause, whatever it says.
const LEAST_POLL: Duration = Duration::from_millis(50);

/// Where the stream of 2024-11-05 is looked for: beside the endpoint, unless this already is the stream.
fn sse_beside(server: &Url) -> Result<Url, url::ParseError> {
    if server.path().ends_with("/sse") { Ok(server.clone()) } else { server.join(SSE) }
}

/// How long everything may take, and since when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    pub(crate) at: Instant,
}

impl Deadline {
    pub(crate) fn left(self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }
}

/// Hears what is going on, while it goes on. Both calls are made from the task that plays: return quickly.
pub trait Observer: Send + Sync {
    /// The next transcript begins; the text completes "Replaying …".
    fn begins(&self, part: &str);

    /// A request was answered, or was not.
    fn exchanged(&self, exchange: &Exchange);
}

/// Nobody watches.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoObserver;

impl Observer for NoObserver {
    fn begins(&self, _: &str) {}

    fn exchanged(&self, _: &Exchange) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_transport_is_beside_the_endpoint() {
        for (server, sse) in [
            ("http://a.example/mcp", "http://a.example/sse"),
            ("http://a.example/api/mcp", "http://a.example/api/sse"),
            ("http://a.example/api/sse", "http://a.example/api/sse"),
            ("http://a.example/", "http://a.example/sse"),
        ] {
            assert_eq!(sse_beside(&Url::parse(server).unwrap()).unwrap().as_str(), sse);
        }
    }
}
