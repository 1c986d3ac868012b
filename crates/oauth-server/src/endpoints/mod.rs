//! One file for each endpoint: what can go wrong, the handler, its helpers. `token` is a folder: a file for each grant type.
//! `login_step` is what the ways to log in share.

pub(crate) mod account;
pub(crate) mod admin;
pub(crate) mod assets;
pub(crate) mod authorize;
pub(crate) mod client_configuration;
pub(crate) mod consent;
pub(crate) mod device;
pub(crate) mod device_authorization;
pub(crate) mod introspect;
pub(crate) mod jwks;
pub(crate) mod login;
pub(crate) mod login_code;
pub(crate) mod login_passkey;
pub(crate) mod login_step;
pub(crate) mod logout;
pub(crate) mod metadata;
pub(crate) mod pushed;
pub(crate) mod register;
pub(crate) mod revoke;
pub(crate) mod token;
pub(crate) mod upstream;
