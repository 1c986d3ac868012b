//! What is known of other people's clients: data with sources, to be read beside an attempt of theirs. Nothing decides by it.

use serde::Serialize;

use super::attempt::Attempt;

/// A client program that many people have.
#[derive(Debug, Serialize)]
pub struct KnownClient {
    /// What people call it.
    pub name: &'static str,
    /// How its clients call themselves, in lower case: the whole name.
    #[serde(skip)]
    names: &'static [&'static str],
    /// How its requests begin to say what they are sent by, in lower case.
    #[serde(skip)]
    agents: &'static [&'static str],
    /// What the documents begin with by which its clients are known.
    #[serde(skip)]
    documents: &'static [&'static str],
    /// What is known of it.
    pub quirks: &'static [Quirk],
}

/// How a client behaves, where that is not what one expects.
#[derive(Debug, Serialize)]
pub struct Quirk {
    /// In a sentence or two.
    pub what: &'static str,
    /// Where that is told.
    pub source: &'static str,
}

/// All that are known, those with narrower names first.
pub const KNOWN_CLIENTS: &[KnownClient] = &[
    KnownClient {
        name: "Claude Code",
        names: &["claude code"],
        agents: &["claude-code/"],
        documents: &["https://claude.ai/oauth/claude-code-client-metadata"],
        quirks: &[
            Quirk {
                what: "Its document names callbacks on localhost without a port, and its requests name one of the moment. \
                       That is allowed here, for any port; a proxy or gateway in front that compares texts refuses it.",
                source: "https://github.com/anthropics/claude-code/issues/37767",
            },
            Quirk {
                what: "Its tokens are kept by callback address, so another terminal may have to log in anew.",
                source: "https://github.com/anthropics/claude-code/issues/43000",
            },
        ],
    },
    KnownClient {
        name: "Claude",
        names: &["claude", "claude.ai"],
        agents: &["claude-user", "anthropic/"],
        documents: &["https://claude.ai/", "https://claude.com/"],
        quirks: &[
            Quirk {
                what: "After a token endpoint that answered 200 it may send no request at all and show an opaque reference \
                       (ofid_…). Compare with another client at the same address: where that one gets in, the stop is on \
                       Claude's side, and its support can look the reference up.",
                source: "https://github.com/anthropics/claude-ai-mcp/issues/680",
            },
            Quirk {
                what: "Its own requests come from Anthropic's machines, the login from the user's browser. They are tied \
                       together by the client and the request, not by the address; its users share the addresses.",
                source: "https://github.com/anthropics/claude-ai-mcp/issues/335",
            },
        ],
    },
    KnownClient {
        name: "ChatGPT",
        names: &["chatgpt", "openai"],
        agents: &["openai-mcp"],
        documents: &["https://chatgpt.com/", "https://openai.com/"],
        quirks: &[
            Quirk {
                what: "Each connector has a callback of its own (https://chatgpt.com/connector/oauth/…), so a client that was \
                       registered by hand with another one is refused for its redirect URI.",
                source: "https://github.com/BasedHardware/omi/issues/8824",
            },
            Quirk {
                what: "It can want the challenge in a tool's result where a login is needed later on; the 401 of a first \
                       request it understands.",
                source: "https://github.com/mcp-use/mcp-use/issues/2602",
            },
        ],
    },
    KnownClient {
        name: "Copilot CLI",
        names: &["github copilot cli", "copilot cli"],
        agents: &["copilot-cli"],
        documents: &["https://github.com/copilot/cli/client-metadata.json"],
        quirks: &[Quirk {
            what: "Its document names port 33418 of 127.0.0.1, its requests another one. That is allowed here, for any port.",
            source: "https://github.com/github/copilot-cli/issues/4793",
        }],
    },
    KnownClient {
        name: "VS Code",
        names: &["visual studio code", "visual studio code - insiders", "vs code"],
        agents: &["visual studio code", "vscode", "code/"],
        documents: &["https://vscode.dev/"],
        quirks: &[
            Quirk {
                what: "It registers port 33418 of 127.0.0.1 and uses another one where that is taken. That is allowed here, \
                       for any port.",
                source: "https://github.com/microsoft/vscode/issues/278512",
            },
            Quirk {
                what: "Where it cannot register, it asks its user for a client id.",
                source: "https://github.com/contextstream/mcp-server/issues/57",
            },
        ],
    },
    KnownClient {
        name: "Cursor",
        names: &["cursor"],
        agents: &["cursor/", "cursor-"],
        documents: &["https://www.cursor.com/", "https://cursor.com/"],
        quirks: &[
            Quirk {
                what: "It registers three callbacks at once: one on localhost, one at www.cursor.com, and \
                       cursor://anysphere.cursor-mcp/oauth/callback. A server that takes no private-use schemes refuses all \
                       three: auth.private_use_redirects.",
                source: "https://github.com/soflyy/agent-connector-for-wp/issues/111",
            },
            Quirk {
                what: "Its callbacks have changed more than once, so a list of them that was written down is out of date.",
                source: "https://github.com/ProfessionalWiki/MediaWiki-MCP-Server/issues/454",
            },
        ],
    },
    KnownClient {
        name: "MCP Inspector",
        names: &["mcp inspector"],
        agents: &["mcp-inspector"],
        documents: &[],
        quirks: &[
            Quirk {
                what: "Older versions look for the metadata at places of their own and do not follow the challenge.",
                source: "https://github.com/modelcontextprotocol/inspector/issues/576",
            },
            Quirk {
                what: "It runs in a browser, so it sees nothing of an answer without the headers of CORS; a proxy that takes \
                       them away stops it before it registers.",
                source: "https://github.com/modelcontextprotocol/inspector/issues/817",
            },
        ],
    },
    KnownClient {
        name: "mcp-remote",
        names: &["mcp cli proxy", "mcp-remote"],
        agents: &["mcp-remote"],
        documents: &[],
        quirks: &[
            Quirk {
                what: "A host may start it several times for one server: several logins at once, of which one wins and the \
                       others wait for a callback that never comes.",
                source: "https://github.com/punkpeye/mcp-remote/pull/325",
            },
            Quirk {
                what: "Claude Desktop starts it for servers that are named in its configuration file, and other hosts do, so \
                       its name may be another's.",
                source: "https://github.com/anthropics/claude-code/issues/24870",
            },
        ],
    },
    KnownClient {
        name: "FastMCP",
        names: &["fastmcp", "fastmcp client"],
        agents: &["fastmcp"],
        documents: &[],
        quirks: &[Quirk {
            what: "It fetches the authorization URL itself before the browser does; that counts as one request here.",
            source: "https://github.com/PrefectHQ/fastmcp",
        }],
    },
    KnownClient {
        name: "a client on Python's httpx",
        names: &[],
        agents: &["python-httpx"],
        documents: &[],
        quirks: &[Quirk {
            what: "The MCP SDK for Python and Claude's own machines both say so.",
            source: "https://github.com/anthropics/claude-ai-mcp/issues/335",
        }],
    },
    KnownClient {
        name: "a client on Node.js",
        names: &[],
        agents: &["node"],
        documents: &[],
        quirks: &[Quirk {
            what: "The MCP SDK for TypeScript says so. Its older versions forget the scopes that they had when a challenge asks \
                   for more, and do not ask for more while they have a refresh token.",
            source: "https://github.com/modelcontextprotocol/typescript-sdk/issues/1582",
        }],
    },
];

/// The program behind an attempt, as far as its name, its document or its requests tell. Anybody can say so.
#[must_use]
pub fn known_client(attempt: &Attempt) -> Option<&'static KnownClient> {
    let lower = |text: &Option<String>| text.as_deref().unwrap_or_default().trim().to_lowercase();
    let (name, agent) = (lower(&attempt.client_name), lower(&attempt.user_agent));
    let document = attempt.client.as_deref().unwrap_or_default();
    let by_name = |known: &&KnownClient| {
        // VS Code adds which edition it is, others add the server's name in brackets.
        let begins = |known: &&str| {
            name.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with(" ("))
        };
        known.names.iter().any(begins)
    };
    let by_document = |known: &&KnownClient| known.documents.iter().any(|known| document.starts_with(known));
    let by_agent = |known: &&KnownClient| known.agents.iter().any(|known| agent.starts_with(known));
    let find = |is_it: &dyn Fn(&&KnownClient) -> bool| KNOWN_CLIENTS.iter().find(|known| is_it(known));
    find(&by_document).or_else(|| find(&by_name)).or_else(|| find(&by_agent))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(client: Option<&str>, name: Option<&str>, agent: Option<&str>, expected: Option<&str>) {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let attempt = Attempt {
            client: owned(client),
            client_name: owned(name),
            user_agent: owned(agent),
            ..Attempt::default()
        };
        assert_eq!(known_client(&attempt).map(|known| known.name), expected, "{attempt:?}");
    }

    #[test]
    fn programs_are_known_by_document_name_or_agent() {
        check(Some("https://claude.ai/oauth/claude-code-client-metadata"), None, None, Some("Claude Code"));
        check(Some("client_1"), Some("Claude"), Some("python-httpx/0.28.1"), Some("Claude"));
        check(Some("client_1"), Some("Claude Code (my-server)"), None, Some("Claude Code"));
        check(None, None, Some("Claude-User"), Some("Claude"));
        check(None, None, Some("openai-mcp/1.0.0"), Some("ChatGPT"));
        check(Some("client_1"), Some("MCP CLI Proxy"), Some("node"), Some("mcp-remote"));
        check(None, Some("Visual Studio Code"), None, Some("VS Code"));
        check(None, None, Some("python-httpx/0.28.1"), Some("a client on Python's httpx"));
        check(None, Some("Claudette"), Some("curl/8"), None);
        check(None, None, None, None);
    }

    #[test]
    fn each_has_something_to_say_and_says_from_where() {
        for known in KNOWN_CLIENTS {
            assert!(!known.quirks.is_empty(), "{}", known.name);
            for quirk in known.quirks {
                assert!(quirk.source.starts_with("https://github.com/"), "{}", quirk.source);
                assert!(quirk.what.ends_with('.') && !quirk.what.contains("  "), "{}", quirk.what);
            }
            let texts = known.names.iter().chain(known.agents);
            assert!(texts.clone().all(|text| *text == text.to_lowercase()), "{}", known.name);
        }
    }
}
