//! Whether the metadata can be found, in each of the forms that clients try.

use barewire_oauth::metadata::ProtectedResourceMetadata;
use barewire_oauth::metadata::well_known::Form;

use crate::finding::{Finding, Kind};
use crate::rule::Rule;
use crate::survey::{Chart, Document};

const NAMED: Kind = Kind {
    id: "discovery.named",
    subject: "The metadata is where the challenge says",
    fault: "The metadata is not where the challenge says",
    expected: "The URL in resource_metadata answers 200 with the metadata as JSON.",
    rule: Some(Rule::ResourceDiscovery),
    next: "Clients must use this URL where there is one: let it lead to the document, and let it be the public one.",
};
const INSERTED: Kind = Kind {
    id: "discovery.inserted",
    subject: "The metadata is at the well-known URL with the path behind it",
    fault: "There is no metadata at the well-known URL with the path behind it",
    expected: "/.well-known/oauth-protected-resource, with the endpoint's path behind it, answers 200 with the metadata as JSON.",
    rule: Some(Rule::ResourceDiscovery),
    next: "Serve the document there too. When the server is mounted under a prefix, the well-known path is still at the root of the host.",
};
const ROOT: Kind = Kind {
    id: "discovery.root",
    subject: "The metadata is at the well-known URL of the host",
    fault: "There is no metadata at the well-known URL of the host",
    expected: "/.well-known/oauth-protected-resource answers 200 with the metadata as JSON.",
    rule: Some(Rule::ResourceDiscovery),
    next: "Where there is one MCP server on the host, serve the document here too: some clients look only here.",
};
const FOUND: Kind = Kind {
    id: "discovery.found",
    subject: "The resource's metadata can be found",
    fault: "The resource's metadata cannot be found",
    expected: "A protected server publishes its metadata at the URL in its challenge or at a well-known URL.",
    rule: Some(Rule::ResourceDiscovery),
    next: "Publish protected resource metadata (RFC 9728): without it no client can find out where to log in.",
};
const JSON: Kind = Kind {
    id: "discovery.media_type",
    subject: "The metadata is declared as JSON",
    fault: "The metadata is not declared as JSON",
    expected: "The document's Content-Type is application/json.",
    rule: Some(Rule::ResourceResponse),
    next: "Send Content-Type: application/json.",
};
const AGREE: Kind = Kind {
    id: "discovery.agree",
    subject: "All places say the same",
    fault: "Two places say different things",
    expected: "Each place that is about this resource serves the same document.",
    rule: Some(Rule::ResourceValidation),
    next: "Serve one document at all places; which one a client reads depends on the client.",
};

pub(super) const KINDS: &[&Kind] = &[&NAMED, &INSERTED, &ROOT, &FOUND, &JSON, &AGREE];

type Place = Document<ProtectedResourceMetadata>;

pub(super) fn check(chart: &Chart) -> Vec<Finding> {
    let login = &chart.login;
    let place = |form| login.documents.iter().find(|document| document.form == form);
    let wanted = login.refused.as_ref().is_some_and(|refused| !refused.is_about_the_name());
    if !wanted && login.document().is_none() {
        return KINDS.iter().map(|kind| kind.na("no token is asked for")).collect();
    }
    let found = login.document().is_some();
    vec![
        named(place(Form::NamedByChallenge)),
        guessed(&INSERTED, place(Form::ResourceInserted), found),
        guessed(&ROOT, place(Form::ResourceRoot), found),
        find(chart),
        media_type(login.document()),
        agree(chart),
    ]
}

fn named(place: Option<&Place>) -> Finding {
    match place {
        None => NAMED.na("the challenge names no URL"),
        Some(place) => {
            let said = format!("{}: {}", place.url, place.answer.describe());
            NAMED.error_unless(place.read.is_some(), said).seen(&place.answer)
        }
    }
}

/// A place that clients try by themselves: missing is no fault where another one has it, but something else than a
/// plain 404 leads clients astray.
fn guessed(kind: &'static Kind, place: Option<&Place>, found: bool) -> Finding {
    let Some(place) = place else { return kind.na("the URL has no path") };
    let said = format!("{}: {}", place.url, place.answer.describe());
    let finding = if place.read.is_some() {
        kind.ok(said)
    } else if place.answer.is_page() && place.answer.is_success() {
        kind.warning(format!("{said}: a web application answers for every path"))
            .next("Let /.well-known/ pass the web application by, or answer 404: a client that expects JSON stops at a page.")
    } else if place.answer.is_success() {
        kind.warning(format!("{said}: it is not metadata of a protected resource"))
    } else if place.answer.redirect().is_some() || place.answer.is_server_error() || place.answer.is_refusal()
    {
        kind.warning(said)
            .next("Answer with the document, or with 404: clients go on to the next place after a 404 only.")
    } else if found {
        kind.info(said)
    } else {
        // None anywhere is one finding, not three.
        kind.na(said)
    };
    finding.seen(&place.answer)
}

fn find(chart: &Chart) -> Finding {
    let login = &chart.login;
    if let Some(document) = login.document() {
        return FOUND.ok(document.url.clone()).seen(&document.answer);
    }
    let tried: Vec<String> = login
        .documents
        .iter()
        .map(|document| format!("{}: {}", document.url, document.answer.describe()))
        .collect();
    let mut said = tried.join("; ");
    let old = login.at_origin.as_ref().filter(|document| document.read.is_some());
    if let Some(old) = old {
        said.push_str(&format!("; only {} is there, as in 2025-03-26", old.url));
    }
    FOUND.error(said).all_seen(login.documents.iter().map(|document| &document.answer))
}

fn media_type(document: Option<&Place>) -> Finding {
    match document {
        None => JSON.na("there is no document"),
        Some(document) => {
            let kind = document.answer.media_type();
            JSON.warning_unless(kind == "application/json", format!("Content-Type: {kind}"))
                .seen(&document.answer)
        }
    }
}

fn agree(chart: &Chart) -> Finding {
    let url = chart.url.as_str();
    // The document at the root may be that of another resource on the same host.
    let ours: Vec<&Place> = chart
        .login
        .documents
        .iter()
        .filter(|place| place.read.as_ref().is_some_and(|read| read.resource.covers(url)))
        .collect();
    let Some((first, others)) = ours.split_first() else {
        return AGREE.na("there is no document about this URL");
    };
    let differs = others.iter().find(|other| {
        let pair = (&first.read, &other.read);
        matches!(pair, (Some(a), Some(b)) if a.resource != b.resource || a.authorization_servers != b.authorization_servers)
    });
    match differs {
        Some(other) => {
            AGREE.warning(format!("{} and {}", first.url, other.url)).seen(&first.answer).seen(&other.answer)
        }
        None => AGREE.ok(format!("{} place(s)", ours.len())),
    }
}
