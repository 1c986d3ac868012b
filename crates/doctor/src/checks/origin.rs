//! Pages that nobody allowed, and names that the server does not have: what keeps DNS rebinding out.

use barewire_oauth::client_flow::Reach;

use crate::finding::{Finding, Kind};
use crate::rule::Rule;
use crate::survey::Chart;

const PAGES: Kind = Kind {
    id: "origin.stranger",
    subject: "A page that nobody allowed is turned away",
    fault: "A page that nobody allowed is served",
    expected: "A request whose Origin is not one of the server's is answered with 403.",
    rule: Some(Rule::Endpoint),
    next: "Check Origin against a list: your own origin and the hosts that may use the server from a browser.",
};
const NAMES: Kind = Kind {
    id: "origin.rebound_name",
    subject: "A request to another name is turned away",
    fault: "A request to a name that the server does not have is served",
    expected: "A server on this machine answers 403 to a request whose Host is neither loopback nor its own.",
    rule: Some(Rule::Endpoint),
    next: "Check Host: any web page can point a name of its own at this machine and talk to the server behind it.",
};

pub(super) const KINDS: &[&Kind] = &[&PAGES, &NAMES];

pub(super) fn check(chart: &Chart) -> Vec<Finding> {
    vec![pages(chart), names(chart)]
}

fn pages(chart: &Chart) -> Finding {
    let answer = &chart.page.stranger;
    if answer.reply().is_none() {
        return PAGES.na(answer.describe()).seen(answer);
    }
    if !answer.is_success() {
        return match answer.status() {
            Some(401) => PAGES.na("the token comes first here").seen(answer),
            _ => PAGES.ok(answer.describe()).seen(answer),
        };
    }
    if answer.result().is_none() {
        return PAGES.na(answer.describe()).seen(answer);
    }
    // Where a page would need a token that it cannot have, the rule is broken and nobody is harmed.
    let guarded = chart.login.refused.is_some() || Reach::of(&chart.url) == Reach::Anywhere;
    let said = format!("Origin: https://{}: {}", crate::survey::STRANGER, answer.describe());
    if guarded { PAGES.warning(said) } else { PAGES.error(said) }.seen(answer)
}

fn names(chart: &Chart) -> Finding {
    let Some(answer) = &chart.page.renamed else {
        return NAMES.na("the name is how a request finds this server");
    };
    if answer.is(401) {
        return NAMES.na("the token comes first here").seen(answer);
    }
    if !answer.is_success() {
        return NAMES.ok(answer.describe()).seen(answer);
    }
    if answer.result().is_none() {
        return NAMES.na(answer.describe()).seen(answer);
    }
    let said = format!("Host: {}: {}", crate::survey::STRANGER, answer.describe());
    let guarded = chart.login.refused.is_some();
    if guarded { NAMES.warning(said) } else { NAMES.error(said) }.seen(answer)
}
