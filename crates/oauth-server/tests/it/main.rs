//! The authorization server from outside: real HTTP, a real store, a browser without JavaScript.

mod authorize;
mod consent;
mod documents;
mod login;
mod metadata;
mod pages;
mod refresh;
mod register;
mod revoke;
mod survival;
mod token;
mod world;
