//! What the declarations of tools, resources, prompts and skills have in common: rows of tables, once per type.

/// How it is described in lists, where the type has a field `declared`.
macro_rules! described {
    ($name:ident) => {
        impl $name {
            /// The name that people read.
            #[must_use]
            pub fn title(mut self, title: impl Into<String>) -> Self {
                self.declared.title = Some(title.into());
                self
            }

            /// Adds a picture.
            #[must_use]
            pub fn icon(mut self, icon: barewire_mcp::types::implementation::Icon) -> Self {
                self.declared.icons.push(icon);
                self
            }

            /// Metadata for whoever knows its keys.
            #[must_use]
            pub fn meta(mut self, meta: barewire_mcp::types::json::Meta) -> Self {
                self.declared.meta = meta;
                self
            }
        }
    };
}

/// Who may use it, where the type has a field `rule`. What using it means is the subject of a sentence.
macro_rules! ruled {
    ($name:ident, $using:literal) => {
        impl $name {
            #[doc = concat!("Scopes that ", $using, " needs, all of them. Whoever lacks one sees it and is told what to ask for.")]
            #[must_use]
            pub fn scopes<S: AsRef<str>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
                self.rule.scopes = barewire_oauth::scope::ScopeSet::from_tokens(scopes);
                self
            }

            /// For everybody, logged in or not, where the server allows anonymous requests at all.
            #[must_use]
            pub fn public(mut self) -> Self {
                self.rule.public = true;
                self
            }

            #[doc = concat!("Whom it exists for. To everybody else lists do not show it, and ", $using, " is answered as if it were not there.")]
            #[must_use]
            pub fn visible_to(
                mut self,
                visible: impl Fn(Option<&crate::auth::Principal>) -> bool + Send + Sync + 'static,
            ) -> Self {
                self.rule.visible = Some(std::sync::Arc::new(visible));
                self
            }
        }
    };
}

pub(super) use {described, ruled};
