//! Event streams: whether the first event comes at once, and how it is dressed.

use http::header::ACCEPT_ENCODING;
use serde_json::{Map, Value, json};

use super::eras::Eras;
use crate::probe::{Answer, Asker, Until};

/// The streams that were opened.
pub(crate) struct Streams {
    /// `subscriptions/listen`, where some change is announced.
    pub(crate) listen: Option<Answer>,
    /// The same, from a client that takes compressed answers.
    pub(crate) compressed: Option<Answer>,
    /// GET in the session.
    pub(crate) get: Option<Answer>,
    /// Milliseconds that an ordinary answer takes to begin.
    pub(crate) usual_ms: u64,
    /// Milliseconds that the first event of a stream was waited for.
    pub(crate) waited_ms: u64,
}

impl Streams {
    /// Whether ordinary answers come so late that nothing can be said about streams.
    pub(crate) fn is_too_slow_to_tell(&self) -> bool {
        self.usual_ms.saturating_mul(2) > self.waited_ms
    }
}

pub(super) async fn look(asker: &mut Asker, eras: &Eras) -> Streams {
    let waited_ms = u64::try_from(asker.config().stream_wait.as_millis()).unwrap_or(u64::MAX);
    let mut streams = Streams { listen: None, compressed: None, get: None, usual_ms: usual(eras), waited_ms };
    let wanted = wanted(eras);
    if let Some(modern) = eras.modern.as_ref().filter(|_| !wanted.is_empty()) {
        let wanted = Value::Object(wanted);
        let ask = modern.listen("Listen for changes", &wanted);
        streams.listen = Some(asker.ask(ask).await);
        let ask = modern.listen("Listen for changes, taking compressed answers", &wanted);
        streams.compressed = Some(asker.ask(ask.header(ACCEPT_ENCODING, "gzip, br, deflate")).await);
    }
    if let Some(legacy) = &eras.legacy {
        // It may well be quiet: that it opens is all one can wait for.
        let ask = legacy.stream("GET, to open the server's stream").until(Until::Head);
        streams.get = Some(asker.ask(ask).await);
        if streams.compressed.is_none() {
            let ask = legacy.stream("GET, taking compressed answers").until(Until::Head);
            streams.compressed = Some(asker.ask(ask.header(ACCEPT_ENCODING, "gzip, br, deflate")).await);
        }
    }
    streams
}

/// The changes that the server says it announces.
fn wanted(eras: &Eras) -> Map<String, Value> {
    let announces = |capability: &str, member: &str| {
        eras.capabilities().and_then(|all| all.get(capability)?.get(member)?.as_bool()).unwrap_or_default()
    };
    let mut wanted = Map::new();
    for (capability, name) in [
        ("tools", "toolsListChanged"),
        ("prompts", "promptsListChanged"),
        ("resources", "resourcesListChanged"),
    ] {
        if announces(capability, "listChanged") {
            wanted.insert(name.to_owned(), json!(true));
        }
    }
    wanted
}

fn usual(eras: &Eras) -> u64 {
    let answers = [&eras.open_discover, &eras.open_initialize, &eras.discover, &eras.initialize];
    let mut times: Vec<u64> = answers.into_iter().filter_map(Answer::head_ms).collect();
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
