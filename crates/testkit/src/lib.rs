//! What the tests of every crate share: a clock the test owns, seeded randomness, a directory that cleans up
//! after itself, a browser without JavaScript, an authenticator app, and the holder of a key.
//!
//! What it does *not* do: know any other crate of the workspace. It looks at a server from outside, as a person with
//! a browser does, so a test that passes through it has used no back door.

pub mod authenticator;
pub mod browser;
pub mod clock;
pub mod dir;
pub mod holder;
mod jar;
pub mod login;
pub mod page;
pub mod random;

pub use authenticator::Authenticator;
pub use browser::{Browser, BrowserError, Landing};
pub use clock::TestClock;
pub use dir::TempDir;
pub use holder::Holder;
pub use login::{LoginError, OAuthClient, Tokens};
pub use page::{Form, Page};
pub use random::rng;
