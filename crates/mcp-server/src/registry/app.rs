//! Apps: pages that hosts show beside what tools return.

use barewire_mcp::types::apps::{
    self, META_KEY, MIME_TYPE, SCHEME, UiCsp, UiPermissions, UiResourceMeta, Visibility,
};
use barewire_mcp::types::resources::{Resource as Declared, ResourceContents};
use serde_json::json;

use super::declaration::{described, ruled};
use super::resource::ResourceEntry;
use super::{Registry, RegistryError};
use crate::auth::access::Rule;

/// An app to offer: one page of HTML, with everything that it needs in it, which a host shows in a sandbox
/// ([MCP Apps](https://github.com/modelcontextprotocol/ext-apps/blob/main/specification/2026-01-26/apps.mdx)). A tool names it
/// with [`Tool::app`](crate::Tool::app).
///
/// Clients that do not declare that they show apps are not told of it: to them the tool is one like any other.
pub struct App {
    declared: Declared,
    html: String,
    ui: UiResourceMeta,
    rule: Rule,
}

described!(App);
ruled!(App, "reading");

impl App {
    /// An app with this address (`ui://…`), a name for programs, and its page, which begins with `<!doctype html>`.
    pub fn new(uri: impl Into<String>, name: impl Into<String>, html: impl Into<String>) -> Self {
        let mime_type = Some(MIME_TYPE.to_owned());
        let declared = Declared { uri: uri.into(), name: name.into(), mime_type, ..Declared::default() };
        Self { declared, html: html.into(), ui: UiResourceMeta::default(), rule: Rule::default() }
    }

    /// What it shows.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.declared.description = Some(description.into());
        self
    }

    /// The origins of others that the page needs. Without it hosts let it reach none.
    #[must_use]
    pub fn csp(mut self, csp: UiCsp) -> Self {
        self.ui.csp = Some(csp);
        self
    }

    /// What the page asks of the browser. Hosts may say no.
    #[must_use]
    pub fn permissions(mut self, permissions: UiPermissions) -> Self {
        self.ui.permissions = Some(permissions);
        self
    }

    /// The origin that the page wants to have. What can be said here is for each host to choose.
    #[must_use]
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.ui.domain = Some(domain.into());
        self
    }

    /// Whether the page wants a border and a background. Hosts differ in what they do where this is not said.
    #[must_use]
    pub fn prefers_border(mut self, yes: bool) -> Self {
        self.ui.prefers_border = Some(yes);
        self
    }

    /// Its address and its resource. What it needs stands in the list, where a host can look before anything is read, and with
    /// the contents, which count.
    pub(crate) fn into_entry(mut self) -> Result<(String, ResourceEntry), RegistryError> {
        let uri = self.declared.uri.clone();
        let fault = |source| RegistryError::App { app: uri.clone(), source };
        apps::check_uri(&uri).map_err(fault)?;
        apps::check_html(&self.html).map_err(fault)?;
        self.ui.check().map_err(fault)?;
        self.declared.size = Some(self.html.len() as u64);
        let mut contents = ResourceContents::text(&uri, MIME_TYPE, self.html);
        if self.ui != UiResourceMeta::default() {
            self.declared.meta.insert(META_KEY.to_owned(), json!(self.ui));
            contents.meta.insert(META_KEY.to_owned(), json!(self.ui));
        }
        let entry =
            ResourceEntry { is_app: true, ..ResourceEntry::fixed(self.declared, self.rule, contents) };
        Ok((uri, entry))
    }
}

impl Registry {
    /// Checks that tools name apps that are there, and that what looks like an app to hosts is one.
    pub(super) fn check_apps(&self) -> Result<(), RegistryError> {
        for (tool, entry) in &self.tools {
            let tool = || tool.clone();
            if let Some(app) = &entry.ui.resource_uri
                && !self.resources.get(app).is_some_and(|resource| resource.is_app)
            {
                return Err(RegistryError::UnknownApp { tool: tool(), app: app.clone() });
            }
            if !self.has_apps && !entry.ui.is_visible_to(Visibility::Model) {
                return Err(RegistryError::ForNoApp(tool()));
            }
        }
        let mime_type = |declared: &Option<String>| declared.as_deref() == Some(MIME_TYPE);
        let resources = self
            .resources
            .iter()
            .filter(|(_, entry)| !entry.is_app)
            .map(|(uri, entry)| (uri, mime_type(&entry.declared.mime_type)));
        let templates =
            self.templates.iter().map(|(template, entry)| (template, mime_type(&entry.declared.mime_type)));
        match resources.chain(templates).find(|(uri, as_app)| *as_app || uri.starts_with(SCHEME)) {
            Some((uri, _)) => Err(RegistryError::NotAnApp(uri.clone())),
            None => Ok(()),
        }
    }
}
