//! Matching an address against an [RFC 6570](https://www.rfc-editor.org/rfc/rfc6570) template of level 1.

use std::collections::HashSet;

use indexmap::IndexMap;

use crate::error::ToolError;

/// A longer address is none of a template's: matching one costs its square at worst.
const MAX_URI_BYTES: usize = 1_024;

/// A parsed template: literal text and `{variables}`.
///
/// A variable stands for what simple expansion (RFC 6570 §3.2.2) can produce: unreserved characters and percent
/// triplets, at least one; it never crosses a `/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    text: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    Variable(String),
}

/// Why a template cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A brace without its partner.
    #[error("a brace is not closed, or closed without being opened")]
    Braces,
    /// An operator or modifier, or characters that a variable's name cannot have.
    #[error("{{{0}}} is not a plain variable; templates of level 1 have no operators")]
    Variable(String),
    /// A name that is there twice.
    #[error("the variable {0} is there twice")]
    Twice(String),
    /// Two variables with nothing between them cannot be told apart.
    #[error("between two variables there has to be some text")]
    Adjacent,
}

impl Template {
    pub(crate) fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut parts: Vec<Part> = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let open = rest.find('{').unwrap_or(rest.len());
            let (literal, after) = rest.split_at(open);
            if literal.contains('}') {
                return Err(TemplateError::Braces);
            }
            if !literal.is_empty() {
                parts.push(Part::Literal(literal.to_owned()));
            }
            let Some(after) = after.strip_prefix('{') else { break };
            let (name, after) = after.split_once('}').ok_or(TemplateError::Braces)?;
            if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.'))
            {
                return Err(TemplateError::Variable(name.to_owned()));
            }
            if matches!(parts.last(), Some(Part::Variable(_))) {
                return Err(TemplateError::Adjacent);
            }
            if parts.iter().any(|part| matches!(part, Part::Variable(known) if known == name)) {
                return Err(TemplateError::Twice(name.to_owned()));
            }
            parts.push(Part::Variable(name.to_owned()));
            rest = after;
        }
        Ok(Self { text: text.to_owned(), parts })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn has_variable(&self, name: &str) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Variable(known) if known == name))
    }

    /// The variables' values, percent-decoded; `None` when the address is not one of the template's.
    pub(crate) fn matches(&self, uri: &str) -> Option<IndexMap<String, String>> {
        if uri.len() > MAX_URI_BYTES {
            return None;
        }
        let mut values = IndexMap::new();
        match_parts(&self.parts, uri, &mut values, &mut HashSet::new()).then(|| {
            values.reverse();
            values
        })
    }
}

/// Tries the longest value for a variable first and takes back what does not work out. `failed` keeps what did not
/// (parts left, bytes left), so that no combination is tried twice. The last variable is put in first.
fn match_parts(
    parts: &[Part],
    rest: &str,
    values: &mut IndexMap<String, String>,
    failed: &mut HashSet<(usize, usize)>,
) -> bool {
    match parts {
        [] => rest.is_empty(),
        [Part::Literal(literal), parts @ ..] => {
            rest.strip_prefix(literal.as_str()).is_some_and(|rest| match_parts(parts, rest, values, failed))
        }
        [Part::Variable(name), after @ ..] => {
            if failed.contains(&(parts.len(), rest.len())) {
                return false;
            }
            let expandable =
                |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~' | b'%');
            let longest = rest.bytes().position(|b| !expandable(b)).unwrap_or(rest.len());
            let matched = (1..=longest).rev().any(|length| {
                let (value, rest) = rest.split_at(length);
                match_parts(after, rest, values, failed)
                    && percent_decode(value).is_some_and(|value| {
                        values.insert(name.clone(), value);
                        true
                    })
            });
            if !matched {
                failed.insert((parts.len(), rest.len()));
            }
            matched
        }
    }
}

fn percent_decode(text: &str) -> Option<String> {
    if !text.contains('%') {
        return Some(text.to_owned());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2)?;
        let digit = |index: usize| char::from(digits[index]).to_digit(16);
        bytes.push(u8::try_from(digit(0)? * 16 + digit(1)?).ok()?);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

/// What a template's variables stand for in one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UriVariables {
    pub(crate) uri: String,
    pub(crate) values: IndexMap<String, String>,
}

impl UriVariables {
    /// The whole address.
    #[must_use]
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// A variable, percent-decoded; empty for a name that the template does not have.
    #[must_use]
    pub fn get(&self, name: &str) -> &str {
        self.values.get(name).map_or("", String::as_str)
    }

    /// A variable as a number or any other type that can be read from text.
    ///
    /// # Errors
    /// Resource not found: no resource has such an address.
    pub fn parse<T: std::str::FromStr>(&self, name: &str) -> Result<T, ToolError> {
        self.get(name).parse().map_err(|_| ToolError::not_found(&self.uri))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matches() {
        let check = |template: &str, uri: &str, expected: Option<&[(&str, &str)]>| {
            let values = Template::parse(template).unwrap().matches(uri);
            let expected = expected.map(|pairs| {
                pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
            });
            assert_eq!(values, expected, "{template} {uri}");
        };
        check("test://template/{id}/data", "test://template/123/data", Some(&[("id", "123")]));
        check("post://{id}", "post://7", Some(&[("id", "7")]));
        check("post://{id}", "post://", None);
        check("post://{id}", "post://a/b", None);
        check("post://{id}", "post://caf%C3%A9%2Fx", Some(&[("id", "café/x")]));
        check("post://{id}", "post://%", None);
        check("post://{id}", "post://%zz", None);
        check("post://{id}", "post://%+1", None);
        check("post://{id}", "post://%ff", None);
        check("a:{x}-{y}", "a:1-2-3", Some(&[("x", "1-2"), ("y", "3")]));
        check("a:{x}.txt", "a:1.txt.txt", Some(&[("x", "1.txt")]));
        check("a:b", "a:b", Some(&[]));
        check("a:b", "a:bc", None);
    }

    #[test]
    fn what_is_no_template() {
        let check = |text: &str, expected| assert_eq!(Template::parse(text).err(), Some(expected), "{text}");
        check("a:{x", TemplateError::Braces);
        check("a:x}", TemplateError::Braces);
        check("a:{+x}", TemplateError::Variable("+x".into()));
        check("a:{}", TemplateError::Variable(String::new()));
        check("a:{x}{y}", TemplateError::Adjacent);
        check("a:{x}/{x}", TemplateError::Twice("x".into()));
    }

    #[test]
    fn a_hostile_address_ends_quickly() {
        let template = Template::parse("a:{p}-{q}-{r}!").unwrap();
        assert_eq!(template.matches(&format!("a:{}", "-".repeat(MAX_URI_BYTES - 2))), None);
    }
}
