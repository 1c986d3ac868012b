//! JSON, and anything that contains some: a scanner over the text rather than a parse, so that every other byte stays
//! as it was on the wire and a body that was cut off is masked as well.

use super::names::{self, Kind};
use super::{Found, Masker};

/// Strings that contain JSON are looked into this deep.
const MAX_NESTING: usize = 3;

/// Masks the values of secret members, at any depth.
pub(super) fn mask(masker: &Masker, text: &str, place: &str, found: &mut Found) -> String {
    Scanner { masker, place, nesting: 0 }.run(text, found)
}

struct Scanner<'a> {
    masker: &'a Masker,
    place: &'a str,
    nesting: usize,
}

/// A secret member whose value has not ended yet.
struct Secret {
    name: String,
    kind: Kind,
    /// How many brackets of its value are open: a secret can be a list or an object.
    depth: usize,
}

impl Scanner<'_> {
    fn run(&self, text: &str, found: &mut Found) -> String {
        let mut masked = String::with_capacity(text.len());
        let mut secret: Option<Secret> = None;
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            match c {
                '"' => {
                    let (raw, after) = take_string(rest);
                    rest = after;
                    let is_key = rest.trim_start().starts_with(':');
                    if is_key {
                        masked.push_str(raw);
                        // Inside a secret object the names of its members do not change what it is.
                        if secret.as_ref().is_none_or(|secret| secret.depth == 0) {
                            let name = unescape(raw);
                            secret = names::member(&name).map(|kind| Secret { name, kind, depth: 0 });
                        }
                    } else if let Some(current) = &secret {
                        let place = format!("{} {}", self.place, current.name);
                        let mask = self.masker.replace(current.kind, &unescape(raw), &place, found);
                        masked.push_str(&quote(&mask));
                        if current.depth == 0 {
                            secret = None;
                        }
                    } else {
                        masked.push_str(&self.look_inside(raw, found));
                    }
                }
                '{' | '[' => {
                    masked.push(c);
                    rest = &rest[1..];
                    if let Some(secret) = &mut secret {
                        secret.depth += 1;
                    }
                }
                '}' | ']' => {
                    masked.push(c);
                    rest = &rest[1..];
                    secret = secret.take().and_then(|mut open| {
                        open.depth = open.depth.checked_sub(1)?;
                        (open.depth > 0).then_some(open)
                    });
                }
                // A number or a word where a secret belongs.
                c if secret.is_some() && (c.is_alphanumeric() || c == '-') => {
                    let end = rest
                        .find(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | '+' | '.')))
                        .unwrap_or(rest.len());
                    let (word, after) = rest.split_at(end);
                    rest = after;
                    let plain = matches!(word, "null" | "true" | "false");
                    masked.push_str(if plain { word } else { super::MASK });
                    if secret.as_ref().is_some_and(|secret| secret.depth == 0) {
                        secret = None;
                    }
                }
                c => {
                    masked.push(c);
                    rest = &rest[c.len_utf8()..];
                }
            }
        }
        masked
    }

    /// A string may hold JSON or a URL of its own; it is written again only when something was found in it.
    fn look_inside(&self, raw: &str, found: &mut Found) -> String {
        if self.nesting >= MAX_NESTING {
            return raw.to_owned();
        }
        let text = unescape(raw);
        let looked = if text.contains('"') {
            Scanner { nesting: self.nesting + 1, ..*self }.run(&text, found)
        } else if text.starts_with("http") && text.contains(['?', '#']) {
            super::form::mask_url(self.masker, &text, self.place, found)
        } else {
            return raw.to_owned();
        };
        if looked == text { raw.to_owned() } else { quote(&looked) }
    }
}

/// Splits the string that `text` begins with, quotes included, from what follows; a string that was cut off ends with
/// the text.
fn take_string(text: &str) -> (&str, &str) {
    let mut escaped = false;
    for (index, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return text.split_at(index + 1),
            _ => {}
        }
    }
    (text, "")
}

fn unescape(raw: &str) -> String {
    serde_json::from_str(raw).unwrap_or_else(|_| raw.trim_matches('"').to_owned())
}

fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members() {
        let masker = Masker::new();
        for (text, expected) in [
            (
                r#"{"access_token": "short", "token_type":"Bearer"}"#,
                r#"{"access_token": "••••", "token_type":"Bearer"}"#,
            ),
            (r#"{"a":{"password":"x"},"b":"y"}"#, r#"{"a":{"password":"••••"},"b":"y"}"#),
            (r#"{"password":["x",{"y":"z"}],"b":"y"}"#, r#"{"password":["••••",{"y":"••••"}],"b":"y"}"#),
            (r#"{"password":1234,"b":5}"#, r#"{"password":••••,"b":5}"#),
            (r#"{"refresh_token":null,"b":"y"}"#, r#"{"refresh_token":null,"b":"y"}"#),
            // cut off in the middle of the secret, in a key, in a plain string
            (r#"{"access_token":"abc"#, r#"{"access_token":"••••""#),
            (r#"{"acces"#, r#"{"acces"#),
            // JSON in a string, as text content carries it
            (
                r#"{"text":"{\"access_token\":\"short\",\"n\":1}"}"#,
                r#"{"text":"{\"access_token\":\"••••\",\"n\":1}"}"#,
            ),
            (r#"{"text":"say \"hi\""}"#, r#"{"text":"say \"hi\""}"#),
            (r#"{"url":"https://a/cb?code=short"}"#, r#"{"url":"https://a/cb?code=••••"}"#),
            // what must stay
            (
                r#"{"progressToken":"p1","code":-32601,"tokens":[1]}"#,
                r#"{"progressToken":"p1","code":-32601,"tokens":[1]}"#,
            ),
            ("<!doctype html><p>\"password\"</p>", "<!doctype html><p>\"password\"</p>"),
            (r#"{"\u0070assword":"x"}"#, r#"{"\u0070assword":"••••"}"#),
        ] {
            assert_eq!(mask(&masker, text, "body", &mut Found::default()), expected, "{text}");
        }
    }
}
