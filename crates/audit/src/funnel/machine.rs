//! From records to attempts.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use barewire_mcp_server::METADATA;

use super::attempt::{Attempt, Outcome, Reached, Step, cut, note};
use super::awaited::Awaited;
use super::reason::{self, CROWDED_OUT};
use super::shelf::Shelf;
use super::source::{Network, Source};
use crate::config::FunnelConfig;
use crate::entry::{Entry, Hex, Kind, Time};

/// How long after it was given up an attempt whose token was never used can still be completed.
const LATE: Duration = Duration::from_secs(24 * 3600);

/// All attempts that go on, and those that ended a moment ago.
#[derive(Debug)]
pub struct Funnel {
    window: Duration,
    last_id: u64,
    attempts: HashMap<u64, Slot>,
    /// One for each [`Class`].
    shelves: [Shelf; 3],
    /// What was seen of clients that have no id yet.
    traces: HashMap<Source, Trace>,
    traces_by_id: HashMap<u64, Source>,
    trace_shelf: Shelf,
    /// Those that are known by their client and by nothing narrower.
    by_client: HashMap<String, BTreeSet<u64>>,
    /// The newest of each client whose user was asked for, for a token request that does not say which it belongs to.
    begun_by_client: HashMap<String, u64>,
    by_request: HashMap<String, u64>,
    by_grant: HashMap<String, u64>,
    /// Who got a token and has not used it.
    holders: HashMap<Source, u64>,
    awaited: Arc<Awaited>,
    changed: BTreeSet<u64>,
    /// Attempts that are not kept here any more, and have to be written once more.
    gone: Vec<Attempt>,
    /// Numbers of attempts that became parts of others.
    merged: Vec<u64>,
    ended: HashMap<Ended, u64>,
}

/// An attempt and what only the machine needs.
#[derive(Debug)]
struct Slot {
    attempt: Attempt,
    class: Class,
    network: Network,
    /// Where the client's own requests come from, once it is known.
    source: Option<Source>,
    /// Somebody has written it down.
    written: bool,
    /// Its end was told.
    told: bool,
    /// It leaves when it has been written.
    leaves: bool,
}

/// How much it took to come this far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// A request that anybody can send.
    Anonymous,
    /// A registration.
    Registered,
    /// A request for a user, or more.
    Begun,
}

/// What was seen from one source before there was a client.
#[derive(Debug)]
struct Trace {
    id: u64,
    steps: Vec<Reached>,
    endpoint: Option<String>,
    last: Time,
    /// The attempt that consists of it so far.
    open: Option<u64>,
    /// The last attempt that went on from it.
    went_on: Option<u64>,
}

/// An end, for whoever counts. There is a fixed number of different ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ended {
    /// How far it came, or which step was refused.
    pub step: Step,
    /// How.
    pub outcome: Outcome,
    /// Why: a word out of a fixed set; empty for a complete one.
    pub reason: &'static str,
}

/// What has changed since somebody asked.
#[derive(Debug, Default)]
pub struct Changes {
    /// As they are now.
    pub attempts: Vec<Attempt>,
    /// Numbers of those that became parts of others.
    pub merged: Vec<u64>,
}

impl Changes {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.attempts.is_empty() && self.merged.is_empty()
    }
}

impl Funnel {
    /// Nothing has been seen yet.
    #[must_use]
    pub fn new(config: &FunnelConfig) -> Self {
        let most = config.max_attempts.max(4);
        Self {
            window: config.window,
            last_id: 0,
            attempts: HashMap::new(),
            shelves: [Shelf::new(most / 4), Shelf::new(most / 4), Shelf::new(most / 2)],
            traces: HashMap::new(),
            traces_by_id: HashMap::new(),
            trace_shelf: Shelf::new(most / 4),
            by_client: HashMap::new(),
            begun_by_client: HashMap::new(),
            by_request: HashMap::new(),
            by_grant: HashMap::new(),
            holders: HashMap::new(),
            awaited: Arc::default(),
            changed: BTreeSet::new(),
            gone: Vec::new(),
            merged: Vec::new(),
            ended: HashMap::new(),
        }
    }

    /// Which grants have not been used yet.
    #[must_use]
    pub fn awaited(&self) -> Arc<Awaited> {
        self.awaited.clone()
    }

    /// Takes up attempts that were written down before a restart.
    pub fn restore(&mut self, attempts: impl IntoIterator<Item = Attempt>) {
        for attempt in attempts {
            self.last_id = self.last_id.max(attempt.id);
            let unused = attempt.step() == Some(Step::Token);
            let goes_on = attempt.outcome == Outcome::Waiting || unused;
            if !goes_on || self.attempts.contains_key(&attempt.id) {
                continue;
            }
            let class = if attempt.request.is_some() || attempt.grant.is_some() {
                Class::Begun
            } else if attempt.client.is_some() {
                Class::Registered
            } else {
                Class::Anonymous
            };
            let source = Source::of(attempt.address, attempt.user_agent.as_deref());
            let id = attempt.id;
            if class == Class::Anonymous {
                let (steps, last) = (attempt.steps.clone(), attempt.last);
                let endpoint = attempt.endpoint.clone();
                self.trace(source, last);
                if let Some(trace) = self.traces.get_mut(&source) {
                    (trace.steps, trace.open, trace.endpoint) = (steps, Some(id), endpoint);
                }
            }
            let told = attempt.outcome != Outcome::Waiting;
            self.attempts.insert(
                id,
                Slot {
                    class,
                    network: source.network,
                    source: Some(source),
                    written: true,
                    told,
                    leaves: false,
                    attempt,
                },
            );
            self.place(id, class);
            self.index(id);
        }
    }

    /// A record of the log.
    pub fn observe(&mut self, entry: &Entry<'_>) {
        match entry.kind {
            Kind::Request => self.request(entry),
            Kind::Event => self.event(entry),
            Kind::Gap | Kind::Checkpoint | Kind::Started | Kind::Stopped => {}
        }
    }

    /// It is this late: ends what nothing was heard of for a while. Looks at everything, so once every few seconds is enough.
    pub fn tick(&mut self, now: Time) {
        let silent = |last: Time, for_long: Duration| now.before(for_long) >= last;
        let quiet: Vec<_> = self
            .attempts
            .iter()
            .filter(|(_, slot)| silent(slot.attempt.last, self.window))
            .map(|(id, _)| *id)
            .collect();
        for id in quiet {
            self.give_up(id);
            let Some(slot) = self.attempts.get_mut(&id) else { continue };
            // A token that was never used may be used later on.
            let late = slot.attempt.step() == Some(Step::Token) && !silent(slot.attempt.last, LATE);
            if !late {
                slot.leaves = true;
                self.changed.insert(id);
            }
        }
        let over: Vec<_> = self
            .traces
            .values()
            .filter(|trace| silent(trace.last, self.window))
            .map(|trace| trace.id)
            .collect();
        over.into_iter().for_each(|id| self.forget_trace(id));
    }

    /// What has changed, at most so many of those that have no client: a flood is not worth a write each.
    pub fn take_changes(&mut self, most_anonymous: usize) -> Changes {
        let mut changes =
            Changes { attempts: std::mem::take(&mut self.gone), merged: std::mem::take(&mut self.merged) };
        let mut anonymous = 0;
        for id in std::mem::take(&mut self.changed) {
            let Some(slot) = self.attempts.get_mut(&id) else { continue };
            if slot.class == Class::Anonymous {
                anonymous += 1;
                if anonymous > most_anonymous {
                    // Its turn comes, unless nobody has heard of it and it leaves.
                    if slot.leaves && !slot.written {
                        self.remove(id);
                    } else {
                        self.changed.insert(id);
                    }
                    continue;
                }
            }
            slot.written = true;
            changes.attempts.push(slot.attempt.clone());
            if slot.leaves {
                self.remove(id);
            }
        }
        changes
    }

    /// The ends since somebody asked, and how many there were of each.
    pub fn take_ended(&mut self) -> HashMap<Ended, u64> {
        std::mem::take(&mut self.ended)
    }

    fn end(&mut self, step: Step, outcome: Outcome, reason: &'static str) {
        *self.ended.entry(Ended { step, outcome, reason }).or_default() += 1;
    }

    fn request(&mut self, entry: &Entry<'_>) {
        if entry.name == Some(METADATA) && entry.method.is_none() {
            if entry.http_method == Some("GET") {
                self.discover(entry, Step::ResourceMetadata, entry.endpoint);
            }
            return;
        }
        match (entry.grant, entry.decision, entry.reason) {
            (Some(grant), Some("allowed"), _) => self.called(grant, entry),
            (Some(grant), Some("insufficient_scope"), _) => {
                if let Some(&id) = self.by_grant.get(grant) {
                    self.refuse(id, Step::Call, entry.at, "insufficient_scope");
                }
            }
            (None, Some("unauthenticated" | "insufficient_scope"), reason)
            | (None, Some("refused"), reason @ Some("host" | "origin")) => {
                self.challenged(entry, reason.unwrap_or("missing_token"));
            }
            _ => {}
        }
    }

    fn event(&mut self, entry: &Entry<'_>) {
        let refused = entry.reason.filter(|_| entry.decision == Some("refused"));
        match entry.event {
            Some("metadata") => self.discover(entry, Step::ServerMetadata, entry.endpoint),
            // What a client changes of its registration is no step.
            Some("registration") if entry.endpoint.is_none_or(|path| path.ends_with("/register")) => {
                self.registered(entry, refused);
            }
            Some("authorization") => self.authorized(entry, refused, entry.reason),
            Some("pushed_request") => self.authorized(entry, refused, Some("pushed")),
            Some("device_authorization") => self.authorized(entry, refused, Some("device")),
            Some("login") => self.logged_in(entry, refused),
            Some("consent") => self.consented(entry, refused),
            Some("grant") => self.granted(entry, refused),
            // A refresh token that came again is no step of a connection.
            Some("reuse") if entry.reason == Some("code_replay") => self.granted(entry, refused),
            _ => {}
        }
    }

    /// A request without a good token, or one that did not even come to that.
    fn challenged(&mut self, entry: &Entry<'_>, reason: &str) {
        let source = source_of(entry);
        let holder = self.holders.get(&source).copied();
        if let Some(id) = holder.filter(|id| self.attempts.contains_key(id)) {
            let reason = if reason == "missing_token" { "request_without_token" } else { reason };
            return self.refuse(id, Step::Call, entry.at, reason);
        }
        match reason {
            // Whoever has been connected for an hour asks for a new token then.
            "expired_token" => {}
            "host" | "origin" => {
                let id = self.anonymous(source, entry);
                self.refuse(id, Step::Challenge, entry.at, reason);
            }
            _ => {
                let how = Some(reason).filter(|reason| *reason != "missing_token");
                self.discover(entry, Step::Challenge, how);
            }
        }
    }

    /// A step that needs no client.
    fn discover(&mut self, entry: &Entry<'_>, step: Step, how: Option<&str>) {
        let source = source_of(entry);
        let id = self.anonymous(source, entry);
        if let Some(trace) = self.traces.get_mut(&source) {
            note(&mut trace.steps, step, entry.at, how);
            if step == Step::Challenge {
                trace.endpoint = entry.endpoint.map(cut);
            }
        }
        self.reach(id, step, entry.at, how);
        if step == Step::Challenge
            && let Some(slot) = self.attempts.get_mut(&id)
        {
            slot.attempt.endpoint = entry.endpoint.map(cut);
        }
    }

    /// The attempt that a step without a client belongs to: one that goes on at the same source, or a new one.
    fn anonymous(&mut self, source: Source, entry: &Entry<'_>) -> u64 {
        let trace = self.trace(source, entry.at);
        let (open, went_on) = (trace.open, trace.went_on);
        if let Some(id) = open.filter(|id| self.attempts.contains_key(id)) {
            return id;
        }
        // A client that asks again while its user logs in.
        let goes_on = |id: &u64| {
            self.attempts.get(id).is_some_and(|slot| {
                slot.attempt.outcome == Outcome::Waiting && slot.attempt.step() < Some(Step::Token)
            })
        };
        if let Some(id) = went_on.filter(goes_on) {
            return id;
        }
        let id = self.begin(entry, Class::Anonymous, source.network);
        self.identify(id, entry, source);
        if let Some(trace) = self.traces.get_mut(&source) {
            // What was seen before belongs to the attempt that went on from it.
            trace.steps.clear();
            (trace.open, trace.went_on) = (Some(id), None);
        }
        id
    }

    /// What is kept of a source; begun anew after a silence.
    fn trace(&mut self, source: Source, at: Time) -> &mut Trace {
        let stale = self.traces.get(&source).filter(|trace| at.before(self.window) > trace.last);
        if let Some(id) = stale.map(|trace| trace.id) {
            self.forget_trace(id);
        }
        if !self.traces.contains_key(&source) {
            let id = self.next_id(at);
            self.traces_by_id.insert(id, source);
            let trace = Trace { id, steps: Vec::new(), endpoint: None, last: at, open: None, went_on: None };
            self.traces.insert(source, trace);
            if let Some(given_up) = self.trace_shelf.put(id, source.network) {
                self.forget_trace(given_up);
            }
        }
        let trace = self.traces.get_mut(&source).expect("it was there, or was put there a few lines above");
        trace.last = trace.last.max(at);
        trace
    }

    /// An attempt that goes on from what was seen at a source: the one that consists of it, or a new one that shares it.
    fn go_on(&mut self, entry: &Entry<'_>, source: Source) -> u64 {
        let seen = self.traces.get_mut(&source).filter(|trace| entry.at.before(self.window) <= trace.last);
        let seen = seen.map(|trace| (trace.open.take(), trace.steps.clone(), trace.endpoint.clone()));
        let (open, steps, endpoint) = seen.unwrap_or_default();
        let id = match open.filter(|id| self.attempts.contains_key(id)) {
            Some(id) => id,
            None => {
                let id = self.begin(entry, Class::Anonymous, source.network);
                self.share(id, &steps, endpoint);
                id
            }
        };
        if let Some(trace) = self.traces.get_mut(&source) {
            trace.went_on = Some(id);
        }
        id
    }

    /// Adds what was seen before to an attempt that has nothing of it.
    fn share(&mut self, id: u64, steps: &[Reached], endpoint: Option<String>) {
        let Some(slot) = self.attempts.get_mut(&id) else { return };
        let attempt = &mut slot.attempt;
        for reached in steps {
            if !attempt.reached(reached.step) {
                note(&mut attempt.steps, reached.step, reached.at, reached.how.as_deref());
                attempt.began = attempt.began.min(reached.at);
            }
        }
        if attempt.endpoint.is_none() {
            attempt.endpoint = endpoint;
        }
    }

    fn registered(&mut self, entry: &Entry<'_>, refused: Option<&str>) {
        let source = source_of(entry);
        let Some(client) = entry.client.filter(|_| refused.is_none()) else {
            let id = self.anonymous(source, entry);
            return self.refuse(id, Step::Registration, entry.at, refused.unwrap_or("malformed"));
        };
        let same = self.waiting_of(client, |slot| slot.source == Some(source));
        let id = same.unwrap_or_else(|| self.go_on(entry, source));
        self.identify(id, entry, source);
        self.place(id, Class::Registered);
        self.reach(id, Step::Registration, entry.at, entry.registration);
        self.index(id);
    }

    fn authorized(&mut self, entry: &Entry<'_>, refused: Option<&str>, how: Option<&str>) {
        let id = self.asked(entry);
        // A device and a pushed request come from the client itself, everything else from its user's browser.
        if matches!(how, Some("device" | "pushed")) {
            self.identify(id, entry, source_of(entry));
        } else {
            self.name(id, entry);
        }
        if let Some(slot) = self.attempts.get_mut(&id)
            && let Some(request) = entry.request
        {
            slot.attempt.request = Some(Hex(&request).to_string());
        }
        let class = match (entry.request, entry.client) {
            (Some(_), _) => Class::Begun,
            (None, Some(_)) => Class::Registered,
            (None, None) => Class::Anonymous,
        };
        self.place(id, class);
        match refused {
            Some(reason) => self.refuse(id, Step::Authorization, entry.at, reason),
            None => {
                self.reach(id, Step::Authorization, entry.at, how);
                if how == Some("code_issued") {
                    self.reach(id, Step::Consent, entry.at, Some("remembered"));
                }
            }
        }
        self.index(id);
    }

    /// The attempt that a request for a user belongs to.
    fn asked(&mut self, entry: &Entry<'_>) -> u64 {
        if let Some(id) = self.of_request(entry) {
            return id;
        }
        let (source, client) = (source_of(entry), entry.client);
        if let Some(client) = client {
            let near = self.waiting_of(client, |slot| slot.network == source.network);
            // One that has just registered, from another machine than its user's.
            let fresh = |slot: &Slot| {
                slot.attempt.outcome == Outcome::Waiting && slot.attempt.reached(Step::Registration)
            };
            if let Some(id) = near.or_else(|| self.waiting_of(client, fresh)) {
                return id;
            }
        }
        // A client that was known before has not registered: what was read in its network a moment ago is its own, most
        // likely. One at home elsewhere is recognised when it comes for its token.
        let near = |(there, trace): &(&Source, &Trace)| {
            there.network == source.network
                && trace.open.is_some_and(|id| self.attempts.contains_key(&id))
                && entry.at.before(self.window) <= trace.last
        };
        let newest = self.traces.iter().filter(near).max_by_key(|(_, trace)| (trace.last, trace.id));
        match newest.map(|(there, _)| *there) {
            Some(there) => self.go_on(entry, there),
            None if client.is_some() => self.begin(entry, Class::Registered, source.network),
            None => self.anonymous(source, entry),
        }
    }

    fn logged_in(&mut self, entry: &Entry<'_>, refused: Option<&str>) {
        let Some(id) = self.of_request(entry) else { return };
        match (refused, entry.reason) {
            (Some(reason), _) => self.refuse(id, Step::Login, entry.at, reason),
            (None, Some(how @ "second_factor_asked")) => {
                self.reach(id, Step::Authorization, entry.at, Some(how));
            }
            (None, how) => {
                self.name(id, entry);
                self.reach(id, Step::Login, entry.at, how);
            }
        }
    }

    fn consented(&mut self, entry: &Entry<'_>, refused: Option<&str>) {
        let Some(id) = self.of_request(entry) else { return };
        self.name(id, entry);
        match refused {
            Some(reason) => self.refuse(id, Step::Consent, entry.at, reason),
            None => self.reach(id, Step::Consent, entry.at, None),
        }
    }

    fn granted(&mut self, entry: &Entry<'_>, refused: Option<&str>) {
        let source = source_of(entry);
        let known = self.of_request(entry);
        let known = known.or_else(|| self.by_grant.get(entry.grant?).copied());
        let known = known.filter(|id| self.attempts.contains_key(id));
        let by_client = || entry.client.and_then(|client| self.begun_of(client));
        let id = match (known.or_else(by_client), refused) {
            (Some(id), _) => id,
            // Without a user, and nothing was seen of it before: a client that fetches its next token.
            (None, None) if !self.traces.contains_key(&source) => return,
            (None, Some(_)) if entry.client.is_none() && !self.traces.contains_key(&source) => return,
            (None, _) => self.go_on(entry, source),
        };
        self.absorb(id, source);
        self.identify(id, entry, source);
        match refused {
            Some(reason) => self.refuse(id, Step::Token, entry.at, reason),
            None => {
                self.place(id, Class::Begun);
                self.hold(id, entry.grant, source);
                self.reach(id, Step::Token, entry.at, None);
            }
        }
        self.index(id);
    }

    /// The attempt got a token of this grant.
    fn hold(&mut self, id: u64, grant: Option<&str>, source: Source) {
        let Some(slot) = self.attempts.get_mut(&id) else { return };
        self.holders.insert(source, id);
        let Some(grant) = grant else { return };
        let before = slot.attempt.grant.replace(cut(grant));
        if before.as_deref() != slot.attempt.grant.as_deref()
            && let Some(before) = before
            && self.by_grant.remove(&before).is_some()
        {
            self.awaited.remove(&before);
        }
    }

    /// What was seen from the client's own address before, where the browser came from another.
    fn absorb(&mut self, id: u64, source: Source) {
        let Some(trace) = self.traces.get_mut(&source) else { return };
        let open = trace.open.filter(|open| *open != id);
        let free = open.is_some() || trace.went_on.is_none();
        if !free {
            return;
        }
        trace.open = None;
        trace.went_on = Some(id);
        let (steps, endpoint) = (trace.steps.clone(), trace.endpoint.clone());
        self.share(id, &steps, endpoint);
        if let Some(open) = open {
            if self.attempts.get(&open).is_some_and(|slot| slot.written) {
                self.merged.push(open);
            }
            self.remove(open);
        }
    }

    fn called(&mut self, grant: &str, entry: &Entry<'_>) {
        let Some(&id) = self.by_grant.get(grant) else { return };
        self.reach(id, Step::Call, entry.at, None);
        let Some(slot) = self.attempts.get_mut(&id) else { return };
        (slot.attempt.outcome, slot.attempt.reason) = (Outcome::Complete, None);
        if slot.attempt.endpoint.is_none() {
            slot.attempt.endpoint = entry.endpoint.map(cut);
        }
        slot.leaves = true;
        self.end(Step::Call, Outcome::Complete, "");
        self.unindex(id);
    }

    /// The attempt of a record that says which request it is about.
    fn of_request(&self, entry: &Entry<'_>) -> Option<u64> {
        let id = *self.by_request.get(&Hex(&entry.request?).to_string())?;
        self.attempts.contains_key(&id).then_some(id)
    }

    /// The newest that goes on and is known by its client only.
    fn waiting_of(&self, client: &str, fits: impl Fn(&Slot) -> bool) -> Option<u64> {
        let all = self.by_client.get(client)?.iter().rev();
        all.copied().find(|id| self.attempts.get(id).is_some_and(&fits))
    }

    /// The newest of this client whose user was asked for.
    fn begun_of(&self, client: &str) -> Option<u64> {
        self.begun_by_client.get(client).copied().filter(|id| self.attempts.contains_key(id))
    }

    fn next_id(&mut self, at: Time) -> u64 {
        self.last_id = at.0.max(self.last_id + 1);
        self.last_id
    }

    fn begin(&mut self, entry: &Entry<'_>, class: Class, network: Network) -> u64 {
        let id = self.next_id(entry.at);
        let attempt = Attempt { id, began: entry.at, last: entry.at, ..Attempt::default() };
        self.attempts.insert(
            id,
            Slot { attempt, class, network, source: None, written: false, told: false, leaves: false },
        );
        self.place(id, class);
        id
    }

    /// Puts an attempt where others have come as far; further back it does not go.
    fn place(&mut self, id: u64, class: Class) {
        let Some(slot) = self.attempts.get_mut(&id) else { return };
        let further = (slot.class as usize).max(class as usize);
        self.shelves[slot.class as usize].take(id);
        slot.class = [Class::Anonymous, Class::Registered, Class::Begun][further];
        let network = slot.network;
        if let Some(given_up) = self.shelves[further].put(id, network) {
            self.crowd_out(given_up);
        }
    }

    /// Who the client is, from a request of its own.
    fn identify(&mut self, id: u64, entry: &Entry<'_>, source: Source) {
        let Some(slot) = self.attempts.get_mut(&id) else { return };
        slot.source = Some(source);
        let attempt = &mut slot.attempt;
        attempt.address = entry.address.or(attempt.address);
        if entry.user_agent.is_some() {
            attempt.user_agent = entry.user_agent.map(cut);
        }
        self.name(id, entry);
    }

    /// Who the client is, from what the server knows.
    fn name(&mut self, id: u64, entry: &Entry<'_>) {
        let Some(slot) = self.attempts.get_mut(&id) else { return };
        let attempt = &mut slot.attempt;
        for (known, told) in [
            (&mut attempt.client, entry.client),
            (&mut attempt.client_name, entry.client_name),
            (&mut attempt.registration, entry.registration),
            (&mut attempt.user, entry.user),
        ] {
            if told.is_some() {
                *known = told.map(cut);
            }
        }
    }

    fn reach(&mut self, id: u64, step: Step, at: Time, how: Option<&str>) {
        let Some(slot) = self.attempts.get_mut(&id) else { return };
        slot.attempt.reach(step, at, how);
        if slot.attempt.refusal.is_none() {
            (slot.attempt.outcome, slot.attempt.reason) = (Outcome::Waiting, None);
        }
        self.changed.insert(id);
    }

    /// A step was refused. A wrong password is mended by the next one, everything else ends an attempt until something better
    /// comes.
    fn refuse(&mut self, id: u64, step: Step, at: Time, reason: &str) {
        let Some(slot) = self.attempts.get_mut(&id) else { return };
        slot.attempt.refuse(step, at, reason);
        if step != Step::Login {
            self.stop(id);
        }
        self.changed.insert(id);
    }

    /// Ends an attempt at its refusal.
    fn stop(&mut self, id: u64) {
        let Some(slot) = self.attempts.get_mut(&id) else { return };
        let Some(refusal) = &slot.attempt.refusal else { return };
        let (step, reason) = (refusal.step, reason::label(&refusal.reason));
        slot.attempt.outcome = Outcome::Stopped;
        slot.attempt.reason = Some(refusal.reason.clone());
        if !std::mem::replace(&mut slot.told, true) {
            self.end(step, Outcome::Stopped, reason);
        }
    }

    /// Ends an attempt of which nothing was heard.
    fn give_up(&mut self, id: u64) {
        let Some(slot) = self.attempts.get_mut(&id) else { return };
        if slot.attempt.outcome != Outcome::Waiting {
            return;
        }
        self.changed.insert(id);
        if slot.attempt.refusal.is_some() {
            return self.stop(id);
        }
        let reason = slot.attempt.missing();
        self.abandon(id, reason);
    }

    fn abandon(&mut self, id: u64, reason: &'static str) {
        let Some(slot) = self.attempts.get_mut(&id) else { return };
        slot.attempt.outcome = Outcome::Abandoned;
        slot.attempt.reason = Some(reason.to_owned());
        let step = slot.attempt.step().unwrap_or(Step::Challenge);
        if !std::mem::replace(&mut slot.told, true) {
            self.end(step, Outcome::Abandoned, reason);
        }
    }

    /// Ends an attempt for which there is no room.
    fn crowd_out(&mut self, id: u64) {
        let waiting = self.attempts.get(&id).is_some_and(|slot| slot.attempt.outcome == Outcome::Waiting);
        if waiting {
            self.abandon(id, CROWDED_OUT);
        }
        if let Some(slot) = self.attempts.get(&id)
            && slot.written
        {
            self.gone.push(slot.attempt.clone());
        }
        self.remove(id);
    }

    fn remove(&mut self, id: u64) {
        self.unindex(id);
        self.changed.remove(&id);
        if let Some(slot) = self.attempts.remove(&id) {
            self.shelves[slot.class as usize].take(id);
        }
    }

    fn forget_trace(&mut self, id: u64) {
        self.trace_shelf.take(id);
        if let Some(source) = self.traces_by_id.remove(&id) {
            self.traces.remove(&source);
        }
    }

    /// Makes an attempt found by what is known of it.
    fn index(&mut self, id: u64) {
        let Some(slot) = self.attempts.get(&id) else { return };
        let attempt = &slot.attempt;
        if let Some(client) = &attempt.client {
            match slot.class {
                Class::Registered => {
                    self.by_client.entry(client.clone()).or_default().insert(id);
                }
                Class::Begun if !attempt.reached(Step::Token) => {
                    forget(&mut self.by_client, client, id);
                    self.begun_by_client.insert(client.clone(), id);
                }
                Class::Begun | Class::Anonymous => forget(&mut self.by_client, client, id),
            }
        }
        if let Some(request) = &attempt.request {
            self.by_request.insert(request.clone(), id);
        }
        if let Some(grant) = attempt.grant.as_ref().filter(|_| attempt.step() == Some(Step::Token)) {
            if self.by_grant.insert(grant.clone(), id).is_none() {
                self.awaited.add(grant);
            }
            if let Some(source) = slot.source {
                self.holders.insert(source, id);
            }
        }
    }

    fn unindex(&mut self, id: u64) {
        let Some(slot) = self.attempts.get(&id) else { return };
        let attempt = &slot.attempt;
        let is_it = |other: Option<&u64>| other == Some(&id);
        if let Some(client) = &attempt.client {
            forget(&mut self.by_client, client, id);
            if is_it(self.begun_by_client.get(client)) {
                self.begun_by_client.remove(client);
            }
        }
        if let Some(request) = attempt.request.as_ref().filter(|request| is_it(self.by_request.get(*request)))
        {
            self.by_request.remove(request);
        }
        if let Some(grant) = attempt.grant.as_ref().filter(|grant| is_it(self.by_grant.get(*grant))) {
            self.by_grant.remove(grant);
            self.awaited.remove(grant);
        }
        if let Some(source) = slot.source.filter(|source| is_it(self.holders.get(source))) {
            self.holders.remove(&source);
        }
    }
}

fn source_of(entry: &Entry<'_>) -> Source {
    Source::of(entry.address, entry.user_agent)
}

fn forget(by_client: &mut HashMap<String, BTreeSet<u64>>, client: &str, id: u64) {
    if let Some(those) = by_client.get_mut(client) {
        those.remove(&id);
        if those.is_empty() {
            by_client.remove(client);
        }
    }
}
