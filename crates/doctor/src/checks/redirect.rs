//! Redirects: most clients do not follow one with a POST, and none should take a token along.

use url::Url;

use crate::finding::{Finding, Kind};
use crate::probe::Answer;
use crate::rule::Rule;
use crate::survey::Chart;

const ENDPOINT: Kind = Kind {
    id: "redirect.endpoint",
    subject: "The URL does not redirect",
    fault: "The URL redirects",
    expected: "The MCP endpoint answers at the URL that people are given.",
    rule: Some(Rule::HostRedirectedLogin),
    next: "Serve the endpoint at both URLs, or give people the one that it redirects to: many clients stop here, and those that follow may lose the method or the token.",
};
const SIBLING: Kind = Kind {
    id: "redirect.slash",
    subject: "With and without a slash at the end it is the same",
    fault: "The URL with the other ending redirects",
    expected: "/mcp and /mcp/ are both served, without a redirect.",
    rule: Some(Rule::HostRedirectedLogin),
    next: "Route both to the server: people type either, and some URL libraries add the slash by themselves.",
};

pub(super) const KINDS: &[&Kind] = &[&ENDPOINT, &SIBLING];

pub(super) fn check(chart: &Chart) -> Vec<Finding> {
    vec![endpoint(chart), sibling(chart)]
}

fn endpoint(chart: &Chart) -> Finding {
    let hops = &chart.door.hops;
    let Some(first) = hops.first() else {
        return ENDPOINT.ok("it answers where it was asked");
    };
    let target = &chart.url;
    let mut said = format!("{} in {} step(s), ending at {target}", first.describe(), hops.len());
    if hops.iter().any(changes_method) {
        said.push_str("; 301, 302 and 303 turn the POST into a GET");
    }
    if target.origin() != chart.given.origin() {
        said.push_str("; it leads to another origin, which must not get the token");
    }
    if chart.door.first.redirect().is_some() {
        return ENDPOINT.error(format!("{said}; it goes on redirecting")).all_seen(hops);
    }
    if is_only_https(&chart.given, target) {
        // The person typed http; whoever does has a token in the clear for one request.
        return ENDPOINT.warning(said).all_seen(hops).next("Give people the https URL.");
    }
    ENDPOINT.error(said).all_seen(hops)
}

fn sibling(chart: &Chart) -> Finding {
    let Some((url, answer)) = &chart.door.sibling else {
        let why = if chart.door.hops.is_empty() { "the URL has no path" } else { "the URL itself redirects" };
        return SIBLING.na(why);
    };
    let said = format!("{url}: {}", answer.describe());
    if answer.redirect().is_some() {
        let said = if changes_method(answer) { format!("{said}; the POST becomes a GET") } else { said };
        return SIBLING.warning(said).seen(answer);
    }
    let same = answer.status() == chart.door.first.status();
    if same {
        return SIBLING.ok(said).seen(answer);
    }
    SIBLING.info(said).seen(answer).titled("The URL with the other ending is not served")
}

fn changes_method(answer: &Answer) -> bool {
    matches!(answer.status(), Some(301..=303))
}

fn is_only_https(given: &Url, target: &Url) -> bool {
    let mut upgraded = given.clone();
    upgraded.set_scheme("https").is_ok() && given.scheme() == "http" && upgraded.as_str() == target.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_means_nothing_else_changed() {
        for (given, target, only) in [
            ("http://a.example/mcp", "https://a.example/mcp", true),
            ("http://a.example/mcp", "https://a.example/mcp/", false),
            ("https://a.example/mcp", "https://a.example/mcp", false),
            ("http://a.example/mcp", "https://b.example/mcp", false),
        ] {
            let parsed = |text| Url::parse(text).unwrap();
            assert_eq!(is_only_https(&parsed(given), &parsed(target)), only, "{given} to {target}");
        }
    }
}
