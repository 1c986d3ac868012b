//! What the suite gives the client to show who it is, and what it is to be used for.

use barewire_mcp_client::{AssertionSource, Enterprise, PreRegistered, Unattended};

use super::Orders;

/// The client that somebody registered by hand, where the scenario has one.
pub(super) fn client(orders: &Orders) -> Option<PreRegistered> {
    Some(PreRegistered {
        issuer: orders.text("issuer"),
        client_secret: orders.text("client_secret").map(Into::into),
        private_key: orders.text("private_key_pem").map(Into::into),
        ..PreRegistered::new(orders.text("client_id")?)
    })
}

/// The way to a token, where it needs no browser.
pub(super) fn unattended(orders: &Orders) -> Option<Unattended> {
    let text = |name| orders.text(name).map(|text| AssertionSource::Text(text.into()));
    match orders.scenario.as_str() {
        "auth/client-credentials-basic" | "auth/client-credentials-jwt" => {
            Some(Unattended::ClientCredentials { assertion: None })
        }
        "auth/wif-jwt-bearer" => {
            Some(Unattended::WorkloadIdentity { assertion: text("valid_jwt")?, issuer: None })
        }
        "auth/enterprise-managed-authorization" => Some(Unattended::Enterprise(Box::new(Enterprise {
            issuer: orders.text("idp_issuer")?,
            token_endpoint: orders.text("idp_token_endpoint"),
            client: PreRegistered::new(orders.text("idp_client_id")?),
            subject_token: text("idp_id_token")?,
            subject_token_type: Default::default(),
        }))),
        _ => None,
    }
}
