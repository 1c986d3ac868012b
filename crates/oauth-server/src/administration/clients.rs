//! Applications.

use barewire_oauth::client::{GrantType, RedirectUri, Registration};
use barewire_oauth::client_document::DocumentUrl;
use barewire_oauth::secret::ClientSecret;
use barewire_oauth::stranger::visible;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::{About, AdminError, Administration, By, ClientView, Page, page_size};
use crate::config::ConfiguredClient;
use crate::random;
use crate::store::{
    ClientRecord, ClientsBy, ClientsWanted, GrantPlace, Insert, Revocation, RevocationReason, Swap,
};
use crate::witness::EventKind;

/// Grants of a deleted client that end in one step, so that others can write in between.
const STEP: u32 = 1000;

/// A client that is to be added. What it is not told is as for a client of the configuration.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewClient {
    /// Its identifier; a random one where nothing is said.
    #[serde(default)]
    pub client_id: Option<String>,
    /// The name that users are shown.
    pub client_name: String,
    /// Where answers may go.
    #[serde(default)]
    pub redirect_uris: Vec<RedirectUri>,
    /// What it may exchange: `authorization_code` and `refresh_token` if nothing is said.
    #[serde(default)]
    pub grant_types: Vec<GrantType>,
    /// Whether it can keep a secret. One is made, and shown once.
    #[serde(default)]
    pub confidential: bool,
}

/// A client that was added.
#[derive(Debug, Serialize)]
pub struct AddedClient {
    /// Which.
    #[serde(flatten)]
    pub client: ClientView,
    /// Its secret, this once.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "exposed")]
    pub client_secret: Option<ClientSecret>,
}

fn exposed<S: serde::Serializer>(secret: &Option<ClientSecret>, serializer: S) -> Result<S::Ok, S::Error> {
    secret.as_ref().map(ClientSecret::expose).serialize(serializer)
}

impl Administration {
    /// The clients whose name or identifier begins with `begins`: by identifier where that is empty or a URL, and then
    /// those that have a document are among them; by name otherwise.
    ///
    /// # Errors
    /// [`AdminError::Cursor`], [`AdminError::Store`].
    pub async fn clients(
        &self,
        begins: &str,
        cursor: Option<&str>,
        limit: Option<u32>,
    ) -> Result<Page<ClientView>, AdminError> {
        let size = page_size(limit);
        let by_id = begins.is_empty() || begins.contains("://");
        let after = cursor.map(|cursor| decode(cursor, by_id)).transpose()?;
        let by = if by_id {
            ClientsBy::Id { begins, after: after.as_ref().map(|(_, id)| id.as_str()) }
        } else {
            ClientsBy::Name { begins, after: after.as_ref().map(|(name, id)| (name.as_str(), id.as_str())) }
        };
        let mut found = self.store.clients(&ClientsWanted { by, limit: size + 1 }).await?;
        // Whoever looks for an identifier finds it, too.
        if !by_id && after.is_none() && found.iter().all(|client| client.id != begins) {
            found.splice(0..0, self.store.client_overview(begins).await?);
        }
        let cursor = |last: &crate::store::ClientOverview| {
            let name = if by_id { "" } else { last.name.as_deref().unwrap_or_default() };
            encode(name, &last.id)
        };
        Ok(Page::cut(found, size, cursor, ClientView::from))
    }

    /// One client.
    ///
    /// # Errors
    /// [`AdminError::NoSuchClient`], [`AdminError::Store`].
    pub async fn client(&self, id: &str) -> Result<ClientView, AdminError> {
        let found = self.store.client_overview(id).await?;
        found.map(ClientView::from).ok_or(AdminError::NoSuchClient)
    }

    /// Adds a client that the configuration does not name.
    ///
    /// # Errors
    /// [`AdminError::Client`] says what is missing, [`AdminError::ClientExists`], [`AdminError::Store`].
    pub async fn add_client(&self, by: &By<'_>, new: NewClient) -> Result<AddedClient, AdminError> {
        let result = self.try_add_client(new).await;
        let id = result.as_ref().ok().map(|added| added.client.id.clone());
        let about = About { client: id.as_deref(), ..About::default() };
        self.done(by, EventKind::Administration, "client_added", about, result).await
    }

    async fn try_add_client(&self, new: NewClient) -> Result<AddedClient, AdminError> {
        let id = new.client_id.unwrap_or_else(|| format!("client_{}", random::token::<16>()));
        let legal = |byte: u8| matches!(byte, 0x21..=0x7e);
        if !(1..=256).contains(&id.len()) || !id.bytes().all(legal) {
            return Err(AdminError::Client("a client_id has 1 to 256 visible ASCII characters"));
        }
        if DocumentUrl::looks_like_one(&id) {
            return Err(AdminError::Client("a client_id that is a URL names a document; choose another one"));
        }
        if new.client_name.is_empty() || visible(&new.client_name, 200) != new.client_name {
            return Err(AdminError::Client("a client_name has 1 to 200 visible characters"));
        }
        let logs_in = new.grant_types.is_empty() || new.grant_types.contains(&GrantType::AuthorizationCode);
        if logs_in && new.redirect_uris.is_empty() {
            return Err(AdminError::Client("users log in to this client, so it needs a redirect URI"));
        }
        if !new.confidential && new.grant_types.contains(&GrantType::ClientCredentials) {
            return Err(AdminError::Client("a client that gets tokens for itself has to have a secret"));
        }
        let secret = new.confidential.then(|| ClientSecret::new(format!("bws_{}", random::token::<32>())));
        let client = ConfiguredClient {
            client_id: id.clone(),
            client_secret: secret.clone(),
            client_name: new.client_name,
            grant_types: new.grant_types,
            redirect_uris: new.redirect_uris,
            ..ConfiguredClient::default()
        }
        .client();
        let record = ClientRecord {
            client,
            fingerprint: None,
            registration_token: None,
            source: None,
            registered_at: self.now(),
            activated_at: None,
            last_used_at: None,
            added: true,
            disabled_at: None,
        };
        match self.store.add_client(&record).await? {
            Insert::Inserted => Ok(AddedClient { client: self.client(&id).await?, client_secret: secret }),
            Insert::Exists => Err(AdminError::ClientExists),
        }
    }

    /// Disables a client, or enables it. One that is disabled has no token at once, and gets none; what it has been
    /// allowed counts again once it is enabled, with new tokens. One with a document can be disabled before it comes.
    ///
    /// # Errors
    /// [`AdminError::NoSuchClient`], [`AdminError::Store`].
    pub async fn set_client_disabled(&self, by: &By<'_>, id: &str, disabled: bool) -> Result<(), AdminError> {
        let action = if disabled { "client_disabled" } else { "client_enabled" };
        let result = self.switch_client(id, disabled).await;
        self.about_client(by, action, id, result).await
    }

    async fn switch_client(&self, id: &str, disabled: bool) -> Result<(), AdminError> {
        let may_come = DocumentUrl::looks_like_one(id) && id.len() <= RedirectUri::MAX_LENGTH;
        let known = self.store.client_overview(id).await?.is_some();
        if !known && (!disabled || !may_come) {
            return Err(AdminError::NoSuchClient);
        }
        // Lost: it is so already, which is what was wanted.
        let _so_already = if disabled {
            self.store.disable_client(id, self.now()).await?
        } else {
            self.store.enable_client(id, self.now()).await?
        };
        Ok(())
    }

    /// Deletes a client that registered itself or was added, and ends all that it was allowed.
    ///
    /// # Errors
    /// [`AdminError::NoSuchClient`], [`AdminError::Configured`] for one that only the configuration can take away,
    /// [`AdminError::Client`] for one with a document, [`AdminError::Store`].
    pub async fn delete_client(&self, by: &By<'_>, id: &str) -> Result<(), AdminError> {
        let result = self.try_delete_client(id).await;
        self.about_client(by, "client_deleted", id, result).await
    }

    async fn try_delete_client(&self, id: &str) -> Result<(), AdminError> {
        if self.store.remove_client(id, self.now()).await? == Swap::Lost {
            let overview = self.store.client_overview(id).await?.ok_or(AdminError::NoSuchClient)?;
            return Err(match overview.record.map(|record| record.client.registration) {
                Some(Registration::Preregistered) => AdminError::Configured,
                None if DocumentUrl::looks_like_one(id) => {
                    AdminError::Client("this client has its own document and no record here; disable it")
                }
                _ => AdminError::NoSuchClient,
            });
        }
        // From here on none of its tokens counts, and it gets none; the rest is tidying up.
        self.catch_up().await;
        let revocation = Revocation { at: self.now(), reason: RevocationReason::Operator };
        let mut after: Option<GrantPlace> = None;
        while let Some((last, _)) =
            self.store.revoke_grants_of_client(id, after.as_ref(), revocation, STEP).await?
        {
            after = Some(last);
        }
        Ok(())
    }

    async fn about_client(
        &self,
        by: &By<'_>,
        action: &'static str,
        id: &str,
        result: Result<(), AdminError>,
    ) -> Result<(), AdminError> {
        let client = Some(id).filter(|_| !matches!(result, Err(AdminError::NoSuchClient)));
        let about = About { client, ..About::default() };
        self.done(by, EventKind::Administration, action, about, result).await
    }
}

/// The place of a client in its list; `name` is empty in the one by identifier.
fn encode(name: &str, id: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{name}\n{id}"))
}

fn decode(cursor: &str, by_id: bool) -> Result<(String, String), AdminError> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| AdminError::Cursor)?;
    let text = String::from_utf8(bytes).map_err(|_| AdminError::Cursor)?;
    let (name, id) = text.rsplit_once('\n').ok_or(AdminError::Cursor)?;
    // One of the other list would lead somewhere, and nowhere that was meant.
    if by_id && !name.is_empty() {
        return Err(AdminError::Cursor);
    }
    Ok((name.to_owned(), id.to_owned()))
}
