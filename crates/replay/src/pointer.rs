//! JSON pointers (RFC 6901), with `*` for each item of an array and each member of an object.

use serde_json::Value;

/// Everything at a pointer, with the pointer that leads there. Where a named member or a numbered item is missing there is one
/// entry without a value; of an empty array, `*` has none.
pub(crate) fn find<'a>(value: &'a Value, pointer: &str) -> Vec<(String, Option<&'a Value>)> {
    let mut places = vec![(String::new(), Some(value))];
    for part in pointer.split('/').skip(1) {
        let name = part.replace("~1", "/").replace("~0", "~");
        places = places.into_iter().flat_map(|(at, value)| below(&at, value, part, &name)).collect();
    }
    places
}

fn below<'a>(at: &str, value: Option<&'a Value>, part: &str, name: &str) -> Vec<(String, Option<&'a Value>)> {
    match value {
        Some(Value::Array(items)) if name == "*" => {
            items.iter().enumerate().map(|(index, item)| (format!("{at}/{index}"), Some(item))).collect()
        }
        Some(Value::Object(members)) if name == "*" => members
            .iter()
            .map(|(name, member)| {
                (format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), Some(member))
            })
            .collect(),
        Some(Value::Array(items)) => {
            let item = name.parse::<usize>().ok().and_then(|index| items.get(index));
            vec![(format!("{at}/{part}"), item)]
        }
        Some(Value::Object(members)) => vec![(format!("{at}/{part}"), members.get(name))],
        _ => vec![(format!("{at}/{part}"), None)],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn pointers_lead_where_rfc_6901_says_and_a_star_to_each_item() {
        let value = json!({ "a": [{ "b": 1 }, { "c": 2 }], "x/y": 3, "e": [] });
        for (pointer, found) in [
            ("/a/0/b", vec![("/a/0/b", Some(json!(1)))]),
            ("/a/*/b", vec![("/a/0/b", Some(json!(1))), ("/a/1/b", None)]),
            ("/a/0/*", vec![("/a/0/b", Some(json!(1)))]),
            ("/x~1y", vec![("/x~1y", Some(json!(3)))]),
            ("/e/*", vec![]),
            ("/e/0", vec![("/e/0", None)]),
            ("/a/b", vec![("/a/b", None)]),
            ("/no/where", vec![("/no/where", None)]),
        ] {
            let places = super::find(&value, pointer);
            let places: Vec<_> = places.iter().map(|(at, value)| (at.as_str(), value.cloned())).collect();
            assert_eq!(places, found, "{pointer}");
        }
    }
}
