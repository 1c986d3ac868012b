//! A user who accepts everything: the defaults where there are some, anything that fits where there are none.

use async_trait::async_trait;
use barewire_mcp::types::capabilities::{ClientCapabilities, ElicitationCapability};
use barewire_mcp::types::elicitation::{
    ElicitAction, ElicitRequest, ElicitResult, ElicitSchema, PrimitiveSchema,
};
use barewire_mcp::types::json::{Meta, Object};
use barewire_mcp_client::{Asked, Handler};
use serde_json::Value;

pub(super) struct Filler;

#[async_trait]
impl Handler for Filler {
    fn capabilities(&self) -> ClientCapabilities {
        let form = ElicitationCapability { form: Some(Object::new()), url: None };
        ClientCapabilities { elicitation: Some(form), ..ClientCapabilities::default() }
    }

    async fn elicit(&self, _: Asked, request: ElicitRequest) -> ElicitResult {
        let content = match request {
            ElicitRequest::Form(form) => Some(fill(&form.requested_schema)),
            ElicitRequest::Url(_) => None,
        };
        ElicitResult { action: ElicitAction::Accept, content, meta: Meta::new() }
    }
}

fn fill(schema: &ElicitSchema) -> Object {
    let mut content = schema.defaults();
    for (name, field) in &schema.properties {
        if schema.required.contains(name) && !content.contains_key(name) {
            content.insert(name.clone(), anything(field));
        }
    }
    content
}

fn anything(field: &PrimitiveSchema) -> Value {
    match field {
        PrimitiveSchema::String(_) => "test".into(),
        PrimitiveSchema::Number(_) => 1.into(),
        PrimitiveSchema::Boolean(_) => true.into(),
        PrimitiveSchema::Choice(choice) => {
            let titled = choice.one_of.first().map(|titled| titled.value.clone());
            choice.values.first().cloned().or(titled).unwrap_or_default().into()
        }
        PrimitiveSchema::MultiChoice(_) => Value::Array(Vec::new()),
    }
}
