//! Whether a token is needed: "has none" and "is broken" are different things.

use super::{authserver, challenge, discovery, metadata};
use crate::finding::{Finding, Kind, Severity};
use crate::report::Posture;
use crate::rule::Rule;
use crate::survey::Chart;

const NEEDED: Kind = Kind {
    id: "authorization.needed",
    subject: "A token is needed, and a client can find out where to get one",
    fault: "This server has no authorization",
    expected: "Authorization is optional; a server that others can reach should have it.",
    rule: Some(Rule::Authorization),
    next: "If what it offers is meant for everybody, nothing. If not, protect it: anybody who knows the URL can use it.",
};
const LEFTOVER: Kind = Kind {
    id: "authorization.unused_metadata",
    subject: "Metadata and behaviour agree on whether a token is needed",
    fault: "The server publishes where to log in, and asks for no token",
    expected: "A server with protected resource metadata answers 401 to a request without a token.",
    rule: Some(Rule::Authorization),
    next: "If a token is needed, check that the protection is switched on and that no proxy answers in its place; if not, take the metadata away: clients that look there first send people to a login for nothing.",
};

pub(super) const KINDS: &[&Kind] = &[&NEEDED, &LEFTOVER];

pub(super) fn check(chart: &Chart) -> Vec<Finding> {
    let refused = chart.login.refused.as_ref();
    let needed = match posture(chart) {
        Posture::Unknown => NEEDED.na("the server answered no request of MCP"),
        Posture::None => NEEDED
            .info("requests without a token are served")
            .seen(&chart.eras.open_discover)
            .seen(&chart.eras.open_initialize),
        Posture::Mixed => NEEDED
            .info("the conversation can be opened without a token, and the list of tools needs one")
            .titled("Some of this server needs a token")
            .next("Clients notice at different moments that a login is needed: a server that answers 401 to the first request is understood by all of them."),
        Posture::Required => NEEDED.ok("a request without a token is answered with 401, and the way to a login can be found"),
        Posture::Broken => NEEDED
            .info("a request without a token is refused, and a client that follows the specification cannot log in")
            .titled("Authorization is broken: the errors below say where")
            .next("Mend the errors about the challenge, the metadata and the authorization server, in this order."),
        Posture::Other => NEEDED
            .warning("a request without credentials is refused with a challenge that is not OAuth's")
            .titled("The server wants credentials of a kind that MCP does not describe")
            .next("Hosts can log in with OAuth only. Where people put an API key into a header by hand, say so in the server's documentation."),
    };
    let needed = needed.all_seen(refused);
    let document = chart.login.document();
    let leftover = match (refused, document) {
        (None, Some(document)) => LEFTOVER
            .warning(format!("{} is there, and nothing asks for a token", document.url))
            .seen(&document.answer),
        (None, None) => LEFTOVER.na("there is neither"),
        (Some(_), _) => LEFTOVER.ok("a token is asked for"),
    };
    vec![needed, leftover]
}

/// What a caller without a token meets.
pub(crate) fn posture(chart: &Chart) -> Posture {
    let eras = &chart.eras;
    let open =
        [&eras.open_discover, &eras.open_initialize].into_iter().any(|answer| answer.result().is_some());
    let Some(refused) = &chart.login.refused else {
        return if open || eras.has_endpoint_event() { Posture::None } else { Posture::Unknown };
    };
    if refused.is_about_the_name() {
        return Posture::Unknown;
    }
    if open {
        return Posture::Mixed;
    }
    let other = refused.header("www-authenticate").is_some() && chart.login.challenge.is_none();
    if other && chart.login.metadata().is_none() {
        return Posture::Other;
    }
    let way =
        [challenge::check(chart), discovery::check(chart), metadata::check(chart), authserver::check(chart)];
    let blocked =
        way.iter().flatten().any(|finding| finding.severity == Severity::Error && blocks(&finding.id));
    if blocked { Posture::Broken } else { Posture::Required }
}

/// Whether a client that meets this error cannot get a token. Others are faults beside the way.
fn blocks(id: &str) -> bool {
    !matches!(id, "challenge.made_up_token" | "challenge.stream" | "authserver.keys")
}
