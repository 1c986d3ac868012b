//! The page: who talked with whom, and what came of it.

use std::fmt::Write as _;

use anyhow::Result;

use super::judged::Judged;
use super::language::Language;

/// What their clients do with our server; the columns of the table.
pub(super) const CLIENT_STEPS: [&str; 9] =
    ["login", "list", "call", "refusal", "progress", "step-up", "question", "refresh", "app"];

/// What our client does with their servers.
pub(super) const SERVER_STEPS: [&str; 9] =
    ["login", "connect", "list", "call", "read", "prompt", "progress", "question", "refresh"];

/// What OAuth clients do with our authorization server.
pub(super) const OAUTH_STEPS: [&str; 10] = [
    "code",
    "refresh",
    "introspection",
    "revocation",
    "pushed request",
    "DPoP",
    "device",
    "client credentials",
    "token exchange",
    "registration",
];

/// One of them in one revision (an OAuth client: in its own version), and what went well.
pub(super) struct Row {
    pub(super) who: String,
    pub(super) revision: String,
    pub(super) steps: Vec<String>,
}

const HEAD: &str = "\
# Who talks with whom

Written by `cargo xtask interop`: the official SDKs of other languages as clients of `barewire demo`, OAuth clients at its authorization server, and our client and doctor
against servers that are built with the SDKs. `cargo xtask test` does TypeScript and Python each time and fails where this page says something else;
Rust takes minutes to build. What is run is in `conformance/interop`, with a lock file for each language.

A `✔` is a step that was done and checked. Their clients: **login** is everything from the first 401 on (discovery, registration, PKCE, consent,
token) up to the connection, **call** includes a resource read, **refusal** a call with a wrong argument, **step-up** a call that needs one scope more,
**question** an elicitation that is declined and one that is accepted, **refresh** another access token without the user, **app** a tool with an MCP App and its page, read with the official package. Our client: **connect** checks the revision that was
agreed on. OAuth clients that know nothing of MCP: **code** is a login with PKCE and `resource`, and a call with the token that it gives, **revocation** is tried with the
next call, **DPoP** with ES256, Ed25519, RS256 and PS256 and with stolen tokens, **client credentials** by `private_key_jwt`, **token exchange** up to the end of the user's grant,
**registration** with its management. A `–` is something that the revision does not have, or that this server or client does not do.

";

pub(super) fn page<'a>(sections: impl Iterator<Item = &'a str>) -> String {
    let mut page = String::from(HEAD);
    page.push_str(&sections.collect::<Vec<_>>().join("\n"));
    page
}

/// What one language came to. Nothing in it depends on the day or the machine.
pub(super) fn section(
    language: Language,
    clients: &[Row],
    oauth_clients: &[Row],
    servers: &[Row],
    findings: &[Judged],
) -> Result<String> {
    let mut text = format!("## {}\n\nWith {}.\n\n", language.name(), language.versions()?);
    table(&mut text, "their client, our server | revision", &CLIENT_STEPS, clients);
    text.push('\n');
    if !oauth_clients.is_empty() {
        let title = "their OAuth client, our authorization server | version";
        table(&mut text, title, &OAUTH_STEPS, oauth_clients);
        text.push('\n');
    }
    table(&mut text, "our client, their server | revision", &SERVER_STEPS, servers);
    for judged in findings {
        let _ = write!(text, "\n{}\n\n", judged.sentence());
        for (finding, why) in judged.all() {
            let _ = writeln!(text, "* {finding}: {why}");
        }
    }
    Ok(text)
}

fn table(text: &mut String, title: &str, steps: &[&str], rows: &[Row]) {
    let _ = writeln!(text, "| {title} | {} |", steps.join(" | "));
    let _ = writeln!(text, "|---|---|{}", ":-:|".repeat(steps.len()));
    for Row { who, revision, steps: done } in rows {
        let cells: Vec<_> =
            steps.iter().map(|step| if done.iter().any(|it| it == step) { "✔" } else { "–" }).collect();
        let _ = writeln!(text, "| {who} | {revision} | {} |", cells.join(" | "));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_done_is_not_shown_as_done() {
        let mut text = String::new();
        let row =
            Row { who: "a".to_owned(), revision: "2025-11-25".to_owned(), steps: vec!["call".to_owned()] };
        table(&mut text, "client | revision", &["login", "call"], &[row]);
        assert!(text.ends_with("| a | 2025-11-25 | – | ✔ |\n"), "{text}");
    }
}
