//! Revision 2025-06-18.
//!
//! This revision adds, over 2025-03-26: structured content and output schemas, elicitation by form, resource links,
//! titles, `_meta` on most types, the arguments so far in a completion, the version header on every request, and that
//! a server names its authorization servers.
//!
//! This revision removes: batches.
//!
//! What 2025-11-25 says and this one cannot:
//!
//! | meaning | said here |
//! |---|---|
//! | icons; a server's description and website | left out |
//! | elicitation by URL, and its end | cannot be asked |
//! | a choice with titles | `enum` with `enumNames` |
//! | a choice of several values | cannot be asked |
//! | defaults of texts, numbers and choices | left out |
//! | tools in sampling | cannot be asked |
//! | a sampling message of several blocks | one message for each |
//! | extensions | left out, but for MCP Apps |

mod words;

use bytes::Bytes;

use super::Kind::Request as Ask;
use super::Sender::Server;
use super::{Method, adding, row, v2025_03_26, v2025_11_25};
use crate::jsonrpc::{Id, write};
use crate::types::elicitation::ElicitRequest;
use crate::types::input::InputRequest;

pub(super) use self::words::Words;

/// Every method of this revision: those of 2025-03-26, and one more.
pub const METHODS: [Method; 25] = adding(v2025_03_26::METHODS, [row("elicitation/create", Server, Ask)]);

/// Writes a request of a server: a form has no `mode` yet.
///
/// # Errors
/// Only where the `Serialize` of what the application gave refuses.
pub(super) fn encode_server_request(id: &Id, request: &InputRequest) -> Result<Bytes, serde_json::Error> {
    match request {
        InputRequest::Elicit(ElicitRequest::Form(form)) => write::request(id, request.method(), form),
        request => v2025_11_25::encode_server_request(id, request),
    }
}
