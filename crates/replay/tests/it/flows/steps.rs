//! What steps are made of, whatever they are about.

use barewire_replay::{
    Applies, Check, Expect, FORMAT, Given, Keep, Kind, Level, Need, OnlyIf, Request, Response, Step,
    Transcript, Until, Varies,
};
use serde_json::{Value, json};

pub(super) const JSON_OR_STREAM: [&str; 2] = ["application/json", "text/event-stream"];

/// A page of the specification of MCP.
pub(super) fn mcp(revision: &str, place: &str) -> String {
    format!("https://modelcontextprotocol.io/specification/{revision}/{place}")
}

/// A section of a document of the IETF.
pub(super) fn rfc(number: u32, section: &str) -> String {
    format!("https://www.rfc-editor.org/rfc/rfc{number}#section-{section}")
}

pub(super) const JSON_RPC_RESPONSE: &str = "https://www.jsonrpc.org/specification#response_object";
pub(super) const JSON_RPC_ERROR: &str = "https://www.jsonrpc.org/specification#error_object";

pub(super) fn transcript(
    revision: &str,
    flow: &str,
    title: &str,
    about: &str,
    steps: Vec<Step>,
) -> Transcript {
    Transcript {
        format: FORMAT,
        flow: flow.to_owned(),
        revision: revision.to_owned(),
        title: title.to_owned(),
        about: about.to_owned(),
        given: [("server".to_owned(), given("the MCP endpoint", "http://localhost:8000/mcp"))]
            .into_iter()
            .collect(),
        steps,
    }
}

pub(super) fn given(is: &str, example: &str) -> Given {
    Given { is: is.to_owned(), example: json!(example) }
}

/// Names that somebody has to give: each with what it is, and an example.
pub(super) fn with_given(mut transcript: Transcript, names: &[(&str, &str, &str)]) -> Transcript {
    for (name, what, example) in names {
        transcript.given.insert((*name).to_owned(), given(what, example));
    }
    transcript
}

/// What steps are made of. Each takes the step and gives it back, so that one reads like a sentence.
pub(super) trait Steps: Sized {
    fn must(self, at: &str, expect: Expect, says: &str, rule: &str) -> Self;
    fn should(self, at: &str, expect: Expect, says: &str, rule: &str) -> Self;
    /// The rule that was said last holds only where something stands there.
    fn if_present(self) -> Self;
    fn varies(self, at: &str, varies: Varies) -> Self;
    fn keep(self, name: &str, from: &str) -> Self;
    fn keep_optional(self, name: &str, from: &str) -> Self;
    /// What is different each time.
    fn keep_opaque(self, name: &str, from: &str) -> Self;
    fn header(self, name: &str, value: &str) -> Self;
    fn without_header(self, name: &str) -> Self;
    fn only_if(self, kept: &str, has: &str, otherwise: &str) -> Self;
    fn applies(self, at: &str, expect: Expect, otherwise: &str) -> Self;
    fn calls(self) -> Self;
    fn logs_in(self) -> Self;
    fn open_after(self, method: &str) -> Self;
    /// It is asked again until this holds.
    fn until(self, at: &str, expect: Expect) -> Self;
    /// The stream that this step opened is left first.
    fn leaves(self, opened: &str) -> Self;
    /// Without what was said about these places.
    fn without(self, at: &[&str]) -> Self;
    /// The JSON that is sent.
    fn body(&mut self) -> &mut Value;
}

impl Steps for Step {
    fn must(mut self, at: &str, expect: Expect, says: &str, rule: &str) -> Self {
        // What a flow says about a place replaces what is said about it in general.
        self.must.retain(|check| check.at != at);
        self.must.push(check(at, expect, Level::Must, says, rule));
        self
    }

    fn should(mut self, at: &str, expect: Expect, says: &str, rule: &str) -> Self {
        self.must.retain(|check| check.at != at);
        self.must.push(check(at, expect, Level::Should, says, rule));
        self
    }

    fn if_present(mut self) -> Self {
        self.must.last_mut().unwrap().if_present = true;
        self
    }

    fn varies(mut self, at: &str, varies: Varies) -> Self {
        self.varies.insert(at.to_owned(), varies);
        self
    }

    fn keep(mut self, name: &str, from: &str) -> Self {
        self.keep.insert(name.to_owned(), Keep { from: from.to_owned(), ..Keep::default() });
        self
    }

    fn keep_optional(mut self, name: &str, from: &str) -> Self {
        let keep = Keep { from: from.to_owned(), optional: true, ..Keep::default() };
        self.keep.insert(name.to_owned(), keep);
        self
    }

    fn keep_opaque(self, name: &str, from: &str) -> Self {
        self.keep(name, from).varies(from, Varies::Opaque)
    }

    fn header(mut self, name: &str, value: &str) -> Self {
        self.request.as_mut().unwrap().headers.insert(name.to_owned(), value.to_owned());
        self
    }

    fn without_header(mut self, name: &str) -> Self {
        self.request.as_mut().unwrap().headers.shift_remove(name);
        self
    }

    fn only_if(mut self, kept: &str, has: &str, otherwise: &str) -> Self {
        let (kept, has, otherwise) = (kept.to_owned(), has.to_owned(), otherwise.to_owned());
        self.only_if = Some(OnlyIf { kept, has, otherwise });
        self
    }

    fn applies(mut self, at: &str, expect: Expect, otherwise: &str) -> Self {
        self.applies = Some(Applies { at: at.to_owned(), expect, otherwise: otherwise.to_owned() });
        self
    }

    fn calls(mut self) -> Self {
        self.needs = Some(Need::Call);
        self
    }

    fn logs_in(mut self) -> Self {
        self.needs = Some(Need::Login);
        self
    }

    fn open_after(mut self, method: &str) -> Self {
        self.leaves_open_after = Some(method.to_owned());
        self
    }

    fn until(mut self, at: &str, expect: Expect) -> Self {
        self.until = Some(Until { at: at.to_owned(), expect });
        self
    }

    fn leaves(mut self, opened: &str) -> Self {
        self.leaves = Some(opened.to_owned());
        self
    }

    fn without(mut self, at: &[&str]) -> Self {
        self.must.retain(|check| !at.contains(&check.at.as_str()));
        self
    }

    fn body(&mut self) -> &mut Value {
        self.request.as_mut().unwrap().body.as_mut().unwrap()
    }
}

fn check(at: &str, expect: Expect, level: Level, says: &str, rule: &str) -> Check {
    let (at, says, rule) = (at.to_owned(), says.to_owned(), rule.to_owned());
    Check { at, expect, if_present: false, level, says, rule }
}

/// A step that sends something.
pub(super) fn step(name: &str, sentence: &str, request: Request) -> Step {
    Step { request: Some(request), ..blank(name, sentence) }
}

/// A step that goes on reading the stream of another.
pub(super) fn reading(name: &str, sentence: &str, opened: &str) -> Step {
    Step { continues: Some(opened.to_owned()), ..blank(name, sentence) }
}

fn blank(name: &str, sentence: &str) -> Step {
    Step {
        name: name.to_owned(),
        sentence: sentence.to_owned(),
        needs: None,
        only_if: None,
        applies: None,
        request: None,
        continues: None,
        leaves_open_after: None,
        leaves: None,
        until: None,
        response: Response::default(),
        keep: Default::default(),
        must: Vec::new(),
        varies: Default::default(),
    }
}

pub(super) fn request(method: &str, url: &str, headers: &[(&str, &str)]) -> Request {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Request { method: method.to_owned(), url: url.to_owned(), headers, body: None, form: None, text: None }
}

pub(super) fn is(value: impl Into<Value>) -> Expect {
    Expect::Is(value.into())
}

pub(super) fn a(kind: Kind) -> Expect {
    Expect::Type(kind)
}

pub(super) fn same_as(pointer: &str) -> Expect {
    Expect::SameAs(pointer.to_owned())
}

pub(super) fn media_type(types: &[&str]) -> Expect {
    Expect::MediaType(types.iter().map(|name| (*name).to_owned()).collect())
}
