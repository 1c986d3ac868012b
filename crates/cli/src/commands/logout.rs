//! `barewire logout URL`

use std::sync::Arc;

use barewire_mcp_client::Silent;
use serde_json::json;

use crate::arguments::{Common, Logout};
use crate::connect::{Session, call_failure};
use crate::outcome::Failure;
use crate::terminal::{note, print};

/// Revokes the grant where the issuer allows it, and forgets it in any case.
pub(crate) async fn run(arguments: Logout, common: &Common) -> Result<(), Failure> {
    let session = Session::without_login(&arguments.url, common, Arc::new(Silent)).await?;
    let had_grant = session.log_out().await.map_err(call_failure)?;
    if common.json {
        print(&json!({ "server": arguments.url, "loggedOut": had_grant }).to_string());
    } else if had_grant {
        note("Logged out: the tokens are revoked where the issuer allows it, and forgotten here.");
    } else {
        note("There was no login for this server.");
    }
    Ok(())
}
