//! Which revisions are spoken, and what those hear that are not.

use barewire_mcp::client::probe::{LegacySign, ProbeVerdict};
use barewire_mcp::error::code;
use barewire_mcp::revision::{Era, Revision};
use serde_json::Value;

use crate::finding::{Finding, Kind};
use crate::probe::Answer;
use crate::report::RevisionSpoken;
use crate::rule::Rule;
use crate::survey::{Chart, UNKNOWN_REVISION};

const MODERN: Kind = Kind {
    id: "revision.modern",
    subject: "2026-07-28 is spoken",
    fault: "2026-07-28 is not spoken",
    expected: "`server/discover` is answered with the supported versions and the capabilities.",
    rule: Some(Rule::Discover),
    next: "",
};
const HANDSHAKE: Kind = Kind {
    id: "revision.handshake",
    subject: "Clients that open with initialize are served",
    fault: "Clients that open with initialize are not served",
    expected: "`initialize` is answered with the proposed revision where it is spoken, and with another one where it is not.",
    rule: Some(Rule::Lifecycle),
    next: "Serve the handshake too: many hosts in use open with it and have no way forward without.",
};
const LISTED: Kind = Kind {
    id: "revision.listed",
    subject: "The supported versions are those that are spoken",
    fault: "The supported versions are not those that are spoken",
    expected: "`supportedVersions` lists 2026-07-28 or later, and nothing that is not served.",
    rule: Some(Rule::Discover),
    next: "List what is served. A result of server/discover that lists older revisions only makes some clients fail instead of falling back: answer with an error instead.",
};
const FALLBACK: Kind = Kind {
    id: "revision.fallback",
    subject: "A client of both eras notices that it has to fall back",
    fault: "A client of both eras may not notice that it has to fall back",
    expected: "A server without the modern era answers its first request with 400, 404 or 405, or with a JSON-RPC error, at once.",
    rule: Some(Rule::BackwardCompatibility),
    next: "Answer requests with an unknown method or version with 400 or 404: an outage, a page or silence ends the attempt at some clients.",
};
const UNKNOWN: Kind = Kind {
    id: "revision.unknown",
    subject: "A request in an unknown revision is told which are known",
    fault: "A request in an unknown revision is not told which are known",
    expected: "Status 400 with error -32022, and data.supported with the versions.",
    rule: Some(Rule::Versioning),
    next: "Answer 400 with code -32022 and data.supported: it is how a client of a later revision finds common ground.",
};
const PROPOSAL: Kind = Kind {
    id: "revision.proposal",
    subject: "An unknown proposal is answered with a known revision",
    fault: "An unknown proposal is not answered with a known revision",
    expected: "`initialize` with a revision that the server does not speak is answered with one that it does.",
    rule: Some(Rule::Lifecycle),
    next: "Answer with the latest revision of the handshake era that you speak, instead of an error.",
};
const MODERN_PROPOSAL: Kind = Kind {
    id: "revision.modern_proposal",
    subject: "A proposal of 2026-07-28 in a handshake is answered with an older revision",
    fault: "A proposal of 2026-07-28 in a handshake is not answered with an older revision",
    expected: "`initialize` is answered with a revision that has a handshake, whatever was proposed.",
    rule: Some(Rule::Lifecycle),
    next: "Answer with 2025-11-25 or older: rmcp's client proposes its latest revision in the handshake, and cannot go on after an error.",
};
const HINT: Kind = Kind {
    id: "revision.hint",
    subject: "Who opens with initialize is told which versions there are",
    fault: "Who opens with initialize is not told which versions there are",
    expected: "A server without the handshake names its versions in the error that it answers to initialize.",
    rule: Some(Rule::Versioning),
    next: "Name the supported versions in the error's message: it is all that an older client can show to its user.",
};
const OLD_TRANSPORT: Kind = Kind {
    id: "revision.old_transport",
    subject: "The transport of 2024-11-05 is not needed",
    fault: "The URL serves the transport of 2024-11-05",
    expected: "The endpoint is one of Streamable HTTP; the transport with the endpoint event is deprecated.",
    rule: Some(Rule::OldTransport),
    next: "Serve Streamable HTTP at this URL too: new clients no longer have the old transport.",
};

pub(super) const KINDS: &[&Kind] =
    &[&MODERN, &HANDSHAKE, &LISTED, &FALLBACK, &UNKNOWN, &PROPOSAL, &MODERN_PROPOSAL, &HINT, &OLD_TRANSPORT];

pub(super) fn check(chart: &Chart) -> Vec<Finding> {
    let old = old_transport(chart);
    if !chart.is_let_in() {
        let why = chart.why_not_let_in();
        let mut findings: Vec<Finding> = KINDS.iter().map(|kind| kind.na(why)).collect();
        findings.pop();
        findings.push(old);
        return findings;
    }
    vec![
        modern(chart),
        handshake(chart),
        listed(chart),
        fallback(chart),
        unknown(chart),
        proposal(chart),
        modern_proposal(chart),
        hint(chart),
        old,
    ]
}

/// The revisions, oldest first.
pub(crate) fn spoken(chart: &Chart) -> Vec<RevisionSpoken> {
    let handshake = handshakes(chart);
    Revision::ALL
        .into_iter()
        .map(|revision| {
            let known = chart.is_let_in();
            let spoken = match revision.era() {
                Era::Modern => supported(chart).iter().any(|listed| listed == revision.as_str()),
                Era::Legacy => handshake.contains(&revision),
            };
            let spoken = (known || spoken).then_some(spoken);
            RevisionSpoken { revision: revision.to_string(), spoken }
        })
        .collect()
}

fn supported(chart: &Chart) -> Vec<String> {
    let listed = chart.eras.discover.result().and_then(|result| result.get("supportedVersions"));
    let listed = listed.and_then(Value::as_array).into_iter().flatten();
    listed.filter_map(Value::as_str).take(20).map(str::to_owned).collect()
}

/// The revisions that a handshake agreed on as they were proposed.
fn handshakes(chart: &Chart) -> Vec<Revision> {
    let first = std::iter::once((Revision::LATEST_LEGACY, &chart.eras.initialize));
    let others = chart.eras.proposals.iter().map(|(revision, answer)| (*revision, answer));
    first
        .chain(others)
        .filter(|(revision, answer)| agreed(answer) == Some(revision.as_str()))
        .map(|(revision, _)| revision)
        .collect()
}

fn agreed(answer: &Answer) -> Option<&str> {
    answer.result()?.get("protocolVersion")?.as_str()
}

fn modern(chart: &Chart) -> Finding {
    let answer = &chart.eras.discover;
    match (&chart.eras.modern, &chart.eras.verdict) {
        (Some(_), _) => MODERN.ok(format!("supported: {}", supported(chart).join(", "))).seen(answer),
        // The headers say that the server is modern; what happens to them is a finding there.
        (None, Some(ProbeVerdict::Refused { .. })) => MODERN.na(answer.describe()).seen(answer),
        (None, _) => MODERN.info(answer.describe()).seen(answer),
    }
}

fn handshake(chart: &Chart) -> Finding {
    let answer = &chart.eras.initialize;
    let others = chart.eras.proposals.iter().map(|(_, answer)| answer);
    if chart.eras.legacy.is_none() {
        if chart.eras.modern.is_some() {
            return HANDSHAKE.warning(answer.describe()).seen(answer);
        }
        return HANDSHAKE.error(answer.describe()).seen(answer);
    }
    let names: Vec<String> = handshakes(chart).iter().map(ToString::to_string).collect();
    let latest = agreed(answer).unwrap_or_default();
    HANDSHAKE
        .ok(format!("spoken: {}; who proposes another is answered {latest}", names.join(", ")))
        .seen(answer)
        .all_seen(others)
}

fn listed(chart: &Chart) -> Finding {
    let listed = supported(chart);
    let answer = &chart.eras.discover;
    if listed.is_empty() {
        return LISTED.na("server/discover is not answered with versions");
    }
    let said = listed.join(", ");
    let legacy_only =
        listed.iter().all(|name| Revision::parse(name).is_some_and(|it| it.era() == Era::Legacy));
    if legacy_only {
        return LISTED.error(said).seen(answer);
    }
    let spoken = handshakes(chart);
    let unkept: Vec<&String> = listed
        .iter()
        .filter(|name| {
            Revision::parse(name).is_some_and(|it| it.era() == Era::Legacy && !spoken.contains(&it))
        })
        .collect();
    if unkept.is_empty() {
        return LISTED.ok(said).seen(answer);
    }
    let unkept: Vec<&str> = unkept.into_iter().map(String::as_str).collect();
    LISTED.warning(format!("listed and not agreed to in a handshake: {}", unkept.join(", "))).seen(answer)
}

fn fallback(chart: &Chart) -> Finding {
    let answer = &chart.eras.discover;
    if chart.eras.modern.is_some() {
        return FALLBACK.na("the server speaks the modern era");
    }
    let said = answer.describe();
    let clear = match &chart.eras.verdict {
        Some(ProbeVerdict::Legacy { sign }) => {
            // These are understood by a patient client only.
            !matches!(sign, LegacySign::EmptySuccess | LegacySign::StrangeResult)
                && matches!(answer.status(), Some(200 | 400..=405 | 422))
        }
        Some(ProbeVerdict::Refused { .. }) => return FALLBACK.na(said),
        _ => false,
    };
    FALLBACK.warning_unless(clear, said).seen(answer)
}

fn unknown(chart: &Chart) -> Finding {
    let Some(answer) = &chart.eras.unknown_revision else {
        return UNKNOWN.na("the server does not speak the modern era");
    };
    let said = answer.describe();
    let names = answer.message().and_then(|message| message.pointer("/error/data/supported"));
    let names = names.and_then(Value::as_array).is_some_and(|list| !list.is_empty());
    let finding = match (answer.status(), answer.error_code()) {
        (Some(400), Some(code::UNSUPPORTED_PROTOCOL_VERSION)) if names => UNKNOWN.ok(said),
        (_, Some(code::UNSUPPORTED_PROTOCOL_VERSION)) if !names => {
            UNKNOWN.error(format!("{said}, without data.supported"))
        }
        (_, Some(code::UNSUPPORTED_PROTOCOL_VERSION)) => UNKNOWN.warning(said),
        _ => UNKNOWN.error(said),
    };
    finding.seen(answer)
}

fn proposal(chart: &Chart) -> Finding {
    match &chart.eras.unknown_proposal {
        None => PROPOSAL.na("the server has no handshake"),
        Some(answer) => proposed(&PROPOSAL, answer, UNKNOWN_REVISION),
    }
}

fn modern_proposal(chart: &Chart) -> Finding {
    match &chart.eras.modern_proposal {
        None => MODERN_PROPOSAL.na("the server has no handshake"),
        Some(answer) => proposed(&MODERN_PROPOSAL, answer, Revision::LATEST_MODERN.as_str()),
    }
}

fn proposed(kind: &'static Kind, answer: &Answer, proposed: &str) -> Finding {
    let finding = match agreed(answer) {
        Some(agreed) if agreed != proposed => kind.ok(format!("{proposed} is answered with {agreed}")),
        Some(agreed) => kind.error(format!("{proposed} is answered with {agreed}, as if it were spoken so")),
        None => kind.error(answer.describe()),
    };
    finding.seen(answer)
}

fn hint(chart: &Chart) -> Finding {
    if chart.eras.legacy.is_some() {
        return HINT.na("the handshake is served");
    }
    let answer = &chart.eras.initialize;
    let text = answer.message().map(Value::to_string).unwrap_or_else(|| answer.text());
    let named = supported(chart).iter().any(|version| text.contains(version));
    let finding = if named { HINT.ok(answer.describe()) } else { HINT.info(answer.describe()) };
    finding.seen(answer)
}

fn old_transport(chart: &Chart) -> Finding {
    let answer = &chart.eras.open_stream;
    if !chart.eras.has_endpoint_event() {
        return OLD_TRANSPORT.na("a GET opens nothing of it");
    }
    if chart.is_let_in() {
        return OLD_TRANSPORT
            .info("it is there beside Streamable HTTP")
            .next("Nothing; older clients find it.")
            .seen(answer);
    }
    OLD_TRANSPORT.warning("it is all there is: the other checks need Streamable HTTP").seen(answer)
}
