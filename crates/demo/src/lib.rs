//! A blog that is a data server and an MCP server at once: the reference of how to unify the two.
//!
//! Read it in this order: [`post`] is the data, [`blog`] the business functions with their authorization; REST and
//! MCP are two thin translations of those.

pub mod blog;
pub mod post;
pub mod rest;
pub mod seed;
