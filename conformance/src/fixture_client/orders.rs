//! What the suite orders, through the environment.

use anyhow::{Context, Result};
use serde_json::Value;

/// One scenario.
#[derive(Debug, Clone, Default)]
pub struct Orders {
    /// Its name.
    pub scenario: String,
    /// What it needs to know.
    pub context: Value,
}

impl Orders {
    /// Reads `MCP_CONFORMANCE_SCENARIO` and `MCP_CONFORMANCE_CONTEXT`. Without them, the client lists the tools.
    ///
    /// # Errors
    /// The context is not JSON.
    pub fn from_environment() -> Result<Self> {
        let read = |name: &str| std::env::var(format!("MCP_CONFORMANCE_{name}")).ok();
        let context = read("CONTEXT").map_or(Ok(Value::Null), |text| serde_json::from_str(&text));
        Ok(Self {
            scenario: read("SCENARIO").unwrap_or_default(),
            context: context.context("MCP_CONFORMANCE_CONTEXT is not JSON")?,
        })
    }

    /// A text of the context.
    pub fn text(&self, name: &str) -> Option<String> {
        self.context.get(name)?.as_str().map(str::to_owned)
    }
}
