//! MCP Apps: pages that a server offers beside its tools, for a host to show in a sandbox
//! (the [extension](https://github.com/modelcontextprotocol/ext-apps/blob/main/specification/2026-01-26/apps.mdx)
//! `io.modelcontextprotocol/ui`, in its stable version of 2026-01-26).
//!
//! Here is what a client and a server say to each other about them: which tool has which page, what the page may reach, and
//! who may call a tool. What a host and a page say to each other (`ui/…` over `postMessage`) is no matter of this wire.
//!
//! All of it is read strictly. The origins end up in the policy of a browser, where an entry with a semicolon would be a
//! directive of its own, and who may call a tool is not guessed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::capabilities::ClientCapabilities;
use super::json::{Meta, Object, is_false, optional_object};
use super::resources::{ResourceBody, ResourceContents};
use super::tools::Tool;

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

/// `_meta.ui` of a tool
/// ([Resource Discovery](https://github.com/modelcontextprotocol/ext-apps/blob/main/specification/2026-01-26/apps.mdx#resource-discovery)).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UiToolMeta {
    /// The address of the app that shows what the tool returns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_uri: Option<String>,
    /// Who may use the tool; both, where it does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visibility: Option<Vec<Visibility>>,
}

/// Who may use a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Visibility {
    /// The model sees it and may call it.
    Model,
    /// Apps of the same server may call it.
    App,
}

impl UiToolMeta {
    /// What a tool's `_meta` says; that everybody may use the tool and it has no app, where it says nothing.
    ///
    /// # Errors
    /// [`AppFault`]
    pub fn of(meta: &Meta) -> Result<Self, AppFault> {
        let mut ui: Self = member(meta)?.unwrap_or_default();
        if let (None, Some(flat)) = (&ui.resource_uri, meta.get(DEPRECATED_META_KEY)) {
            let flat = flat.as_str().ok_or_else(|| AppFault::Uri(flat.to_string()))?;
            ui.resource_uri = Some(flat.to_owned());
        }
        if let Some(uri) = &ui.resource_uri {
            check_uri(uri)?;
        }
        if ui.visibility.as_ref().is_some_and(Vec::is_empty) {
            return Err(AppFault::Nobody);
        }
        Ok(ui)
    }

    /// Whether this one is among those who may use the tool.
    pub fn is_visible_to(&self, who: Visibility) -> bool {
        self.visibility.as_ref().is_none_or(|visibility| visibility.contains(&who))
    }
}

/// `_meta.ui` of an app's resource
/// ([UI Resource Format](https://github.com/modelcontextprotocol/ext-apps/blob/main/specification/2026-01-26/apps.mdx#ui-resource-format)).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UiResourceMeta {
    /// The origins that it needs; none, where it does not say.
    #[serde(default, deserialize_with = "optional_object", skip_serializing_if = "Option::is_none")]
    pub csp: Option<UiCsp>,
    /// What it asks of the browser.
    #[serde(default, deserialize_with = "optional_object", skip_serializing_if = "Option::is_none")]
    pub permissions: Option<UiPermissions>,
    /// The origin that it wants to have, in words that each host chooses for itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// Whether it wants a border and a background; the host decides where it does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefers_border: Option<bool>,
}

/// The origins of others that an app needs, such as `https://api.example.com` or `https://*.example.com`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UiCsp {
    /// For requests of scripts (`connect-src`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub connect_domains: Vec<String>,
    /// For scripts, styles, pictures, fonts and media (`script-src`, `style-src`, `img-src`, `font-src`, `media-src`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resource_domains: Vec<String>,
    /// For frames in it (`frame-src`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub frame_domains: Vec<String>,
    /// For the base of its addresses (`base-uri`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub base_uri_domains: Vec<String>,
}

/// What an app asks of the browser. A host may say no, so an app looks for what it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UiPermissions {
    /// The camera.
    #[serde(default, with = "asked_for", skip_serializing_if = "is_false")]
    pub camera: bool,
    /// The microphone.
    #[serde(default, with = "asked_for", skip_serializing_if = "is_false")]
    pub microphone: bool,
    /// Where the device is.
    #[serde(default, with = "asked_for", skip_serializing_if = "is_false")]
    pub geolocation: bool,
    /// Writing to the clipboard.
    #[serde(default, with = "asked_for", skip_serializing_if = "is_false")]
    pub clipboard_write: bool,
}

/// An empty object means yes, and nothing means no.
mod asked_for {
    use serde::de::{Deserialize, Deserializer};
    use serde::ser::{Serialize, Serializer};

    use crate::types::json::Object;

    pub(super) fn serialize<S: Serializer>(_: &bool, serializer: S) -> Result<S::Ok, S::Error> {
        Object::new().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
        Ok(Option::<Object>::deserialize(deserializer)?.is_some())
    }
}

impl UiResourceMeta {
    /// What the `_meta` of contents says; nothing where it has no such member.
    ///
    /// # Errors
    /// [`AppFault`]
    pub fn of(meta: &Meta) -> Result<Option<Self>, AppFault> {
        let ui: Option<Self> = member(meta)?;
        if let Some(ui) = &ui {
            ui.check()?;
        }
        Ok(ui)
    }

    /// Whether every origin is one.
    ///
    /// # Errors
    /// [`AppFault::Origin`]
    pub fn check(&self) -> Result<(), AppFault> {
        let Some(UiCsp { connect_domains, resource_domains, frame_domains, base_uri_domains }) = &self.csp
        else {
            return Ok(());
        };
        let lists = [
            ("connectDomains", connect_domains),
            ("resourceDomains", resource_domains),
            ("frameDomains", frame_domains),
            ("baseUriDomains", base_uri_domains),
        ];
        for (list, entries) in lists {
            if let Some(entry) = entries.iter().find(|entry| !is_origin(entry)) {
                return Err(AppFault::Origin { list, entry: entry.clone() });
            }
        }
        Ok(())
    }
}

/// An app that was read and checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct App {
    /// Its address.
    pub uri: String,
    /// The page.
    pub html: String,
    /// What it needs and wants.
    pub meta: UiResourceMeta,
}

impl App {
    /// Takes an app out of what was read at its address. What its contents do not say of it, its entry in the list of
    /// resources does, if there is one.
    ///
    /// # Errors
    /// [`AppFault`]
    pub fn new(
        uri: &str,
        contents: Vec<ResourceContents>,
        listed: Option<&Meta>,
        max_bytes: usize,
    ) -> Result<Self, AppFault> {
        check_uri(uri)?;
        let contents = contents.into_iter().find(|part| part.uri == uri).ok_or(AppFault::NoContents)?;
        let mime_type = contents.mime_type.unwrap_or_default();
        if mime_type != MIME_TYPE {
            return Err(AppFault::MimeType(mime_type));
        }
        let meta = match UiResourceMeta::of(&contents.meta)? {
            Some(meta) => meta,
            None => listed.map(UiResourceMeta::of).transpose()?.flatten().unwrap_or_default(),
        };
        let html = match contents.body {
            ResourceBody::Text(text) => text,
            ResourceBody::Blob(blob) => {
                // Base64 is a third longer, so this is never more than there will be.
                check_size((blob.len() / 4 * 3).saturating_sub(2), max_bytes)?;
                let bytes = STANDARD.decode(blob).map_err(|_| AppFault::NotText)?;
                String::from_utf8(bytes).map_err(|_| AppFault::NotText)?
            }
        };
        check_size(html.len(), max_bytes)?;
        Ok(Self { uri: uri.to_owned(), html, meta })
    }
}

/// The tools of one server, and for whom each of them is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AppTools(Vec<(Tool, Result<UiToolMeta, AppFault>)>);

impl AppTools {
    /// Reads what the tools say. One that says it wrongly is for nobody, since nobody can tell from whom it was to be kept.
    pub fn new(tools: Vec<Tool>) -> Self {
        Self(
            tools
                .into_iter()
                .map(|tool| (UiToolMeta::of(&tool.meta), tool))
                .map(|(ui, tool)| (tool, ui))
                .collect(),
        )
    }

    /// Those that this one may see and call.
    pub fn visible_to(&self, who: Visibility) -> impl Iterator<Item = &Tool> {
        self.0.iter().filter(move |(_, ui)| is_visible(ui, who)).map(|(tool, _)| tool)
    }

    /// The address of the app that shows what a tool returns.
    pub fn app_of(&self, tool: &str) -> Option<&str> {
        let (_, ui) = self.0.iter().find(|(listed, _)| listed.name == tool)?;
        ui.as_ref().ok()?.resource_uri.as_deref()
    }

    /// Those that say it wrongly, by name.
    pub fn faults(&self) -> impl Iterator<Item = (&str, &AppFault)> {
        self.0.iter().filter_map(|(tool, ui)| Some((tool.name.as_str(), ui.as_ref().err()?)))
    }

    /// Whether an app of the server may call the tool of this name.
    ///
    /// # Errors
    /// [`AppFault::NotForApps`], also where there is no such tool.
    pub fn check_call_from_app(&self, tool: &str) -> Result<(), AppFault> {
        let mut named = self.0.iter().filter(|(listed, _)| listed.name == tool).peekable();
        // A name that is there twice has to be for apps both times.
        if named.peek().is_some() && named.all(|(_, ui)| is_visible(ui, Visibility::App)) {
            return Ok(());
        }
        Err(AppFault::NotForApps(tool.to_owned()))
    }
}

fn is_visible(ui: &Result<UiToolMeta, AppFault>, who: Visibility) -> bool {
    ui.as_ref().is_ok_and(|ui| ui.is_visible_to(who))
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

/// Whether a page begins as a document of HTML has to
/// ([The DOCTYPE](https://html.spec.whatwg.org/multipage/syntax.html#the-doctype)): white space and comments may come before.
///
/// # Errors
/// [`AppFault::NotHtml`]
pub fn check_html(page: &str) -> Result<(), AppFault> {
    const DOCTYPE: &[u8] = b"<!doctype html";
    let mut rest = page.strip_prefix('\u{feff}').unwrap_or(page).trim_ascii_start();
    while let Some((_, after)) = rest.strip_prefix("<!--").and_then(|comment| comment.split_once("-->")) {
        rest = after.trim_ascii_start();
    }
    let begins =
        rest.as_bytes().get(..DOCTYPE.len()).is_some_and(|start| start.eq_ignore_ascii_case(DOCTYPE));
    if begins { Ok(()) } else { Err(AppFault::NotHtml) }
}

fn check_size(found: usize, max: usize) -> Result<(), AppFault> {
    if found <= max { Ok(()) } else { Err(AppFault::TooLarge { found, max }) }
}

/// The member of a `_meta`, read as an object.
fn member<'a, T: Deserialize<'a>>(meta: &'a Meta) -> Result<Option<T>, AppFault> {
    match meta.get(META_KEY) {
        None => Ok(None),
        Some(ui @ Value::Object(_)) => {
            T::deserialize(ui).map(Some).map_err(|error| AppFault::Meta(error.to_string()))
        }
        Some(_) => Err(AppFault::Meta("it is not an object".to_owned())),
    }
}

/// Whether an entry is an origin as a policy names it, perhaps with all names below a host
/// ([host-source](https://www.w3.org/TR/CSP3/#grammardef-host-source), with its scheme and without a path).
fn is_origin(entry: &str) -> bool {
    let Some((scheme, rest)) = entry.split_once("://") else { return false };
    if !["http", "https", "ws", "wss"].contains(&scheme) {
        return false;
    }
    let (host, port) = match rest.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (rest, None),
    };
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    port.is_none_or(is_port) && host.strip_prefix("*.").unwrap_or(host).split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meta(json: Value) -> Meta {
        let Value::Object(meta) = json else { panic!("{json}") };
        meta
    }

    fn tool(name: &str, json: Value) -> Tool {
        Tool { meta: meta(json), ..Tool::new(name, "") }
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

    #[test]
    fn what_a_tool_says() {
        let check = |json: Value, uri: Option<&str>, model: bool, app: bool| {
            let ui = UiToolMeta::of(&meta(json)).unwrap();
            assert_eq!(ui.resource_uri.as_deref(), uri);
            assert_eq!(
                (ui.is_visible_to(Visibility::Model), ui.is_visible_to(Visibility::App)),
                (model, app)
            );
        };
        let uri = Some("ui://weather/view");
        check(json!({}), None, true, true);
        check(json!({ "ui": {} }), None, true, true);
        check(json!({ "ui": { "resourceUri": "ui://weather/view", "other": 1 } }), uri, true, true);
        check(json!({ "ui": { "visibility": ["app"] } }), None, false, true);
        check(
            json!({ "ui": { "resourceUri": "ui://weather/view", "visibility": ["model"] } }),
            uri,
            true,
            false,
        );
        check(json!({ "ui": { "visibility": ["model", "app"] } }), None, true, true);
        check(json!({ "ui/resourceUri": "ui://weather/view" }), uri, true, true);
        check(
            json!({ "ui/resourceUri": "ui://weather/view", "ui": { "visibility": ["app"] } }),
            uri,
            false,
            true,
        );
        check(
            json!({ "ui/resourceUri": "ui://old", "ui": { "resourceUri": "ui://weather/view" } }),
            uri,
            true,
            true,
        );
    }

    #[test]
    fn a_tool_that_says_it_wrongly() {
        let check = |json: Value, expected: &str| {
            assert_eq!(UiToolMeta::of(&meta(json)).unwrap_err().to_string(), expected);
        };
        for uri in ["", "ui://", "https://x.example", "UI://x", "ui:x", "ui://a b", "ui://a\n", "ui://ä"] {
            let expected = AppFault::Uri(uri.to_owned()).to_string();
            check(json!({ "ui": { "resourceUri": uri } }), &expected);
            check(json!({ "ui/resourceUri": uri }), &expected);
        }
        check(json!({ "ui": { "visibility": [] } }), "`visibility` names nobody who may use the tool");
        check(json!({ "ui": "ui://x" }), "`_meta.ui` cannot be read: it is not an object");
        check(json!({ "ui": null }), "`_meta.ui` cannot be read: it is not an object");
        for wrong in [
            json!({ "visibility": ["user"] }),
            json!({ "visibility": "app" }),
            json!({ "visibility": { "app": true } }),
            json!({ "resourceUri": 1 }),
        ] {
            let fault = UiToolMeta::of(&meta(json!({ "ui": wrong }))).unwrap_err();
            assert!(matches!(fault, AppFault::Meta(_)), "{fault}");
        }
    }

    #[test]
    fn who_may_call_what() {
        let tools = AppTools::new(vec![
            tool("plain", json!({})),
            tool("shown", json!({ "ui": { "resourceUri": "ui://a" } })),
            tool("refresh", json!({ "ui": { "resourceUri": "ui://a", "visibility": ["app"] } })),
            tool("think", json!({ "ui": { "visibility": ["model"] } })),
            tool("wrong", json!({ "ui": { "visibility": ["everybody"] } })),
            tool("twice", json!({})),
            tool("twice", json!({ "ui": { "visibility": ["model"] } })),
        ]);
        let names = |who| tools.visible_to(who).map(|tool| tool.name.as_str()).collect::<Vec<_>>();
        assert_eq!(names(Visibility::Model), ["plain", "shown", "think", "twice", "twice"]);
        assert_eq!(names(Visibility::App), ["plain", "shown", "refresh", "twice"]);
        assert_eq!(tools.faults().map(|(name, _)| name).collect::<Vec<_>>(), ["wrong"]);
        for (name, app) in [("plain", None), ("shown", Some("ui://a")), ("wrong", None), ("none", None)] {
            assert_eq!(tools.app_of(name), app);
        }
        for (name, may) in [
            ("plain", true),
            ("shown", true),
            ("refresh", true),
            ("think", false),
            ("wrong", false),
            ("twice", false),
            ("none", false),
        ] {
            let expected = if may { Ok(()) } else { Err(AppFault::NotForApps(name.to_owned())) };
            assert_eq!(tools.check_call_from_app(name), expected);
        }
    }

    #[test]
    fn a_resource_is_written_as_it_is_read() {
        let json = json!({
            "csp": { "connectDomains": ["https://api.example.com", "wss://live.example.com:8443"] },
            "permissions": { "camera": {}, "clipboardWrite": {} },
            "domain": "x.hosts.example",
            "prefersBorder": false,
        });
        let ui = UiResourceMeta::of(&meta(json!({ "ui": json }))).unwrap().unwrap();
        let asked = UiPermissions { camera: true, clipboard_write: true, ..UiPermissions::default() };
        assert_eq!(ui.permissions, Some(asked));
        assert_eq!(serde_json::to_value(&ui).unwrap(), json);
        assert_eq!(UiResourceMeta::of(&Meta::new()), Ok(None));
        assert_eq!(serde_json::to_value(UiResourceMeta::default()).unwrap(), json!({}));
        for wrong in [
            json!([]),
            json!({ "csp": [] }),
            json!({ "csp": { "connectDomains": "https://a.example" } }),
            json!({ "permissions": { "camera": true } }),
            json!({ "permissions": ["camera"] }),
            json!({ "domain": 1 }),
            json!({ "prefersBorder": "yes" }),
        ] {
            let fault = UiResourceMeta::of(&meta(json!({ "ui": wrong }))).unwrap_err();
            assert!(matches!(fault, AppFault::Meta(_)), "{fault}");
        }
    }

    #[test]
    fn only_origins_get_into_a_policy() {
        let check = |entry: &str, expected| {
            for list in ["connectDomains", "resourceDomains", "frameDomains", "baseUriDomains"] {
                let read = UiResourceMeta::of(&meta(json!({ "ui": { "csp": { list: [entry] } } })));
                let wrong = AppFault::Origin { list, entry: entry.to_owned() };
                assert_eq!(read.map(drop), if expected { Ok(()) } else { Err(wrong) }, "{entry:?}");
            }
        };
        for origin in [
            "https://api.example.com",
            "http://localhost:3000",
            "wss://live.example.com",
            "ws://127.0.0.1:9",
            "https://*.example.com",
            "https://xn--bcher-kva.example:8443",
        ] {
            check(origin, true);
        }
        for wrong in [
            "",
            "*",
            "https:",
            "https://",
            "https://*",
            "https://*.",
            "https://a.*.example",
            "api.example.com",
            "https://a.example/",
            "https://a.example/path",
            "https://a.example?q",
            "https://user@a.example",
            "https://a.example:",
            "https://a.example:*",
            "https://a.example:65536",
            "https://a.example:+1",
            "https://a..example",
            "https://a.example; script-src *",
            "https://a.example https://b.example",
            "https://a.example\n",
            "'unsafe-eval'",
            "data:",
            "blob:",
            "ftp://a.example",
            "HTTPS://a.example",
            "https://[::1]",
            "https://ä.example",
        ] {
            check(wrong, false);
        }
    }

    #[test]
    fn an_app_is_what_was_asked_for() {
        const URI: &str = "ui://weather/view";
        const HTML: &str = "<!doctype html><p>sun</p>";
        let contents = || ResourceContents::text(URI, MIME_TYPE, HTML);
        let read = |contents: ResourceContents| App::new(URI, vec![contents], None, 1_000);
        let app = read(contents()).unwrap();
        assert_eq!((app.uri.as_str(), app.html.as_str(), &app.meta), (URI, HTML, &UiResourceMeta::default()));
        assert_eq!(read(ResourceContents::blob(URI, MIME_TYPE, STANDARD.encode(HTML))).unwrap(), app);

        assert_eq!(
            App::new("https://x", vec![contents()], None, 1_000),
            Err(AppFault::Uri("https://x".to_owned()))
        );
        assert_eq!(App::new("ui://other", vec![contents()], None, 1_000), Err(AppFault::NoContents));
        assert_eq!(App::new(URI, vec![], None, 1_000), Err(AppFault::NoContents));
        for wrong in [Some("text/html"), Some("text/html; profile=mcp-app"), Some("text/html+mcp"), None] {
            let other = ResourceContents { mime_type: wrong.map(str::to_owned), ..contents() };
            assert_eq!(read(other), Err(AppFault::MimeType(wrong.unwrap_or_default().to_owned())));
        }
        for blob in ["?", "gA==", "YQ"] {
            assert_eq!(read(ResourceContents::blob(URI, MIME_TYPE, blob)), Err(AppFault::NotText), "{blob}");
        }
        let ui = |json: Value| ResourceContents { meta: meta(json!({ "ui": json })), ..contents() };
        assert_eq!(read(ui(json!({ "prefersBorder": true }))).unwrap().meta.prefers_border, Some(true));
        assert!(matches!(read(ui(json!(1))), Err(AppFault::Meta(_))));
        assert!(matches!(
            read(ui(json!({ "csp": { "frameDomains": ["*"] } }))),
            Err(AppFault::Origin { .. })
        ));

        // The list says what the contents do not.
        let listed = meta(json!({ "ui": { "prefersBorder": false } }));
        let both =
            |contents| App::new(URI, vec![contents], Some(&listed), 1_000).unwrap().meta.prefers_border;
        assert_eq!(both(contents()), Some(false));
        assert_eq!(both(ui(json!({ "prefersBorder": true }))), Some(true));
        assert_eq!(both(ui(json!({}))), None);
    }

    #[test]
    fn an_app_is_as_large_as_is_accepted() {
        for length in 0..9 {
            let html = "x".repeat(length);
            let blob = ResourceContents::blob("ui://a", MIME_TYPE, STANDARD.encode(&html));
            for contents in [ResourceContents::text("ui://a", MIME_TYPE, &html), blob] {
                let read = |max| App::new("ui://a", vec![contents.clone()], None, max);
                assert_eq!(read(length).unwrap().html, html);
                if let Some(less) = length.checked_sub(1) {
                    assert!(
                        matches!(read(less), Err(AppFault::TooLarge { max, .. }) if max == less),
                        "{length}"
                    );
                }
            }
        }
        let long = ResourceContents::blob("ui://a", MIME_TYPE, "A".repeat(4_000));
        let refused = App::new("ui://a", vec![long], None, 2_000);
        assert_eq!(refused, Err(AppFault::TooLarge { found: 2_998, max: 2_000 }), "without reading it");
    }

    #[test]
    fn how_a_page_begins() {
        for fine in [
            "<!doctype html>",
            "\u{feff}<!DOCTYPE HTML>\n<html>",
            " \n<!-- a --><!--b-->\n<!doctype html><p>",
        ] {
            assert_eq!(check_html(fine), Ok(()), "{fine:?}");
        }
        for wrong in
            ["", "<html>", "{\"a\":1}", "<!doctype", "<!-- <!doctype html>", "sun", "<!dóctype html>"]
        {
            assert_eq!(check_html(wrong), Err(AppFault::NotHtml), "{wrong:?}");
        }
    }
}
