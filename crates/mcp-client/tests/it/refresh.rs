//! Tokens kept good: renewed before they end, after a 401, once for everybody.

use std::sync::Arc;
use std::time::Duration;

use barewire_exchange::{Phase, Step};
use barewire_mcp::types::json::RawJson;
use barewire_mcp_client::{CallError, CallOptions, Client, ClientOptions};
use barewire_testkit::TestClock;

use crate::login::{Headless, Rules, world};
use crate::stage::Stage;
use crate::watcher::{Watcher, options};

struct Scene {
    stage: Stage,
    rules: Arc<Rules>,
    clock: TestClock,
    watcher: Arc<Watcher>,
    browser: Arc<Headless>,
    options: ClientOptions,
    client: Client,
}

async fn scene() -> Scene {
    let rules = Arc::new(Rules { refreshable: true, expires_in: 600, ..Rules::default() });
    let stage = world(Arc::clone(&rules)).await;
    let (clock, watcher, browser) = (TestClock::default(), Watcher::new(), Headless::new());
    let mut options = options(&watcher);
    options.clock = clock.clock();
    options.authorizer = Some(Arc::<Headless>::clone(&browser));
    let client = Client::connect(stage.url(), options.clone()).await.unwrap();
    Scene { stage, rules, clock, watcher, browser, options, client }
}

async fn call(client: &Client) -> Result<(), CallError> {
    client.call_tool("t", RawJson::empty_object(), CallOptions::default()).await.map(|_| ())
}

impl Scene {
    fn renewals(&self) -> usize {
        self.watcher.steps().iter().filter(|step| **step == Step::RefreshToken).count()
    }
}

#[tokio::test]
async fn before_the_end_and_not_earlier() {
    let scene = scene().await;
    scene.clock.advance(Duration::from_secs(560));
    call(&scene.client).await.unwrap();
    assert_eq!(scene.renewals(), 0);
    scene.clock.advance(Duration::from_secs(15));
    call(&scene.client).await.unwrap();
    assert_eq!(scene.renewals(), 1);
    let renewal = scene.stage.seen().into_iter().rfind(|seen| seen.path.ends_with("/token")).unwrap().form();
    assert_eq!(renewal["grant_type"], "refresh_token");
    assert_eq!(renewal["resource"], scene.stage.url());
    let told =
        scene.watcher.exchanges().into_iter().find(|exchange| exchange.step == Step::RefreshToken).unwrap();
    assert_eq!(told.phase, Phase::Refresh);
}

#[tokio::test]
async fn after_a_401_and_the_request_goes_out_again() {
    let scene = scene().await;
    scene.rules.expire_all();
    call(&scene.client).await.unwrap();
    assert_eq!(scene.renewals(), 1);
    assert_eq!(scene.browser.visits().len(), 1, "nobody had to log in again");
    let calls: Vec<_> =
        scene.watcher.exchanges().into_iter().filter(|exchange| exchange.step == Step::CallTool).collect();
    assert_eq!(calls[1].repeats.as_ref(), Some(&calls[0].id));
}

#[tokio::test]
async fn once_for_everybody_who_needs_it() {
    let scene = scene().await;
    // Another connection with the same store: another tab.
    let other = Client::connect(scene.stage.url(), scene.options.clone()).await.unwrap();
    let all = || async {
        let calls = (0..16).map(|n| call(if n % 2 == 0 { &scene.client } else { &other }));
        for result in futures_util::future::join_all(calls).await {
            result.unwrap();
        }
    };
    scene.rules.expire_all();
    all().await;
    assert_eq!(scene.renewals(), 1, "after a 401");
    scene.clock.advance(Duration::from_secs(590));
    all().await;
    assert_eq!(scene.renewals(), 2, "before the end");
}

#[tokio::test]
async fn a_renewed_token_that_is_refused_too_leads_to_a_login() {
    let scene = scene().await;
    // From now on the resource trusts another issuer only.
    *scene.rules.issuer.lock().unwrap() = "/as2";
    call(&scene.client).await.unwrap();
    assert_eq!(scene.renewals(), 1);
    assert_eq!(scene.browser.visits().len(), 2);
}
