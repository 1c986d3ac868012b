//! Streamable HTTP as functions: what the headers say, who may call, and what an event stream looks like
//! ([Streamable HTTP](https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http)).

pub mod headers;
pub mod mirrored;
pub mod origin;
pub mod sse;
pub mod status;
pub mod value;
