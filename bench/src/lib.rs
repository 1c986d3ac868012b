//! Measures our server beside other people's: the same work, the same machine, one run. `README.md` says how to use it.
//!
//! Start at [`server`], which is what is measured of ours.

pub mod process;
pub mod raw;
pub mod server;
pub mod sessions;
pub mod streams;
pub mod users;
