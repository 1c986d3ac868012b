//! Metadata documents: what an authorization server and a protected resource say about themselves, and where.
//!
//! The types serve both directions. Reading is tolerant: a list that is `null`, or one field of the wrong type, is
//! taken as absent, because one odd field of a large identity provider must not stop a login; the fields that
//! decide something (`issuer`, `resource`) are strict.

mod authorization_server;
mod protected_resource;
pub mod well_known;

pub use authorization_server::AuthorizationServerMetadata;
pub use protected_resource::ProtectedResourceMetadata;

use std::fmt;

use serde::de::{DeserializeOwned, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Reads a field, or takes it as absent when it is not what it should be.
pub(crate) fn lenient<'de, T: DeserializeOwned, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    Ok(serde_json::from_value(flat(deserializer)?).ok())
}

/// Any JSON, of which scalars and lists are kept, and null stands for what is an object.
///
/// [`serde_json::Value`] itself takes an object with the one member `$serde_json::private::RawValue` for the JSON that is
/// written in that member's text, and begins to count its depth anew. A few KiB of such text inside of text run out of
/// stack, which ends the process.
pub(crate) fn flat<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
    Ok(Flat::deserialize(deserializer)?.0)
}

struct Flat(Value);

impl<'de> Deserialize<'de> for Flat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FlatVisitor)
    }
}

struct FlatVisitor;

impl<'de> Visitor<'de> for FlatVisitor {
    type Value = Flat;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Flat, E> {
        Ok(Flat(Value::Null))
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Flat, E> {
        Ok(Flat(flag.into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Flat, E> {
        Ok(Flat(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Flat, E> {
        Ok(Flat(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Flat, E> {
        Ok(Flat(number.into()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Flat, E> {
        Ok(Flat(text.into()))
    }

    fn visit_string<E>(self, text: String) -> Result<Flat, E> {
        Ok(Flat(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Flat, A::Error> {
        let mut values = Vec::new();
        while let Some(Flat(value)) = list.next_element()? {
            values.push(value);
        }
        Ok(Flat(values.into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Flat, A::Error> {
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Flat(Value::Null))
    }
}

/// [`lenient`] for a flag whose absence means `false`.
fn lenient_flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    lenient(deserializer).map(Option::unwrap_or_default)
}

/// [`lenient`] for a list whose absence means "empty".
fn lenient_list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    lenient(deserializer).map(Option::unwrap_or_default)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_within_json_is_not_read() {
        fn check(json: &str, expected: &str) {
            let mut deserializer = serde_json::Deserializer::from_str(json);
            assert_eq!(flat(&mut deserializer).unwrap().to_string(), expected, "{json}");
            deserializer.end().unwrap();
        }
        check(
            r#"[null,true,-1,18446744073709551615,0.5,"a","\u0061",[]]"#,
            r#"[null,true,-1,18446744073709551615,0.5,"a","a",[]]"#,
        );
        check(r#"{"a":{"b":[1]}}"#, "null");
        check(r#"["x",{"$serde_json::private::RawValue":"[1]"}]"#, r#"["x",null]"#);
        let mut bomb = "1".to_owned();
        for _ in 0..12 {
            let inner = format!("{}{bomb}{}", "[".repeat(120), "]".repeat(120));
            bomb = serde_json::json!({ "$serde_json::private::RawValue": inner }).to_string();
        }
        check(&bomb, "null");
    }
}
