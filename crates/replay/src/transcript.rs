//! The format of a transcript, as `docs/wire/README.md` explains it to those who read and drive the files.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The number of the shape below. It changes when something that was there is gone or means something else; what is
/// added does not change it.
pub const FORMAT: u32 = 1;

/// One flow in one revision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Transcript {
    /// [`FORMAT`].
    pub format: u32,
    /// The flow, which is the file's name.
    pub flow: String,
    /// The revision, which is the folder's name.
    pub revision: String,
    /// What happens, in a few words.
    pub title: String,
    /// What happens, in some sentences.
    pub about: String,
    /// Names that are filled in from outside, such as the server's address.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub given: IndexMap<String, Given>,
    /// The steps, in order.
    pub steps: Vec<Step>,
}

/// A name that is filled in from outside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Given {
    /// What stands for it.
    pub is: String,
    /// What stood for it when the transcript was recorded.
    pub example: Value,
}

/// One request and its answer, or the next part of an answer that goes on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Its name, unique in the transcript.
    pub name: String,
    /// What happens here and why.
    pub sentence: String,
    /// What has to be allowed before a program may do this to somebody's server. Nothing where it only reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needs: Option<Need>,
    /// The step applies only to servers that declared something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only_if: Option<OnlyIf>,
    /// The step and those after it apply only to servers that answer so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applies: Option<Applies>,
    /// What is sent; nothing where the step goes on reading the answer of an earlier one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Request>,
    /// The earlier step whose stream this one goes on reading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continues: Option<String>,
    /// The stream stays open for a later step. The text is the method of the message, or the kind of the event, after which the step
    /// is over; `response` is any response, and `head` waits for nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaves_open_after: Option<String>,
    /// The earlier step whose stream is left before this one is sent, as if the connection had broken. Where its server said when
    /// to come back (`retry`), that is waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaves: Option<String>,
    /// It is sent again, after the pause that the answer names (`pollIntervalMs`), until this holds or time is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Until>,
    /// What the recorded server answered.
    pub response: Response,
    /// What later steps use of the answer, by the name in braces that stands for it there.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub keep: IndexMap<String, Keep>,
    /// What the specification asks of any server here.
    pub must: Vec<Check>,
    /// What another server may answer otherwise, as JSON pointers into the answer.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub varies: IndexMap<String, Varies>,
}

/// What a step does beyond reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// It calls a tool, and tools have effects.
    Call,
    /// It is part of a login: it registers a client, or needs somebody at a browser.
    Login,
}

/// A condition on something that was kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OnlyIf {
    /// The name under which it was kept.
    pub kept: String,
    /// A JSON pointer that has to lead somewhere in it.
    pub has: String,
    /// What it means where it does not, as a sentence about the server.
    pub otherwise: String,
}

/// A condition on the answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Applies {
    /// A JSON pointer into the answer, as in [`Check`].
    pub at: String,
    /// What has to stand there.
    #[serde(flatten)]
    pub expect: Expect,
    /// What it means where something else does, as a sentence about the server.
    pub otherwise: String,
}

/// What an answer has to come to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Until {
    /// A JSON pointer into the answer, as in [`Check`].
    pub at: String,
    /// What has to stand there.
    #[serde(flatten)]
    pub expect: Expect,
}

/// What is sent. A text that is a name in braces (`{session}`) stands for the value under that name; inside a longer text,
/// for its text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// `GET`, `POST`, `DELETE`.
    pub method: String,
    /// `{server}` is the MCP endpoint.
    pub url: String,
    /// The header lines. One that stands for something which the server did not give is left out.
    pub headers: IndexMap<String, String>,
    /// A JSON body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// The fields of a form, in a body or, of a GET, in the query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<IndexMap<String, String>>,
    /// A body that is not JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// What came back.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Response {
    /// The HTTP status; nothing where the step goes on reading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The header lines that matter.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub headers: IndexMap<String, String>,
    /// A JSON body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// The events of a stream, as far as this step reads them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<Event>>,
    /// A body that is not JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// One server-sent event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The `event` field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// The `id` field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The `retry` field in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<u64>,
    /// The data: a JSON-RPC message, or an empty text.
    pub data: Value,
}

/// What is kept of an answer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Keep {
    /// Where it stands.
    pub from: String,
    /// `from` is an array; of it, the first item is meant in which this pointer leads nowhere or to something empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_without: Option<String>,
    /// The same, the first item in which this pointer leads somewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_with: Option<String>,
    /// Where it stands in that item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then: Option<String>,
    /// `from` is an object; the name of its first member is meant.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub first_name: bool,
    /// It is an address, and may be one that is relative to that of the request.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub address: bool,
    /// Servers need not give it. Headers and members of requests that would have its value are left out then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
    /// What it was when the transcript was recorded; nothing where it is a handle or a secret, which is different each
    /// time and means something only to its maker. In the recorded answer its name in braces stands for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub example: Option<Value>,
}

/// One thing that the specification asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// A JSON pointer into the answer: `/status`, `/headers/NAME`, `/body/…`, `/responses/ID/…`, `/events/METHOD/0/…`, `/stream/…`.
    /// `*` stands for each item of an array and each member of an object. `/body` is the JSON-RPC response also where it came as the
    /// last event of a stream.
    pub at: String,
    /// What has to stand there.
    #[serde(flatten)]
    pub expect: Expect,
    /// Only where it is there at all.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub if_present: bool,
    /// How strong the rule is.
    #[serde(default, skip_serializing_if = "Level::is_must")]
    pub level: Level,
    /// The rule in a sentence.
    pub says: String,
    /// Where the rule is written.
    pub rule: String,
}

/// How strong a rule is, in the words of RFC 2119.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// It has no exception.
    #[default]
    Must,
    /// There may be a reason not to follow it.
    Should,
}

impl Level {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
    fn is_must(&self) -> bool {
        *self == Level::Must
    }
}

/// What has to stand at a place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expect {
    /// This value.
    Is(Value),
    /// One of these values.
    OneOf(Vec<Value>),
    /// Not this value.
    IsNot(Value),
    /// A value of this type.
    Type(Kind),
    /// The value at this JSON pointer into the request as it was sent.
    SameAs(String),
    /// One of these media types, whatever their parameters.
    MediaType(Vec<String>),
    /// A challenge by one of these schemes, in any case
    /// ([RFC 9110 §11.6.1](https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1)); others may stand beside it.
    Challenge(Vec<String>),
    /// An array with this value in it.
    Contains(Value),
    /// A number from here on.
    AtLeast(i64),
    /// A number between these, both included.
    Within(i64, i64),
    /// Nothing, where `true`; something, where `false`.
    Absent(bool),
    /// Numbers that become larger from one item to the next.
    Increase(bool),
    /// Values that are all different.
    Distinct(bool),
    /// A text whose bytes have this digest, written `sha256:` and hexadecimal digits.
    Sha256(String),
    /// A text of visible ASCII characters only (0x21 to 0x7E).
    VisibleAscii(bool),
}

/// The types of JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An object.
    Object,
    /// An array.
    Array,
    /// A text.
    String,
    /// A number without a fraction.
    Integer,
    /// Any number.
    Number,
    /// A truth value.
    Boolean,
}

/// Why another server may answer otherwise at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Varies {
    /// It is what this server is about: names, texts, data.
    Content,
    /// A text for people, in the server's own words.
    Wording,
    /// A handle or a secret: different each time, and meaningful only to its maker.
    Opaque,
    /// The specification leaves the choice to the server.
    Choice,
}
