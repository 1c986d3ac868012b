//! What the given token is good for.

use barewire_oauth::challenge::Challenge;
use barewire_oauth::resource::Resource;
use serde_json::Value;

use crate::finding::{Finding, Kind};
use crate::probe::Answer;
use crate::rule::Rule;
use crate::survey::Chart;

const ACCEPTED: Kind = Kind {
    id: "token.accepted",
    subject: "The token is accepted",
    fault: "The token is not accepted",
    expected: "A request with a good token is served.",
    rule: Some(Rule::TokenHandling),
    next: "Get a fresh token for exactly this URL (`barewire login URL`). If it is fresh, compare its issuer and audience with what the server expects, and look for a proxy that takes the Authorization header away.",
};
const AUDIENCE: Kind = Kind {
    id: "token.audience",
    subject: "The token was issued for this server",
    fault: "The server accepts a token that was issued for something else",
    expected: "A server takes tokens only that name it as their audience.",
    rule: Some(Rule::TokenHandling),
    next: "Compare `aud` with the resource identifier and refuse every other token: whoever holds a token for another server can use it here.",
};

pub(super) const KINDS: &[&Kind] = &[&ACCEPTED, &AUDIENCE];

pub(super) fn check(chart: &Chart) -> Vec<Finding> {
    if !chart.with_token {
        return KINDS.iter().map(|kind| kind.na("no token was given")).collect();
    }
    vec![accepted(chart), audience(chart)]
}

fn accepted(chart: &Chart) -> Finding {
    let answers = [&chart.eras.discover, &chart.eras.initialize];
    if chart.is_let_in() {
        return ACCEPTED.ok("the conversation can be opened with it").all_seen(answers);
    }
    let refusal = answers.into_iter().find(|answer| answer.is_refusal() && !answer.is_about_the_name());
    let Some(answer) = refusal else { return ACCEPTED.na("no answer was about the token") };
    let challenge = Challenge::select(answer.lines("www-authenticate"));
    let parameter = |name: &str| challenge.as_ref().and_then(|it| it.parameter(name)).map(str::to_owned);
    let mut said = answer.describe();
    for name in ["error", "error_description", "scope"] {
        if let Some(value) = parameter(name) {
            said.push_str(&format!("; {name}={value}"));
        }
    }
    if parameter("error").as_deref() == Some("insufficient_scope") {
        return ACCEPTED
            .warning(said)
            .seen(answer)
            .titled("The token is good and not enough")
            .next("Get a token with the scopes that the challenge names.");
    }
    if answer.is(401) && challenge.is_some() && parameter("error").is_none() {
        said.push_str("; the challenge is that of a request without a token");
    }
    ACCEPTED.error(said).seen(answer)
}

fn audience(chart: &Chart) -> Finding {
    let Some(claims) = &chart.claims else { return AUDIENCE.na("the token cannot be read from outside") };
    let audience: Vec<&str> = match claims.get("aud") {
        Some(Value::String(audience)) => vec![audience],
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        _ => return AUDIENCE.na("the token names no audience"),
    };
    if !chart.is_let_in() {
        return AUDIENCE.na("the token is not accepted");
    }
    let resource = chart.login.metadata().map(|metadata| metadata.resource.clone());
    let own = resource.or_else(|| Resource::of_server_url(chart.url.as_str()).ok());
    let is_ours = |text: &&str| {
        let audience = Resource::parse(text);
        match (&own, &audience) {
            (Some(own), Ok(audience)) => own.is_equivalent(audience) || audience.covers(chart.url.as_str()),
            _ => false,
        }
    };
    let said = format!("aud is {}", audience.join(", "));
    if audience.iter().any(is_ours) {
        return AUDIENCE.ok(said);
    }
    // An identity provider's own name for this server (`api://…`) may be what both agreed on.
    let opaque = audience.iter().all(|text| Resource::parse(text).is_err());
    let seen = answer_that_let_in(chart);
    if opaque {
        AUDIENCE.info(said).titled("The token's audience is not a URL")
    } else {
        AUDIENCE.error(said)
    }
    .all_seen(seen)
}

fn answer_that_let_in(chart: &Chart) -> Option<&Answer> {
    [&chart.eras.discover, &chart.eras.initialize].into_iter().find(|answer| answer.result().is_some())
}
