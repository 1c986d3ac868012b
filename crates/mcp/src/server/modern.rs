//! Requests of the modern era: each is understood by itself.

use http::header::HeaderMap;

use crate::error::{Error, HeaderMismatch};
use crate::http::headers;
use crate::http::mirrored::MirroredParams;
use crate::jsonrpc::{self, Id};
use crate::revision::{Revision, accept_modern};
use crate::types::operation::Operation;
use crate::wire::v2026_07_28::{self as wire, RawMeta, Request, RequestMeta};

/// A request that is in order as far as it can be told without knowing the tools.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// What the answer carries.
    pub id: Id,
    /// The revision that it speaks and is answered in.
    pub revision: Revision,
    /// What is asked for.
    pub request: Request,
    /// What the client says about itself.
    pub meta: RequestMeta,
}

/// The order of the checks is part of the contract: what the body lacks, then headers against body, then whether the
/// version is spoken, then the method, then its params, then the name that only decoded params have.
pub(super) fn accept(
    headers: &HeaderMap,
    request: &jsonrpc::Request<'_>,
    meta: RawMeta<'_>,
) -> Result<Call, Error> {
    let (version, meta) = meta.decode()?;
    headers::require_equal(headers, &headers::PROTOCOL_VERSION, &version)?;
    headers::require_equal(headers, &headers::METHOD, &request.method)?;
    let revision = accept_modern(&version).ok_or(Error::UnsupportedVersion { requested: version })?;
    let decoded = wire::decode_request(request)?;
    headers::check_name(headers, decoded.name())?;
    Ok(Call { id: request.id.clone(), revision, request: decoded, meta })
}

impl Call {
    /// Checks the headers that repeat arguments, once the tool is known.
    ///
    /// # Errors
    /// -32020: a header is missing, broken or says something else.
    pub fn check_mirrored(&self, params: &MirroredParams, headers: &HeaderMap) -> Result<(), HeaderMismatch> {
        match &self.request {
            Request::Operation(Operation::CallTool(call)) => params.check(call.arguments.as_ref(), headers),
            _ => Ok(()),
        }
    }
}
