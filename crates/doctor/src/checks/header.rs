//! Headers on their way: a proxy that takes one away is noticed by what the server then misses.

use barewire_mcp::error::code;

use crate::finding::{Finding, Kind};
use crate::probe::Answer;
use crate::rule::Rule;
use crate::survey::Chart;

const ARRIVE: Kind = Kind {
    id: "header.arrive",
    subject: "The protocol's headers arrive",
    fault: "A header of the protocol does not arrive",
    expected: "MCP-Protocol-Version, Mcp-Method and Mcp-Name reach the server as they were sent.",
    rule: Some(Rule::RequestHeaders),
    next: "Look for a proxy, gateway or firewall with a list of allowed headers, and add MCP-Protocol-Version, Mcp-Method, Mcp-Name and Mcp-Param-*.",
};
const COMPARED: Kind = Kind {
    id: "header.compared",
    subject: "Headers that contradict the body are refused",
    fault: "Headers that contradict the body are not refused",
    expected: "Status 400 with error -32020.",
    rule: Some(Rule::ServerValidation),
    next: "Compare Mcp-Method and Mcp-Name with the body: what a proxy decides by the header must be what the server does. If the server does compare, a proxy takes the header away.",
};
const REQUIRED: Kind = Kind {
    id: "header.required",
    subject: "Requests without the required headers are refused",
    fault: "Requests without the required headers are served",
    expected: "Status 400 with error -32020 where MCP-Protocol-Version or Mcp-Method is missing.",
    rule: Some(Rule::ServerValidation),
    next: "Refuse requests of the modern era without these headers. If the server does, a proxy adds what is missing.",
};
const STRAY_SESSION: Kind = Kind {
    id: "header.stray_session",
    subject: "The modern era has no sessions here",
    fault: "A session's id matters in the modern era",
    expected: "A Mcp-Session-Id on a modern request is ignored, and none is given out.",
    rule: Some(Rule::EarlierRevisions),
    next: "Ignore the header on modern requests, and do not mint ids for them.",
};
const SESSION: Kind = Kind {
    id: "header.session",
    subject: "The session's id arrives in both directions",
    fault: "The session's id does not arrive",
    expected: "The id from the answer to initialize, sent back, names the session.",
    rule: Some(Rule::Sessions),
    next: "Let Mcp-Session-Id pass in both directions. Behind several replicas, each of them has to know the session: share them, or route by the id.",
};
const VERSION: Kind = Kind {
    id: "header.version",
    subject: "An unknown version in the header is refused",
    fault: "An unknown version in the header is not refused",
    expected: "Status 400 for an MCP-Protocol-Version that the server does not speak.",
    rule: Some(Rule::OldVersionHeader),
    next: "Check the header. If the server does, a proxy takes it away, and the server assumes 2025-03-26.",
};
const BETWEEN: Kind = Kind {
    id: "header.between",
    subject: "Nobody between shows itself",
    fault: "Something stands between",
    expected: "Nothing; it is good to know who could change what is sent.",
    rule: None,
    next: "",
};

pub(super) const KINDS: &[&Kind] =
    &[&ARRIVE, &COMPARED, &REQUIRED, &STRAY_SESSION, &SESSION, &VERSION, &BETWEEN];

pub(super) fn check(chart: &Chart) -> Vec<Finding> {
    vec![
        arrive(chart),
        compared(chart),
        required(chart),
        stray_session(chart),
        session(chart),
        version(chart),
        between(chart),
    ]
}

fn is_mismatch(answer: &Answer) -> bool {
    answer.error_code() == Some(code::HEADER_MISMATCH)
}

fn no_modern(chart: &Chart) -> &'static str {
    if chart.is_let_in() { "the server does not speak the modern era" } else { chart.why_not_let_in() }
}

/// What was sent was right; whoever finds a mismatch got something else.
fn arrive(chart: &Chart) -> Finding {
    let named = chart.refusals.modern.as_ref().into_iter().flat_map(|refused| {
        [&refused.unknown_tool, &refused.unknown_resource, &refused.unknown_prompt].into_iter().flatten()
    });
    let right = [&chart.eras.open_discover, &chart.eras.discover].into_iter().chain(named);
    if let Some(answer) = right.into_iter().find(|answer| is_mismatch(answer)) {
        return ARRIVE.error(answer.describe()).seen(answer);
    }
    if chart.eras.modern.is_none() {
        return ARRIVE.na(no_modern(chart));
    }
    ARRIVE.ok("no well-formed request was refused for its headers").seen(&chart.eras.discover)
}

fn compared(chart: &Chart) -> Finding {
    let Some(answer) = &chart.headers.other_method else { return COMPARED.na(no_modern(chart)) };
    let finding = match answer.status() {
        Some(400) if is_mismatch(answer) => COMPARED.ok(answer.describe()),
        Some(400..=499) => COMPARED.warning(answer.describe()),
        _ => COMPARED.error(answer.describe()),
    };
    finding.seen(answer)
}

fn required(chart: &Chart) -> Finding {
    let Some((method, version)) = chart.headers.no_method.as_ref().zip(chart.headers.no_version.as_ref())
    else {
        return REQUIRED.na(no_modern(chart));
    };
    let served: Vec<&str> = [("Mcp-Method", method), ("MCP-Protocol-Version", version)]
        .into_iter()
        .filter(|(_, answer)| answer.is_success())
        .map(|(name, _)| name)
        .collect();
    let fine = served.is_empty();
    let said =
        if fine { method.describe() } else { format!("served without {}", served.join(" and without ")) };
    REQUIRED.warning_unless(fine, said).seen(method).seen(version)
}

fn stray_session(chart: &Chart) -> Finding {
    let Some(answer) = &chart.headers.stray_session else { return STRAY_SESSION.na(no_modern(chart)) };
    let minted = [answer, &chart.eras.discover].into_iter().any(|it| it.header("mcp-session-id").is_some());
    if minted {
        return STRAY_SESSION.warning("an answer of the modern era carries Mcp-Session-Id").seen(answer);
    }
    STRAY_SESSION.warning_unless(answer.result().is_some(), answer.describe()).seen(answer)
}

fn session(chart: &Chart) -> Finding {
    let Some(answer) = &chart.headers.in_session else {
        let why = if chart.is_let_in() { "the server has no handshake" } else { chart.why_not_let_in() };
        return SESSION.na(why);
    };
    let given = chart.eras.legacy.as_ref().is_some_and(|legacy| legacy.session().is_some());
    let refused = chart.lost_session();
    // A server without `ping` has a fault, and still has heard the request in its session.
    let unknown = answer.is_success() && answer.error_code() == Some(code::METHOD_NOT_FOUND);
    if refused.is_none() && (answer.result().is_some() || unknown) {
        return if given {
            SESSION.ok("it does").seen(answer)
        } else {
            SESSION.na("the server gives no session out")
        };
    }
    let answer = refused.unwrap_or(answer);
    let said = if given {
        format!("a request with the id: {}", answer.describe())
    } else {
        format!("no id came with the answer to initialize, and a request without one: {}", answer.describe())
    };
    SESSION.error(said).seen(&chart.eras.initialize).seen(answer)
}

fn version(chart: &Chart) -> Finding {
    let Some(answer) = &chart.headers.strange_version else {
        let why = if chart.is_let_in() { "the server has no handshake" } else { chart.why_not_let_in() };
        return VERSION.na(why);
    };
    let refused = matches!(answer.status(), Some(400..=499)) || answer.error().is_some();
    VERSION.warning_unless(refused, answer.describe()).seen(answer)
}

/// Headers by which intermediaries are known.
const MARKS: &[(&str, &str)] = &[
    ("cf-ray", "Cloudflare"),
    ("x-amz-cf-id", "Amazon CloudFront"),
    ("x-amzn-requestid", "AWS API Gateway"),
    ("x-amzn-trace-id", "an AWS load balancer"),
    ("x-vercel-id", "Vercel"),
    ("fly-request-id", "Fly.io"),
    ("x-azure-ref", "Azure Front Door"),
    ("x-served-by", "Fastly or Varnish"),
    ("x-envoy-upstream-service-time", "Envoy"),
    ("x-kong-proxy-latency", "Kong"),
    ("x-railway-request-id", "Railway"),
    ("x-render-origin-server", "Render"),
    ("via", "a proxy that names itself"),
];

fn between(chart: &Chart) -> Finding {
    let answers = [&chart.door.first, &chart.eras.open_initialize];
    let mut seen = Vec::new();
    for (header, name) in MARKS {
        if let Some(value) = answers.iter().find_map(|answer| answer.header(header)) {
            seen.push(if *header == "via" { format!("via {value}") } else { (*name).to_owned() });
        }
    }
    let server = answers.iter().find_map(|answer| answer.header("server"));
    let front = server.filter(|server| {
        let server = server.to_ascii_lowercase();
        ["nginx", "openresty", "cloudflare", "caddy", "envoy", "apache", "traefik", "haproxy", "awselb"]
            .iter()
            .any(|name| server.starts_with(name))
    });
    seen.extend(front.map(|server| format!("Server: {server}")));
    if seen.is_empty() {
        return BETWEEN.ok("no header names one");
    }
    seen.truncate(5);
    BETWEEN.info(seen.join(", ")).all_seen(answers)
}
