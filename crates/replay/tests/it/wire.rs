//! The files in `docs/wire`: generated from runs, and checked for drift. `cargo xtask wire` writes them.

use std::path::{Path, PathBuf};
use std::pin::Pin;

use barewire_demo::{Server, Setup};
use barewire_replay::{
    Person, RecordError, ReplayConfig, Response, Step, Target, Transcript, record, transcripts,
};
use barewire_testkit::{Browser, OAuthClient, TempDir};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::{flows, server};

/// Set by `cargo xtask wire`: write the files instead of comparing them.
const WRITE: &str = "BAREWIRE_WRITE_WIRE";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/wire")
}

fn file_of(transcript: &Transcript) -> PathBuf {
    folder().join(&transcript.revision).join(format!("{}.json", transcript.flow))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_files_are_what_a_run_gives_today() {
    let write = std::env::var_os(WRITE).is_some();
    let wire = server::start().await;
    let with_users = server::start_with_users().await;
    let demo = RunningDemo::start().await;
    let mut wrong: Vec<String> = Vec::new();
    for transcript in flows::all() {
        let recorded = match transcript.flow.as_str() {
            "login" => demo.record(&transcript).await,
            "tasks" => {
                let target = Target { token: Some("ann".into()), ..Target::new(with_users.clone()) };
                record(&transcript, &target, None, ReplayConfig::default()).await
            }
            _ => record(&transcript, &Target::new(wire.clone()), None, ReplayConfig::default()).await,
        };
        let recorded = match recorded {
            Ok(recorded) => recorded,
            Err(error) => {
                wrong.push(error.to_string());
                continue;
            }
        };
        let name = format!("{} {}", recorded.revision, recorded.flow);
        let places = recorded.steps.iter().flat_map(unexplained);
        wrong.extend(places.map(|place| format!("{name}: nothing says what {place} is")));
        let text = written(&recorded);
        let file = file_of(&recorded);
        if write {
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(&file, text).unwrap();
        } else if std::fs::read_to_string(&file).ok().as_deref() != Some(text.as_str()) {
            wrong.push(format!("{} is not what a run gives: `cargo xtask wire` writes it", file.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// As the files are written.
fn written(transcript: &Transcript) -> String {
    let mut text = serde_json::to_string_pretty(transcript).unwrap();
    text.push('\n');
    text
}

#[test]
fn the_crate_carries_every_file_and_no_other() {
    let mut there: Vec<String> = Vec::new();
    for revision in std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()) {
        if revision.is_dir() {
            there.extend(
                std::fs::read_dir(revision).unwrap().map(|it| it.unwrap().path().display().to_string()),
            );
        }
    }
    there.sort();
    let mut carried: Vec<String> = transcripts().iter().map(|it| file_of(it).display().to_string()).collect();
    carried.sort();
    assert_eq!(carried, there, "crates/replay/src/wire.rs (left) and docs/wire (right) differ");
}

/// The values of an answer that neither a rule nor `varies` says anything about.
fn unexplained(step: &Step) -> Vec<String> {
    let mut leaves = Vec::new();
    walk("", &view(&step.response), &mut leaves);
    let covered = |leaf: &String| {
        let by = |pattern: &str| covers(pattern, leaf);
        step.must.iter().any(|check| by(&check.at)) || step.varies.keys().any(|at| by(at))
    };
    leaves.into_iter().filter(|leaf| !covered(leaf)).map(|leaf| format!("{}: {leaf}", step.name)).collect()
}

fn view(response: &Response) -> Value {
    let mut view = json!({ "headers": response.headers });
    if let Some(status) = response.status {
        view["status"] = json!(status);
    }
    match &response.body {
        Some(Value::Array(messages)) if !messages.is_empty() => {
            for message in messages {
                let id = message["id"].as_str().map_or_else(|| message["id"].to_string(), str::to_owned);
                view["responses"][id] = message.clone();
            }
        }
        Some(body) => view["body"] = body.clone(),
        None => {}
    }
    if let Some(text) = &response.text {
        view["text"] = json!(text);
    }
    for event in response.events.iter().flatten() {
        let kind = event.event.as_deref().filter(|_| !event.data.is_object());
        match event.data.get("method").and_then(Value::as_str).or(kind) {
            Some(method) => {
                let messages = &mut view["events"][method];
                match messages.as_array_mut() {
                    Some(messages) => messages.push(event.data.clone()),
                    None => *messages = json!([event.data]),
                }
            }
            None if event.data.is_object() => view["body"] = event.data.clone(),
            None => {}
        }
    }
    view
}

fn walk(at: &str, value: &Value, leaves: &mut Vec<String>) {
    let below = |name: &str| format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| walk(&below(name), value, leaves)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| walk(&below(&index.to_string()), item, leaves));
        }
        // The method is what the message was found by.
        _ if at.starts_with("/events/") && at.ends_with("/method") => {}
        _ => leaves.push(at.to_owned()),
    }
}

fn covers(pattern: &str, place: &str) -> bool {
    let mut parts = place.split('/').skip(1);
    pattern.split('/').skip(1).all(|wanted| parts.next().is_some_and(|part| part == wanted || wanted == "*"))
}

/// Our demo, and a person who logs in there.
pub(crate) struct RunningDemo {
    pub(crate) url: Url,
    stop: CancellationToken,
    _dir: TempDir,
}

impl RunningDemo {
    pub(crate) async fn start() -> Self {
        let (dir, stop) = (TempDir::new(), CancellationToken::new());
        let port = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let demo = Server::bind(Setup::demo(format!("localhost:{port}"), dir.path())).await.unwrap();
        tokio::spawn(demo.serve(stop.clone().cancelled_owned()));
        Self { url: format!("http://localhost:{port}/mcp").parse().unwrap(), stop, _dir: dir }
    }

    /// A token for its user.
    pub(crate) async fn token(&self) -> String {
        let issuer = self.url.join("/").unwrap();
        let client = OAuthClient::register(&issuer, "example").await.unwrap();
        client.log_in(self.url.as_str(), ("johndoe", "secret"), "posts:read").await.unwrap().access
    }

    async fn record(&self, transcript: &Transcript) -> Result<Transcript, RecordError> {
        let mut target = Target::new(self.url.clone());
        target.given.insert("server".to_owned(), json!(self.url.as_str()));
        let recorded = record(transcript, &target, Some(&John), ReplayConfig::default()).await?;
        // The port is a free one, and another one each time.
        let text = serde_json::to_string(&recorded).unwrap();
        let here = self.url.origin().ascii_serialization();
        Ok(serde_json::from_str(&text.replace(&here, "http://localhost:8000")).unwrap())
    }
}

impl Drop for RunningDemo {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

struct John;

impl Person for John {
    fn visit<'a>(&'a self, page: &'a Url) -> Pin<Box<dyn Future<Output = Option<Url>> + Send + 'a>> {
        Box::pin(async move { Browser::new().login_and_consent(page, "johndoe", "secret").await.ok() })
    }
}

#[test]
fn every_rule_is_a_link_and_every_sentence_is_one() {
    for transcript in flows::all() {
        for step in &transcript.steps {
            assert!(step.sentence.ends_with('.'), "{}: {}", step.name, step.sentence);
            for check in &step.must {
                assert!(Url::parse(&check.rule).is_ok_and(|url| url.scheme() == "https"), "{check:?}");
                assert!(check.says.ends_with('.'), "{check:?}");
            }
        }
    }
}
