//! The `_meta` that every request has
//! ([`_meta`](https://modelcontextprotocol.io/specification/2026-07-28/basic/index#meta)).

use serde::de::DeserializeOwned;
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::error::InvalidParams;
use crate::revision::Revision;
use crate::types::capabilities::ClientCapabilities;
use crate::types::implementation::Implementation;
use crate::types::json::{self, Meta};
use crate::types::logging::LoggingLevel;
use crate::types::progress::ProgressToken;
use crate::types::trace::{self, TraceParent};

/// The reserved members of `_meta`.
pub mod key {
    /// The revision that a request speaks. Required.
    pub const PROTOCOL_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
    /// Who the client is.
    pub const CLIENT_INFO: &str = "io.modelcontextprotocol/clientInfo";
    /// What it can be asked for. Required.
    pub const CLIENT_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
    /// The least severe log message that it wants.
    pub const LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";
    /// Who made a result.
    pub const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";
    /// The subscription that a notification belongs to.
    pub const SUBSCRIPTION_ID: &str = crate::wire::notifications::SUBSCRIPTION_ID;
    /// Asks for progress notifications.
    pub const PROGRESS_TOKEN: &str = "progressToken";
}

/// What a request says about itself.
#[derive(Debug, Clone, PartialEq)]
pub struct RequestMeta {
    /// Who the client is.
    pub client_info: Option<Box<Implementation>>,
    /// What it can be asked for, while this request runs.
    pub client_capabilities: Box<ClientCapabilities>,
    /// The least severe log message that it wants; without one it wants none.
    pub log_level: Option<LoggingLevel>,
    /// Asks for progress notifications with this token.
    pub progress_token: Option<ProgressToken>,
    /// The trace it belongs to.
    pub trace: Option<TraceParent>,
}

/// Decodes the `_meta` of a request's params: the version as it is written, and the rest.
///
/// # Errors
/// A required member is missing, or one has the wrong shape.
pub fn decode_meta(params: Option<&RawValue>) -> Result<(String, RequestMeta), InvalidParams> {
    RawMeta::find(params).decode()
}

/// The `_meta` of params, found but not decoded yet. Looking whether it names a version decides the era of a request,
/// and decoding goes on from there.
pub(crate) struct RawMeta<'a>(Option<serde_json::Result<Wire<'a>>>);

impl<'a> RawMeta<'a> {
    pub(crate) fn find(params: Option<&'a RawValue>) -> Self {
        #[derive(Deserialize)]
        struct OnlyMeta<'a> {
            #[serde(rename = "_meta", borrow)]
            meta: Option<&'a RawValue>,
        }
        let raw = params.and_then(|params| serde_json::from_str::<OnlyMeta<'_>>(params.get()).ok()?.meta);
        Self(raw.map(|raw| json::object(&mut serde_json::Deserializer::from_str(raw.get()))))
    }

    /// Whether it names a version, which is what makes a request modern.
    pub(crate) fn names_version(&self) -> bool {
        matches!(&self.0, Some(Ok(wire)) if wire.protocol_version.is_some())
    }

    pub(crate) fn decode(self) -> Result<(String, RequestMeta), InvalidParams> {
        let wire = self.0.ok_or(InvalidParams::MissingMeta { key: key::PROTOCOL_VERSION })?;
        let wire =
            wire.map_err(|error| InvalidParams::MalformedMeta { key: "_meta", detail: error.to_string() })?;
        let version = required(key::PROTOCOL_VERSION, wire.protocol_version)?;
        let meta = RequestMeta {
            client_capabilities: required::<OnlyObject<_>>(
                key::CLIENT_CAPABILITIES,
                wire.client_capabilities,
            )?
            .0,
            client_info: optional::<OnlyObject<_>>(key::CLIENT_INFO, wire.client_info)?.map(|info| info.0),
            log_level: optional(key::LOG_LEVEL, wire.log_level)?,
            progress_token: optional(key::PROGRESS_TOKEN, wire.progress_token)?,
            trace: wire.trace,
        };
        Ok((version, meta))
    }
}

/// Every member raw, so that an error can name the one that is wrong.
#[derive(Deserialize)]
pub(crate) struct Wire<'a> {
    #[serde(rename = "io.modelcontextprotocol/protocolVersion", borrow)]
    protocol_version: Option<&'a RawValue>,
    #[serde(rename = "io.modelcontextprotocol/clientInfo", borrow)]
    client_info: Option<&'a RawValue>,
    #[serde(rename = "io.modelcontextprotocol/clientCapabilities", borrow)]
    client_capabilities: Option<&'a RawValue>,
    #[serde(rename = "io.modelcontextprotocol/logLevel", borrow)]
    log_level: Option<&'a RawValue>,
    #[serde(rename = "progressToken", borrow)]
    progress_token: Option<&'a RawValue>,
    #[serde(rename = "traceparent", default, deserialize_with = "trace::lenient")]
    trace: Option<TraceParent>,
}

#[derive(Deserialize)]
#[serde(bound = "T: DeserializeOwned")]
struct OnlyObject<T>(#[serde(deserialize_with = "json::object")] T);

fn required<T: DeserializeOwned>(key: &'static str, raw: Option<&RawValue>) -> Result<T, InvalidParams> {
    optional(key, raw)?.ok_or(InvalidParams::MissingMeta { key })
}

fn optional<T: DeserializeOwned>(
    key: &'static str,
    raw: Option<&RawValue>,
) -> Result<Option<T>, InvalidParams> {
    raw.map(|raw| serde_json::from_str(raw.get()))
        .transpose()
        .map_err(|error| InvalidParams::MalformedMeta { key, detail: error.to_string() })
}

/// What a client says about itself with each request.
#[derive(Debug, Clone)]
pub struct ClientMeta<'a> {
    /// The revision that it speaks.
    pub revision: Revision,
    /// Who it is.
    pub client_info: &'a Implementation,
    /// What it can be asked for.
    pub client_capabilities: &'a ClientCapabilities,
    /// The least severe log message that it wants.
    pub log_level: Option<LoggingLevel>,
    /// Asks for progress notifications with this token.
    pub progress_token: Option<&'a ProgressToken>,
    /// Other members: trace context, extensions.
    pub extra: Option<&'a Meta>,
}

impl Serialize for ClientMeta<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry(key::PROTOCOL_VERSION, &self.revision)?;
        map.serialize_entry(key::CLIENT_INFO, self.client_info)?;
        // `listChanged` of roots went with the notification.
        let roots = self.client_capabilities.roots.map(|_| Default::default());
        map.serialize_entry(
            key::CLIENT_CAPABILITIES,
            &ClientCapabilities { roots, ..self.client_capabilities.clone() },
        )?;
        if let Some(level) = self.log_level {
            map.serialize_entry(key::LOG_LEVEL, &level)?;
        }
        if let Some(token) = self.progress_token {
            map.serialize_entry(key::PROGRESS_TOKEN, token)?;
        }
        for (name, value) in self.extra.into_iter().flatten() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}
