//! Copy as curl: the request as a command for a POSIX shell, with variables where secrets were.

use crate::exchange::Exchange;
use crate::mask::{ELLIPSIS, MASK};

/// Headers that curl sets itself, or that name this connection only.
const OWN_HEADERS: &[&str] = &["host", "content-length", "accept-encoding", "connection", "user-agent"];

/// The headers that present a token which is bound to a key.
const BOUND_HEADERS: &[&str] = &["authorization", "dpop"];

/// The command. Secrets become variables such as `$TOKEN`, `$CODE` or `$MCP_SESSION_ID`; everything else is quoted so that
/// no shell reads anything into it.
///
/// A token that is bound to a key is of no use to curl: each request proves anew that its sender has the key
/// ([RFC 9449 §7](https://www.rfc-editor.org/rfc/rfc9449#section-7)). `barewire token` makes the headers, with the login that
/// it has kept for this URL.
#[must_use]
pub fn to_curl(exchange: &Exchange) -> String {
    let request = &exchange.request;
    let url = quote_pairs(&request.url);
    let is_bound = request.headers.iter().any(|h| h.name == "authorization" && h.value.starts_with("DPoP "));
    let mut lines = vec!["curl -i".to_owned()];
    if request.method != "GET" {
        lines[0].push_str(&format!(" -X {}", request.method));
    }
    lines[0].push_str(&format!(" {url}"));
    if is_bound {
        lines[0].insert_str(0, &format!("barewire token --method {} {url} | ", request.method));
        lines.push("-H @-".to_owned());
    }
    let left_out = |name: &str| OWN_HEADERS.contains(&name) || (is_bound && BOUND_HEADERS.contains(&name));
    for header in request.headers.iter().filter(|header| !left_out(&header.name)) {
        let variable = match (header.name.as_str(), header.value.split(' ').next()) {
            ("authorization", Some("Basic")) => "BASIC_CREDENTIALS".to_owned(),
            ("authorization", _) => "TOKEN".to_owned(),
            (name, _) => shout(name),
        };
        lines.push(format!("-H {}", quote(&format!("{}: {}", header.name, header.value), &variable)));
    }
    if let Some(text) = request.body.as_ref().and_then(|body| body.text.as_ref()) {
        let form =
            request.body.as_ref().is_some_and(|body| body.media_type == "application/x-www-form-urlencoded");
        let quoted = if form { quote_pairs(text) } else { quote_json(text) };
        lines.push(format!("--data-raw {quoted}"));
    }
    // A stream is only useful when it is shown as it comes.
    if request.headers.iter().any(|h| h.name == "accept" && h.value.contains("text/event-stream")) {
        lines[0].push_str(" -N");
    }
    lines.join(" \\\n  ")
}

/// Text and variables in turn, written as one word of the shell.
#[derive(Default)]
struct Word {
    text: String,
    written: String,
}

impl Word {
    fn variable(&mut self, name: &str) {
        self.flush();
        self.written.push_str(&format!("\"${name}\""));
    }

    fn flush(&mut self) {
        if !self.text.is_empty() {
            self.written.push_str(&format!("'{}'", self.text.replace('\'', r"'\''")));
            self.text.clear();
        }
    }

    fn finish(mut self) -> String {
        self.flush();
        if self.written.is_empty() { "''".to_owned() } else { self.written }
    }

    /// Adds a text; every mask in it becomes this variable.
    fn push(&mut self, text: &str, variable: &str) {
        let mut rest = text;
        while let Some((start, end)) = next_mask(rest) {
            self.text.push_str(&rest[..start]);
            self.variable(variable);
            rest = &rest[end..];
        }
        self.text.push_str(rest);
    }
}

/// One text with one name for what is masked in it.
fn quote(text: &str, variable: &str) -> String {
    let mut word = Word::default();
    word.push(text, variable);
    word.finish()
}

/// A URL or form: each secret is named after its parameter.
fn quote_pairs(text: &str) -> String {
    let mut word = Word::default();
    for piece in text.split_inclusive(['?', '&', '#']) {
        let name = piece.split_once('=').map_or("", |(name, _)| name);
        word.push(piece, &shout(name));
    }
    word.finish()
}

/// JSON: each secret is named after its member.
fn quote_json(text: &str) -> String {
    let mut word = Word::default();
    let mut rest = text;
    while let Some((start, end)) = next_mask(rest) {
        let before = &rest[..start];
        // … "name" : "MASK
        let name = before.rsplit('"').nth(2).filter(|_| before.ends_with('"')).unwrap_or_default();
        word.text.push_str(before);
        word.variable(&shout(name));
        rest = &rest[end..];
    }
    word.text.push_str(rest);
    word.finish()
}

/// Start and end of the next mask: `••••` with its digits, or the letters around an ellipsis.
fn next_mask(text: &str) -> Option<(usize, usize)> {
    let mask = text.find(MASK).map(|start| {
        let after = start + MASK.len();
        let digits = text[after..].bytes().take(4).take_while(u8::is_ascii_hexdigit).count();
        (start, if digits == 4 { after + 4 } else { after })
    });
    let ellipsis = text.find(ELLIPSIS).map(|middle| {
        let start = text[..middle].char_indices().rev().take(4).last().map_or(middle, |(index, _)| index);
        let after = middle + ELLIPSIS.len();
        let end = text[after..].char_indices().nth(4).map_or(text.len(), |(index, _)| after + index);
        (start, end)
    });
    match (mask, ellipsis) {
        (Some(mask), Some(ellipsis)) => Some(mask.min(ellipsis)),
        (mask, ellipsis) => mask.or(ellipsis),
    }
}

/// `code_verifier` becomes `CODE_VERIFIER`; a name that gives no letters becomes `SECRET`.
fn shout(name: &str) -> String {
    let shouted: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' })
        .collect::<String>()
        .trim_matches('_')
        .to_owned();
    if shouted.is_empty() || shouted.starts_with(|c: char| c.is_ascii_digit()) {
        "SECRET".to_owned()
    } else {
        shouted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoting() {
        assert_eq!(quote("it's $HOME `x`", "T"), r#"'it'\''s $HOME `x`'"#);
        assert_eq!(quote("authorization: Bearer ••••a1b2", "TOKEN"), r#"'authorization: Bearer '"$TOKEN""#);
        assert_eq!(quote("••••", "T"), "\"$T\"");
        assert_eq!(
            quote_pairs("https://a/cb?code=••••a1b2&state=abcd…wxyz&x=1"),
            r#"'https://a/cb?code='"$CODE"'&state='"$STATE"'&x=1'"#
        );
        assert_eq!(quote_pairs("https://a/b"), "'https://a/b'");
        assert_eq!(
            quote_json(r#"{"client_secret": "••••a1b2"}"#),
            r#"'{"client_secret": "'"$CLIENT_SECRET"'"}'"#
        );
        assert_eq!(quote_json(r#"{"text":"say ••••"}"#), r#"'{"text":"say '"$SECRET"'"}'"#);
    }
}
