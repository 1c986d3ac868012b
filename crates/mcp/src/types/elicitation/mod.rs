//! Elicitation: a server has the client ask its user
//! ([Elicitation](https://modelcontextprotocol.io/specification/2026-07-28/client/elicitation)).

mod schema;

use serde::de::{self, Deserializer};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::schema::{
    ArrayType, BooleanSchema, BooleanType, ChoiceSchema, ElicitSchema, MultiChoiceItems, MultiChoiceSchema,
    NumberSchema, NumberType, ObjectType, PrimitiveSchema, StringSchema, StringType, TitledValue,
};
use super::json::{Meta, Object};

/// What to ask.
#[derive(Debug, Clone, PartialEq)]
pub enum ElicitRequest {
    /// Show a form.
    Form(ElicitForm),
    /// Send the user to an address.
    Url(ElicitUrl),
}

/// A form of flat, primitive fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ElicitForm {
    /// Why the user is asked.
    pub message: String,
    /// The fields.
    pub requested_schema: ElicitSchema,
    /// Metadata.
    #[serde(rename = "_meta", default, skip_serializing_if = "Meta::is_empty")]
    pub meta: Meta,
}

/// An address where the user does something that the client must not see.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ElicitUrl {
    /// Why the user is sent there.
    pub message: String,
    /// Where to.
    pub url: String,
    /// What `notifications/elicitation/complete` refers to. Only in 2025-11-25, whose folder writes it.
    #[serde(default, skip_serializing)]
    pub elicitation_id: Option<String>,
    /// Metadata.
    #[serde(rename = "_meta", default, skip_serializing_if = "Meta::is_empty")]
    pub meta: Meta,
}

impl ElicitRequest {
    /// A form of these fields.
    pub fn form(message: impl Into<String>, requested_schema: ElicitSchema) -> Self {
        Self::Form(ElicitForm { message: message.into(), requested_schema, meta: Meta::new() })
    }

    /// An address to visit.
    pub fn url(message: impl Into<String>, url: impl Into<String>) -> Self {
        Self::Url(ElicitUrl { message: message.into(), url: url.into(), ..ElicitUrl::default() })
    }
}

impl Serialize for ElicitRequest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(tag = "mode", rename_all = "lowercase")]
        enum Wire<'a> {
            Form(&'a ElicitForm),
            Url(&'a ElicitUrl),
        }
        match self {
            Self::Form(form) => Wire::Form(form).serialize(serializer),
            Self::Url(url) => Wire::Url(url).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for ElicitRequest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let object = Object::deserialize(deserializer)?;
        // The first revision with elicitation had no `mode`: absent is a form.
        match object.get("mode") {
            None | Some(Value::Null) => serde_json::from_value(object.into()).map(Self::Form),
            Some(Value::String(mode)) if mode == "form" => {
                serde_json::from_value(object.into()).map(Self::Form)
            }
            Some(Value::String(mode)) if mode == "url" => {
                serde_json::from_value(object.into()).map(Self::Url)
            }
            Some(other) => return Err(de::Error::custom(format_args!("unknown elicitation mode {other}"))),
        }
        .map_err(de::Error::custom)
    }
}

/// What the user did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ElicitResult {
    /// Whether the user agreed.
    pub action: ElicitAction,
    /// The fields of an accepted form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Object>,
    /// Metadata.
    #[serde(rename = "_meta", default, skip_serializing_if = "Meta::is_empty")]
    pub meta: Meta,
}

/// Whether the user agreed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ElicitAction {
    /// Yes, and here are the fields.
    Accept,
    /// No.
    Decline,
    /// Neither: the user closed the question.
    Cancel,
}
