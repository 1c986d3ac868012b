//! Measures our server beside other people's: the same work, the same machine, one run. `README.md` says how to use it.
//!
//! Start at [`server`], which is what is measured of ours.
//! [`run`] is the run; [`load`] puts on the load, [`launch`] starts the servers, [`usage`] reads what they used.

pub mod dialect;
pub mod field;
pub mod launch;
pub mod load;
pub mod pin;
pub mod process;
pub mod profile;
pub mod raw;
pub mod row;
pub mod run;
pub mod server;
pub mod sessions;
pub mod streams;
pub mod subject;
pub mod usage;
pub mod users;
