//! `kill -9` in the middle of logins and refreshes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use barewire_testkit::browser::BrowserError;
use barewire_testkit::{Browser, LoginError, OAuthClient, Tokens};
use futures_util::future::join_all;
use rand::RngExt;
use reqwest::StatusCode;
use tokio::sync::Notify;

use crate::site::Site;

const ROUNDS: usize = 6;
const WORKERS: usize = 6;
const SCOPE: &str = "posts:read";

/// How far a login had come when its last answer arrived.
#[derive(Debug, Clone)]
enum Progress {
    /// The callback brought the code; nobody has tried to redeem it.
    Code,
    /// Redeeming, no answer.
    Redeeming,
    /// These are the last tokens that were answered.
    Tokens(Tokens),
    /// Refreshing with these, no answer.
    Refreshing(Tokens),
    /// The code was redeemed, but the answer was lost: it is used up, and its grant with it.
    UsedUp,
}

/// One login of one client.
struct Login {
    client: OAuthClient,
    browser: Browser,
    code: String,
    progress: Progress,
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_answered_is_lost() {
    let mut rng = barewire_testkit::rng(7);
    let site = Site::new();
    let mut logins: Vec<Login> = Vec::new();
    let mut keys = None;
    let mut server = site.start().await;
    for round in 0..ROUNDS {
        let answered = Arc::new(Answered::default());
        let new = Mutex::new(Vec::new());
        let until = rng.random_range(8..45);
        let work = join_all((0..WORKERS).map(|worker| work(&site, worker, &answered, &new)));
        let kill = async {
            answered.wait_for(until).await;
            server.kill();
        };
        tokio::join!(work, kill);

        server = site.start().await;
        let jwks =
            site.http.get(site.origin.join("/jwks").unwrap()).send().await.unwrap().text().await.unwrap();
        assert_eq!(*keys.get_or_insert(jwks.clone()), jwks, "the keys are still the same");
        logins.extend(new.into_inner().unwrap());
        assert!(!logins.is_empty());
        for login in &mut logins {
            check(&site, login).await.unwrap_or_else(|error| panic!("round {round}: {error:?}"));
        }
    }
    for login in &mut logins {
        a_replay_ends_it(&site, login).await;
    }
    server.kill();
}

/// Logs in again and again until the server is gone; what was answered is in `logins` before the next request leaves.
async fn work(site: &Site, worker: usize, answered: &Answered, logins: &Mutex<Vec<Login>>) {
    for n in 0.. {
        match one_login(site, !(worker + n).is_multiple_of(3), answered, logins).await {
            Ok(()) => {}
            Err(LoginError::Request(_) | LoginError::Browser(BrowserError::Request(_))) => return,
            // Too many of us at the same door at the same moment: a person would try again.
            Err(LoginError::Browser(BrowserError::Stuck { status: 429, .. })) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
}

async fn one_login(
    site: &Site,
    redeem: bool,
    answered: &Answered,
    logins: &Mutex<Vec<Login>>,
) -> Result<(), LoginError> {
    let resource = site.resource();
    let client = OAuthClient::register(&site.origin, &format!("client {}", rand::random::<u64>())).await?;
    answered.one();
    let mut browser = Browser::new();
    let code = client.code(&mut browser, &resource, ("johndoe", "secret"), SCOPE).await?;
    let at = {
        let mut logins = logins.lock().unwrap();
        logins.push(Login { client: client.clone(), browser, code: code.clone(), progress: Progress::Code });
        logins.len() - 1
    };
    let note = |progress| logins.lock().unwrap()[at].progress = progress;
    answered.one();
    if !redeem {
        return Ok(());
    }
    note(Progress::Redeeming);
    let mut tokens = client.redeem(&code, &resource).await?;
    note(Progress::Tokens(tokens.clone()));
    answered.one();
    for _ in 0..4 {
        note(Progress::Refreshing(tokens.clone()));
        tokens = client.refresh(tokens.refresh.as_deref().unwrap(), &resource).await?;
        note(Progress::Tokens(tokens.clone()));
        answered.one();
    }
    Ok(())
}

/// Everything this login was told is still true, and everything it was not told can be asked again.
async fn check(site: &Site, login: &mut Login) -> Result<(), LoginError> {
    let resource = site.resource();
    let client = &login.client;
    // The client is known and the browser is logged in: it is asked for consent, not for a password.
    let page = login.browser.open(&client.authorize_url(&resource, SCOPE, "s")).await?;
    assert!(page.form_with("decision").is_some(), "{} {}", page.status, page.text());

    login.progress = match login.progress.clone() {
        Progress::Code => Progress::Tokens(client.redeem(&login.code, &resource).await?),
        Progress::Redeeming => match client.redeem(&login.code, &resource).await {
            Ok(tokens) => Progress::Tokens(tokens),
            Err(LoginError::Refused { status: 400, answer }) if answer["error"] == "invalid_grant" => {
                Progress::UsedUp
            }
            Err(error) => return Err(error),
        },
        Progress::Tokens(tokens) => {
            assert_eq!(site.me(&tokens).await?, StatusCode::OK, "the access token counts");
            Progress::Tokens(client.refresh(tokens.refresh.as_deref().unwrap(), &resource).await?)
        }
        // The lost answer comes again: either it is made now, or it was made and is the same.
        Progress::Refreshing(tokens) => {
            let refresh = tokens.refresh.as_deref().unwrap();
            let next = client.refresh(refresh, &resource).await?;
            let again = client.refresh(refresh, &resource).await?;
            assert_eq!(next.refresh, again.refresh, "one successor");
            Progress::Tokens(next)
        }
        Progress::UsedUp => Progress::UsedUp,
    };
    if let Progress::Tokens(tokens) = &login.progress {
        assert_eq!(site.me(tokens).await?, StatusCode::OK);
    }
    Ok(())
}

/// A code that was redeemed before a crash is a replay after it: it gives nothing and ends the grant.
async fn a_replay_ends_it(site: &Site, login: &mut Login) {
    let resource = site.resource();
    let refused = login.client.redeem(&login.code, &resource).await.unwrap_err();
    assert!(
        matches!(&refused, LoginError::Refused { status: 400, answer } if answer["error"] == "invalid_grant")
    );
    if let Progress::Tokens(tokens) = &login.progress {
        assert_eq!(site.me(tokens).await.unwrap(), StatusCode::UNAUTHORIZED);
        let refused = login.client.refresh(tokens.refresh.as_deref().unwrap(), &resource).await.unwrap_err();
        assert!(matches!(&refused, LoginError::Refused { status: 400, .. }), "{refused}");
    }
}

/// Counts answers, so that the moment of the kill is an event and not a time.
#[derive(Default)]
struct Answered {
    count: AtomicUsize,
    more: Notify,
}

impl Answered {
    fn one(&self) {
        self.count.fetch_add(1, Ordering::SeqCst);
        self.more.notify_one();
    }

    async fn wait_for(&self, count: usize) {
        while self.count.load(Ordering::SeqCst) < count {
            self.more.notified().await;
        }
    }
}
