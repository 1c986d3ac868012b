//! Resources and resource templates.

use std::future::Future;
use std::sync::Arc;

use barewire_mcp::types::content::Annotations;
use barewire_mcp::types::operation::Outcome;
use barewire_mcp::types::resources::{
    ReadResourceResult, Resource as Declared, ResourceContents, ResourceTemplate as DeclaredTemplate,
};

use super::declaration::{described, ruled};
use super::output::ResourceOutput;
use super::template::{Template, UriVariables};
use super::{RegistryError, Work};
use crate::auth::access::Rule;
use crate::context::Context;
use crate::error::ToolError;

/// The declaration of a resource with a fixed address
/// ([Resources](https://modelcontextprotocol.io/specification/2026-07-28/server/resources)).
pub struct Resource {
    declared: Declared,
    rule: Rule,
}

/// The declaration of a family of resources whose address has variables, an RFC 6570 template of level 1
/// ([Resource templates](https://modelcontextprotocol.io/specification/2026-07-28/server/resources#resource-templates)).
pub struct ResourceTemplate {
    declared: DeclaredTemplate,
    rule: Rule,
}

/// The rest that both declarations have.
macro_rules! typed {
    ($name:ident) => {
        impl $name {
            /// What it is, for the model.
            #[must_use]
            pub fn description(mut self, description: impl Into<String>) -> Self {
                self.declared.description = Some(description.into());
                self
            }

            /// Its media type.
            #[must_use]
            pub fn mime_type(mut self, mime_type: impl Into<String>) -> Self {
                self.declared.mime_type = Some(mime_type.into());
                self
            }

            /// For whom it is, and how important.
            #[must_use]
            pub fn annotations(mut self, annotations: Annotations) -> Self {
                self.declared.annotations = Some(annotations);
                self
            }
        }
    };
}

described!(Resource);
typed!(Resource);
ruled!(Resource, "reading");

described!(ResourceTemplate);
typed!(ResourceTemplate);
ruled!(ResourceTemplate, "reading");

impl Resource {
    /// A resource with this address and name.
    pub fn new(uri: impl Into<String>, name: impl Into<String>) -> Self {
        let declared = Declared { uri: uri.into(), name: name.into(), ..Declared::default() };
        Self { declared, rule: Rule::default() }
    }

    /// Its size in bytes, before base64.
    #[must_use]
    pub fn size(mut self, bytes: u64) -> Self {
        self.declared.size = Some(bytes);
        self
    }

    pub(crate) fn uri(&self) -> &str {
        &self.declared.uri
    }

    pub(crate) fn mime(&self) -> Option<String> {
        self.declared.mime_type.clone()
    }

    pub(crate) fn into_entry(self, handler: ReadFn) -> ResourceEntry {
        ResourceEntry { declared: self.declared, rule: self.rule, is_app: false, handler }
    }
}

impl ResourceTemplate {
    /// A family of resources, for example `post://{id}`, and its name.
    pub fn new(uri_template: impl Into<String>, name: impl Into<String>) -> Self {
        let declared = DeclaredTemplate {
            uri_template: uri_template.into(),
            name: name.into(),
            ..DeclaredTemplate::default()
        };
        Self { declared, rule: Rule::default() }
    }

    pub(crate) fn mime(&self) -> Option<String> {
        self.declared.mime_type.clone()
    }

    pub(crate) fn into_entry(self, handler: TemplateFn) -> Result<TemplateEntry, RegistryError> {
        let template = Template::parse(&self.declared.uri_template).map_err(|source| {
            RegistryError::Template { template: self.declared.uri_template.clone(), source }
        })?;
        Ok(TemplateEntry { declared: self.declared, rule: self.rule, template, handler })
    }
}

/// A registered resource.
pub(crate) struct ResourceEntry {
    pub(crate) declared: Declared,
    pub(crate) rule: Rule,
    pub(crate) is_app: bool,
    pub(crate) handler: ReadFn,
}

impl ResourceEntry {
    /// One whose contents are always the same.
    pub(super) fn fixed(declared: Declared, rule: Rule, contents: ResourceContents) -> Self {
        let handler = move |_| {
            let contents = vec![contents.clone()];
            let result = ReadResourceResult { contents, ..ReadResourceResult::default() };
            Box::pin(std::future::ready(Ok(Outcome::ReadResource(result)))) as Work
        };
        Self { declared, rule, is_app: false, handler: Box::new(handler) }
    }
}

/// A registered template.
pub(crate) struct TemplateEntry {
    pub(crate) declared: DeclaredTemplate,
    pub(crate) rule: Rule,
    pub(crate) template: Template,
    pub(crate) handler: TemplateFn,
}

pub(crate) type ReadFn = Box<dyn Fn(Context) -> Work + Send + Sync>;
pub(crate) type TemplateFn = Box<dyn Fn(Context, UriVariables) -> Work + Send + Sync>;

pub(crate) fn read_fn<R, F, Fut>(uri: String, mime_type: Option<String>, handler: F) -> ReadFn
where
    R: ResourceOutput,
    F: Fn(Context) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<R, ToolError>> + Send + 'static,
{
    let declared = Arc::new((uri, mime_type));
    Box::new(move |context| {
        let work = handler(context);
        let declared = declared.clone();
        Box::pin(async move {
            let result = work.await?.into_contents(&declared.0, declared.1.as_deref());
            Ok(Outcome::ReadResource(result))
        })
    })
}

pub(crate) fn template_fn<R, F, Fut>(mime_type: Option<String>, handler: F) -> TemplateFn
where
    R: ResourceOutput,
    F: Fn(Context, UriVariables) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<R, ToolError>> + Send + 'static,
{
    let mime_type: Option<Arc<str>> = mime_type.map(Into::into);
    Box::new(move |context, variables| {
        let uri = variables.uri.clone();
        let work = handler(context, variables);
        let mime_type = mime_type.clone();
        Box::pin(
            async move { Ok(Outcome::ReadResource(work.await?.into_contents(&uri, mime_type.as_deref()))) },
        )
    })
}
