//! A call that reports its progress.

use barewire_replay::Transcript;
use serde_json::json;

use super::modern::http;
use super::speech::Speech;
use super::steps::*;

pub(super) const COUNTING: (&str, &str, &str) =
    ("counting_tool", "a tool that reports progress and takes no arguments", "count");

pub(super) fn flow(speech: &dyn Speech) -> Transcript {
    let mut steps = speech.greeting(json!({}));
    let call = speech.call(
        "call",
        "The client calls a tool and says with a progress token that it wants to hear how far it is.",
        2,
        "{counting_tool}",
    );
    let mut call = speech.reports(speech.content(call));
    if speech.revision() == "2026-07-28" {
        let says = "The stream asks proxies not to hold it back.";
        call = call.should("/headers/x-accel-buffering", is("no"), says, &http("receiving-messages"));
    }
    steps.push(call);
    let about = "A server may answer any request with an event stream instead of one JSON object: messages about the request come \
                 first, the response comes last and ends it. A client has to be able to read both.";
    with_given(
        transcript(speech.revision(), "stream", "A call that reports its progress", about, steps),
        &[COUNTING],
    )
}
