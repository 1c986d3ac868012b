//! What a server asks of a client while a request runs, and what came back.
//!
//! In the handshake era each of these is a request of its own on the stream. From 2026-07-28 on they are part of a
//! result, and the client sends its request again with the answers
//! ([Multi Round-Trip Requests](https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/mrtr)).

use indexmap::IndexMap;
use serde::de::{self, Deserializer};
use serde::ser::{SerializeStruct, Serializer};
use serde::{Deserialize, Serialize};

use super::capabilities::{ClientCapabilities, ElicitationCapability, RootsCapability, SamplingCapability};
use super::elicitation::ElicitRequest;
use super::json::{Meta, Object, RawJson};
use super::sampling::CreateMessageRequest;

/// One thing that a server asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum InputRequest {
    /// Ask the user.
    Elicit(ElicitRequest),
    /// Call a model.
    Sample(Box<CreateMessageRequest>),
    /// List the roots.
    Roots(RootsRequest),
}

/// Asks for the roots. There is nothing to say.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct RootsRequest {
    /// Metadata.
    #[serde(rename = "_meta", default, skip_serializing_if = "Meta::is_empty")]
    pub meta: Meta,
}

impl InputRequest {
    /// Its method, the same in every revision.
    pub const fn method(&self) -> &'static str {
        match self {
            Self::Elicit(_) => "elicitation/create",
            Self::Sample(_) => "sampling/createMessage",
            Self::Roots(_) => "roots/list",
        }
    }

    /// What the client has to have declared before it may be asked this.
    pub fn required_capabilities(&self) -> ClientCapabilities {
        let mut required = ClientCapabilities::default();
        match self {
            Self::Elicit(ElicitRequest::Form(_)) => {
                required.elicitation = Some(ElicitationCapability::default());
            }
            Self::Elicit(ElicitRequest::Url(_)) => {
                required.elicitation = Some(ElicitationCapability { form: None, url: Some(Object::new()) });
            }
            Self::Sample(request) => {
                let tools = (!request.tools.is_empty() || request.tool_choice.is_some()).then(Object::new);
                required.sampling = Some(SamplingCapability { context: None, tools });
            }
            Self::Roots(_) => required.roots = Some(RootsCapability::default()),
        }
        required
    }
}

impl Serialize for InputRequest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("InputRequest", 2)?;
        object.serialize_field("method", self.method())?;
        match self {
            Self::Elicit(params) => object.serialize_field("params", params)?,
            Self::Sample(params) => object.serialize_field("params", params)?,
            Self::Roots(params) if params.meta.is_empty() => object.skip_field("params")?,
            Self::Roots(params) => object.serialize_field("params", params)?,
        }
        object.end()
    }
}

impl<'de> Deserialize<'de> for InputRequest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Wire {
            method: String,
            params: Option<RawJson>,
        }
        let Wire { method, params } = Wire::deserialize(deserializer)?;
        let params = params.unwrap_or_else(RawJson::empty_object);
        match method.as_str() {
            "elicitation/create" => params.decode().map(Self::Elicit),
            "sampling/createMessage" => params.decode().map(Self::Sample),
            "roots/list" => params.decode().map(Self::Roots),
            _ => return Err(de::Error::custom(format_args!("a server cannot ask for `{method}`"))),
        }
        .map_err(de::Error::custom)
    }
}

/// Everything that an unfinished request asks for, by keys that the server chose.
pub type InputRequests = IndexMap<String, InputRequest>;

/// An unfinished request: what is needed, and what the server wants back with it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct InputRequired {
    /// What is needed. May be empty where there is a state: then the client just sends the request again.
    pub requests: InputRequests,
    /// Opaque to the client, sealed by the server.
    pub state: Option<String>,
}

/// What a repeated request brings along. Hostile: the answers are whatever the client sends, and the state may be
/// forged, old or somebody else's.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct InputAnswers {
    /// By the keys of [`InputRequired::requests`]; raw, because the key says what type it has.
    pub responses: IndexMap<String, RawJson>,
    /// The state, as it was given out.
    pub state: Option<String>,
}

impl InputAnswers {
    /// Whether this is a first attempt.
    pub fn is_empty(&self) -> bool {
        self.responses.is_empty() && self.state.is_none()
    }
}
