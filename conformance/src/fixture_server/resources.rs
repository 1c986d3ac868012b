//! Resources.

use barewire_mcp_server::types::resources::ResourceContents;
use barewire_mcp_server::{McpServerBuilder, Resource, ResourceTemplate, UriVariables};

use super::content::PNG;

/// The resource that clients subscribe to.
pub(super) const WATCHED: &str = "test://watched-resource";

pub(super) fn register(builder: McpServerBuilder) -> McpServerBuilder {
    builder
        .resource(
            Resource::new("test://static-text", "static-text").description("Text.").mime_type("text/plain"),
            async |_| Ok("This is the content of the static text resource."),
        )
        .resource(
            Resource::new("test://static-binary", "static-binary")
                .description("Bytes.")
                .mime_type("image/png"),
            async |_| Ok(ResourceContents::blob("test://static-binary", "image/png", PNG)),
        )
        .resource(
            Resource::new(WATCHED, "watched-resource").description("Can be watched.").mime_type("text/plain"),
            async |_| Ok("Watch me."),
        )
        .resource_template(
            ResourceTemplate::new("test://template/{id}/data", "template-data")
                .description("Data for an id.")
                .mime_type("application/json"),
            async |_, variables: UriVariables| {
                let id = variables.get("id");
                Ok(serde_json::json!({ "id": id, "data": format!("Data for {id}") }).to_string())
            },
        )
}
