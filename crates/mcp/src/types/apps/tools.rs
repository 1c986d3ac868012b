//! The tools of one server, told apart by whom they are for.

use super::{AppFault, UiToolMeta, Visibility};
use crate::types::tools::Tool;

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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::tests::meta;
    use super::*;

    fn tool(name: &str, json: Value) -> Tool {
        Tool { meta: meta(json), ..Tool::new(name, "") }
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
}
