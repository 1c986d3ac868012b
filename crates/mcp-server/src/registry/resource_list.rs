//! Resources that the application lists anew for each caller.

use std::future::Future;
use std::pin::Pin;
use std::str::FromStr;

use barewire_mcp::error::InvalidParams;
use barewire_mcp::types::resources::Resource as Listed;
use barewire_oauth::scope::ScopeSet;

use crate::auth::access::Rule;
use crate::context::Context;
use crate::error::ToolError;

/// The declaration of a list of resources that come and go, such as the rows of a table
/// ([Listing resources](https://modelcontextprotocol.io/specification/2026-07-28/server/resources#listing-resources)).
///
/// What it lists is read through a [`ResourceTemplate`](crate::ResourceTemplate) of the same server, so whoever may not
/// read through that template is not shown what there is to read: for this caller the list is empty.
pub struct ResourceList {
    template: String,
    rule: Rule,
}

impl ResourceList {
    /// The list of what a template of this server stands for, for example `post://{id}`.
    pub fn new(uri_template: impl Into<String>) -> Self {
        Self { template: uri_template.into(), rule: Rule::default() }
    }

    /// Scopes that listing needs in addition to those that reading through the template needs, all of them.
    #[must_use]
    pub fn scopes<S: AsRef<str>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.rule.scopes = ScopeSet::from_tokens(scopes);
        self
    }

    pub(crate) fn template(&self) -> &str {
        &self.template
    }

    pub(crate) fn into_entry(self, handler: ListFn) -> ListEntry {
        ListEntry { rule: self.rule, handler }
    }
}

/// Which part of the list is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// What the handler gave as [`ResourcePage::next_cursor`] to this very caller; `None` at the beginning.
    pub cursor: Option<String>,
    /// How many resources there is room for, at least one. Fewer are fine, more are an error.
    pub size: usize,
}

impl PageRequest {
    /// The cursor as a number or any other type that can be read from text.
    ///
    /// # Errors
    /// Invalid params: no page of this list gave such a cursor, or only an earlier version of the application did.
    pub fn parse<T: FromStr>(&self) -> Result<Option<T>, ToolError> {
        let cursor = self.cursor.as_deref().map(str::parse).transpose();
        cursor.map_err(|_| barewire_mcp::error::Error::from(InvalidParams::Cursor).into())
    }
}

/// A part of the list.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ResourcePage {
    /// In an order that stays, and only what this caller may read.
    pub resources: Vec<Listed>,
    /// Where the next page starts, in the application's own words; `None` on the last one. It travels encrypted with the
    /// client, and comes back from nobody but the caller it was made for.
    pub next_cursor: Option<String>,
}

/// A registered list; its key is the template.
pub(crate) struct ListEntry {
    pub(crate) rule: Rule,
    pub(crate) handler: ListFn,
}

pub(crate) type ListFn = Box<dyn Fn(Context, PageRequest) -> ListWork + Send + Sync>;
type ListWork = Pin<Box<dyn Future<Output = Result<ResourcePage, ToolError>> + Send>>;

pub(crate) fn list_fn<F, Fut>(handler: F) -> ListFn
where
    F: Fn(Context, PageRequest) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<ResourcePage, ToolError>> + Send + 'static,
{
    Box::new(move |context, request| Box::pin(handler(context, request)))
}
