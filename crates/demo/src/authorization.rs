//! The authorization server: its store, what it issues tokens for, and who is in it from the start.

use std::sync::Arc;

use barewire_oauth_server::AuthorizationServer;
use barewire_oauth_server::store::{Oversight as _, Users as _, UsersWanted};
use barewire_store::Store;

use crate::blog::{READ, WRITE};
use crate::endpoint::{MCP, SSE};
use crate::observed::Observed;
use crate::seed;
use crate::server::StartError;
use crate::setup::Setup;

/// It, and what it keeps.
#[derive(Clone)]
pub(crate) struct Authorization {
    pub(crate) server: AuthorizationServer,
    pub(crate) store: Store,
}

impl Authorization {
    pub(crate) async fn open(setup: &Setup, origin: &str, observed: &Observed) -> Result<Self, StartError> {
        let store = Store::open_with(setup.file("auth.sqlite"), setup.sealing_keys.clone()).await?;
        store.unlock().await?;
        let mut server = AuthorizationServer::builder(origin, Arc::new(store.clone()))
            .display_name(&setup.server.name)
            .config(setup.auth.clone())
            .witness(observed.events())
            .clock(setup.clock.clone());
        if setup.has_blog() {
            server = server
                .resource(format!("{origin}{MCP}"))
                // The same server, as clients know it that know nothing newer than 2024-11-05.
                .resource(format!("{origin}{SSE}"))
                .scope(READ, "Read posts and your drafts")
                .scope(WRITE, "Write, change and delete your posts")
                .default_scopes([READ]);
        }
        if let Some(attempts) = observed.attempts() {
            server = server.connection_attempts(attempts);
        }
        let authorization = Self { server: server.build().await?, store };
        if setup.sample {
            authorization.let_everybody_in(setup.server.public_url.is_some()).await?;
        } else {
            authorization.refuse_known_passwords().await?;
        }
        Ok(authorization)
    }

    /// Whether there is anybody who could log in.
    pub(crate) async fn has_people(&self) -> Result<bool, StartError> {
        let wanted = UsersWanted { begins: "", after: None, limit: 1 };
        Ok(!self.store.users(&wanted).await?.is_empty())
    }

    /// Adds the demo's people, whose passwords everybody knows; never to people who are there already.
    async fn let_everybody_in(&self, reachable: bool) -> Result<(), StartError> {
        let begun = self.store.user_by_name(seed::USERS[0].username).await?.is_some();
        if !begun && self.has_people().await? {
            return Err(StartError::NotTheDemos);
        }
        for user in seed::USERS {
            let _exists_already = self.server.create_user(user.username, user.password).await?;
        }
        // Everybody knows this password, so it opens nothing where others can reach it.
        if !reachable {
            let seed::SeedUser { username, password, .. } = seed::ADMINISTRATOR;
            let _exists_already = self.server.create_administrator(username, password).await?;
        }
        Ok(())
    }

    /// A folder in which the demo ran has people in it whose passwords everybody knows, an administrator among them.
    async fn refuse_known_passwords(&self) -> Result<(), StartError> {
        for user in seed::USERS.iter().chain([&seed::ADMINISTRATOR]) {
            if self.server.has_password(user.username, user.password).await? {
                return Err(StartError::KnownPassword(user.username));
            }
        }
        Ok(())
    }
}
