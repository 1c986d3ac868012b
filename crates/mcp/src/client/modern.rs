//! Requests of the modern era.

use http::HeaderValue;

use super::{BuildFault, Outgoing, post_headers};
use crate::http::mirrored::MirroredParams;
use crate::http::{headers, value};
use crate::jsonrpc::Id;
use crate::types::operation::Operation;
use crate::wire::v2026_07_28::{self as wire, ClientMeta, Request};

/// A request, with the headers that repeat its body. `mirrored` comes from the called tool's schema; whoever does not
/// know the schema gives the default and takes the chance.
///
/// # Errors
/// Something of the application's cannot be written.
pub fn request(
    id: &Id,
    request: &Request,
    meta: &ClientMeta<'_>,
    mirrored: &MirroredParams,
) -> Result<Outgoing, BuildFault> {
    let mut headers = post_headers();
    headers.insert(headers::PROTOCOL_VERSION, HeaderValue::from_static(meta.revision.as_str()));
    headers.insert(headers::METHOD, HeaderValue::from_static(request.method()));
    if let Some(name) = request.name() {
        headers.insert(headers::NAME, value::encode(name));
    }
    if let Request::Operation(Operation::CallTool(call)) = request {
        mirrored.write(call.arguments.as_ref(), &mut headers)?;
    }
    Ok(Outgoing { headers, body: wire::encode_request(id, request, meta)? })
}
