//! Skills: the extension `io.modelcontextprotocol/skills`.

use barewire_replay::{Expect, Kind, Step, Transcript, Varies};
use serde_json::json;

use super::call::contents;
use super::modern::Modern;
use super::speech::Speech;
use super::steps::*;

pub(super) fn flow() -> Transcript {
    let about = "A skill is a folder of instructions for a model, with a `SKILL.md` in it (the extension `io.modelcontextprotocol/skills`). \
                 The list says everything that a host has to know before it asks its user: what the skill is for, and which files it has, \
                 each with its size and digest. Files are read as resources are, and what is not as listed is not used.";
    let mut steps = Modern.opening();
    steps.extend(skills());
    transcript(Modern.revision(), "skills", "Skills", about, steps)
}

fn rule(section: &str) -> String {
    format!(
        "https://github.com/modelcontextprotocol/ext-skills/blob/main/specification/stable/skills.mdx#{section}"
    )
}

fn declared(step: Step) -> Step {
    let has = "/extensions/io.modelcontextprotocol~1skills";
    step.only_if("capabilities", has, "the server declares no skills")
}

/// What holds for a skill's entry, wherever it stands.
fn entry(step: Step, at: &str) -> Step {
    let entries = rule("skill-entries");
    step.must(&format!("{at}/uri"), a(Kind::String), "A skill has the address of its `SKILL.md`.", &entries)
        .must(
            &format!("{at}/frontmatter/name"),
            a(Kind::String),
            "The head of the `SKILL.md` has a name.",
            &rule("frontmatter"),
        )
        .must(
            &format!("{at}/frontmatter/description"),
            a(Kind::String),
            "The head of the `SKILL.md` says what it is for.",
            &rule("frontmatter"),
        )
        .must(
            &format!("{at}/resources"),
            Expect::Absent(false),
            "A skill says which files it has, or that they are made anew each time.",
            &rule("resources"),
        )
}

fn skills() -> Vec<Step> {
    let list = Modern.cacheable(Modern.ask(
        "skills",
        "The client asks which skills there are.",
        2,
        "skills/list",
        json!({}),
    ));
    let place = rule("listing-skills");
    let list = entry(
        list.must(
            "/body/result/skills",
            a(Kind::Array),
            "The result has the list, also where it is empty.",
            &place,
        ),
        "/body/result/skills/*",
    )
    .must(
        "/body/result/nextCursor",
        a(Kind::String),
        "Where there are more, the cursor to them is a text.",
        &place,
    )
    .if_present()
    .varies("/body/result/skills", Varies::Content)
    .keep("skill", "/body/result/skills/0/uri");
    let get = Modern.cacheable(Modern.ask(
        "skill",
        "The client asks for one of them by the address of its `SKILL.md`. It need not have been listed.",
        3,
        "skills/get",
        json!({ "uri": "{skill}" }),
    ));
    let get = entry(get, "/body/result/skill")
        .must(
            "/body/result/skill/uri",
            is("{skill}"),
            "The answer is about this skill.",
            &rule("getting-a-skill"),
        )
        .varies("/body/result/skill", Varies::Content)
        .keep("file", "/body/result/skill/resources/0/uri")
        .keep("digest", "/body/result/skill/resources/0/digest");
    let read = Modern.cacheable(Modern.ask(
        "file",
        "The client reads a file of the skill and looks whether it is the one that was listed. If it is not, it must not use it.",
        4,
        "resources/read",
        json!({ "uri": "{file}" }),
    ));
    let read = contents(&Modern, read)
        .must(
            "/body/result/contents/0/text",
            Expect::Sha256("{digest}".to_owned()),
            "A file has the digest that the skill's entry says.",
            &rule("integrity-and-verification"),
        )
        .if_present();
    let unknown = Modern.refused(
        Modern.ask(
            "unknown-skill",
            "There is no such skill.",
            5,
            "skills/get",
            json!({ "uri": "skill://no-such-skill/SKILL.md" }),
        ),
        200,
        -32602,
        "A skill that is not there is answered with -32602.",
        &rule("getting-a-skill"),
    );
    let unknown = unknown.without(&["/status"]).varies("/status", Varies::Choice);
    vec![declared(list), declared(get), declared(read), declared(unknown)]
}
