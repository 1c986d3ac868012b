//! Measures our server beside other people's: the same work, the same machine, one run. `README.md` says how to use it.
//!
//! Start at [`server`], which is what is measured of ours.
//! [`run`] is the run; [`load`] puts on the load, [`launch`] starts the servers, [`usage`] reads what they used.

pub mod dialect;
pub mod experiments;
pub mod field;
pub mod figures;
pub mod launch;
pub mod load;
pub mod machine;
pub mod oauth;
pub mod options;
pub mod peer;
pub mod pin;
pub mod profile;
pub mod progress;
pub mod raw;
pub mod report;
pub mod row;
pub mod run;
pub mod server;
pub mod sessions;
pub mod signed;
pub mod streams;
pub mod subject;
pub mod undisturbed;
pub mod usage;
pub mod users;
