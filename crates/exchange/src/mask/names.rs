//! The tables: which names hold secrets, and of what kind.

/// What is known about a secret by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Made by a machine: masked with a fingerprint, and looked for everywhere else.
    Random,
    /// Chosen by a person: masked without one, since four digits of a hash would help to guess it.
    Guessable,
    /// No credential by itself; shown at both ends so that one can follow it.
    Partly,
}

/// Parameters of URLs and forms, without `_`, `-` and case.
const PARAMETERS: &[(&str, Kind)] = &[
    ("code", Kind::Random),
    ("state", Kind::Partly),
    ("sessionid", Kind::Random),
    ("samlresponse", Kind::Random),
    ("key", Kind::Random),
    ("sig", Kind::Random),
    ("signature", Kind::Random),
    ("requesturi", Kind::Random),
];

/// Members of JSON objects, and parameters too; without `_`, `-` and case.
const MEMBERS: &[(&str, Kind)] = &[
    ("accesstoken", Kind::Random),
    ("refreshtoken", Kind::Random),
    ("idtoken", Kind::Random),
    ("idtokenhint", Kind::Random),
    ("token", Kind::Random),
    ("bearer", Kind::Random),
    ("bearertoken", Kind::Random),
    ("authtoken", Kind::Random),
    ("subjecttoken", Kind::Random),
    ("actortoken", Kind::Random),
    ("assertion", Kind::Random),
    ("idjag", Kind::Random),
    ("samlassertion", Kind::Random),
    ("clientassertion", Kind::Random),
    ("clientsecret", Kind::Random),
    ("registrationaccesstoken", Kind::Random),
    ("softwarestatement", Kind::Random),
    ("codeverifier", Kind::Random),
    ("authorizationcode", Kind::Random),
    ("devicecode", Kind::Random),
    ("usercode", Kind::Random),
    ("authreqid", Kind::Random),
    ("authorization", Kind::Random),
    ("proxyauthorization", Kind::Random),
    ("cookie", Kind::Random),
    ("setcookie", Kind::Random),
    ("csrf", Kind::Random),
    ("csrftoken", Kind::Random),
    ("xsrftoken", Kind::Random),
    ("apikey", Kind::Random),
    ("xapikey", Kind::Random),
    ("privatekey", Kind::Random),
    ("privatekeypem", Kind::Random),
    ("mcpsessionid", Kind::Random),
    ("password", Kind::Guessable),
    ("passwd", Kind::Guessable),
    ("pwd", Kind::Guessable),
    ("passphrase", Kind::Guessable),
    ("secret", Kind::Guessable),
    ("pin", Kind::Guessable),
    ("otp", Kind::Guessable),
    ("newpassword", Kind::Guessable),
    ("oldpassword", Kind::Guessable),
    ("currentpassword", Kind::Guessable),
];

/// Header lines whose whole value is a secret. `authorization`, cookies and URLs in headers are taken apart instead.
const HEADERS: &[(&str, Kind)] = &[
    ("mcp-session-id", Kind::Random),
    ("dpop", Kind::Random),
    ("x-api-key", Kind::Random),
    ("api-key", Kind::Random),
    ("x-auth-token", Kind::Random),
    ("x-csrf-token", Kind::Random),
    ("x-amz-security-token", Kind::Random),
    ("x-goog-api-key", Kind::Random),
    ("ocp-apim-subscription-key", Kind::Random),
    ("x-functions-key", Kind::Random),
];

/// Header lines that the protocol gives a meaning, beside everything that begins with `mcp-`.
const MATTERING_HEADERS: &[&str] = &[
    "authorization",
    "www-authenticate",
    "dpop",
    "dpop-nonce",
    "content-type",
    "accept",
    "location",
    "last-event-id",
    "cache-control",
    "retry-after",
    "origin",
    "allow",
    "x-accel-buffering",
];

/// Whether a parameter of a URL or form is a secret.
#[must_use]
pub fn parameter(name: &str) -> Option<Kind> {
    let plain = plain(name);
    find(PARAMETERS, &plain).or_else(|| find(MEMBERS, &plain))
}

/// Whether a member of a JSON object is a secret.
#[must_use]
pub fn member(name: &str) -> Option<Kind> {
    find(MEMBERS, &plain(name))
}

/// Whether the whole value of a header line is a secret.
#[must_use]
pub fn header(name: &str) -> Option<Kind> {
    // A parameter mirrored into a header is judged by the parameter's name.
    if let Some(mirrored) = name.strip_prefix("mcp-param-") {
        return member(mirrored);
    }
    find(HEADERS, name).or_else(|| {
        ["-token", "-secret", "-key", "-password"]
            .iter()
            .any(|end| name.ends_with(end))
            .then_some(Kind::Random)
    })
}

/// Whether the page shows this header line on top.
#[must_use]
pub fn matters(name: &str) -> bool {
    name.starts_with("mcp-") || MATTERING_HEADERS.contains(&name)
}

fn find(table: &[(&str, Kind)], name: &str) -> Option<Kind> {
    table.iter().find(|(entry, _)| *entry == name).map(|(_, kind)| *kind)
}

fn plain(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '_' | '-')).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_however_they_are_written() {
        for (name, expected) in [
            ("access_token", Some(Kind::Random)),
            ("accessToken", Some(Kind::Random)),
            ("ACCESS-TOKEN", Some(Kind::Random)),
            ("password", Some(Kind::Guessable)),
            ("progressToken", None),
            ("maxTokens", None),
            ("token_endpoint", None),
            ("token_type", None),
            ("code", None),
            ("nextCursor", None),
            // What logins without a browser send and get.
            ("subject_token", Some(Kind::Random)),
            ("subject_token_type", None),
            ("issued_token_type", None),
            ("requested_token_type", None),
            ("assertion", Some(Kind::Random)),
            ("client_assertion", Some(Kind::Random)),
            ("client_assertion_type", None),
            ("id_token", Some(Kind::Random)),
            ("id_jag", Some(Kind::Random)),
            ("client_secret", Some(Kind::Random)),
        ] {
            assert_eq!(member(name), expected, "{name}");
        }
        assert_eq!(parameter("code"), Some(Kind::Random));
        assert_eq!(parameter("code_challenge"), None);
        assert_eq!(parameter("dpop_jkt"), None, "the hash of a public key");
        assert_eq!(header("dpop"), Some(Kind::Random));
        assert_eq!(header("dpop-nonce"), None, "good with the key only");
        assert_eq!(parameter("state"), Some(Kind::Partly));
        assert_eq!(header("x-vendor-token"), Some(Kind::Random));
        assert_eq!(header("mcp-param-password"), Some(Kind::Guessable));
        assert_eq!(header("mcp-param-region"), None);
        assert_eq!(header("mcp-method"), None);
        assert!(matters("mcp-name") && matters("www-authenticate") && !matters("date"));
    }
}
