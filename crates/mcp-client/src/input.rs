//! Answering what a server asks, the same in both eras.

use barewire_mcp::revision::Revision;
use barewire_mcp::types::elicitation::{ElicitAction, ElicitRequest, ElicitResult};
use barewire_mcp::types::input::InputRequest;
use barewire_mcp::types::json::RawJson;
use barewire_mcp::wire::legacy;

use crate::handler::{Asked, Handler, InputRefused};

/// Why a question has no answer.
#[derive(Debug)]
pub(crate) enum NoAnswer {
    /// The client did not declare that it can be asked this.
    Undeclared,
    /// The handler refused.
    Refused(InputRefused),
    /// The answer cannot be written, or not in this revision.
    Unwritable,
}

/// Asks the handler, unless the client did not declare it in this revision, and completes the answer.
pub(crate) async fn answer(
    handler: &dyn Handler,
    revision: Revision,
    asked: Asked,
    request: InputRequest,
) -> Result<RawJson, NoAnswer> {
    if legacy::declared(revision, handler.capabilities()).missing(&request.required_capabilities()).is_some()
    {
        return Err(NoAnswer::Undeclared);
    }
    let answer = match request {
        InputRequest::Elicit(request) => {
            let defaults = match &request {
                ElicitRequest::Form(form) => form.requested_schema.defaults(),
                ElicitRequest::Url(_) => Default::default(),
            };
            let mut result: ElicitResult = handler.elicit(asked, request).await;
            // What the user left as it was has the value that the form showed
            // (https://modelcontextprotocol.io/specification/2026-07-28/client/elicitation).
            if result.action == ElicitAction::Accept && !defaults.is_empty() {
                let content = result.content.get_or_insert_default();
                for (name, value) in defaults {
                    content.entry(name).or_insert(value);
                }
            }
            RawJson::of(&result)
        }
        InputRequest::Sample(request) => {
            let said = handler.sample(asked, *request).await.map_err(NoAnswer::Refused)?;
            RawJson::of(&legacy::sampled(revision, said).ok_or(NoAnswer::Unwritable)?)
        }
        InputRequest::Roots(_) => RawJson::of(&handler.roots(asked).await.map_err(NoAnswer::Refused)?),
    };
    answer.map_err(|_| NoAnswer::Unwritable)
}
