//! `WWW-Authenticate`: reading and writing challenges
//! ([RFC 9110 §11.6.1](https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1),
//! [RFC 6750 §3](https://www.rfc-editor.org/rfc/rfc6750#section-3),
//! [RFC 9728 §5.1](https://www.rfc-editor.org/rfc/rfc9728#section-5.1)).

use std::fmt;

use indexmap::IndexMap;

use crate::dpop;
use crate::error::ErrorCode;
use crate::scope::ScopeSet;

/// A longer header is not read: no challenge needs it.
pub const MAX_HEADER_BYTES: usize = 8 * 1024;
/// Parameters beyond this are dropped.
pub const MAX_PARAMETERS: usize = 32;

/// One challenge. Scheme and parameter names are lower case; values are unquoted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// `bearer`, `dpop`, `basic`, …
    pub scheme: String,
    /// The blob some schemes have instead of parameters.
    pub token68: Option<String>,
    /// The parameters in order; the first of a repeated name counts.
    pub parameters: IndexMap<String, String>,
}

impl Challenge {
    /// A bare `Bearer` challenge, to be filled with [`Challenge::with`].
    #[must_use]
    pub fn bearer() -> Self {
        Self::of("bearer")
    }

    /// A `DPoP` challenge with the algorithms that are accepted
    /// ([RFC 9449 §7.1](https://www.rfc-editor.org/rfc/rfc9449#section-7.1)).
    #[must_use]
    pub fn dpop() -> Self {
        Self::of("dpop").with("algs", dpop::ALGORITHMS.join(" "))
    }

    fn of(scheme: &str) -> Self {
        Self { scheme: scheme.to_ascii_lowercase(), token68: None, parameters: IndexMap::new() }
    }

    /// Adds a parameter. Characters that no header can carry become `?`.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl fmt::Display) -> Self {
        let value = value.to_string().chars().map(|c| if matches!(c, ' '..='~') { c } else { '?' }).collect();
        self.parameters.insert(name.to_ascii_lowercase(), value);
        self
    }

    /// A parameter by its name in lower case.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }

    /// Whether the scheme takes an OAuth access token: `Bearer` or `DPoP`.
    #[must_use]
    pub fn is_oauth(&self) -> bool {
        matches!(self.scheme.as_str(), "bearer" | "dpop")
    }

    /// `error`.
    #[must_use]
    pub fn error(&self) -> Option<ErrorCode> {
        self.parameter("error").map(ErrorCode::from_word)
    }

    /// `scope`; `None` when absent or without a single legal token.
    #[must_use]
    pub fn scope(&self) -> Option<ScopeSet> {
        self.parameter("scope").map(ScopeSet::parse_lenient).filter(|scopes| !scopes.is_empty())
    }

    /// `resource_metadata`: where the resource describes itself.
    #[must_use]
    pub fn resource_metadata(&self) -> Option<&str> {
        self.parameter("resource_metadata")
    }

    /// Reads one header value, which may hold several challenges. What cannot be read is left out: the header decides
    /// what to try next, and a peer's odd third challenge must not hide its good first one.
    #[must_use]
    pub fn parse_all(header: &str) -> Vec<Self> {
        if header.len() > MAX_HEADER_BYTES {
            return Vec::new();
        }
        Parser { rest: header }.challenges()
    }

    /// The challenge an OAuth client acts on out of all `WWW-Authenticate` lines of a response: the first `Bearer` or
    /// `DPoP` one, preferring one that names its metadata.
    pub fn select<'a>(headers: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let mut oauth: Vec<Self> =
            headers.into_iter().flat_map(Self::parse_all).filter(Self::is_oauth).collect();
        let best = oauth.iter().position(|c| c.resource_metadata().is_some()).unwrap_or(0);
        (!oauth.is_empty()).then(|| oauth.swap_remove(best))
    }
}

/// Writes the challenge as a header value; every parameter is a quoted string.
impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.scheme.as_str() {
            "bearer" => "Bearer",
            "dpop" => "DPoP",
            "basic" => "Basic",
            other => other,
        })?;
        if let Some(blob) = &self.token68 {
            write!(f, " {blob}")?;
        }
        for (index, (name, value)) in self.parameters.iter().enumerate() {
            let separator = if index == 0 { " " } else { ", " };
            write!(f, "{separator}{name}=\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))?;
        }
        Ok(())
    }
}

/// A cursor over the header; every `take_*` moves it behind what it returns.
struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn challenges(mut self) -> Vec<Challenge> {
        let mut challenges: Vec<Challenge> = Vec::new();
        loop {
            self.skip_separators();
            if self.rest.is_empty() {
                return challenges;
            }
            let word = self.take_token();
            if word.is_empty() {
                // Not a token: step over one character and go on looking.
                self.skip_char();
                continue;
            }
            // `name = value` belongs to the challenge before it, anything else begins a new one. A `=` behind blanks
            // is still a parameter (the grammar calls it bad whitespace and wants it accepted).
            if self.at_parameter_value() {
                self.take_blanks();
                self.skip_char();
                self.take_blanks();
                let value = self.take_value();
                // A scheme has a token68 or parameters, never both.
                if let Some(challenge) = challenges.last_mut()
                    && challenge.token68.is_none()
                    && challenge.parameters.len() < MAX_PARAMETERS
                {
                    challenge.parameters.entry(word.to_ascii_lowercase()).or_insert(value);
                }
                continue;
            }
            let mut challenge = Challenge::of(word);
            if self.rest.starts_with(' ') || self.rest.starts_with('\t') {
                self.take_blanks();
                challenge.token68 = self.take_token68();
            }
            challenges.push(challenge);
        }
    }

    /// Whether a `=` follows that does not end a token68.
    fn at_parameter_value(&self) -> bool {
        let after = self.rest.trim_start_matches([' ', '\t']);
        after.starts_with('=')
    }

    /// A token68 stands alone up to the comma or the end, where a parameter would go on with `=value`.
    fn take_token68(&mut self) -> Option<String> {
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~' | '+' | '/');
        let body = self.rest.trim_start_matches(legal);
        let end = body.trim_start_matches('=');
        let length = self.rest.len() - end.len();
        let padded = body.len() != end.len();
        let alone = end.trim_start_matches([' ', '\t']).is_empty() || end.trim_start().starts_with(',');
        // Without padding and before a comma it could as well be the next scheme; only padding or the end decides.
        if length == 0 || !alone || (!padded && !end.trim().is_empty()) {
            return None;
        }
        let blob = &self.rest[..length];
        self.rest = end;
        Some(blob.to_owned())
    }

    fn take_value(&mut self) -> String {
        match self.rest.strip_prefix('"') {
            Some(rest) => {
                self.rest = rest;
                self.take_quoted()
            }
            // Unquoted values are tokens by the grammar; URLs without quotes exist, so everything up to a comma counts.
            None => {
                let end = self.rest.find([',', ' ', '\t']).unwrap_or(self.rest.len());
                let (value, rest) = self.rest.split_at(end);
                self.rest = rest;
                value.to_owned()
            }
        }
    }

    /// The rest of a quoted string; one that is never closed ends with the header.
    fn take_quoted(&mut self) -> String {
        let mut value = String::new();
        let mut chars = self.rest.char_indices();
        while let Some((index, c)) = chars.next() {
            match c {
                '"' => {
                    self.rest = &self.rest[index + 1..];
                    return value;
                }
                '\\' => value.extend(chars.next().map(|(_, escaped)| escaped)),
                c => value.push(c),
            }
        }
        self.rest = "";
        value
    }

    fn take_token(&mut self) -> &'a str {
        let legal = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        let end = self.rest.find(|c| !legal(c)).unwrap_or(self.rest.len());
        let (token, rest) = self.rest.split_at(end);
        self.rest = rest;
        token
    }

    fn take_blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }

    fn skip_separators(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', ',']);
    }

    fn skip_char(&mut self) {
        let mut chars = self.rest.chars();
        chars.next();
        self.rest = chars.as_str();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Challenges as `scheme name=value …`, one per element.
    fn read(header: &str) -> Vec<String> {
        Challenge::parse_all(header)
            .into_iter()
            .map(|c| {
                let mut line = c.scheme.clone();
                line.extend(c.token68.iter().map(|blob| format!(" <{blob}>")));
                line.extend(c.parameters.iter().map(|(name, value)| format!(" {name}={value}")));
                line
            })
            .collect()
    }

    #[test]
    fn reads_what_servers_send() {
        for (header, expected) in [
            ("Bearer", &["bearer"][..]),
            ("bearer realm=\"x\"", &["bearer realm=x"]),
            (r#"Bearer error="invalid_token", scope="a b""#, &["bearer error=invalid_token scope=a b"]),
            (
                r#"Bearer resource_metadata="https://a/.well-known/x?y=1,2", scope=a"#,
                &["bearer resource_metadata=https://a/.well-known/x?y=1,2 scope=a"],
            ),
            // several challenges in one line
            (r#"Basic realm="a, b", Bearer scope="s""#, &["basic realm=a, b", "bearer scope=s"]),
            (r#"Bearer, DPoP algs="ES256""#, &["bearer", "dpop algs=ES256"]),
            ("Negotiate, Bearer", &["negotiate", "bearer"]),
            ("Negotiate YII=, Bearer scope=x", &["negotiate <YII=>", "bearer scope=x"]),
            ("Negotiate YII", &["negotiate <YII>"]),
            // sloppy but common
            (r#"Bearer resource_metadata=https://a/b"#, &["bearer resource_metadata=https://a/b"]),
            (r#"Bearer realm = "x" , scope = "y""#, &["bearer realm=x scope=y"]),
            (r#"Bearer error="x" scope="y""#, &["bearer error=x scope=y"]),
            (r#", ,Bearer realm="x",,scope="y","#, &["bearer realm=x scope=y"]),
            (r#"BEARER Realm="x""#, &["bearer realm=x"]),
            // quoting
            (
                r#"Bearer error_description="say \"hi\" \\ there""#,
                &[r#"bearer error_description=say "hi" \ there"#],
            ),
            (r#"Bearer scope="never closed"#, &["bearer scope=never closed"]),
            (r#"Bearer scope="first", scope="second""#, &["bearer scope=first"]),
            // nothing to see
            ("", &[]),
            (",,,", &[]),
            ("\u{7f}\"", &[]),
        ] {
            assert_eq!(read(header), expected, "{header}");
        }
    }

    #[test]
    fn selects_the_oauth_challenge_that_names_metadata() {
        let pick = |headers: &[&str]| Challenge::select(headers.iter().copied()).map(|c| c.to_string());
        assert_eq!(pick(&["Basic realm=\"x\""]), None);
        assert_eq!(
            pick(&["Basic realm=x, Bearer", "DPoP resource_metadata=\"https://a\""]).as_deref(),
            Some("DPoP resource_metadata=\"https://a\"")
        );
        assert_eq!(pick(&["Negotiate", "Bearer scope=\"a\""]).as_deref(), Some("Bearer scope=\"a\""));
    }

    #[test]
    fn what_is_written_can_be_read() {
        let written = Challenge::bearer()
            .with("error", ErrorCode::InsufficientScope)
            .with("scope", "a b")
            .with("error_description", "needs \"b\" \\ and\r\nmore");
        let header = written.to_string();
        assert!(!header.contains('\n') && !header.contains('\r'));
        assert_eq!(Challenge::parse_all(&header), [written]);
    }

    #[test]
    fn parameters_behind_a_blob_belong_to_nobody() {
        assert_eq!(
            read(r#"Negotiate YII=, realm="x", Bearer scope="s""#),
            ["negotiate <YII=>", "bearer scope=s"]
        );
    }

    #[test]
    fn is_bounded() {
        assert!(Challenge::parse_all(&"a".repeat(MAX_HEADER_BYTES + 1)).is_empty());
        let many: String = (0..100).map(|i| format!("p{i}=v, ")).collect();
        assert_eq!(Challenge::parse_all(&format!("Bearer {many}"))[0].parameters.len(), MAX_PARAMETERS);
    }
}
