//! Revision 2025-03-26.
//!
//! This revision adds, over 2024-11-05: Streamable HTTP in place of HTTP with two endpoints, batches, authorization,
//! annotations on tools, audio, a message with progress, the capability `completions`.
//!
//! This revision removes: nothing; the older transport is deprecated.
//!
//! Batches are of this revision alone ([`has_batches`](super::legacy::has_batches)), and `initialize` is never in one.
//!
//! What 2025-06-18 says and this one cannot:
//!
//! | meaning | said here |
//! |---|---|
//! | structured content | its JSON as text, where there is no other content |
//! | output schemas, `_meta` of everything but results | left out |
//! | the title of a tool | the title in its annotations |
//! | other titles, the time of the last change | left out |
//! | a link to a resource | a line of text with its name and address |
//! | elicitation | cannot be asked |

mod words;

use super::Kind::{Notification as Note, Request as Ask};
use super::Sender::{Both, Client, Server};
use super::{Kind, Method, Sender};

pub(super) use self::words::Words;

const fn row(name: &'static str, sender: Sender, kind: Kind) -> Method {
    Method { name, sender, kind }
}

/// Every method of this revision.
pub const METHODS: [Method; 24] = [
    row("initialize", Client, Ask),
    row("notifications/initialized", Client, Note),
    row("ping", Both, Ask),
    row("tools/list", Client, Ask),
    row("tools/call", Client, Ask),
    row("notifications/tools/list_changed", Server, Note),
    row("resources/list", Client, Ask),
    row("resources/templates/list", Client, Ask),
    row("resources/read", Client, Ask),
    row("resources/subscribe", Client, Ask),
    row("resources/unsubscribe", Client, Ask),
    row("notifications/resources/updated", Server, Note),
    row("notifications/resources/list_changed", Server, Note),
    row("prompts/list", Client, Ask),
    row("prompts/get", Client, Ask),
    row("notifications/prompts/list_changed", Server, Note),
    row("completion/complete", Client, Ask),
    row("logging/setLevel", Client, Ask),
    row("notifications/message", Server, Note),
    row("sampling/createMessage", Server, Ask),
    row("roots/list", Server, Ask),
    row("notifications/roots/list_changed", Client, Note),
    row("notifications/progress", Both, Note),
    row("notifications/cancelled", Both, Note),
];
