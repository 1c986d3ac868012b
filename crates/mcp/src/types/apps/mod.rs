//! MCP Apps: pages that a server offers beside its tools, for a host to show in a sandbox
//! (the [extension](https://github.com/modelcontextprotocol/ext-apps/blob/main/specification/2026-01-26/apps.mdx)
//! `io.modelcontextprotocol/ui`, in its stable version of 2026-01-26).
//!
//! Here is what a client and a server say to each other about them: which tool has which page, what the page may reach, and
//! who may call a tool. What a host and a page say to each other (`ui/…` over `postMessage`) is no matter of this wire.
//!
//! All of it is read strictly. The origins end up in the policy of a browser, where an entry with a semicolon would be a
//! directive of its own, and who may call a tool is not guessed.

mod meta;
mod page;
mod tools;

use serde::{Deserialize, Serialize};
use serde_json::json;

pub use self::meta::{UiCsp, UiPermissions, UiResourceMeta, UiToolMeta, Visibility};
pub use self::page::{App, check_html};
pub use self::tools::AppTools;
use super::capabilities::ClientCapabilities;
use super::json::Object;

/// The extension's name among the capabilities.
pub const EXTENSION: &str = "io.modelcontextprotocol/ui";
/// How the address of every app begins; nothing else may use it.
pub const SCHEME: &str = "ui://";
/// The media type of an app, compared as it is written.
pub const MIME_TYPE: &str = "text/html;profile=mcp-app";
/// The member of `_meta`, of tools as well as of resources.
pub const META_KEY: &str = "ui";
/// What it was before, in tools only: read where the new one names no app, and never written.
pub const DEPRECATED_META_KEY: &str = "ui/resourceUri";

/// What a client declares that shows apps
/// ([Client Capabilities](https://github.com/modelcontextprotocol/ext-apps/blob/main/specification/2026-01-26/apps.mdx#clientserver-capability-negotiation)).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UiClientCapabilities {
    /// The media types that it can show.
    pub mime_types: Vec<String>,
}

/// The one type that there is.
impl Default for UiClientCapabilities {
    fn default() -> Self {
        Self { mime_types: vec![MIME_TYPE.to_owned()] }
    }
}

/// Whether a client shows apps. Settings that cannot be read show nothing.
pub fn shows_apps(capabilities: &ClientCapabilities) -> bool {
    let settings = capabilities.extensions.get(EXTENSION).filter(|settings| settings.is_object());
    settings
        .and_then(|settings| UiClientCapabilities::deserialize(settings).ok())
        .is_some_and(|declared| declared.mime_types.iter().any(|shown| shown == MIME_TYPE))
}

/// The capabilities of a client that shows apps and can do nothing else.
pub fn required_capabilities() -> ClientCapabilities {
    let settings = json!(UiClientCapabilities::default());
    let extensions = Object::from_iter([(EXTENSION.to_owned(), settings)]);
    ClientCapabilities { extensions, ..ClientCapabilities::default() }
}

/// What is wrong with an app, or with what is said of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppFault {
    /// Not an address of an app.
    #[error("{0:?} is no address of an app: these begin with {SCHEME} and are visible ASCII")]
    Uri(String),
    /// A `_meta.ui` of another shape.
    #[error("`_meta.ui` cannot be read: {0}")]
    Meta(String),
    /// A tool that is for neither the model nor apps.
    #[error("`visibility` names nobody who may use the tool")]
    Nobody,
    /// What is not `scheme://host[:port]` with `http`, `https`, `ws` or `wss`.
    #[error("{entry:?} in `csp.{list}` is not an origin")]
    Origin {
        /// Its list.
        list: &'static str,
        /// The entry.
        entry: String,
    },
    /// The answer is about something else.
    #[error("what was read has no contents with the app's address")]
    NoContents,
    /// Another media type, or none.
    #[error("the contents have the type {0:?} and not {MIME_TYPE}")]
    MimeType(String),
    /// More than is accepted.
    #[error("the app has {found} bytes or more, and at most {max} are accepted")]
    TooLarge {
        /// What was read.
        found: usize,
        /// What is accepted.
        max: usize,
    },
    /// Neither text nor base64 of text.
    #[error("the contents are neither text nor UTF-8 in base64")]
    NotText,
    /// A server's own page that begins as no document of HTML does.
    #[error("the page does not begin with <!doctype html>")]
    NotHtml,
    /// An app wants to call what is not for apps.
    #[error("the server has no tool {0:?} for its apps")]
    NotForApps(String),
}

/// Whether an address can be one of an app.
///
/// # Errors
/// [`AppFault::Uri`]
pub fn check_uri(uri: &str) -> Result<(), AppFault> {
    let rest = uri.strip_prefix(SCHEME);
    let fine = rest.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_graphic()));
    if fine { Ok(()) } else { Err(AppFault::Uri(uri.to_owned())) }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::types::json::Meta;

    /// A `_meta` of these members.
    pub(super) fn meta(json: Value) -> Meta {
        let Value::Object(meta) = json else { panic!("{json}") };
        meta
    }

    #[test]
    fn who_shows_apps() {
        let check = |settings: Value, expected| {
            let extensions = meta(json!({ EXTENSION: settings }));
            let capabilities = ClientCapabilities { extensions, ..ClientCapabilities::default() };
            assert_eq!(shows_apps(&capabilities), expected, "{capabilities:?}");
        };
        check(json!({ "mimeTypes": ["text/html;profile=mcp-app"] }), true);
        check(
            json!({ "mimeTypes": ["text/uri-list", "text/html;profile=mcp-app"], "features": ["x"] }),
            true,
        );
        for nothing in [
            json!({}),
            json!({ "mimeTypes": [] }),
            json!({ "mimeTypes": ["text/html"] }),
            json!({ "mimeTypes": "text/html;profile=mcp-app" }),
            json!({ "mimeTypes": [1] }),
            json!([["text/html;profile=mcp-app"]]),
            json!(true),
            Value::Null,
        ] {
            check(nothing, false);
        }
        assert!(!shows_apps(&ClientCapabilities::default()));
        assert!(shows_apps(&required_capabilities()));
    }
}
