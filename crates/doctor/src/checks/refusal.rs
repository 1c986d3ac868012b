//! How bad requests are refused: by status and code, so that clients know what to do next.

use barewire_mcp::error::code;
use barewire_oauth::client_flow::Reach;

use crate::finding::{Finding, Kind};
use crate::probe::Answer;
use crate::rule::Rule;
use crate::survey::{Chart, Refused};

const METHOD: Kind = Kind {
    id: "refusal.method",
    subject: "An unknown method is refused as one",
    fault: "An unknown method is not refused as one",
    expected: "Error -32601; in the modern era with status 404.",
    rule: Some(Rule::VersionHeader),
    next: "Answer with -32601, and with 404 where the request is a modern one: clients probe for methods and read this.",
};
const JSON: Kind = Kind {
    id: "refusal.json",
    subject: "A body that is not JSON is refused",
    fault: "A body that is not JSON is not refused properly",
    expected: "Status 400, with error -32700.",
    rule: Some(Rule::SendingMessages),
    next: "Answer 400 with a JSON-RPC error that has no id.",
};
const CONTENT_TYPE: Kind = Kind {
    id: "refusal.content_type",
    subject: "A body that is not declared as JSON is refused",
    fault: "A body that is declared as plain text is served",
    expected: "Status 415 (or 400) for a Content-Type other than application/json.",
    rule: Some(Rule::SimpleRequests),
    next: "Check Content-Type: browsers send text/plain from any page without asking first, so this lets every page on the web call the server.",
};
const ID: Kind = Kind {
    id: "refusal.id",
    subject: "The response has the request's id",
    fault: "The response does not have the request's id",
    expected: "The id comes back as it was sent, a text as a text.",
    rule: Some(Rule::JsonRpc),
    next: "Echo the id unchanged: a client cannot match the response otherwise.",
};
const VERB: Kind = Kind {
    id: "refusal.verb",
    subject: "PUT is refused",
    fault: "PUT is served",
    expected: "Status 405 for methods that the endpoint does not have.",
    rule: Some(Rule::SendingMessages),
    next: "Serve POST, and GET and DELETE where there is a handshake, and nothing else.",
};
const META: Kind = Kind {
    id: "refusal.meta",
    subject: "A modern request without its metadata is refused",
    fault: "A modern request without its metadata is not refused as one",
    expected: "Status 400 with error -32602 (or -32020).",
    rule: Some(Rule::MetaFields),
    next: "Refuse requests whose _meta lacks the protocol version or the client's capabilities.",
};
const TOOL: Kind = Kind {
    id: "refusal.tool",
    subject: "A tool that does not exist is refused",
    fault: "A tool that does not exist is not refused as one",
    expected: "Error -32602.",
    rule: Some(Rule::ToolErrors),
    next: "Answer with the protocol error -32602: it is a mistake in the request, not a failure of a tool.",
};
const RESOURCE: Kind = Kind {
    id: "refusal.resource",
    subject: "A resource that does not exist is refused",
    fault: "A resource that does not exist is not refused as one",
    expected: "Error -32602; in the handshake era -32002.",
    rule: Some(Rule::ResourceErrors),
    next: "Answer with the error of the revision that is spoken, never with empty contents.",
};
const PROMPT: Kind = Kind {
    id: "refusal.prompt",
    subject: "A prompt that does not exist is refused",
    fault: "A prompt that does not exist is not refused as one",
    expected: "Error -32602.",
    rule: Some(Rule::PromptErrors),
    next: "Answer with -32602.",
};
const FAILS: Kind = Kind {
    id: "refusal.failure",
    subject: "No bad request makes the server fail",
    fault: "A bad request makes the server fail",
    expected: "A client's mistake is answered with 4xx, or with a JSON-RPC error.",
    rule: Some(Rule::ServerErrors),
    next: "Look into the log at the time of this request: what a client sends should not end in an exception.",
};
const CODES: Kind = Kind {
    id: "refusal.reserved_code",
    subject: "Reserved codes are used as the specification defines them",
    fault: "A reserved code is used that the specification does not define",
    expected: "Codes from -32099 to -32020 are those of the specification.",
    rule: Some(Rule::ErrorCodes),
    next: "Use a code outside of -32768 to -32000 for errors of your own.",
};
const TRACE: Kind = Kind {
    id: "refusal.trace",
    subject: "Errors do not show the inside of the server",
    fault: "An error shows the inside of the server",
    expected: "An error says what was wrong with the request, without stack traces and file names.",
    rule: None,
    next: "Keep the details in the log.",
};

pub(super) const KINDS: &[&Kind] =
    &[&METHOD, &JSON, &CONTENT_TYPE, &ID, &VERB, &META, &TOOL, &RESOURCE, &PROMPT, &FAILS, &CODES, &TRACE];

pub(super) fn check(chart: &Chart) -> Vec<Finding> {
    let eras: Vec<(&Refused, bool)> = [(&chart.refusals.modern, true), (&chart.refusals.legacy, false)]
        .into_iter()
        .filter_map(|(refused, modern)| Some((refused.as_ref()?, modern)))
        .collect();
    if eras.is_empty() {
        return KINDS.iter().map(|kind| kind.na(chart.why_not_let_in())).collect();
    }
    let mut findings: Vec<Finding> =
        eras.iter().flat_map(|(refused, modern)| of_era(chart, refused, *modern)).collect();
    let all: Vec<&Answer> = eras.iter().flat_map(|(refused, _)| refused.all()).collect();
    findings.extend([fails(&all), codes(&all), trace(&all)]);
    findings
}

fn of_era(chart: &Chart, refused: &Refused, modern: bool) -> Vec<Finding> {
    let era = if modern { "modern" } else { "handshake era" };
    let mut findings = vec![
        method(&refused.unknown_method, modern),
        json(&refused.not_json),
        content_type(chart, &refused.text_plain),
        id(&refused.text_id),
        VERB.warning_unless(!refused.put.is_success(), refused.put.describe()).seen(&refused.put),
        meta(refused.no_meta.as_ref()),
        missing(&TOOL, refused.unknown_tool.as_ref(), &[code::INVALID_PARAMS]),
        resource(refused.unknown_resource.as_ref(), modern),
        missing(&PROMPT, refused.unknown_prompt.as_ref(), &[code::INVALID_PARAMS]),
    ];
    for finding in &mut findings {
        finding.observed = format!("{era}: {}", finding.observed);
    }
    findings
}

fn method(answer: &Answer, modern: bool) -> Finding {
    let said = answer.describe();
    let coded = answer.error_code() == Some(code::METHOD_NOT_FOUND);
    let finding = match (coded, modern) {
        (true, true) => METHOD.warning_unless(answer.is(404), said),
        (true, false) => METHOD.ok(said),
        (false, _) if answer.result().is_some() => METHOD.error(said),
        (false, _) => METHOD.warning(said),
    };
    finding.seen(answer)
}

fn json(answer: &Answer) -> Finding {
    let refused = matches!(answer.status(), Some(400..=499));
    JSON.warning_unless(refused, answer.describe()).seen(answer)
}

fn content_type(chart: &Chart, answer: &Answer) -> Finding {
    let said = answer.describe();
    if !answer.is_success() {
        return CONTENT_TYPE.ok(said).seen(answer);
    }
    // A token keeps strange pages out; on this machine without one, nothing does.
    let open = chart.login.refused.is_none() && Reach::of(&chart.url) != Reach::Anywhere;
    // Where strange pages are turned away by their Origin, they do not get here.
    let guarded = chart.page.stranger.is(403);
    if open && !guarded { CONTENT_TYPE.error(said) } else { CONTENT_TYPE.warning(said) }.seen(answer)
}

fn id(answer: &Answer) -> Finding {
    let Some(message) = answer.message() else { return ID.na(answer.describe()).seen(answer) };
    let fine = message.get("id") == answer.asked_id.as_ref();
    let said = message.get("id").map_or_else(|| "there is none".to_owned(), ToString::to_string);
    ID.error_unless(fine, said).seen(answer)
}

fn meta(answer: Option<&Answer>) -> Finding {
    let Some(answer) = answer else { return META.na("requests carry none in this era") };
    let code = answer.error_code();
    let fine = answer.is(400) && matches!(code, Some(code::INVALID_PARAMS | code::HEADER_MISMATCH));
    META.warning_unless(fine, answer.describe()).seen(answer)
}

fn missing(kind: &'static Kind, answer: Option<&Answer>, codes: &[i64]) -> Finding {
    let Some(answer) = answer else { return kind.na("the capability is not declared") };
    let said = answer.describe();
    let finding = match (answer.error_code(), answer.result()) {
        (Some(code), _) => kind.warning_unless(codes.contains(&code), said),
        (None, Some(result)) if result.get("isError").is_some_and(|it| it == true) => {
            kind.info(format!("{said} that says isError"))
        }
        (None, Some(_)) => kind.error(said),
        (None, None) => kind.warning(said),
    };
    finding.seen(answer)
}

fn resource(answer: Option<&Answer>, modern: bool) -> Finding {
    let codes: &[i64] = if modern {
        &[code::INVALID_PARAMS]
    } else {
        &[code::LEGACY_RESOURCE_NOT_FOUND, code::INVALID_PARAMS]
    };
    missing(&RESOURCE, answer, codes)
}

fn fails(all: &[&Answer]) -> Finding {
    let failed: Vec<&Answer> = all.iter().copied().filter(|answer| answer.is_server_error()).collect();
    match failed.first() {
        Some(answer) => FAILS.warning(answer.describe()).all_seen(failed.iter().copied()),
        None => FAILS.ok(format!("{} bad requests", all.len())),
    }
}

fn codes(all: &[&Answer]) -> Finding {
    let defined = [
        code::HEADER_MISMATCH,
        code::MISSING_REQUIRED_CLIENT_CAPABILITY,
        code::UNSUPPORTED_PROTOCOL_VERSION,
        code::LEGACY_URL_ELICITATION_REQUIRED,
    ];
    let stray = all.iter().find(|answer| {
        answer
            .error_code()
            .is_some_and(|code| (-32_099..=-32_020).contains(&code) && !defined.contains(&code))
    });
    match stray {
        Some(answer) => CODES.warning(answer.describe()).seen(answer),
        None => CODES.ok("no other was seen"),
    }
}

/// What gives a stack trace away, in several languages.
const MARKS: &[&str] = &[
    "Traceback (most recent call last)",
    "node_modules/",
    "at Object.<anonymous>",
    "site-packages/",
    "java.lang.",
    "System.NullReferenceException",
    "panicked at",
    "goroutine 1 [",
];

fn trace(all: &[&Answer]) -> Finding {
    let told = all.iter().find(|answer| {
        let text = answer.message().map_or_else(|| answer.text(), ToString::to_string);
        MARKS.iter().any(|mark| text.contains(mark))
    });
    match told {
        Some(answer) => TRACE.warning("a stack trace is in the answer").seen(answer),
        None => TRACE.ok("no stack trace was seen"),
    }
}
