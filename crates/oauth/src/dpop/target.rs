//! `htu`: the address of a request, as far as a proof is about it.

use std::fmt;

use url::Url;

/// An address without query and fragment, in one spelling
/// ([RFC 9449 §4.3](https://www.rfc-editor.org/rfc/rfc9449#section-4.3), check 9: normalised as RFC 3986 §6.2.2 and §6.2.3
/// say, so case of scheme and host, default port, dot segments and needless percent-encoding make no difference). The slash
/// behind the last segment makes none either: both are the same endpoint here, and clients write both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target(String);

impl Target {
    /// The address of an endpoint of ours; `None` where it is no `http` or `https` URL.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // The parser trims and drops control characters and turns backslashes around; such a text has two readings.
        if text.chars().any(|c| c.is_control() || matches!(c, ' ' | '\\')) {
            return None;
        }
        let url = Url::parse(text).ok()?;
        let plain = matches!(url.scheme(), "http" | "https") && url.username().is_empty();
        if !plain || url.password().is_some() {
            return None;
        }
        let mut target = url.origin().ascii_serialization();
        push_path(&mut target, url.path());
        if target.ends_with('/') {
            target.pop();
        }
        Some(Self(target))
    }

    /// The endpoint at this path of a public origin (`https://api.example.com`), whoever the request says it is for.
    #[must_use]
    pub fn at(origin: &str, path: &str) -> Option<Self> {
        Self::parse(&format!("{}{path}", origin.trim_end_matches('/')))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The path with its percent-encoding in one spelling: none where the letter could stand for itself, capitals elsewhere.
fn push_path(target: &mut String, path: &str) {
    let mut rest = path;
    while let Some(at) = rest.find('%') {
        target.push_str(&rest[..at]);
        let digits = rest.get(at + 1..at + 3).filter(|two| two.bytes().all(|b| b.is_ascii_hexdigit()));
        let Some(digits) = digits else {
            target.push('%');
            rest = &rest[at + 1..];
            continue;
        };
        let byte = u8::from_str_radix(digits, 16).unwrap_or_default();
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            target.push(char::from(byte));
        } else {
            target.push('%');
            target.push_str(&digits.to_ascii_uppercase());
        }
        rest = &rest[at + 3..];
    }
    target.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_for_one_address() {
        let target = |text: &str| Target::parse(text).unwrap_or_else(|| panic!("{text}"));
        for (one, other, same) in [
            ("https://a.example/mcp", "HTTPS://A.Example:443/mcp", true),
            ("https://a.example/mcp", "https://a.example/mcp?x=1#f", true),
            ("https://a.example/mcp", "https://a.example/mcp/", true),
            ("https://a.example", "https://a.example/", true),
            ("https://a.example/mcp", "https://a.example/x/../mcp", true),
            ("https://a.example/~a%2Fb", "https://a.example/%7ea%2fb", true),
            ("http://[::1]:8000/mcp", "http://[0:0::1]:8000/mcp", true),
            ("https://b\u{fc}cher.example/mcp", "https://xn--bcher-kva.example/mcp", true),
            ("https://a.example/mcp", "http://a.example/mcp", false),
            ("https://a.example/mcp", "https://a.example:8443/mcp", false),
            ("https://a.example/mcp", "https://b.example/mcp", false),
            ("https://a.example/mcp", "https://a.example/MCP", false),
            ("https://a.example/mcp", "https://a.example/mcp//", false),
            ("https://a.example/a%2Fb", "https://a.example/a/b", false),
            ("https://a.example/%", "https://a.example/%25", false),
        ] {
            assert_eq!(target(one) == target(other), same, "{one} {other}");
        }
        assert_eq!(Target::at("https://a.example", "/posts/1"), Target::parse("https://a.example/posts/1"));
    }

    #[test]
    fn what_is_no_address_of_a_request() {
        for text in [
            "",
            "/mcp",
            "a.example/mcp",
            "ftp://a.example/",
            "data:text/plain,x",
            "https://u@a.example/mcp",
            "https://:p@a.example/mcp",
            "https://a.example/m\ncp",
            "https:\\\\a.example/mcp",
            " https://a.example/mcp",
        ] {
            assert_eq!(Target::parse(text), None, "{text}");
        }
    }
}
