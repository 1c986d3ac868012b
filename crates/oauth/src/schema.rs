//! What the types that are read by hand are in a schema of settings; the others derive it.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::jwk::JwkSet;
use crate::resource::Resource;
use crate::scope::ScopeSet;
use crate::secret::{ClientSecret, PrivateKey};

macro_rules! schemas {
    ($($name:ident => $schema:tt;)*) => {$(
        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    )*};
}

schemas! {
    ScopeSet => { "type": "string", "examples": ["posts:read posts:write"] };
    Resource => { "type": "string", "format": "uri", "examples": ["https://blog.example/mcp"] };
    // `writeOnly` says that it is never shown (JSON Schema Validation, section 9.4).
    ClientSecret => { "type": "string", "format": "password", "writeOnly": true };
    PrivateKey => { "type": "string", "format": "password", "writeOnly": true };
    JwkSet => {
        "type": "object",
        "properties": { "keys": { "type": "array", "items": { "type": "object" } } },
        "required": ["keys"],
        "examples": [{ "keys": [{ "kty": "EC", "crv": "P-256", "kid": "a", "x": "…", "y": "…" }] }]
    };
}
