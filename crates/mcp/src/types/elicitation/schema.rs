//! The schema of a form: flat, and of primitives only
//! ([Requested schema](https://modelcontextprotocol.io/specification/2026-07-28/client/elicitation#requested-schema)).

use indexmap::IndexMap;
use serde::de::{self, Deserializer};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::types::json::{Object, number};

/// The fields of a form: an object of primitives, and nothing deeper.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ElicitSchema {
    /// The dialect, where it is not the default one.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Always `object`.
    #[serde(rename = "type")]
    pub kind: ObjectType,
    /// The fields, in the order to show them.
    pub properties: IndexMap<String, PrimitiveSchema>,
    /// Those that have to be filled in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub required: Vec<String>,
}

/// The word `object`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ObjectType {
    /// The only type that a form has.
    #[default]
    #[serde(rename = "object")]
    Object,
}

impl ElicitSchema {
    /// No fields yet.
    pub fn new() -> Self {
        Self { schema: None, kind: ObjectType::Object, properties: IndexMap::new(), required: Vec::new() }
    }

    /// Adds a field that has to be filled in.
    #[must_use]
    pub fn required(mut self, name: impl Into<String>, field: impl Into<PrimitiveSchema>) -> Self {
        let name = name.into();
        self.required.push(name.clone());
        self.properties.insert(name, field.into());
        self
    }

    /// Adds a field that may stay empty.
    #[must_use]
    pub fn optional(mut self, name: impl Into<String>, field: impl Into<PrimitiveSchema>) -> Self {
        self.properties.insert(name.into(), field.into());
        self
    }

    /// What the user gets when every field is left as it is: the defaults.
    pub fn defaults(&self) -> Object {
        let default =
            |(name, field): (&String, &PrimitiveSchema)| Some((name.clone(), field.default_value()?));
        self.properties.iter().filter_map(default).collect()
    }
}

impl Default for ElicitSchema {
    fn default() -> Self {
        Self::new()
    }
}

/// One field
/// ([PrimitiveSchemaDefinition](https://modelcontextprotocol.io/specification/2026-07-28/schema#primitiveschemadefinition)).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum PrimitiveSchema {
    /// Text.
    String(StringSchema),
    /// A number, perhaps a whole one.
    Number(NumberSchema),
    /// Yes or no.
    Boolean(BooleanSchema),
    /// One of several texts.
    Choice(ChoiceSchema),
    /// Some of several texts.
    MultiChoice(MultiChoiceSchema),
}

impl PrimitiveSchema {
    /// What the field holds before the user touches it.
    pub fn default_value(&self) -> Option<Value> {
        match self {
            Self::String(field) => field.default.clone().map(Value::from),
            Self::Number(field) => field.default.clone().map(Value::from),
            Self::Boolean(field) => field.default.map(Value::from),
            Self::Choice(field) => field.default.clone().map(Value::from),
            Self::MultiChoice(field) => field.default.clone().map(Value::from),
        }
    }
}

impl<'de> Deserialize<'de> for PrimitiveSchema {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let object = Object::deserialize(deserializer)?;
        let is_choice = object.contains_key("enum") || object.contains_key("oneOf");
        let kind = object.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
        let field = Value::Object(object);
        match kind.as_str() {
            "string" if is_choice => serde_json::from_value(field).map(Self::Choice),
            "string" => serde_json::from_value(field).map(Self::String),
            "number" | "integer" => serde_json::from_value(field).map(Self::Number),
            "boolean" => serde_json::from_value(field).map(Self::Boolean),
            "array" => serde_json::from_value(field).map(Self::MultiChoice),
            _ => return Err(de::Error::custom(format_args!("a form has no field of type `{kind}`"))),
        }
        .map_err(de::Error::custom)
    }
}

macro_rules! one_word {
    ($(#[$doc:meta])* $name:ident, $($variant:ident = $word:literal),+) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
        pub enum $name {
            $(#[doc = concat!("`", $word, "`.")] #[default] #[serde(rename = $word)] $variant),+
        }
    };
}

one_word!(/** The type of a text. */ StringType, String = "string");
one_word!(/** The type of a yes or no. */ BooleanType, Boolean = "boolean");
one_word!(/** The type of several values. */ ArrayType, Array = "array");

/// The type of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NumberType {
    /// Any number.
    #[default]
    Number,
    /// A whole number.
    Integer,
}

/// A text.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StringSchema {
    /// Always `string`.
    #[serde(rename = "type")]
    pub kind: StringType,
    /// The label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What to fill in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// At least this many characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_length: Option<u64>,
    /// At most this many characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_length: Option<u64>,
    /// `email`, `uri`, `date` or `date-time`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// What is filled in already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
}

/// A number.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NumberSchema {
    /// `number` or `integer`.
    #[serde(rename = "type")]
    pub kind: NumberType,
    /// The label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What to fill in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// At least this.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "number::option::serialize")]
    pub minimum: Option<f64>,
    /// At most this.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "number::option::serialize")]
    pub maximum: Option<f64>,
    /// What is filled in already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<serde_json::Number>,
}

/// Yes or no.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BooleanSchema {
    /// Always `boolean`.
    #[serde(rename = "type")]
    pub kind: BooleanType,
    /// The label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What it means.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What is set already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<bool>,
}

/// One of several texts: `enum` without titles, `oneOf` with them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChoiceSchema {
    /// Always `string`.
    #[serde(rename = "type")]
    pub kind: StringType,
    /// The label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What to choose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The texts.
    #[serde(rename = "enum", default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// Their titles, in the form that 2025-06-18 had.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub enum_names: Vec<String>,
    /// The texts with titles.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub one_of: Vec<TitledValue>,
    /// What is chosen already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
}

/// Some of several texts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MultiChoiceSchema {
    /// Always `array`.
    #[serde(rename = "type")]
    pub kind: ArrayType,
    /// The label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What to choose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// At least this many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_items: Option<u64>,
    /// At most this many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_items: Option<u64>,
    /// The texts.
    pub items: MultiChoiceItems,
    /// What is chosen already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Vec<String>>,
}

/// The texts of a [`MultiChoiceSchema`]: `enum` without titles, `anyOf` with them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MultiChoiceItems {
    /// `string` beside `enum`, nothing beside `anyOf`.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<StringType>,
    /// The texts.
    #[serde(rename = "enum", default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// The texts with titles.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub any_of: Vec<TitledValue>,
}

/// A text and what to show for it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TitledValue {
    /// The text.
    #[serde(rename = "const")]
    pub value: String,
    /// What to show.
    pub title: String,
}

impl From<StringSchema> for PrimitiveSchema {
    fn from(field: StringSchema) -> Self {
        Self::String(field)
    }
}

impl From<NumberSchema> for PrimitiveSchema {
    fn from(field: NumberSchema) -> Self {
        Self::Number(field)
    }
}

impl From<BooleanSchema> for PrimitiveSchema {
    fn from(field: BooleanSchema) -> Self {
        Self::Boolean(field)
    }
}

impl From<ChoiceSchema> for PrimitiveSchema {
    fn from(field: ChoiceSchema) -> Self {
        Self::Choice(field)
    }
}

impl From<MultiChoiceSchema> for PrimitiveSchema {
    fn from(field: MultiChoiceSchema) -> Self {
        Self::MultiChoice(field)
    }
}
