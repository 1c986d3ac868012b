//! The 401, and what is in it.

use barewire_oauth::challenge::Challenge;

use crate::finding::{Finding, Kind};
use crate::rule::Rule;
use crate::survey::Chart;

const STATUS: Kind = Kind {
    id: "challenge.status",
    subject: "Whoever has no token is answered 401",
    fault: "Whoever has no token is answered 403 instead of 401",
    expected: "A request without a token is answered with 401; 403 means that the token is good and not enough.",
    rule: Some(Rule::AuthorizationErrors),
    next: "Answer 401 with a WWW-Authenticate header: a client that meets 403 does not begin to log in. If the server does, a proxy or a firewall in front of it answers first.",
};
const PRESENT: Kind = Kind {
    id: "challenge.present",
    subject: "The refusal carries a challenge",
    fault: "The refusal carries no challenge",
    expected: "A 401 has a WWW-Authenticate header with the scheme Bearer.",
    rule: Some(Rule::Unauthorized),
    next: "Send `WWW-Authenticate: Bearer resource_metadata=\"…\"`. If the server sends it, a proxy takes it away: AWS API Gateway renames it, nginx's auth_request drops it.",
};
const NAMES_METADATA: Kind = Kind {
    id: "challenge.resource_metadata",
    subject: "The challenge says where the metadata is",
    fault: "The challenge does not say where the metadata is",
    expected: "The challenge has the parameter resource_metadata with the URL of the protected resource metadata.",
    rule: Some(Rule::ResourceChallenge),
    next: "Add resource_metadata to the challenge: clients use it before they guess, and some do not guess at all.",
};
const SCOPE: Kind = Kind {
    id: "challenge.scope",
    subject: "The challenge says which scope is needed",
    fault: "The challenge names no scope",
    expected: "The challenge has the parameter scope with what this request needs.",
    rule: Some(Rule::ScopeSelection),
    next: "Add scope to the challenge, or scopes_supported to the metadata, so that clients ask for no more than they need.",
};
const OFFLINE: Kind = Kind {
    id: "challenge.offline_access",
    subject: "The challenge does not ask for offline_access",
    fault: "The challenge asks for offline_access",
    expected: "offline_access is between client and authorization server; the resource does not ask for it.",
    rule: Some(Rule::RefreshTokens),
    next: "List offline_access in the authorization server's scopes_supported instead.",
};
const EARLY_ERROR: Kind = Kind {
    id: "challenge.early_error",
    subject: "The challenge to somebody without a token names no error",
    fault: "The challenge names an error although there was no token",
    expected: "A request without any credentials gets a challenge without an error code.",
    rule: Some(Rule::BearerErrors),
    next: "Leave error out where there was no token: some clients take invalid_token as the end of a login.",
};
const MADE_UP: Kind = Kind {
    id: "challenge.made_up_token",
    subject: "A token that nobody issued is refused with 401",
    fault: "A token that nobody issued is not refused with 401",
    expected: "Invalid or expired tokens are answered with 401.",
    rule: Some(Rule::TokenHandling),
    next: "Check every token: who issued it, for which resource, until when. Answer 401 with error=\"invalid_token\", so that clients renew it.",
};
const MADE_UP_NAMED: Kind = Kind {
    id: "challenge.invalid_token",
    subject: "The refusal of a bad token says invalid_token",
    fault: "The refusal of a bad token looks like that of no token",
    expected: "The challenge to a bad token has error=\"invalid_token\".",
    rule: Some(Rule::BearerErrors),
    next: "Send error=\"invalid_token\". If the server does, the Authorization header does not reach it: look for a proxy that takes it away.",
};
const STREAM: Kind = Kind {
    id: "challenge.stream",
    subject: "GET is protected like POST",
    fault: "GET opens a stream without a token, while POST needs one",
    expected: "Every HTTP request needs the token, the one that opens a stream too.",
    rule: Some(Rule::TokenRequirements),
    next: "Protect the whole path, whatever the method.",
};

pub(super) const KINDS: &[&Kind] =
    &[&STATUS, &PRESENT, &NAMES_METADATA, &SCOPE, &OFFLINE, &EARLY_ERROR, &MADE_UP, &MADE_UP_NAMED, &STREAM];

pub(super) fn check(chart: &Chart) -> Vec<Finding> {
    let Some(refused) = &chart.login.refused else {
        let why = "nobody is refused";
        return KINDS.iter().map(|kind| kind.na(why)).collect();
    };
    if refused.is_about_the_name() {
        let why = "the refusal is about the name that the request was sent to";
        return KINDS.iter().map(|kind| kind.na(why).seen(refused)).collect();
    }
    let challenge = chart.login.challenge.as_ref();
    let header = refused.header("www-authenticate");

    let status = match (refused.status(), header) {
        (Some(403), None) => STATUS.error(refused.describe()),
        (Some(403), Some(_)) => STATUS.warning(refused.describe()),
        _ => STATUS.ok(refused.describe()),
    };
    let present = present(chart, header, refused.status());
    let mut findings = vec![status.seen(refused), present.seen(refused)];
    findings.extend(contents(chart, challenge).into_iter().map(|finding| finding.seen(refused)));
    findings.extend(made_up(chart));
    findings.push(stream(chart));
    findings
}

fn present(chart: &Chart, header: Option<&str>, status: Option<u16>) -> Finding {
    let found_anyway = chart.login.metadata().is_some();
    let renamed = chart.login.refused.as_ref().and_then(|it| it.header("x-amzn-remapped-www-authenticate"));
    match (header, &chart.login.challenge) {
        (Some(_), Some(challenge)) => PRESENT.ok(format!("the scheme is {}", challenge.scheme)),
        (Some(header), None) => {
            let schemes: Vec<String> =
                Challenge::parse_all(header).into_iter().map(|challenge| challenge.scheme).take(5).collect();
            let said = if schemes.is_empty() {
                "it cannot be read".to_owned()
            } else {
                format!("its schemes are {}", schemes.join(", "))
            };
            PRESENT.warning(said).titled("The challenge is not one of OAuth")
        }
        (None, _) if renamed.is_some() => PRESENT.error(
            "AWS API Gateway has renamed it to x-amzn-remapped-www-authenticate, which no client reads",
        ),
        // The status is the finding there.
        (None, _) if status == Some(403) => PRESENT.na("it is no 401"),
        (None, _) if found_anyway => PRESENT.warning(
            "a 401 without WWW-Authenticate; the metadata is found at its well-known place all the same",
        ),
        (None, _) => PRESENT.error("a 401 without WWW-Authenticate"),
    }
}

/// What the challenge says.
fn contents(chart: &Chart, challenge: Option<&Challenge>) -> Vec<Finding> {
    let Some(challenge) = challenge else {
        return [&NAMES_METADATA, &SCOPE, &OFFLINE, &EARLY_ERROR]
            .map(|kind| kind.na("there is no challenge"))
            .into();
    };
    let named = match challenge.resource_metadata() {
        Some(url) => NAMES_METADATA.ok(url),
        None => NAMES_METADATA.warning("resource_metadata is not in it"),
    };
    let scope = challenge.parameter("scope");
    let in_metadata = chart.login.metadata().is_some_and(|metadata| metadata.scopes_supported.is_some());
    let needed = match scope {
        Some(scope) => SCOPE.ok(scope),
        None if in_metadata => SCOPE.ok("none in the challenge; the metadata has scopes_supported"),
        None => SCOPE.info("neither the challenge nor the metadata names one"),
    };
    let offline = scope.is_some_and(|scope| scope.split(' ').any(|token| token == "offline_access"));
    let error = challenge.parameter("error");
    vec![
        named,
        needed,
        OFFLINE.warning_unless(!offline, scope.unwrap_or("no scope is named")),
        match error {
            Some(error) => EARLY_ERROR.info(format!("error={error}")),
            None => EARLY_ERROR.ok("there is none"),
        },
    ]
}

fn made_up(chart: &Chart) -> Vec<Finding> {
    let Some(answer) = &chart.login.made_up else {
        return vec![MADE_UP.na("it was not tried"), MADE_UP_NAMED.na("it was not tried")];
    };
    if !answer.was_asked() || answer.reply().is_none() {
        return vec![MADE_UP.na(answer.describe()), MADE_UP_NAMED.na(answer.describe())];
    }
    // A server that answers 403 to everybody has that finding already.
    let same_refusal = answer.is(403) && chart.login.refused.as_ref().is_some_and(|refused| refused.is(403));
    let refused = match answer.status() {
        _ if same_refusal => MADE_UP.na("whoever has no token meets 403 too"),
        _ => MADE_UP.error_unless(answer.is(401), answer.describe()),
    };
    let challenge = Challenge::select(answer.lines("www-authenticate"));
    let error = challenge.as_ref().and_then(|challenge| challenge.parameter("error"));
    let named = match (answer.is(401), &challenge, error) {
        (true, Some(_), Some(error)) => MADE_UP_NAMED.ok(format!("error={error}")),
        (true, Some(_), None) => MADE_UP_NAMED.warning("the challenge has no error"),
        _ => MADE_UP_NAMED.na("there is no challenge"),
    };
    vec![refused.seen(answer), named.seen(answer)]
}

fn stream(chart: &Chart) -> Finding {
    let answer = &chart.eras.open_stream;
    let open_first = chart.eras.open_initialize.result().is_some();
    if open_first {
        return STREAM.na("POST needs no token either");
    }
    STREAM.error_unless(!answer.is_stream(), answer.describe()).seen(answer)
}
