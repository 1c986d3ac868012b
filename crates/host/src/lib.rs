//! The backend of the page at `http://localhost:5173`: it holds the tokens, runs the MCP clients and shows every
//! exchange to the page as it happens. The browser holds a session cookie and nothing else.

pub mod api;
