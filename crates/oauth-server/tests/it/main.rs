//! The authorization server from outside: real HTTP, a real store, a browser without JavaScript.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed, and says where")]

mod account;
mod administration;
mod authorize;
mod client_assertion;
mod client_authentication;
mod client_configuration;
mod client_credentials;
mod consent;
mod credentials;
mod device;
mod documents;
mod dpop;
mod flood;
mod guesses;
mod http;
mod introspect;
mod jwt_bearer;
mod login;
mod logs;
mod metadata;
mod pages;
mod passkeys;
mod pushed;
mod refresh;
mod register;
mod resources;
mod revoke;
mod signing;
mod signing_keys;
mod survival;
mod token;
mod token_exchange;
mod upstream;
mod world;
