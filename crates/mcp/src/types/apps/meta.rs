//! What `_meta.ui` says of a tool and of an app's resource.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{AppFault, DEPRECATED_META_KEY, META_KEY, check_uri};
use crate::types::json::{Meta, is_false, optional_object};

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
    use serde_json::json;

    use super::super::tests::meta;
    use super::*;

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
}
