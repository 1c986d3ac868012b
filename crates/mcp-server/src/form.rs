//! Whether a user's answer fits the form that was asked for.

use barewire_mcp::types::elicitation::{
    ElicitAction, ElicitRequest, ElicitResult, ElicitSchema, NumberType, PrimitiveSchema,
};
use barewire_mcp::types::json::Object;
use serde_json::Value;

/// Declined and cancelled questions need no content; an accepted form needs the fields it asked for.
pub(crate) fn fits(request: &ElicitRequest, result: &ElicitResult) -> bool {
    match (request, result.action) {
        (ElicitRequest::Form(form), ElicitAction::Accept) => {
            let nothing = Object::new();
            form_fits(&form.requested_schema, result.content.as_ref().unwrap_or(&nothing))
        }
        _ => true,
    }
}

/// Fields that were not asked for are let pass: clients add some, and no handler reads them.
fn form_fits(schema: &ElicitSchema, content: &Object) -> bool {
    schema.required.iter().all(|name| content.contains_key(name))
        && content
            .iter()
            .all(|(name, value)| schema.properties.get(name).is_none_or(|field| field_fits(field, value)))
}

fn field_fits(field: &PrimitiveSchema, value: &Value) -> bool {
    match (field, value) {
        (PrimitiveSchema::String(field), Value::String(text)) => {
            let length = text.chars().count() as u64;
            field.min_length.is_none_or(|least| length >= least)
                && field.max_length.is_none_or(|most| length <= most)
        }
        (PrimitiveSchema::Number(field), Value::Number(number)) => {
            let Some(number) = number.as_f64() else { return false };
            (field.kind != NumberType::Integer || number.fract() == 0.0)
                && field.minimum.is_none_or(|least| number >= least)
                && field.maximum.is_none_or(|most| number <= most)
        }
        (PrimitiveSchema::Boolean(_), Value::Bool(_)) => true,
        (PrimitiveSchema::Choice(field), Value::String(text)) => {
            field.values.contains(text) || field.one_of.iter().any(|choice| choice.value == *text)
        }
        (PrimitiveSchema::MultiChoice(field), Value::Array(chosen)) => {
            let count = chosen.len() as u64;
            let offered = |value: &Value| {
                value.as_str().is_some_and(|text| {
                    field.items.values.iter().any(|known| known == text)
                        || field.items.any_of.iter().any(|choice| choice.value == text)
                })
            };
            field.min_items.is_none_or(|least| count >= least)
                && field.max_items.is_none_or(|most| count <= most)
                && chosen.iter().all(offered)
        }
        _ => false,
    }
}
