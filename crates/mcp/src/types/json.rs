//! JSON that is passed through.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use bytestring::ByteString;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

/// The `_meta` of anything
/// ([`_meta`](https://modelcontextprotocol.io/specification/2026-07-28/basic/index#meta)).
pub type Meta = serde_json::Map<String, serde_json::Value>;

/// A JSON object whose members mean nothing to the protocol.
pub type Object = serde_json::Map<String, serde_json::Value>;

/// Valid JSON text that nobody here looks into: a schema, the arguments of a tool, structured content.
/// Cheap to clone, and written to the wire exactly as it was read.
#[derive(Clone)]
pub struct RawJson(Text);

#[derive(Clone)]
enum Text {
    Own(Arc<RawValue>),
    /// Of the body that it came in, which lives as long: arguments of a megabyte are not copied.
    Part(ByteString),
}

impl RawJson {
    /// Takes any text that is valid JSON.
    ///
    /// # Errors
    /// The text is not JSON.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str::<Box<RawValue>>(text).map(Self::from)
    }

    /// Serialises a value.
    ///
    /// # Errors
    /// Only where the value's own `Serialize` refuses.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Result<Self, serde_json::Error> {
        serde_json::value::to_raw_value(value).map(Self::from)
    }

    /// The empty object.
    pub fn empty_object() -> Self {
        Self::parse("{}").expect("{} is JSON")
    }

    /// A value that was read in `whole`, of which it stays a part.
    pub(crate) fn part_of(whole: &ByteString, value: &RawValue) -> Self {
        Self(Text::Part(whole.slice_ref(value.get())))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Text::Own(raw) => raw.get(),
            Text::Part(text) => text,
        }
    }

    /// Whether the text is a JSON object.
    pub fn is_object(&self) -> bool {
        self.as_str().starts_with('{')
    }

    /// Reads it into a type.
    ///
    /// # Errors
    /// The text is another shape than the type.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.as_str())
    }

    /// The raw value, for `serde_json`.
    pub fn as_raw(&self) -> &RawValue {
        match &self.0 {
            Text::Own(raw) => raw,
            // Another look at all of it, which only those pay who pass on what came.
            Text::Part(text) => serde_json::from_str(text).expect("it was read as JSON before"),
        }
    }
}

impl From<Box<RawValue>> for RawJson {
    fn from(raw: Box<RawValue>) -> Self {
        Self(Text::Own(raw.into()))
    }
}

impl From<&RawValue> for RawJson {
    fn from(raw: &RawValue) -> Self {
        raw.to_owned().into()
    }
}

impl Serialize for RawJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_raw().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for RawJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<RawValue>::deserialize(deserializer).map(Self::from)
    }
}

impl From<serde_json::Value> for RawJson {
    fn from(value: serde_json::Value) -> Self {
        Self::of(&value).expect("a serde_json::Value always serialises")
    }
}

impl fmt::Debug for RawJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Equal as JSON: white space and the order of members do not count.
impl PartialEq for RawJson {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
            || match (self.decode::<serde_json::Value>(), other.decode::<serde_json::Value>()) {
                (Ok(one), Ok(two)) => one == two,
                _ => false,
            }
    }
}

/// How `serde_json` names members that are no members: with the feature `raw_value`, [`serde_json::Value`] reads
/// `{"$serde_json::private::RawValue":"[1]"}` as `[1]`.
const RESERVED: &str = "$serde_json::private::";

/// Whether a member of these JSON values, at any depth, has a name that [`serde_json::Value`] takes for something else.
///
/// Two readers of such a text see two different values, and one that is written so inside of another escapes the limit
/// of depth: a few KiB are enough to run out of stack, which ends the process. Nobody means such a name, so whatever
/// comes from a peer is refused with it. What is not JSON is not judged.
#[must_use]
pub fn has_reserved_name(text: &str) -> bool {
    // The `$` can be written in two ways, and most texts have neither.
    (text.contains('$') || text.contains("\\u0024")) && any_reserved_name(text)
}

#[cold]
fn any_reserved_name(mut text: &str) -> bool {
    // Each letter written as an escape.
    const LONGEST: usize = 6 * "$serde_json::private::RawValue".len() + 2;
    while let Some(start) = text.find('"') {
        let string = &text[start..];
        let mut escaped = false;
        let end = string.bytes().skip(1).position(|byte| {
            let ends = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            ends
        });
        let Some(end) = end else { return false };
        let (string, rest) = string.split_at(end + 2);
        if (RESERVED.len()..=LONGEST).contains(&string.len())
            && rest.trim_ascii_start().starts_with(':')
            && serde_json::from_str::<String>(string).is_ok_and(|name| name.starts_with(RESERVED))
        {
            return true;
        }
        text = rest;
    }
    false
}

/// Reads a JSON object into a struct. What `serde` derives takes an array too, member by member, and the protocol knows
/// no such form.
pub(crate) fn object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    struct OnlyObject<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for OnlyObject<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
            T::deserialize(MapAccessDeserializer::new(map))
        }
    }

    deserializer.deserialize_map(OnlyObject(PhantomData))
}

/// [`object`], where null stands for nothing.
pub(crate) fn optional_object<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    #[derive(Deserialize)]
    #[serde(bound = "T: Deserialize<'de>")]
    struct Inner<T>(#[serde(deserialize_with = "object")] T);

    Ok(Option::<Inner<T>>::deserialize(deserializer)?.map(|Inner(value)| value))
}

/// Writes a whole number without `.0`, as every other implementation does.
pub(crate) mod number {
    use serde::ser::Serializer;

    /// Above this an `f64` no longer holds every integer.
    const EXACT: f64 = 9_007_199_254_740_992.0;

    pub(crate) fn serialize<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        if number.fract() == 0.0 && number.abs() < EXACT {
            serializer.serialize_i64(*number as i64)
        } else {
            serializer.serialize_f64(*number)
        }
    }

    pub(crate) mod option {
        use serde::ser::Serializer;

        pub(crate) fn serialize<S: Serializer>(
            number: &Option<f64>,
            serializer: S,
        ) -> Result<S::Ok, S::Error> {
            match number {
                Some(number) => super::serialize(number, serializer),
                None => serializer.serialize_none(),
            }
        }
    }
}

pub(crate) fn is_false(value: &bool) -> bool {
    !value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_body_is_not_copied_and_is_like_any_other() {
        let body = ByteString::from_static(r#"{"a": [1, {"b":"ä"}] }"#);
        let whole: std::collections::BTreeMap<&str, &RawValue> = serde_json::from_str(&body).unwrap();
        let part = RawJson::part_of(&body, whole["a"]);
        assert_eq!(part.as_str().as_ptr(), whole["a"].get().as_ptr());
        assert_eq!(part.as_raw().get(), r#"[1, {"b":"ä"}]"#);
        assert_eq!(serde_json::to_string(&part).unwrap(), r#"[1, {"b":"ä"}]"#);
        assert_eq!(part, RawJson::parse(r#"[1,{"b":"ä"}]"#).unwrap());
        assert!(!part.is_object());
    }

    #[test]
    fn names_that_serde_json_keeps_for_itself() {
        let check = |text: &str, expected| assert_eq!(has_reserved_name(text), expected, "{text}");
        check(r#"{"$serde_json::private::RawValue":"[1]"}"#, true);
        check(r#"[{"a":{"b" : 1, "$serde_json::private::Number" : "1"}}]"#, true);
        check(r#"{"\u0024serde_json::private::RawValue":"1"}"#, true);
        check(r#"{"$\u0073erde_json::privat\u0065::RawValue":"1"}"#, true);
        check(r#"{"\\":"\"","$serde_json::private::RawValue":"1"}"#, true);
        let escaped: String =
            "$serde_json::private::RawValue".chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
        check(&format!("{{\"{escaped}\":\"1\"}}"), true);
        // As a value it is a text like any other, and the value of such a text is not looked into.
        check(r#"["$serde_json::private::RawValue"]"#, false);
        check(r#"{"a":"{\"$serde_json::private::RawValue\":1}"}"#, false);
        check(r#"{"$ref":"x","\\u0024serde_json::private::RawValue":1}"#, false);
        check(r#"{"$serde_json::private":1}"#, false);
        check("", false);
        check("$\"", false);
        check(r#"$"\"#, false);
    }
}
