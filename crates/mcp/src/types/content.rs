//! What results, prompts and sampling messages are made of.

use serde::de::{self, Deserialize, Deserializer};
use serde::{Deserialize as DeriveDeserialize, Serialize};
use serde_json::Value;

use super::json::{Meta, Object, number};
use super::resources::{Resource, ResourceContents};

/// One block of content, told apart by its member `type`
/// ([ContentBlock](https://modelcontextprotocol.io/specification/2026-07-28/schema#contentblock)).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ContentBlock {
    /// Text.
    Text(TextContent),
    /// A picture.
    Image(MediaContent),
    /// A sound.
    Audio(MediaContent),
    /// A resource that can be read.
    ResourceLink(Resource),
    /// A resource, read already.
    Resource(EmbeddedResource),
    /// A tool that the model wants to be called. Only in sampling.
    ToolUse(ToolUse),
    /// What the tool answered. Only in sampling.
    ToolResult(ToolResult),
    /// A type that this build does not know. One block of a newer kind is no reason to lose the rest of a result.
    #[serde(untagged)]
    Other(Object),
}

impl ContentBlock {
    /// A block of text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(TextContent { text: text.into(), ..TextContent::default() })
    }

    /// A picture: base64 data and its media type.
    pub fn image(data: impl Into<String>, mime_type: impl Into<String>) -> Self {
        Self::Image(MediaContent {
            data: data.into(),
            mime_type: mime_type.into(),
            ..MediaContent::default()
        })
    }

    /// A sound: base64 data and its media type.
    pub fn audio(data: impl Into<String>, mime_type: impl Into<String>) -> Self {
        Self::Audio(MediaContent {
            data: data.into(),
            mime_type: mime_type.into(),
            ..MediaContent::default()
        })
    }

    /// A resource with its contents.
    pub fn resource(resource: ResourceContents) -> Self {
        Self::Resource(EmbeddedResource { resource, annotations: None, meta: Meta::new() })
    }

    /// The text, where it is a block of text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(&text.text),
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for ContentBlock {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let object = Object::deserialize(deserializer)?;
        let kind = match object.get("type") {
            Some(Value::String(kind)) => kind.clone(),
            Some(_) => {
                return Err(de::Error::custom("the member `type` of a content block has to be a string"));
            }
            None => return Err(de::Error::missing_field("type")),
        };
        let block = Value::Object(object);
        let decoded = match kind.as_str() {
            "text" => serde_json::from_value(block).map(Self::Text),
            "image" => serde_json::from_value(block).map(Self::Image),
            "audio" => serde_json::from_value(block).map(Self::Audio),
            "resource_link" => serde_json::from_value(block).map(Self::ResourceLink),
            "resource" => serde_json::from_value(block).map(Self::Resource),
            "tool_use" => serde_json::from_value(block).map(Self::ToolUse),
            "tool_result" => serde_json::from_value(block).map(Self::ToolResult),
            _ => serde_json::from_value(block).map(Self::Other),
        };
        decoded.map_err(|error| de::Error::custom(format_args!("content block of type `{kind}`: {error}")))
    }
}

/// Text.
#[derive(Debug, Clone, PartialEq, Default, Serialize, DeriveDeserialize)]
pub struct TextContent {
    /// The text.
    pub text: String,
    /// For whom it is, and how important.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<Annotations>,
    /// Metadata.
    #[serde(rename = "_meta", default, skip_serializing_if = "Meta::is_empty")]
    pub meta: Meta,
}

/// A picture or a sound.
#[derive(Debug, Clone, PartialEq, Default, Serialize, DeriveDeserialize)]
#[serde(rename_all = "camelCase")]
pub struct MediaContent {
    /// The bytes in base64.
    pub data: String,
    /// The media type.
    pub mime_type: String,
    /// For whom it is, and how important.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<Annotations>,
    /// Metadata.
    #[serde(rename = "_meta", default, skip_serializing_if = "Meta::is_empty")]
    pub meta: Meta,
}

/// A resource inside of a message.
#[derive(Debug, Clone, PartialEq, Serialize, DeriveDeserialize)]
pub struct EmbeddedResource {
    /// Its contents.
    pub resource: ResourceContents,
    /// For whom it is, and how important.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<Annotations>,
    /// Metadata.
    #[serde(rename = "_meta", default, skip_serializing_if = "Meta::is_empty")]
    pub meta: Meta,
}

/// A model's wish to call a tool.
#[derive(Debug, Clone, PartialEq, Serialize, DeriveDeserialize)]
pub struct ToolUse {
    /// What the result has to refer to.
    pub id: String,
    /// The tool.
    pub name: String,
    /// Its arguments.
    pub input: Object,
    /// Metadata.
    #[serde(rename = "_meta", default, skip_serializing_if = "Meta::is_empty")]
    pub meta: Meta,
}

/// The result of a tool that a model wished for.
#[derive(Debug, Clone, PartialEq, Serialize, DeriveDeserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolResult {
    /// The [`ToolUse::id`] that it answers.
    pub tool_use_id: String,
    /// What the tool returned.
    pub content: Vec<ContentBlock>,
    /// The same as data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub structured_content: Option<Value>,
    /// Whether the tool failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_error: Option<bool>,
    /// Metadata.
    #[serde(rename = "_meta", default, skip_serializing_if = "Meta::is_empty")]
    pub meta: Meta,
}

/// Hints on how to use a piece of content
/// ([Annotations](https://modelcontextprotocol.io/specification/2026-07-28/schema#annotations)).
#[derive(Debug, Clone, PartialEq, Default, Serialize, DeriveDeserialize)]
#[serde(rename_all = "camelCase")]
pub struct Annotations {
    /// For whom it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<Vec<Role>>,
    /// From 0 (may be left out) to 1 (effectively required).
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "number::option::serialize")]
    pub priority: Option<f64>,
    /// When it changed last, as an ISO 8601 date-time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
}

/// Who speaks, or for whom something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, DeriveDeserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The human.
    User,
    /// The model.
    Assistant,
}
