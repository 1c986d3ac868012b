//! Attempts put together from records as the servers make them: complete ones, each kind of stop, and floods.

use std::net::IpAddr;

use barewire_audit::funnel::{Attempt, Ended, Funnel, Outcome, Step, explain};
use barewire_audit::{Entry, FunnelConfig, Kind, Time};

const START: Time = Time(1_785_000_000_000_000);
const CLIENT: &str = "198.51.100.7";
const BROWSER: &str = "203.0.113.9";

/// A funnel with a clock, and a client and a user that use it.
struct World {
    funnel: Funnel,
    now: Time,
    client: IpAddr,
    agent: &'static str,
    browser: IpAddr,
    ended: Vec<Ended>,
}

impl World {
    fn new() -> Self {
        Self::with(&FunnelConfig::default())
    }

    fn with(config: &FunnelConfig) -> Self {
        Self {
            funnel: Funnel::new(config),
            now: START,
            client: CLIENT.parse().unwrap(),
            agent: "agent/1",
            browser: BROWSER.parse().unwrap(),
            ended: Vec::new(),
        }
    }

    fn advance(&mut self, seconds: u64) {
        self.now.0 += seconds * 1_000_000;
    }

    #[expect(clippy::needless_pass_by_value, reason = "each is made for this call")]
    fn observe(&mut self, entry: Entry<'_>) {
        self.now.0 += 1000;
        self.funnel.observe(&Entry { at: self.now, ..entry });
    }

    /// Of the client itself.
    fn of_client(&self, kind: Kind) -> Entry<'static> {
        Entry { kind, address: Some(self.client), user_agent: Some(self.agent), ..Entry::default() }
    }

    fn of_browser(&self, event: &'static str) -> Entry<'static> {
        let agent = Some("Mozilla/5.0");
        let address = Some(self.browser);
        Entry {
            kind: Kind::Event,
            event: Some(event),
            address,
            user_agent: agent,
            decision: Some("allowed"),
            ..Entry::default()
        }
    }

    fn challenge(&mut self) {
        self.refused_request("missing_token");
    }

    fn refused_request(&mut self, reason: &'static str) {
        let entry = self.of_client(Kind::Request);
        self.observe(Entry {
            endpoint: Some("/mcp"),
            http_method: Some("POST"),
            decision: Some("unauthenticated"),
            reason: Some(reason),
            ..entry
        });
    }

    fn discover(&mut self) {
        self.challenge();
        let entry = self.of_client(Kind::Request);
        self.observe(Entry {
            endpoint: Some("/.well-known/oauth-protected-resource/mcp"),
            http_method: Some("GET"),
            name: Some("oauth-protected-resource"),
            decision: Some("allowed"),
            ..entry
        });
        let entry = self.of_client(Kind::Event);
        self.observe(Entry {
            event: Some("metadata"),
            endpoint: Some("/.well-known/oauth-authorization-server"),
            decision: Some("allowed"),
            ..entry
        });
    }

    fn register(&mut self, client: &str, refused: Option<&str>) {
        let entry = self.of_client(Kind::Event);
        self.observe(Entry {
            event: Some("registration"),
            client: Some(client).filter(|_| refused.is_none()),
            client_name: Some("Claude").filter(|_| refused.is_none()),
            registration: Some("dynamic").filter(|_| refused.is_none()),
            decision: Some(if refused.is_some() { "refused" } else { "allowed" }),
            reason: refused,
            ..entry
        });
    }

    fn authorize(&mut self, client: &str, request: u8, led_to: &str) {
        let entry = self.of_browser("authorization");
        self.observe(Entry {
            client: Some(client),
            registration: Some("dynamic"),
            request: Some([request; 8]),
            reason: Some(led_to),
            ..entry
        });
    }

    fn event(&mut self, event: &'static str, request: u8, ending: Result<Option<&str>, &str>) {
        let entry = self.of_browser(event);
        self.observe(Entry {
            request: Some([request; 8]),
            user: Some("ann"),
            decision: Some(if ending.is_err() { "refused" } else { "allowed" }),
            reason: ending.unwrap_or_else(Some),
            ..entry
        });
    }

    fn redeem(&mut self, client: &str, request: u8, grant: &str, refused: Option<&str>) {
        let entry = self.of_client(Kind::Event);
        self.observe(Entry {
            event: Some("grant"),
            client: Some(client),
            registration: Some("dynamic"),
            request: Some([request; 8]),
            grant: Some(grant),
            user: Some("ann"),
            decision: Some(if refused.is_some() { "refused" } else { "allowed" }),
            reason: refused,
            ..entry
        });
    }

    fn call(&mut self, grant: &str) {
        self.observe(Entry {
            kind: Kind::Request,
            endpoint: Some("/mcp"),
            http_method: Some("POST"),
            grant: Some(grant),
            client: Some("c"),
            user: Some("ann"),
            decision: Some("allowed"),
            address: Some(self.client),
            ..Entry::default()
        });
    }

    /// As far as the user's answer.
    fn begin(&mut self, client: &str, request: u8) {
        self.discover();
        self.register(client, None);
        self.authorize(client, request, "login_asked");
        self.event("login", request, Ok(None));
        self.event("consent", request, Ok(None));
    }

    fn changed(&mut self) -> Vec<Attempt> {
        self.funnel.tick(self.now);
        let changes = self.funnel.take_changes(usize::MAX);
        for (ended, count) in self.funnel.take_ended() {
            self.ended.extend((0..count).map(|_| ended));
        }
        changes.attempts
    }

    /// The only attempt that there is.
    fn only(&mut self) -> Attempt {
        let mut all = self.changed();
        assert_eq!(all.len(), 1, "{all:#?}");
        all.remove(0)
    }

    /// The only one, after the silence that ends it.
    fn given_up(&mut self) -> Attempt {
        self.advance(16 * 60);
        self.only()
    }
}

fn steps(attempt: &Attempt) -> Vec<&'static str> {
    attempt.steps.iter().map(|reached| reached.step.as_str()).collect()
}

fn check_end(attempt: &Attempt, outcome: Outcome, stands_at: Step, reason: &str) {
    assert_eq!(
        (attempt.outcome, attempt.stands_at(), attempt.reason.as_deref()),
        (outcome, Some(stands_at), Some(reason)),
        "{attempt:#?}"
    );
    assert!(explain(reason).is_some(), "{reason}");
}

#[test]
fn a_whole_way_is_one_attempt() {
    let mut world = World::new();
    world.begin("c", 1);
    world.redeem("c", 1, "g", None);
    let waiting = world.only();
    assert_eq!((waiting.outcome, waiting.missing()), (Outcome::Waiting, "token_not_used"));
    assert!(world.funnel.awaited().may_await("g"));
    world.call("g");
    let attempt = world.only();
    assert_eq!(
        steps(&attempt),
        [
            "challenge",
            "resource_metadata",
            "server_metadata",
            "registration",
            "authorization",
            "login",
            "consent",
            "token",
            "call"
        ]
    );
    assert_eq!((attempt.outcome, &attempt.reason, &attempt.refusal), (Outcome::Complete, &None, &None));
    for (known, expected) in [
        (&attempt.client, "c"),
        (&attempt.client_name, "Claude"),
        (&attempt.registration, "dynamic"),
        (&attempt.user, "ann"),
        (&attempt.grant, "g"),
        (&attempt.endpoint, "/mcp"),
        (&attempt.user_agent, "agent/1"),
    ] {
        assert_eq!(known.as_deref(), Some(expected));
    }
    assert_eq!(attempt.address, Some(world.client), "the client's, not the browser's");
    assert_eq!(world.ended, [Ended { step: Step::Call, outcome: Outcome::Complete, reason: "" }]);
    assert!(!world.funnel.awaited().may_await("g"), "the next request is nobody's business");
    world.call("g");
    world.advance(3600);
    assert_eq!(world.changed(), []);
}

#[test]
fn each_silence_has_its_name() {
    type Way = fn(&mut World);
    let ways: [(Way, Step, &str); 10] = [
        (World::challenge, Step::Challenge, "metadata_not_fetched"),
        (World::discover, Step::ServerMetadata, "not_registered"),
        (
            |world| {
                world.discover();
                world.register("c", None);
            },
            Step::Registration,
            "browser_not_sent",
        ),
        (
            |world| {
                world.discover();
                world.register("c", None);
                world.authorize("c", 1, "login_asked");
            },
            Step::Authorization,
            "login_not_finished",
        ),
        (|world| world.authorize("c", 1, "consent_asked"), Step::Authorization, "consent_not_answered"),
        (
            |world| {
                world.authorize("c", 1, "login_asked");
                world.event("login", 1, Ok(Some("second_factor_asked")));
            },
            Step::Authorization,
            "second_factor_not_given",
        ),
        (
            |world| {
                world.authorize("c", 1, "login_asked");
                world.event("login", 1, Ok(Some("second_factor")));
            },
            Step::Login,
            "consent_not_answered",
        ),
        (|world| world.begin("c", 1), Step::Consent, "code_not_redeemed"),
        (|world| world.authorize("c", 1, "code_issued"), Step::Consent, "code_not_redeemed"),
        (
            |world| {
                world.begin("c", 1);
                world.redeem("c", 1, "g", None);
            },
            Step::Token,
            "token_not_used",
        ),
    ];
    for (way, step, reason) in ways {
        let mut world = World::new();
        way(&mut world);
        let attempt = world.given_up();
        check_end(&attempt, Outcome::Abandoned, step, reason);
        assert_eq!(world.ended, [Ended { step, outcome: Outcome::Abandoned, reason }]);
    }
}

#[test]
fn each_refusal_ends_it_where_it_was_refused() {
    type Way = fn(&mut World);
    let ways: [(Way, Step, &str); 9] = [
        (
            |world| {
                world.discover();
                world.register("c", Some("redirect_uri"));
            },
            Step::Registration,
            "redirect_uri",
        ),
        (
            |world| {
                let entry = world.of_browser("authorization");
                let (client, reason) = (Some("c"), Some("redirect_uri"));
                world.observe(Entry { client, reason, decision: Some("refused"), ..entry });
            },
            Step::Authorization,
            "redirect_uri",
        ),
        (
            |world| {
                world.browser = world.client;
                world.discover();
                let entry = world.of_browser("authorization");
                world.observe(Entry { reason: Some("unknown_client"), decision: Some("refused"), ..entry });
            },
            Step::Authorization,
            "unknown_client",
        ),
        (
            |world| {
                world.begin("c", 1);
                world.event("consent", 1, Err("user"));
            },
            Step::Consent,
            "user",
        ),
        (
            |world| {
                world.begin("c", 1);
                world.redeem("c", 1, "g", Some("expired_code"));
            },
            Step::Token,
            "expired_code",
        ),
        (
            |world| {
                world.begin("c", 1);
                let entry = world.of_client(Kind::Event);
                let (event, client) = (Some("grant"), Some("c"));
                let reason = Some("unknown_code");
                world.observe(Entry { event, client, reason, decision: Some("refused"), ..entry });
            },
            Step::Token,
            "unknown_code",
        ),
        (
            |world| {
                world.begin("c", 1);
                world.redeem("c", 1, "g", None);
                world.refused_request("wrong_audience");
            },
            Step::Call,
            "wrong_audience",
        ),
        (
            |world| {
                world.begin("c", 1);
                world.redeem("c", 1, "g", None);
                world.challenge();
            },
            Step::Call,
            "request_without_token",
        ),
        (
            |world| {
                let entry = world.of_client(Kind::Request);
                let (decision, reason) = (Some("refused"), Some("host"));
                world.observe(Entry { decision, reason, ..entry });
            },
            Step::Challenge,
            "host",
        ),
    ];
    for (way, step, reason) in ways {
        let mut world = World::new();
        way(&mut world);
        let attempt = world.only();
        check_end(&attempt, Outcome::Stopped, step, reason);
        assert_eq!(world.ended, [Ended { step, outcome: Outcome::Stopped, reason }], "at once");
        world.advance(16 * 60);
        world.changed();
        assert_eq!(world.ended.len(), 1, "and once");
    }
}

#[test]
fn a_wrong_password_is_no_end_unless_nothing_follows() {
    let mut world = World::new();
    world.authorize("c", 1, "login_asked");
    world.event("login", 1, Err("wrong_password"));
    assert_eq!(world.only().outcome, Outcome::Waiting);
    let attempt = world.given_up();
    check_end(&attempt, Outcome::Stopped, Step::Login, "wrong_password");

    let mut world = World::new();
    world.authorize("c", 1, "login_asked");
    world.event("login", 1, Err("wrong_password"));
    world.event("login", 1, Ok(None));
    assert_eq!(world.only().refusal, None);
}

#[test]
fn what_stopped_can_go_on() {
    let mut world = World::new();
    world.begin("c", 1);
    world.redeem("c", 1, "g", None);
    world.challenge();
    assert_eq!(world.only().outcome, Outcome::Stopped);
    world.call("g");
    assert_eq!(world.only().outcome, Outcome::Complete);

    // A token that is used hours later.
    let mut world = World::new();
    world.begin("c", 1);
    world.redeem("c", 1, "g", None);
    assert_eq!(world.given_up().outcome, Outcome::Abandoned);
    world.advance(5 * 3600);
    world.call("g");
    assert_eq!(world.only().outcome, Outcome::Complete);
}

#[test]
fn a_client_at_home_elsewhere_is_recognised_by_its_request() {
    // Known by a document: it registers nowhere, its own machines discover and redeem, the user's browser does the rest.
    let mut world = World::new();
    world.discover();
    world.authorize("https://c.example/client", 1, "login_asked");
    world.event("login", 1, Ok(None));
    world.event("consent", 1, Ok(None));
    assert_eq!(world.changed().len(), 2, "nobody can know yet that they belong together");
    world.redeem("https://c.example/client", 1, "g", None);
    world.call("g");
    let changes = world.funnel.take_changes(usize::MAX);
    let [attempt] = &changes.attempts[..] else { panic!("{:#?}", changes.attempts) };
    assert_eq!(changes.merged.len(), 1);
    assert_eq!((attempt.outcome, attempt.steps.len()), (Outcome::Complete, 8), "all but the registration");
    assert_eq!(attempt.endpoint.as_deref(), Some("/mcp"));
}

#[test]
fn a_client_on_its_users_machine_is_recognised_by_its_network() {
    let mut world = World::new();
    world.browser = world.client;
    world.discover();
    world.authorize("https://c.example/client", 1, "login_asked");
    let attempt = world.only();
    assert_eq!(attempt.steps.len(), 4);
    assert_eq!(attempt.client.as_deref(), Some("https://c.example/client"));
}

#[test]
fn users_of_one_host_do_not_mix() {
    // The host's machines share addresses and user agent; so do, after identical registrations are made one, the client ids.
    let mut world = World::new();
    for (request, browser) in [(1, "203.0.113.1"), (2, "203.0.113.2"), (3, "203.0.113.3")] {
        world.browser = browser.parse().unwrap();
        world.discover();
        world.register("c", None);
        world.authorize("c", request, "login_asked");
    }
    world.event("login", 2, Ok(None));
    world.event("consent", 2, Ok(None));
    world.event("consent", 3, Err("user"));
    world.redeem("c", 2, "g2", None);
    world.call("g2");
    let mut outcomes: Vec<_> =
        world.changed().iter().map(|attempt| (attempt.outcome, steps(attempt).len())).collect();
    outcomes.sort_unstable();
    assert_eq!(outcomes, [(Outcome::Waiting, 5), (Outcome::Complete, 9), (Outcome::Stopped, 5)]);
}

#[test]
fn who_asks_twice_is_one() {
    let mut world = World::new();
    for _ in 0..3 {
        world.discover();
    }
    world.register("c", None);
    world.register("c", None);
    // The client looks at the page first, its user comes later.
    world.authorize("c", 1, "login_asked");
    world.browser = world.client;
    world.authorize("c", 1, "login_asked");
    world.challenge();
    let attempt = world.only();
    let times = |step: Step| attempt.steps.iter().find(|reached| reached.step == step).unwrap().times;
    assert_eq!((times(Step::Challenge), times(Step::Registration), times(Step::Authorization)), (4, 2, 2));
}

#[test]
fn what_is_no_attempt_makes_none() {
    let mut world = World::new();
    world.refused_request("expired_token");
    world.call("somebody's");
    world.event("login", 9, Ok(None));
    let entry = world.of_client(Kind::Event);
    for event in ["refresh", "revocation", "logout", "introspection", "narrowing"] {
        world.observe(Entry {
            event: Some(event),
            client: Some("c"),
            decision: Some("allowed"),
            ..entry.clone()
        });
    }
    // A client that fetches its next token, as it does each hour.
    let (client, grant) = (Some("machine"), Some("own_1"));
    world.observe(Entry { event: Some("grant"), client, grant, decision: Some("allowed"), ..entry.clone() });
    let reason = Some("refresh_reuse");
    world.observe(Entry { event: Some("reuse"), client, grant, reason, decision: Some("refused"), ..entry });
    world.observe(Entry { kind: Kind::Started, ..Entry::default() });
    assert_eq!(world.changed(), []);
}

#[test]
fn a_device_without_a_browser() {
    let mut world = World::new();
    world.discover();
    let entry = world.of_client(Kind::Event);
    let (event, client, request) = (Some("device_authorization"), Some("cli"), Some([5; 8]));
    world.observe(Entry { event, client, request, decision: Some("allowed"), ..entry });
    assert_eq!(world.only().missing(), "device_not_allowed");
    world.event("consent", 5, Ok(None));
    world.redeem("cli", 5, "g", None);
    world.call("g");
    let attempt = world.only();
    assert_eq!((attempt.outcome, attempt.steps.len()), (Outcome::Complete, 7));
}

#[test]
fn a_restart_loses_nothing_that_was_written() {
    let mut world = World::new();
    world.begin("c", 1);
    let written = world.changed();
    world.funnel = Funnel::new(&FunnelConfig::default());
    world.funnel.restore(written);
    world.redeem("c", 1, "g", None);
    let written = world.changed();
    world.funnel = Funnel::new(&FunnelConfig::default());
    world.funnel.restore(written);
    assert!(world.funnel.awaited().may_await("g"));
    world.challenge();
    assert_eq!(world.only().reason.as_deref(), Some("request_without_token"));
    world.call("g");
    let attempt = world.only();
    assert_eq!((attempt.outcome, attempt.steps.len()), (Outcome::Complete, 9));

    // What was seen before there was a client, and what was over by then.
    let mut world = World::new();
    world.discover();
    let mut written = world.changed();
    written.push(Attempt { id: 1, outcome: Outcome::Complete, ..Attempt::default() });
    world.funnel = Funnel::new(&FunnelConfig::default());
    world.funnel.restore(written);
    world.register("c", None);
    assert_eq!(world.only().steps.len(), 4);
}

/// As many addresses as somebody has who has `networks` networks.
fn flood(world: &mut World, networks: u32, requests: u32) {
    for number in 0..requests {
        let [_, a, b, c] = (number % networks).to_be_bytes();
        world.client = [10, a, b, c].into();
        world.challenge();
    }
}

#[test]
fn a_flood_without_tokens_does_not_push_out_who_has_come_further() {
    let config = FunnelConfig { max_attempts: 400, ..FunnelConfig::default() };
    let mut world = World::with(&config);
    world.begin("c", 1);
    let honest = world.client;
    flood(&mut world, 100_000, 100_000);
    world.client = honest;
    world.redeem("c", 1, "g", None);
    world.call("g");
    let complete: Vec<_> =
        world.changed().into_iter().filter(|attempt| attempt.outcome == Outcome::Complete).collect();
    assert_eq!(complete.len(), 1);
    assert_eq!(complete[0].steps.len(), 9, "with all that it did before");
}

#[test]
fn a_flood_from_a_few_networks_does_not_push_out_who_begins() {
    let config = FunnelConfig { max_attempts: 400, ..FunnelConfig::default() };
    let mut world = World::with(&config);
    world.discover();
    let honest = world.client;
    for number in 0..50_000_u32 {
        // Each request under another name, from fifty networks.
        let agent: &'static str = ["a/1", "b/1", "c/1", "d/1", "e/1"][number as usize % 5];
        (world.client, world.agent) = ([192, 0, 2, (number % 50) as u8].into(), agent);
        world.challenge();
    }
    (world.client, world.agent) = (honest, "agent/1");
    world.register("c", None);
    let attempt = world.changed().into_iter().find(|attempt| attempt.client.is_some()).unwrap();
    assert_eq!(attempt.steps.len(), 4);
}

#[test]
fn no_flood_makes_it_grow() {
    let config = FunnelConfig { max_attempts: 100, ..FunnelConfig::default() };
    let mut world = World::with(&config);
    for number in 0..20_000_u32 {
        let [_, a, b, c] = number.to_be_bytes();
        world.client = [11, a, b, c].into();
        world.browser = [12, a, b, c].into();
        world.discover();
        let client = format!("client_{number}");
        world.register(&client, None);
        let entry = world.of_browser("authorization");
        let request = Some(u64::from(number).to_be_bytes());
        world.observe(Entry { client: Some(&client), request, reason: Some("login_asked"), ..entry });
        let (grant, entry) = (format!("grant_{number}"), world.of_client(Kind::Event));
        if number % 2 == 0 {
            let (client, grant) = (Some(client.as_str()), Some(grant.as_str()));
            let event = Some("grant");
            world.observe(Entry { event, client, request, grant, decision: Some("allowed"), ..entry });
        }
    }
    let changed = world.changed();
    assert!(changed.len() <= 100, "{}", changed.len());
    assert!(world.ended.iter().any(|ended| ended.reason == "crowded_out"));
    // And in its debug form there is no map that was forgotten.
    let size = format!("{:?}", world.funnel).len();
    assert!(size < 400_000, "{size}");
}

#[test]
fn a_flood_is_not_worth_a_write_each() {
    let mut world = World::new();
    flood(&mut world, 2000, 2000);
    world.begin("c", 1);
    let changes = world.funnel.take_changes(50);
    assert_eq!(changes.attempts.len(), 51);
    assert!(changes.attempts.iter().any(|attempt| attempt.client.is_some()));
    assert_eq!(world.funnel.take_changes(50).attempts.len(), 50, "the others' turn comes");
    world.advance(16 * 60);
    world.funnel.tick(world.now);
    let last: usize = (0..100).map(|_| world.funnel.take_changes(50).attempts.len()).sum();
    assert!(last <= 101, "what nobody has heard of leaves unheard: {last}");
    assert_eq!(world.funnel.take_changes(usize::MAX).attempts, []);
}

#[test]
fn texts_of_strangers_are_cut() {
    let mut world = World::new();
    let long = "x".repeat(10_000);
    let entry = world.of_client(Kind::Event);
    let (event, user_agent) = (Some("registration"), Some(long.as_str()));
    let (client, client_name) = (Some(long.as_str()), Some(long.as_str()));
    world.observe(Entry { event, user_agent, client, client_name, decision: Some("allowed"), ..entry });
    let attempt = world.only();
    assert!(format!("{attempt:?}").len() < 2000);
}
