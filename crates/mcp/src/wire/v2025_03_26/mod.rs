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
//! | MCP Apps | left out: the extension needs `_meta` of tools |

mod words;

use super::Method;

pub(super) use self::words::Words;

/// Every method of this revision: those of 2024-11-05.
pub const METHODS: [Method; 24] = super::v2024_11_05::METHODS;
