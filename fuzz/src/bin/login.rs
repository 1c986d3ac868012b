//! The client's login against servers that answer anything: it ends, and it asks and shows nobody that it must not. The
//! input are the answers one after the other, with a line `---` between them.
#![no_main]

use std::time::{Duration, SystemTime};

use barewire_fuzz::response;
use barewire_oauth::challenge::Challenge;
use barewire_oauth::client::RedirectUri;
use barewire_oauth::client_flow::{
    Answer, ClientSettings, Entropy, FlowError, LoginRequest, Reach, Step, Way, start,
};
use barewire_oauth::scope::ScopeSet;
use http::header::{HeaderValue, WWW_AUTHENTICATE};
use libfuzzer_sys::fuzz_target;
use url::{Url, form_urlencoded};

/// Four authorization servers, three places each, and what comes before and after.
const MAX_REQUESTS: usize = 32;

/// Of devices: how much later it is each time that they ask. Nobody waits for his user longer than half an hour.
const NEXT: Duration = Duration::from_secs(5 * 60);

fuzz_target!(|data: &[u8]| {
    log_in(data, Way::AuthorizationCode);
    log_in(data, Way::DeviceCode);
});

fn log_in(data: &[u8], way: Way) {
    let mut rest = Some(data);
    let mut next = || {
        let text = rest?;
        let end = text.windows(5).position(|line| line == b"\n---\n");
        rest = end.map(|end| &text[end + 5..]);
        Some(&text[..end.unwrap_or(text.len())])
    };
    let challenged = next().and_then(response);
    let lines = challenged.iter().flat_map(|response| response.headers().get_all(WWW_AUTHENTICATE));
    let challenge = Challenge::select(lines.filter_map(|line| line.to_str().ok()));
    let redirect_uri = RedirectUri::parse("http://127.0.0.1:1/callback").expect("it is one");
    let request = LoginRequest {
        endpoint: "https://mcp.example.com/mcp".to_owned(),
        challenge,
        settings: ClientSettings { way, ..ClientSettings::native("fuzz", redirect_uri) },
        known: Vec::new(),
        held_scopes: ScopeSet::new(),
        proof_key: None,
    };
    let mut now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);

    let mut step = start(request, Entropy::from_random(&[7; 64]));
    for _ in 0..MAX_REQUESTS {
        step = match step {
            Step::Fetch(fetch) => {
                outside(&fetch.request.uri().to_string());
                let unreachable = || Answer::Unreachable { reason: "nobody is there".to_owned() };
                let answer = next().and_then(response).map_or_else(unreachable, Answer::Response);
                fetch.answered(&answer, now)
            }
            Step::OpenBrowser(open) => {
                outside(&open.url);
                let query = form_urlencoded::Serializer::new(String::new())
                    .append_pair("state", open.pending.state.expose())
                    .append_pair("code", "code")
                    .append_pair("iss", &open.pending.server.issuer)
                    .finish();
                open.pending.callback(&query)
            }
            Step::WaitForUser(wait) => {
                outside(&wait.verification_uri);
                wait.verification_uri_complete.iter().for_each(|url| outside(url));
                assert!(!wait.user_code.chars().any(char::is_control), "{:?}", wait.user_code);
                now += NEXT;
                wait.ask(now)
            }
            Step::Done(grant) => {
                let token = grant.tokens.access_token.expose();
                let header = format!("{} {token}", grant.tokens.token_type.as_str());
                assert!(!token.is_empty() && HeaderValue::from_str(&header).is_ok());
                outside(&grant.token_endpoint);
                return;
            }
            Step::Failed(error) => return shown(&error),
        };
    }
    panic!("a login of more than {MAX_REQUESTS} requests");
}

/// The server is on the internet, so nothing of it leads into the user's machine or network, or over plain HTTP.
fn outside(url: &str) {
    let url = Url::parse(url).expect("a request has an absolute URL");
    assert!(url.scheme() == "https" && Reach::of(&url) == Reach::Anywhere, "{url}");
    assert!(url.username().is_empty() && url.password().is_none() && url.fragment().is_none(), "{url}");
}

/// The text goes to a terminal and to a page.
fn shown(error: &FlowError) {
    let text = error.to_string();
    assert!(!text.chars().any(char::is_control), "{text:?}");
}
