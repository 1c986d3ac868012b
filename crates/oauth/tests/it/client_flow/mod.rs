//! Whole logins against a scripted world, in memory.

mod conformance;
mod device;
mod grant;
mod hostile;
mod identity;
mod possession;
mod pushed;
mod tables;
mod unattended;
mod world;
