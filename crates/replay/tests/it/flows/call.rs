//! Calling a tool, reading a resource, getting a prompt.

use barewire_replay::{Expect, Kind, Step, Transcript, Varies};
use serde_json::json;

use super::lists;
use super::speech::Speech;
use super::steps::*;

pub(super) const FAILING: (&str, &str, &str) =
    ("failing_tool", "a tool that fails when it is called without arguments", "fail");

pub(super) fn flow(speech: &dyn Speech, about: &str) -> Transcript {
    let title = "Calling a tool, reading a resource, getting a prompt";
    with_given(transcript(speech.revision(), "call", title, about, steps(speech)), &[FAILING])
}

fn steps(speech: &dyn Speech) -> Vec<Step> {
    let repeats = speech.repeats_name();
    let mut steps = speech.opening();
    steps.push(lists::one(speech, "tools", 2));
    let sentence = format!("The client calls a tool by its name.{repeats}");
    steps.push(speech.content(speech.call("call", &sentence, 3, "{tool}")));
    let failing = speech.call(
        "call-that-fails",
        "A tool that ran and failed is no error of the protocol: its result says so, for the model to read.",
        4,
        "{failing_tool}",
    );
    steps.push(fails(speech, speech.content(failing)));
    steps.push(lists::one(speech, "resources", 5).keep("uri", "/body/result/resources/0/uri"));
    let sentence = format!("The client reads a resource by its address.{repeats}");
    let read =
        speech.cacheable(speech.ask("read", &sentence, 6, "resources/read", json!({ "uri": "{uri}" })));
    steps.push(contents(speech, read).only_if(
        "capabilities",
        "/resources",
        "the server declares no resources",
    ));
    let mut prompts = lists::one(speech, "prompts", 7);
    let first = lists::first_without("/body/result/prompts", "/arguments/0/required");
    prompts.keep.insert("prompt".to_owned(), first);
    steps.push(prompts);
    let get = speech.ask(
        "get",
        "The client gets a prompt, filled in with arguments.",
        8,
        "prompts/get",
        json!({ "name": "{prompt}", "arguments": {} }),
    );
    steps.push(messages(speech, speech.result(get)).only_if(
        "capabilities",
        "/prompts",
        "the server declares no prompts",
    ));
    steps
}

/// What holds for the result of a tool that failed.
pub(super) fn fails(speech: &dyn Speech, step: Step) -> Step {
    let says = "A tool that failed says so in its result.";
    step.must("/body/result/isError", is(true), says, &speech.rule("server/tools#error-handling"))
}

/// What holds for a resource that was read.
pub(super) fn contents(speech: &dyn Speech, step: Step) -> Step {
    let place = speech.rule("server/resources#reading-resources");
    step.must("/body/result/contents", a(Kind::Array), "What was read is a list of contents.", &place)
        .must(
            "/body/result/contents/*/uri",
            a(Kind::String),
            "Each of them says what it is the content of.",
            &place,
        )
        .varies("/body/result/contents", Varies::Content)
}

/// What holds for a prompt that was got.
pub(super) fn messages(speech: &dyn Speech, step: Step) -> Step {
    let place = speech.rule("server/prompts#getting-a-prompt");
    step.must("/body/result/messages", a(Kind::Array), "A prompt is a list of messages.", &place)
        .must(
            "/body/result/messages/*/role",
            Expect::OneOf(vec![json!("user"), json!("assistant")]),
            "Each message says who speaks.",
            &speech.rule("server/prompts#promptmessage"),
        )
        .varies("/body/result/messages", Varies::Content)
        .varies("/body/result/description", Varies::Content)
}
