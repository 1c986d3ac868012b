//! How each revision writes what [`crate::types`] means.
//!
//! A revision is a folder. Its `mod.rs` opens with what the revision adds and removes and holds the table of its
//! methods; what did not change between revisions is here, in the private modules beside the folders. A folder knows
//! nothing of HTTP: that is [`crate::server`] and [`crate::client`].

pub mod legacy;
pub mod v2024_11_05;
pub mod v2025_03_26;
pub mod v2025_06_18;
pub mod v2025_11_25;
pub mod v2026_07_28;

mod downgrade;
mod notifications;
mod operations;
mod results;

pub use self::results::ResultFault;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::error::InvalidParams;

/// A row of a revision's method table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Method {
    /// The method's name.
    pub name: &'static str,
    /// Who sends it.
    pub sender: Sender,
    /// What it is.
    pub kind: Kind,
}

const fn row(name: &'static str, sender: Sender, kind: Kind) -> Method {
    Method { name, sender, kind }
}

/// The table of a revision that adds some methods to those of another, and removes none.
const fn adding<const OLD: usize, const NEW: usize, const ALL: usize>(
    old: [Method; OLD],
    new: [Method; NEW],
) -> [Method; ALL] {
    assert!(OLD + NEW == ALL, "the table is as long as both together");
    let mut all = [old[0]; ALL];
    let mut at = 0;
    while at < ALL {
        all[at] = if at < OLD { old[at] } else { new[at - OLD] };
        at += 1;
    }
    all
}

/// Who sends a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// The client.
    Client,
    /// The server.
    Server,
    /// Either side.
    Both,
}

/// What a method is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A request, which is answered.
    Request,
    /// A notification, which is not.
    Notification,
    /// Part of a result: what the server needs before it can go on.
    Input,
    /// A request or a notification of an optional part that this build does not offer; it is answered as unknown.
    NotOffered,
}

/// Decodes params into a method's own type. No params are an empty object.
pub(crate) fn decode_params<T: DeserializeOwned>(
    method: &str,
    params: Option<&RawValue>,
) -> Result<T, InvalidParams> {
    serde_json::from_str(params.map_or("{}", RawValue::get)).map_err(|error| malformed(method, &error))
}

pub(crate) fn malformed(method: &str, error: &dyn std::fmt::Display) -> InvalidParams {
    InvalidParams::Malformed { method: method.to_owned(), detail: error.to_string() }
}
