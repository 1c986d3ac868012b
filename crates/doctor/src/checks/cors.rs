//! Hosts that are web pages. A browser lets a page read an answer only where the answer allows it: the refusal and the
//! metadata too, or the page cannot log in.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS,
};

use crate::finding::{Finding, Kind};
use crate::probe::Answer;
use crate::rule::Rule;
use crate::survey::{Chart, PAGE_HEADERS, Page};

const ALLOWED: Kind = Kind {
    id: "cors.allowed",
    subject: "A page in a browser can use the server",
    fault: "No page in a browser can use the server",
    expected: "Preflights and answers carry Access-Control-Allow-Origin for the pages that may use the server.",
    rule: Some(Rule::Cors),
    next: "If hosts in a browser (the inspector, web chats) should work, answer preflights and add the CORS headers to every answer of the endpoint and of the metadata. Ask about another page with --origin.",
};
const PREFLIGHT: Kind = Kind {
    id: "cors.preflight",
    subject: "The preflight is answered",
    fault: "The preflight is refused, so a page cannot send its request",
    expected: "OPTIONS without a token is answered with 2xx, the page's origin and the headers that clients send.",
    rule: Some(Rule::Preflight),
    next: "Answer OPTIONS before authorization: a browser never sends a token with a preflight.",
};
const HEADERS: Kind = Kind {
    id: "cors.headers",
    subject: "The preflight allows the headers that clients send",
    fault: "The preflight does not allow all headers that clients send",
    expected: "Access-Control-Allow-Headers lists authorization, content-type and the Mcp headers; `*` does not cover authorization.",
    rule: Some(Rule::Preflight),
    next: "Add the missing names to Access-Control-Allow-Headers.",
};
const REFUSAL: Kind = Kind {
    id: "cors.refusal",
    subject: "A page can read the refusal and its challenge",
    fault: "A page cannot read the refusal, so it cannot begin to log in",
    expected: "The 401 has Access-Control-Allow-Origin, and exposes WWW-Authenticate.",
    rule: Some(Rule::ExposedHeaders),
    next: "Add the CORS headers outside of the authorization layer, and Access-Control-Expose-Headers: WWW-Authenticate.",
};
const ANSWER: Kind = Kind {
    id: "cors.answer",
    subject: "A page can read the answers",
    fault: "A page cannot read the answers",
    expected: "A successful answer has Access-Control-Allow-Origin.",
    rule: Some(Rule::Cors),
    next: "Add Access-Control-Allow-Origin to every answer, not to the preflight alone.",
};
const SESSION: Kind = Kind {
    id: "cors.session",
    subject: "A page can read the session's id",
    fault: "A page cannot read the session's id",
    expected: "Access-Control-Expose-Headers lists Mcp-Session-Id where the server gives one out.",
    rule: Some(Rule::ExposedHeaders),
    next: "Add Mcp-Session-Id to Access-Control-Expose-Headers: without it every second request of a page fails.",
};
const METADATA: Kind = Kind {
    id: "cors.metadata",
    subject: "A page can read the metadata",
    fault: "A page cannot read the metadata",
    expected: "Both metadata documents have Access-Control-Allow-Origin; they are public, so * will do.",
    rule: Some(Rule::Cors),
    next: "Add Access-Control-Allow-Origin: * to the documents under /.well-known/.",
};
const LOGIN: Kind = Kind {
    id: "cors.login",
    subject: "A page can register and get tokens",
    fault: "A page cannot register or get tokens",
    expected: "The token endpoint's answers and the registration endpoint's preflight allow the page's origin.",
    rule: Some(Rule::Cors),
    next: "Allow the hosts' origins, or *, at the token and registration endpoints.",
};
const CREDENTIALS: Kind = Kind {
    id: "cors.credentials",
    subject: "Not every page may come with cookies",
    fault: "Cookies are allowed from every page",
    expected: "Access-Control-Allow-Credentials is not sent: MCP has no cookies, and with * browsers refuse it.",
    rule: Some(Rule::Cors),
    next: "Leave Access-Control-Allow-Credentials out.",
};

pub(super) const KINDS: &[&Kind] =
    &[&ALLOWED, &PREFLIGHT, &HEADERS, &REFUSAL, &ANSWER, &SESSION, &METADATA, &LOGIN, &CREDENTIALS];

pub(super) fn check(chart: &Chart) -> Vec<Finding> {
    let page = &chart.page;
    let of_endpoint: Vec<&Answer> =
        [Some(&page.preflight), page.refused.as_ref(), page.granted.as_ref()].into_iter().flatten().collect();
    let any = of_endpoint.iter().any(|answer| allows(answer, page));
    if !any {
        // One finding where nothing is allowed: what is missing in detail follows from it.
        let refused = page.preflight.is(403)
            && page.granted.as_ref().or(page.refused.as_ref()).is_some_and(|it| it.is(403));
        let said = format!("{}: preflight {}", page.origin, page.preflight.describe());
        let finding = if refused {
            ALLOWED.info(said).titled("This page may not use the server, others perhaps may")
        } else {
            ALLOWED.warning(said)
        };
        let others = KINDS[1..].iter().map(|kind| kind.na("no page is allowed"));
        return std::iter::once(finding.all_seen(of_endpoint)).chain(others).collect();
    }
    vec![
        ALLOWED.ok(page.origin.clone()).seen(&page.preflight),
        preflight(page),
        headers(page),
        refusal(page),
        answer(page),
        session(chart),
        metadata(page),
        login(page),
        credentials(&of_endpoint),
    ]
}

fn allows(answer: &Answer, page: &Page) -> bool {
    let lines = answer.lines(ACCESS_CONTROL_ALLOW_ORIGIN.as_str());
    matches!(lines[..], [origin] if origin == "*" || origin == page.origin)
}

/// Whether a list of header names in a response covers one of them. `*` stands for all but authorization.
fn covers(lines: &[&str], name: &str) -> bool {
    let mut names = lines.iter().flat_map(|line| line.split(',')).map(str::trim);
    names.any(|listed| listed.eq_ignore_ascii_case(name) || (listed == "*" && name != "authorization"))
}

fn preflight(page: &Page) -> Finding {
    let answer = &page.preflight;
    PREFLIGHT.error_unless(answer.is_success() && allows(answer, page), answer.describe()).seen(answer)
}

fn headers(page: &Page) -> Finding {
    let answer = &page.preflight;
    if !answer.is_success() || !allows(answer, page) {
        return HEADERS.na("the preflight is refused");
    }
    let lines = answer.lines(ACCESS_CONTROL_ALLOW_HEADERS.as_str());
    let missing: Vec<&str> = PAGE_HEADERS.iter().copied().filter(|name| !covers(&lines, name)).collect();
    if missing.is_empty() {
        return HEADERS.ok("all of them").seen(answer);
    }
    let said = format!("missing: {}", missing.join(", "));
    // Without these two no request gets through; the others are those of some revisions.
    let vital =
        missing.iter().any(|name| matches!(*name, "authorization" | "content-type" | "mcp-protocol-version"));
    if vital { HEADERS.error(said) } else { HEADERS.warning(said) }.seen(answer)
}

fn refusal(page: &Page) -> Finding {
    let Some(answer) = &page.refused else { return REFUSAL.na("nobody is refused") };
    // A 403 without a challenge is a finding of its own; there is nothing in it to read.
    if !answer.is(401) && answer.header("www-authenticate").is_none() {
        return REFUSAL.na(answer.describe()).seen(answer);
    }
    if !allows(answer, page) {
        return REFUSAL.error("the answer has no Access-Control-Allow-Origin for the page").seen(answer);
    }
    let exposed = covers(&answer.lines(ACCESS_CONTROL_EXPOSE_HEADERS.as_str()), "www-authenticate");
    if answer.header("www-authenticate").is_some() && !exposed {
        return REFUSAL
            .error("Access-Control-Expose-Headers does not list WWW-Authenticate")
            .titled("A page cannot read the challenge, so it cannot find the login")
            .seen(answer);
    }
    REFUSAL.ok("it can").seen(answer)
}

fn answer(page: &Page) -> Finding {
    match &page.granted {
        Some(answer) if answer.is_success() => {
            ANSWER.error_unless(allows(answer, page), answer.describe()).seen(answer)
        }
        Some(answer) => ANSWER.na(answer.describe()).seen(answer),
        None => ANSWER.na("nobody was let in"),
    }
}

fn session(chart: &Chart) -> Finding {
    let page = &chart.page;
    let Some(answer) = page.granted.as_ref().filter(|answer| answer.header("mcp-session-id").is_some())
    else {
        return SESSION.na("no session was given to the page");
    };
    if !allows(answer, page) {
        return SESSION.na("the answer cannot be read at all");
    }
    let exposed = covers(&answer.lines(ACCESS_CONTROL_EXPOSE_HEADERS.as_str()), "mcp-session-id");
    SESSION.error_unless(exposed, exposed_headers(answer)).seen(answer)
}

fn metadata(page: &Page) -> Finding {
    let documents = [&page.resource_metadata, &page.server_metadata];
    let read: Vec<&Answer> = documents.into_iter().flatten().filter(|answer| answer.is_success()).collect();
    if read.is_empty() {
        return METADATA.na("there is none");
    }
    let hidden: Vec<&Answer> = read.iter().copied().filter(|answer| !allows(answer, page)).collect();
    if hidden.is_empty() {
        return METADATA.ok(format!("{} document(s)", read.len())).all_seen(read);
    }
    METADATA.error("there is no Access-Control-Allow-Origin").all_seen(hidden)
}

fn login(page: &Page) -> Finding {
    let asked: Vec<&Answer> =
        [&page.token, &page.register].into_iter().flatten().filter(|it| it.reply().is_some()).collect();
    if asked.is_empty() {
        return LOGIN.na("there is no endpoint that could be asked");
    }
    let hidden: Vec<&Answer> = asked.iter().copied().filter(|answer| !allows(answer, page)).collect();
    match hidden.first() {
        None => LOGIN.ok("it can").all_seen(asked),
        // Somebody else's authorization server may know its own pages only.
        Some(answer) => LOGIN.warning(answer.describe()).all_seen(hidden),
    }
}

fn credentials(answers: &[&Answer]) -> Finding {
    let reckless = answers.iter().find(|answer| {
        answer.header(ACCESS_CONTROL_ALLOW_CREDENTIALS.as_str()) == Some("true")
            && answer.header(ACCESS_CONTROL_ALLOW_ORIGIN.as_str()) == Some("*")
    });
    match reckless {
        Some(answer) => {
            CREDENTIALS.warning("Access-Control-Allow-Credentials: true together with *").seen(answer)
        }
        None => CREDENTIALS.ok("they are not"),
    }
}

fn exposed_headers(answer: &Answer) -> String {
    let lines = answer.lines(ACCESS_CONTROL_EXPOSE_HEADERS.as_str());
    if lines.is_empty() { "nothing is exposed".to_owned() } else { format!("exposed: {}", lines.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_not_everything() {
        for (lines, name, covered) in [
            (&["*"][..], "content-type", true),
            (&["*"], "authorization", false),
            (&["*, Authorization"], "authorization", true),
            (&["content-type", "Authorization"], "authorization", true),
            (&["content-type"], "mcp-method", false),
            (&[], "content-type", false),
        ] {
            assert_eq!(covers(lines, name), covered, "{lines:?} {name}");
        }
    }
}
