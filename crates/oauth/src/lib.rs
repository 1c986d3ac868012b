//! What OAuth 2.1 says and decides, as values.
//!
//! Bytes, the time and random bytes go in; values come out. The words both sides of the protocol
//! share live at the top of this crate (metadata documents, scopes, resources, challenges, PKCE,
//! claims); the client's login is one state machine ([`client_flow`]); what an authorization server
//! has to decide sits beside them, one file per endpoint.
//!
//! What this crate is **not**: it opens no socket, reads no clock, draws no randomness, stores
//! nothing, and signs or verifies no token (signatures belong to whoever holds the keys, see
//! [`jws::Signer`] and [`jws::Verify`]). It knows nothing of MCP; that an MCP server is the protected resource is the
//! caller's business.
//!
//! Documents: [OAuth 2.1](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13),
//! [RFC 6750](https://www.rfc-editor.org/rfc/rfc6750), [RFC 7591](https://www.rfc-editor.org/rfc/rfc7591), [RFC 7592](https://www.rfc-editor.org/rfc/rfc7592),
//! [RFC 8414](https://www.rfc-editor.org/rfc/rfc8414), [RFC 8707](https://www.rfc-editor.org/rfc/rfc8707),
//! [RFC 7523](https://www.rfc-editor.org/rfc/rfc7523), [RFC 8693](https://www.rfc-editor.org/rfc/rfc8693),
//! [RFC 9068](https://www.rfc-editor.org/rfc/rfc9068), [RFC 9126](https://www.rfc-editor.org/rfc/rfc9126), [RFC 9207](https://www.rfc-editor.org/rfc/rfc9207),
//! [RFC 9449](https://www.rfc-editor.org/rfc/rfc9449), [RFC 9728](https://www.rfc-editor.org/rfc/rfc9728),
//! [OpenID Connect Core](https://openid.net/specs/openid-connect-core-1_0.html).

// The words both sides share.
pub mod allowance;
pub mod bearer;
pub mod challenge;
pub mod claims;
pub mod client_assertion;
pub mod dpop;
pub mod error;
pub mod external;
pub mod forgery;
pub mod json;
pub mod jwk;
pub mod jws;
pub mod jwt;
pub mod metadata;
pub mod pkce;
pub mod resource;
#[cfg(feature = "schema")]
mod schema;
pub mod scope;
pub mod secret;
pub mod statement;

// What the client decides.
pub mod client_flow;

// What the authorization server decides.
pub mod authorize;
pub mod client;
pub mod client_authentication;
pub mod client_configuration;
pub mod client_document;
pub mod consent;
pub mod device;
pub mod grant;
pub mod introspect;
pub mod jwt_bearer;
pub mod narrowing;
pub mod parameters;
pub mod passkey;
pub mod pushed;
pub mod register;
pub mod revoke;
pub mod signing_keys;
pub mod stranger;
pub mod token;
pub mod token_exchange;
pub mod token_family;
pub mod totp;

// What the authorization server decides where people log in elsewhere.
pub mod upstream;
