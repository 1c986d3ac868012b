//! What can be made of an answer before anybody looks at what it means.

use serde::de::DeserializeOwned;

use super::Answer;
use super::error::{Obstacle, Refusal, shown};
use crate::error::{ErrorCode, ErrorResponse};
use crate::json;

/// Reads a document. Anything but a success with JSON of the right shape is an obstacle: "wrong place, try the next
/// one"; the media type is not asked, too many servers get it wrong.
pub(super) fn document<T: DeserializeOwned>(answer: &Answer, max_body: usize) -> Result<T, Obstacle> {
    match obstacle(answer, max_body) {
        Some(obstacle) => Err(obstacle),
        None => match answer {
            Answer::Response(response) => json::object(response.body())
                .map_err(|error| Obstacle::NotTheDocument(shown(&error.to_string()))),
            Answer::Unreachable { reason } => Err(Obstacle::Unreachable(shown(reason))),
        },
    }
}

/// What an OAuth endpoint said instead of giving what was asked for: an error body of whatever status, or any status
/// but success. `None` when it may be the thing.
pub(super) fn refusal(answer: &Answer, max_body: usize) -> Option<Refusal> {
    if let Answer::Response(response) = answer
        && response.body().len() <= max_body
        && !response.status().is_redirection()
        && let Ok(error) = json::object::<ErrorResponse>(response.body())
    {
        return Some(Refusal::Error(Box::new(shown_error(&error))));
    }
    obstacle(answer, max_body).map(Refusal::Other)
}

/// An error of the other side, fit to be shown.
pub(super) fn shown_error(error: &ErrorResponse) -> ErrorResponse {
    let text = |text: &Option<String>| text.as_deref().map(shown);
    ErrorResponse {
        error: match &error.error {
            ErrorCode::Other(word) => ErrorCode::Other(shown(word)),
            known => known.clone(),
        },
        error_description: text(&error.error_description),
        error_uri: text(&error.error_uri),
    }
}

fn obstacle(answer: &Answer, max_body: usize) -> Option<Obstacle> {
    match answer {
        Answer::Unreachable { reason } => Some(Obstacle::Unreachable(shown(reason))),
        Answer::Response(response) => match response.status() {
            status if status.is_redirection() => Some(Obstacle::Redirect(status)),
            status if !status.is_success() => Some(Obstacle::Status(status)),
            _ if response.body().len() > max_body => Some(Obstacle::TooLong(max_body)),
            _ => None,
        },
    }
}
