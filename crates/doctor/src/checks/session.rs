//! Sessions of the handshake era: to whom they belong, and that they end.

use barewire_mcp::http::headers::is_session_id;
use http::header::HeaderValue;

use crate::finding::{Finding, Kind};
use crate::probe::Answer;
use crate::rule::Rule;
use crate::survey::{Chart, Sessions};

const LEGIBLE: Kind = Kind {
    id: "session.legible",
    subject: "The session's id is visible ASCII",
    fault: "The session's id is not visible ASCII",
    expected: "An id has characters from 0x21 to 0x7E only.",
    rule: Some(Rule::Sessions),
    next: "Encode the id: clients refuse it, or cannot send it back.",
};
const GUESS: Kind = Kind {
    id: "session.unguessable",
    subject: "The session's id cannot be guessed",
    fault: "The session's id can be guessed",
    expected: "Ids are random, long, and different for each session.",
    rule: Some(Rule::Sessions),
    next: "Make ids from a secure random source, at least 128 bits.",
};
const REQUIRED: Kind = Kind {
    id: "session.required",
    subject: "A request without the session's id is refused",
    fault: "A request without the session's id is served",
    expected: "A server that needs sessions answers 400 to a request without an id.",
    rule: Some(Rule::Sessions),
    next: "If nothing needs the session, give out none: clients keep it, and some servers hold memory for it.",
};
const UNKNOWN: Kind = Kind {
    id: "session.unknown",
    subject: "An unknown session is answered 404",
    fault: "An unknown session is not answered 404",
    expected: "An id that was never given out, or has ended, is answered with 404, and the client begins anew.",
    rule: Some(Rule::Sessions),
    next: "Answer 404: it is the only status after which clients open a new session, for example after a restart of the server.",
};
const TOKEN: Kind = Kind {
    id: "session.token",
    subject: "The session does not replace the token",
    fault: "The session's id works without a token",
    expected: "Each request needs the token; a session's id authenticates nobody.",
    rule: Some(Rule::SessionHijacking),
    next: "Check the token on every request, before the session is looked up.",
};
const OWNER: Kind = Kind {
    id: "session.owner",
    subject: "The session belongs to one user",
    fault: "Another user can go on with the session",
    expected: "A session's id with another user's token is refused.",
    rule: Some(Rule::SessionHijacking),
    next: "Bind the session to the user whose token opened it, and compare on every request.",
};
const END: Kind = Kind {
    id: "session.end",
    subject: "DELETE ends the session, or is refused with 405",
    fault: "DELETE neither ends the session nor is refused with 405",
    expected: "DELETE with the session's id is answered with 2xx, or with 405 where clients may not end it.",
    rule: Some(Rule::Sessions),
    next: "Answer DELETE with 200 or 204 and free the session, or with 405.",
};
const ENDED: Kind = Kind {
    id: "session.ended",
    subject: "An ended session is gone",
    fault: "An ended session still answers, or not with 404",
    expected: "After DELETE, the id is answered with 404.",
    rule: Some(Rule::Sessions),
    next: "Forget the session when DELETE is answered with success.",
};

pub(super) const KINDS: &[&Kind] = &[&LEGIBLE, &GUESS, &REQUIRED, &UNKNOWN, &TOKEN, &OWNER, &END, &ENDED];

pub(super) fn check(chart: &Chart) -> Vec<Finding> {
    let sessions = &chart.sessions;
    let Some(id) = &sessions.id else {
        let why = if !chart.is_let_in() {
            chart.why_not_let_in()
        } else if chart.eras.legacy.is_none() {
            "the server has no handshake"
        } else {
            "the server gives out no sessions"
        };
        return KINDS.iter().map(|kind| kind.na(why)).collect();
    };
    let served = sessions.inside.as_ref().is_some_and(|answer| answer.result().is_some());
    if !served || chart.lost_session().is_some() {
        // Where the session does not work at all, what happens without it says nothing.
        return KINDS.iter().map(|kind| kind.na("requests in the session do not reach it")).collect();
    }
    vec![
        legible(chart, id),
        guess(sessions, id),
        required(sessions),
        unknown(sessions),
        token(sessions),
        owner(sessions),
        end(sessions),
        ended(sessions),
    ]
}

fn legible(chart: &Chart, id: &HeaderValue) -> Finding {
    let fine = id.to_str().is_ok_and(is_session_id);
    LEGIBLE.error_unless(fine, format!("{} bytes", id.len())).seen(&chart.eras.initialize)
}

/// Never says the id: it may still be good when somebody reads the report.
fn guess(sessions: &Sessions, id: &HeaderValue) -> Finding {
    let second = sessions.second.as_ref();
    let other = second.and_then(|answer| answer.reply()?.headers.get("mcp-session-id"));
    let finding = if other == Some(id) {
        GUESS.error("two handshakes were given the same id")
    } else if id.len() < 16 {
        GUESS.warning(format!("it has {} characters", id.len()))
    } else if id.as_bytes().iter().all(u8::is_ascii_digit) {
        GUESS.warning("it is a number")
    } else {
        GUESS.ok(format!("it has {} characters, and a second one is different", id.len()))
    };
    finding.all_seen(second)
}

fn required(sessions: &Sessions) -> Finding {
    let Some(answer) = &sessions.without else { return REQUIRED.na("it was not tried") };
    // The rule is for servers that require one; whether they do is theirs to say.
    let finding = if answer.result().is_some() {
        REQUIRED.info(answer.describe())
    } else {
        REQUIRED.ok(answer.describe())
    };
    finding.seen(answer)
}

/// The specification demands 404 for sessions that have ended, and does not speak of ids that never were. A client that comes
/// back after a restart has one of either kind.
fn unknown(sessions: &Sessions) -> Finding {
    let Some(answer) = tried(sessions.unknown.as_ref()) else { return UNKNOWN.na("it was not tried") };
    let said = answer.describe();
    let finding = match answer.result() {
        Some(_) => UNKNOWN.error(said),
        None => UNKNOWN.warning_unless(answer.is(404), said),
    };
    finding.seen(answer)
}

fn tried(answer: Option<&Answer>) -> Option<&Answer> {
    answer.filter(|answer| answer.reply().is_some())
}

fn token(sessions: &Sessions) -> Finding {
    let Some(answer) = &sessions.without_token else { return TOKEN.na("no token was given") };
    TOKEN.error_unless(answer.result().is_none(), answer.describe()).seen(answer)
}

fn owner(sessions: &Sessions) -> Finding {
    let Some(answer) = &sessions.other_token else {
        return OWNER.na("it takes a second token: --second-token");
    };
    if answer.is(401) {
        return OWNER.na("the second token is not accepted").seen(answer);
    }
    OWNER.error_unless(answer.result().is_none(), answer.describe()).seen(answer)
}

fn end(sessions: &Sessions) -> Finding {
    let Some(answer) = &sessions.end else { return END.na("it was not tried") };
    END.warning_unless(answer.is_success() || answer.is(405), answer.describe()).seen(answer)
}

fn ended(sessions: &Sessions) -> Finding {
    let ended = sessions.end.as_ref().is_some_and(Answer::is_success);
    if !ended {
        return ENDED.na("the session was not ended");
    }
    let Some(answer) = tried(sessions.after_end.as_ref()) else { return ENDED.na("it was not tried") };
    ENDED.error_unless(answer.is(404), answer.describe()).seen(answer)
}
