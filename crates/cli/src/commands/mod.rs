//! One file per subcommand.

mod administer;
pub(crate) mod audit;
pub(crate) mod call;
pub(crate) mod client;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod funnel;
pub(crate) mod grant;
pub(crate) mod host;
pub(crate) mod key;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod prompts;
pub(crate) mod replay;
pub(crate) mod resources;
pub(crate) mod serve;
pub(crate) mod token;
pub(crate) mod tools;
pub(crate) mod user;
