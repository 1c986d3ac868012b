//! Revision 2024-11-05, the first one.
//!
//! Over HTTP it has two endpoints: a GET opens a stream that first says where to POST, and every message of the server
//! comes on that stream
//! ([HTTP with SSE](https://modelcontextprotocol.io/specification/2024-11-05/basic/transports#http-with-sse)).
//!
//! What 2025-03-26 says and this one cannot:
//!
//! | meaning | said here |
//! |---|---|
//! | audio | an embedded resource with the same bytes; in sampling it cannot be asked |
//! | annotations on tools | left out |
//! | a message with progress | left out |
//! | the capability `completions` | left out; the method is there |

mod words;

use super::Kind::{Notification as Note, Request as Ask};
use super::Sender::{Both, Client, Server};
use super::{Method, row};

pub(super) use self::words::Words;

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
