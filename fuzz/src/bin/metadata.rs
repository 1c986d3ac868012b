//! The documents of a login: what was read of one is written, and reads the same.
#![no_main]

use barewire_oauth::client_configuration::replace;
use barewire_oauth::client_document::{self, DocumentUrl};
use barewire_oauth::error::ErrorResponse;
use barewire_oauth::jwk::PublicJwk;
use barewire_oauth::metadata::{AuthorizationServerMetadata, ProtectedResourceMetadata};
use barewire_oauth::register::{
    ClientMetadata, MAX_REDIRECT_URIS, NewCredentials, RegistrationPolicy, register,
};
use barewire_oauth::secret::ClientSecret;
use libfuzzer_sys::fuzz_target;
use serde::Serialize;
use serde::de::DeserializeOwned;

fuzz_target!(|data: &[u8]| {
    stable::<ProtectedResourceMetadata>(data);
    stable::<ErrorResponse>(data);
    if let Some(key) = stable::<PublicJwk>(data) {
        // 32 bytes in base64url.
        assert_eq!(key.thumbprint().len(), 43);
    }
    if let Some(server) = stable::<AuthorizationServerMetadata>(data) {
        let _ = (server.supports_s256(), server.offers_offline_access(), server.supports_auth_method("none"));
    }
    let Ok(client) = serde_json::from_slice::<ClientMetadata>(data) else { return };
    let policy = RegistrationPolicy::default();
    // Registered, and then put in its own place: the same client, which cannot become one that proves nothing.
    let fresh = NewCredentials { client_id: "c".to_owned(), client_secret: ClientSecret::new("s") };
    if let Ok((current, ..)) = register(data, fresh, policy)
        && let Ok(replacement) = replace(&current, data, ClientSecret::new("t"), policy)
    {
        assert_eq!(replacement.client, current);
        assert!(!replacement.client.is_public() && replacement.client_secret.is_none());
    }
    let url = client.client_id.and_then(|id| DocumentUrl::parse(&id, true).ok());
    if let Some(url) = url
        && let Ok(client) = client_document::read(&url, data, policy)
    {
        assert_eq!(client.id, url.as_str());
        assert!(client.is_public() && client.name.is_some_and(|name| !name.is_empty()));
        assert!((1..=MAX_REDIRECT_URIS).contains(&client.redirect_uris.len()));
    }
});

fn stable<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(data: &[u8]) -> Option<T> {
    let read: T = serde_json::from_slice(data).ok()?;
    let written = serde_json::to_vec(&read).expect("what was read can be written");
    let again: T = serde_json::from_slice(&written).expect("what was written can be read");
    assert_eq!(again, read);
    Some(read)
}
