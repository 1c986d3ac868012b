//! What each side can do.

use serde::{Deserialize, Serialize};

use super::json::{Object, is_false, optional_object};

/// What a client can be asked for
/// ([ClientCapabilities](https://modelcontextprotocol.io/specification/2026-07-28/schema#clientcapabilities)).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientCapabilities {
    /// Lists the roots of the user's workspace.
    #[serde(default, deserialize_with = "optional_object", skip_serializing_if = "Option::is_none")]
    pub roots: Option<RootsCapability>,
    /// Calls a model for the server.
    #[serde(default, deserialize_with = "optional_object", skip_serializing_if = "Option::is_none")]
    pub sampling: Option<SamplingCapability>,
    /// Asks the user for the server.
    #[serde(default, deserialize_with = "optional_object", skip_serializing_if = "Option::is_none")]
    pub elicitation: Option<ElicitationCapability>,
    /// Settings per extension, by the extension's identifier.
    #[serde(default, skip_serializing_if = "Object::is_empty")]
    pub extensions: Object,
    /// Outside of the specification.
    #[serde(default, skip_serializing_if = "Object::is_empty")]
    pub experimental: Object,
}

/// The client lists roots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RootsCapability {
    /// It also says when they change. Only in the handshake era.
    #[serde(default, skip_serializing_if = "is_false")]
    pub list_changed: bool,
}

/// The client calls a model.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SamplingCapability {
    /// It can include context of MCP servers (deprecated).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<Object>,
    /// It lets the model call tools that the server describes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tools: Option<Object>,
}

/// The client asks the user. Neither member means form only, as it did before there were two.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ElicitationCapability {
    /// By a form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<Object>,
    /// By sending the user to an address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<Object>,
}

impl ElicitationCapability {
    /// Whether a form may be sent.
    pub fn form(&self) -> bool {
        self.form.is_some() || self.url.is_none()
    }

    /// Whether an address may be sent.
    pub fn url(&self) -> bool {
        self.url.is_some()
    }
}

impl ClientCapabilities {
    fn is_empty(&self) -> bool {
        let Self { roots, sampling, elicitation, extensions, experimental } = self;
        roots.is_none()
            && sampling.is_none()
            && elicitation.is_none()
            && extensions.is_empty()
            && experimental.is_empty()
    }

    /// Those of `required` that are missing here, in the shape of `data.requiredCapabilities`; nothing when none is.
    #[must_use]
    pub fn missing(&self, required: &Self) -> Option<Self> {
        if required.is_empty() {
            return None;
        }
        let mut missing = Self::default();
        if required.roots.is_some() && self.roots.is_none() {
            missing.roots = required.roots;
        }
        if let Some(sampling) = &required.sampling {
            let has = self.sampling.as_ref();
            let lacks_tools = sampling.tools.is_some() && has.is_none_or(|has| has.tools.is_none());
            let lacks_context = sampling.context.is_some() && has.is_none_or(|has| has.context.is_none());
            if has.is_none() || lacks_tools || lacks_context {
                missing.sampling = Some(sampling.clone());
            }
        }
        if let Some(elicitation) = &required.elicitation {
            let has = self.elicitation.as_ref();
            let lacks_form = elicitation.form() && !has.is_some_and(ElicitationCapability::form);
            let lacks_url = elicitation.url() && !has.is_some_and(ElicitationCapability::url);
            if lacks_form || lacks_url {
                missing.elicitation = Some(elicitation.clone());
            }
        }
        for (name, settings) in &required.extensions {
            if !self.extensions.contains_key(name) {
                missing.extensions.insert(name.clone(), settings.clone());
            }
        }
        (!missing.is_empty()).then_some(missing)
    }
}

/// What a server offers
/// ([ServerCapabilities](https://modelcontextprotocol.io/specification/2026-07-28/schema#servercapabilities)).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerCapabilities {
    /// Sends log messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logging: Option<Object>,
    /// Completes arguments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completions: Option<Object>,
    /// Has prompts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompts: Option<ListCapability>,
    /// Has resources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<ResourcesCapability>,
    /// Has tools.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tools: Option<ListCapability>,
    /// Settings per extension, by the extension's identifier.
    #[serde(default, skip_serializing_if = "Object::is_empty")]
    pub extensions: Object,
    /// Outside of the specification.
    #[serde(default, skip_serializing_if = "Object::is_empty")]
    pub experimental: Object,
}

/// The server has a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListCapability {
    /// It says when the list changes.
    #[serde(default, skip_serializing_if = "is_false")]
    pub list_changed: bool,
}

/// The server has resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourcesCapability {
    /// It says when a single resource changes.
    #[serde(default, skip_serializing_if = "is_false")]
    pub subscribe: bool,
    /// It says when the list changes.
    #[serde(default, skip_serializing_if = "is_false")]
    pub list_changed: bool,
}
