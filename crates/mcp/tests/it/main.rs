//! The tests of this crate that look at it from outside. A new test goes where its noun is:
//! the specification's own files (`spec_examples`, `spec_methods`), what a server takes (`acceptance`), what a client
//! sends and reads (`client`), what a revision's messages look like (`goldens`), what is refused (`malformed`).

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands, helpers included")]
#![expect(clippy::needless_pass_by_value, reason = "rows of a table read better without ampersands")]

mod acceptance;
mod client;
mod goldens;
mod hostile;
mod malformed;
mod older;
mod spec;
mod spec_examples;
mod spec_methods;
