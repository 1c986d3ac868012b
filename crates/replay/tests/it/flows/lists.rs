//! Reading the lists.

use barewire_replay::{Keep, Kind, Step, Transcript, Varies};
use serde_json::json;

use super::speech::Speech;
use super::steps::*;

struct Listed {
    name: &'static str,
    method: &'static str,
    member: &'static str,
    capability: &'static str,
    sentence: &'static str,
    place: &'static str,
    required: &'static [&'static str],
}

const LISTS: [Listed; 4] = [
    Listed {
        name: "tools",
        method: "tools/list",
        member: "tools",
        capability: "/tools",
        sentence: "The client asks for the tools: their names, what they are for, and the schema of their arguments.",
        place: "server/tools#tool",
        required: &["name"],
    },
    Listed {
        name: "resources",
        method: "resources/list",
        member: "resources",
        capability: "/resources",
        sentence: "The client asks for the resources that have a fixed address.",
        place: "server/resources#resource",
        required: &["uri", "name"],
    },
    Listed {
        name: "resource-templates",
        method: "resources/templates/list",
        member: "resourceTemplates",
        capability: "/resources",
        sentence: "The client asks for the templates of addresses that resources can have.",
        place: "server/resources#resource-templates",
        required: &["uriTemplate", "name"],
    },
    Listed {
        name: "prompts",
        method: "prompts/list",
        member: "prompts",
        capability: "/prompts",
        sentence: "The client asks for the prompts and their arguments.",
        place: "server/prompts#prompt",
        required: &["name"],
    },
];

pub(super) fn flow(speech: &dyn Speech, about: &str) -> Transcript {
    let mut steps = speech.opening();
    steps.extend(LISTS.iter().zip(2..).map(|(list, id)| listing(speech, list, id)));
    transcript(speech.revision(), "list", "Reading the lists", about, steps)
}

/// The step that reads the list of this name.
pub(super) fn one(speech: &dyn Speech, name: &str, id: i64) -> Step {
    listing(speech, LISTS.iter().find(|list| list.name == name).unwrap(), id)
}

fn listing(speech: &dyn Speech, list: &Listed, id: i64) -> Step {
    let otherwise = format!("the server declares no {}", &list.capability[1..]);
    let step = speech.cacheable(speech.ask(list.name, list.sentence, id, list.method, json!({})));
    listed(speech, list, step).only_if("capabilities", list.capability, &otherwise)
}

/// What holds for a list, wherever it came.
fn listed(speech: &dyn Speech, list: &Listed, step: Step) -> Step {
    let items = format!("/body/result/{}", list.member);
    let rule = speech.rule(list.place);
    let mut step =
        step.must(&items, a(Kind::Array), "The result has the list, also where it is empty.", &rule);
    for member in list.required {
        let says = format!("Each of them has a {member}.");
        step = step.must(&format!("{items}/*/{member}"), a(Kind::String), &says, &rule);
    }
    if list.name == "tools" {
        step = step.must(
            "/body/result/tools/*/inputSchema/type",
            is("object"),
            "The arguments of a tool are an object, and its schema says so.",
            &rule,
        );
        step.keep.insert("tool".to_owned(), first_without(&items, "/inputSchema/required"));
    }
    step.must(
        "/body/result/nextCursor",
        a(Kind::String),
        "Where there are more, the cursor to them is a text.",
        &speech.rule("server/utilities/pagination#response-format"),
    )
    .if_present()
    .varies(&items, Varies::Content)
}

/// The name of the first item that needs nothing at this place.
pub(super) fn first_without(items: &str, needs: &str) -> Keep {
    Keep {
        from: items.to_owned(),
        first_without: Some(needs.to_owned()),
        then: Some("/name".to_owned()),
        ..Keep::default()
    }
}

/// The same list on the stream of 2024-11-05, where question and answer are two steps.
pub(super) fn on_the_stream(
    speech: &dyn Speech,
    name: &str,
    id: i64,
    exchange: impl Fn(&str, &str, i64, &str) -> (Step, Step),
) -> [Step; 2] {
    let list = LISTS.iter().find(|list| list.name == name).unwrap();
    let otherwise = format!("the server declares no {}", &list.capability[1..]);
    let (asked, answer) = exchange(list.name, list.sentence, id, list.method);
    [asked, listed(speech, list, answer)]
        .map(|step| step.only_if("capabilities", list.capability, &otherwise))
}
