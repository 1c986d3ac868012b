//! Whole logins against a scripted world, in memory.

mod conformance;
mod grant;
mod hostile;
mod identity;
mod tables;
mod world;
