//! Whether an answer is what the specification asks for. No I/O: values in, differences out.

use barewire_mcp::types::skills::FileDigest;
use barewire_oauth::challenge::Challenge;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::names::Names;
use crate::pointer;
use crate::transcript::{Check, Expect, Kind, Level};

/// One thing that is not as the specification asks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// Where in the answer, as a JSON pointer.
    pub at: String,
    /// How strong the rule is.
    pub level: Level,
    /// What has to stand there.
    pub expected: String,
    /// What stands there.
    pub found: String,
    /// The rule in a sentence.
    pub says: String,
    /// Where the rule is written.
    pub rule: String,
}

/// Whether this stands everywhere where the pointer leads.
pub(crate) fn stands(at: &str, expect: &Expect, names: &Names, answer: &Value) -> bool {
    let places = pointer::find(answer, at);
    places.into_iter().all(|(_, value)| holds(expect, value, names, &Value::Null))
}

/// Compares an answer with what is asked of it.
pub(crate) fn judge(checks: &[Check], names: &Names, request: &Value, answer: &Value) -> Vec<Difference> {
    checks.iter().flat_map(|check| differences(check, names, request, answer)).collect()
}

fn differences(check: &Check, names: &Names, request: &Value, answer: &Value) -> Vec<Difference> {
    let different = |at: String, found: Option<&Value>| Difference {
        at,
        level: check.level,
        expected: describe(&check.expect, names, request),
        found: found.map_or_else(|| "nothing".to_owned(), shown),
        says: check.says.clone(),
        rule: check.rule.clone(),
    };
    let mut places = pointer::find(answer, &check.at);
    places.retain(|(_, value)| !(check.if_present && value.is_none()));
    // These are about all items together.
    let together = |good: bool, all: Value| {
        if good { Vec::new() } else { vec![different(check.at.clone(), Some(&all))] }
    };
    match check.expect {
        Expect::Increase(_) => {
            let numbers: Vec<f64> =
                places.iter().filter_map(|(_, value)| value.and_then(Value::as_f64)).collect();
            let rises = numbers.len() == places.len() && numbers.windows(2).all(|pair| pair[0] < pair[1]);
            return together(rises, Value::from(numbers));
        }
        Expect::Distinct(_) => {
            let values: Vec<Value> = places.iter().filter_map(|(_, value)| value.cloned()).collect();
            let distinct = values.iter().enumerate().all(|(at, value)| !values[..at].contains(value));
            return together(distinct, Value::from(values));
        }
        _ => {}
    }
    places
        .into_iter()
        .filter(|(_, value)| !holds(&check.expect, *value, names, request))
        .map(|(at, value)| different(at, value))
        .collect()
}

fn holds(expect: &Expect, value: Option<&Value>, names: &Names, request: &Value) -> bool {
    let Some(value) = value else { return matches!(expect, Expect::Absent(true)) };
    match expect {
        Expect::Is(wanted) => names.fill(wanted).is_ok_and(|wanted| equal(value, &wanted)),
        Expect::OneOf(wanted) => wanted.iter().any(|wanted| equal(value, wanted)),
        Expect::IsNot(wanted) => names.fill(wanted).is_ok_and(|wanted| !equal(value, &wanted)),
        Expect::Type(kind) => is_a(value, *kind),
        Expect::SameAs(pointer) => request.pointer(pointer).is_some_and(|wanted| equal(value, wanted)),
        Expect::MediaType(wanted) => value.as_str().is_some_and(|text| {
            let essence = text.split(';').next().unwrap_or_default().trim();
            wanted.iter().any(|wanted| essence.eq_ignore_ascii_case(wanted))
        }),
        Expect::Challenge(schemes) => value.as_str().is_some_and(|text| {
            let is_one =
                |found: Challenge| schemes.iter().any(|known| known.eq_ignore_ascii_case(&found.scheme));
            Challenge::parse_all(text).into_iter().any(is_one)
        }),
        Expect::Contains(wanted) => value
            .as_array()
            .is_some_and(|items| names.fill(wanted).is_ok_and(|wanted| items.contains(&wanted))),
        Expect::AtLeast(least) => value.as_f64().is_some_and(|number| number >= *least as f64),
        Expect::Within(least, most) => {
            value.as_f64().is_some_and(|number| number >= *least as f64 && number <= *most as f64)
        }
        Expect::Absent(absent) => !absent,
        Expect::VisibleAscii(_) => {
            value.as_str().is_some_and(|text| text.bytes().all(|byte| (0x21..=0x7e).contains(&byte)))
        }
        Expect::Sha256(wanted) => value.as_str().is_some_and(|text| {
            let digest = FileDigest::of(text.as_bytes()).to_string();
            names.fill_text(wanted).is_ok_and(|wanted| wanted == digest)
        }),
        // All items together; see above.
        Expect::Increase(_) | Expect::Distinct(_) => true,
    }
}

/// Numbers are equal by value: JSON does not tell 1 from 1.0.
fn equal(value: &Value, wanted: &Value) -> bool {
    match (value, wanted) {
        (Value::Number(value), Value::Number(wanted)) => value == wanted || value.as_f64() == wanted.as_f64(),
        _ => value == wanted,
    }
}

fn is_a(value: &Value, kind: Kind) -> bool {
    match kind {
        Kind::Object => value.is_object(),
        Kind::Array => value.is_array(),
        Kind::String => value.is_string(),
        Kind::Integer => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        Kind::Number => value.is_number(),
        Kind::Boolean => value.is_boolean(),
    }
}

fn describe(expect: &Expect, names: &Names, request: &Value) -> String {
    let filled = |wanted: &Value| shown(&names.fill(wanted).unwrap_or_else(|_| wanted.clone()));
    let list = |items: Vec<String>| items.join(" or ");
    match expect {
        Expect::Is(wanted) => filled(wanted),
        Expect::OneOf(wanted) => list(wanted.iter().map(filled).collect()),
        Expect::IsNot(wanted) => format!("anything but {}", filled(wanted)),
        Expect::Type(kind) => match kind {
            Kind::Object => "an object".to_owned(),
            Kind::Array => "an array".to_owned(),
            Kind::String => "a string".to_owned(),
            Kind::Integer => "an integer".to_owned(),
            Kind::Number => "a number".to_owned(),
            Kind::Boolean => "a boolean".to_owned(),
        },
        Expect::SameAs(pointer) => {
            let wanted = request.pointer(pointer).map_or_else(|| "nothing".to_owned(), shown);
            format!("{wanted}, as in the request")
        }
        Expect::MediaType(wanted) => list(wanted.clone()),
        Expect::Challenge(schemes) => format!("a challenge by {}", schemes.join(" or ")),
        Expect::Contains(wanted) => format!("an array with {} in it", filled(wanted)),
        Expect::AtLeast(least) => format!("a number from {least} on"),
        Expect::Within(least, most) => format!("{least} to {most}"),
        Expect::Absent(true) => "nothing".to_owned(),
        Expect::Absent(false) => "something".to_owned(),
        Expect::Increase(_) => "numbers that become larger".to_owned(),
        Expect::Distinct(_) => "values that are all different".to_owned(),
        Expect::Sha256(wanted) => {
            format!("a text with the digest {}", names.fill_text(wanted).unwrap_or_else(|_| wanted.clone()))
        }
        Expect::VisibleAscii(_) => "visible ASCII characters only".to_owned(),
    }
}

/// Characters of a value that are shown.
const SHOWN: usize = 200;

fn shown(value: &Value) -> String {
    let text = value.to_string();
    let mut short: String = text.chars().take(SHOWN).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(at: &str, expect: Expect) -> Check {
        let level = Level::Must;
        Check {
            at: at.to_owned(),
            expect,
            if_present: false,
            level,
            says: String::new(),
            rule: String::new(),
        }
    }

    #[test]
    fn each_kind_of_check_holds_and_fails_where_it_should() {
        let mut names = Names::default();
        names.set("uri", json!("note://a"));
        let request = json!({ "body": { "id": 1 } });
        let answer = json!({
            "status": 200,
            "headers": { "content-type": "Application/JSON; charset=utf-8", "session": "a b" },
            "body": { "id": 1.0, "list": [{ "n": 1 }, { "n": 2 }, { "n": 2 }], "uri": "note://a", "words": ["a"],
                "asks": "dpop algs=\"ES256\", error=\"use_dpop_nonce\"" },
        });
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        for (at, expect, expected) in [
            ("/status", Expect::Is(json!(200)), vec![]),
            ("/status", Expect::Is(json!(404)), vec!["/status"]),
            ("/status", Expect::OneOf(vec![json!(200), json!(202)]), vec![]),
            ("/status", Expect::Within(400, 499), vec!["/status"]),
            ("/status", Expect::AtLeast(200), vec![]),
            ("/status", Expect::IsNot(json!(200)), vec!["/status"]),
            ("/body/id", Expect::SameAs("/body/id".to_owned()), vec![]),
            ("/body/id", Expect::SameAs("/body/nothing".to_owned()), vec!["/body/id"]),
            ("/body/id", Expect::Type(Kind::Integer), vec![]),
            ("/body/uri", Expect::Type(Kind::Number), vec!["/body/uri"]),
            ("/body/uri", Expect::Is(json!("{uri}")), vec![]),
            ("/body/uri", Expect::Challenge(vec!["Bearer".to_owned()]), vec!["/body/uri"]),
            ("/body/asks", Expect::Challenge(vec!["Bearer".to_owned(), "DPoP".to_owned()]), vec![]),
            ("/body/asks", Expect::Challenge(vec!["Bearer".to_owned()]), vec!["/body/asks"]),
            ("/body/words", Expect::Contains(json!("a")), vec![]),
            ("/body/words", Expect::Contains(json!("b")), vec!["/body/words"]),
            ("/body/list/*/n", Expect::Distinct(true), vec!["/body/list/*/n"]),
            ("/body/words/*", Expect::Distinct(true), vec![]),
            (
                "/body/words/0",
                Expect::Sha256(
                    "sha256:ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb".to_owned(),
                ),
                vec![],
            ),
            ("/body/words/0", Expect::Sha256("sha256:00".to_owned()), vec!["/body/words/0"]),
            ("/headers/content-type", Expect::MediaType(words(&["application/json"])), vec![]),
            (
                "/headers/content-type",
                Expect::MediaType(words(&["text/event-stream"])),
                vec!["/headers/content-type"],
            ),
            ("/headers/session", Expect::VisibleAscii(true), vec!["/headers/session"]),
            ("/body/list/*/n", Expect::Type(Kind::Integer), vec![]),
            (
                "/body/list/*/m",
                Expect::Absent(false),
                vec!["/body/list/0/m", "/body/list/1/m", "/body/list/2/m"],
            ),
            ("/body/list/*/n", Expect::Increase(true), vec!["/body/list/*/n"]),
            ("/body/error", Expect::Absent(true), vec![]),
            ("/body/id", Expect::Absent(true), vec!["/body/id"]),
        ] {
            let found = judge(&[check(at, expect.clone())], &names, &request, &answer);
            let found: Vec<&str> = found.iter().map(|difference| difference.at.as_str()).collect();
            assert_eq!(found, expected, "{at} {expect:?}");
        }
        let optional = Check { if_present: true, ..check("/body/none", Expect::Is(json!(1))) };
        assert_eq!(judge(&[optional], &names, &request, &answer), []);
    }

    #[test]
    fn a_difference_says_what_was_expected_and_found() {
        let request = json!({ "body": { "id": 7 } });
        let same = check("/body/id", Expect::SameAs("/body/id".to_owned()));
        let found = judge(&[same], &Names::default(), &request, &json!({ "body": { "id": null } }));
        assert_eq!((found[0].expected.as_str(), found[0].found.as_str()), ("7, as in the request", "null"));
    }
}
