//! Whether what is said can be read on the way.

use barewire_oauth::client_flow::Reach;

use crate::finding::{Finding, Kind};
use crate::rule::Rule;
use crate::survey::Chart;

const ENCRYPTED: Kind = Kind {
    id: "tls.encrypted",
    subject: "The way is encrypted",
    fault: "The server is spoken to without encryption",
    expected: "A server that others can reach is at an https URL.",
    rule: Some(Rule::CommunicationSecurity),
    next: "Put TLS in front of it and give people the https URL; http is for this machine only.",
};
const CERTIFICATE: Kind = Kind {
    id: "tls.certificate",
    subject: "The certificate is accepted",
    fault: "The certificate is not accepted",
    expected: "The certificate is valid, names this host, and is signed by an authority that clients trust.",
    rule: Some(Rule::ServerIdentity),
    next: "Renew or replace the certificate and send its intermediate certificates along. If your own authority signed it, pass its certificate with --ca FILE. What follows was looked at without checking the certificate, and no token was sent.",
};
const PLAIN: Kind = Kind {
    id: "tls.plain_side",
    subject: "Without TLS, the server sends people to https or says nothing",
    fault: "The server also answers without TLS",
    expected: "http://, on the same host, redirects to https or does not answer.",
    rule: Some(Rule::CommunicationSecurity),
    next: "Close port 80 or let it redirect with 308: a client that is given the http URL sends its token in the clear.",
};

pub(super) const KINDS: &[&Kind] = &[&ENCRYPTED, &CERTIFICATE, &PLAIN];

pub(super) fn check(chart: &Chart) -> Vec<Finding> {
    vec![encrypted(chart), certificate(chart), plain(chart)]
}

fn encrypted(chart: &Chart) -> Finding {
    if chart.url.scheme() == "https" {
        return ENCRYPTED.ok("https");
    }
    if Reach::of(&chart.url) == Reach::Loopback {
        return ENCRYPTED.na("http on this machine");
    }
    let secrets = chart.login.refused.is_some() || chart.with_token;
    let said = if secrets { "http, and it takes tokens" } else { "http" };
    if secrets { ENCRYPTED.error(said) } else { ENCRYPTED.warning(said) }
}

fn certificate(chart: &Chart) -> Finding {
    match &chart.door.certificate {
        Some(answer) => CERTIFICATE.error(answer.describe()).seen(answer),
        None if chart.url.scheme() == "https" => {
            CERTIFICATE.ok("it was checked with this machine's authorities")
        }
        None => CERTIFICATE.na("http has none"),
    }
}

fn plain(chart: &Chart) -> Finding {
    let Some(answer) = &chart.door.plain else {
        return PLAIN.na("the URL has a port or a scheme of its own");
    };
    let leads_away = answer
        .redirect()
        .is_some_and(|location| chart.url.join(location).is_ok_and(|url| url.scheme() == "https"));
    let fine = answer.reply().is_none() || leads_away || !(answer.is_success() || answer.is_refusal());
    PLAIN.warning_unless(fine, answer.describe()).seen(answer)
}
