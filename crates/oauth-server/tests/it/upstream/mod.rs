//! Logins at an identity provider: one in this process that does what a test wants. The certified one is met in
//! `web/e2e/upstream.test.mjs`.

mod accounts;
mod attacks;
mod entra;
mod idp;
mod login;
mod renewal;
