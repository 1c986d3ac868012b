//! People.

use std::fmt;

use barewire_oauth::secret::Password;
use barewire_oauth::stranger::visible;
use barewire_oauth::token::OWN_SUBJECT;
use barewire_oauth::upstream::id_token::Account;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{About, AdminError, Administration, By, Page, UserDetails, UserView, page_size};
use crate::passwords::Unfit;
use crate::store::{Insert, Swap, UserRecord, UsersWanted};
use crate::witness::EventKind;

/// Longest issuer or subject of an account, in bytes.
const MAX_ACCOUNT: usize = 1024;

/// Longest name, in bytes; the login looks for none that is longer.
const MAX_NAME: usize = 256;

/// Somebody who is to be added.
pub struct NewUser {
    /// The name, which becomes the subject of tokens too.
    pub name: String,
    /// The password.
    pub password: Password,
    /// Whether it is an administrator.
    pub administrator: bool,
}

impl fmt::Debug for NewUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewUser").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Administration {
    /// The people whose name begins with `begins`, in capitals or not, in the order of their names.
    ///
    /// # Errors
    /// [`AdminError::Cursor`], [`AdminError::Store`].
    pub async fn users(
        &self,
        begins: &str,
        cursor: Option<&str>,
        limit: Option<u32>,
    ) -> Result<Page<UserView>, AdminError> {
        let after = cursor.map(decode).transpose()?;
        let size = page_size(limit);
        let wanted = UsersWanted { begins, after: after.as_deref(), limit: size + 1 };
        let found = self.store.users(&wanted).await?;
        Ok(Page::cut(found, size, |user| URL_SAFE_NO_PAD.encode(&user.name), UserView::from))
    }

    /// The id of a person, by id or by name.
    ///
    /// # Errors
    /// [`AdminError::NoSuchUser`], [`AdminError::Store`].
    pub async fn user_id(&self, id_or_name: &str) -> Result<String, AdminError> {
        let found = match self.store.user(id_or_name).await? {
            Some(user) => Some(user),
            None => self.store.user_by_name(id_or_name).await?,
        };
        found.map(|user| user.id).ok_or(AdminError::NoSuchUser)
    }

    /// One person, with what they sign in with and where they are signed in.
    ///
    /// # Errors
    /// [`AdminError::NoSuchUser`], [`AdminError::Store`].
    pub async fn user(&self, id: &str) -> Result<UserDetails, AdminError> {
        let user = self.record(id).await?;
        let sessions = self.store.sessions_of(id, self.now()).await?;
        Ok(UserDetails {
            authenticator_app: self.store.totp(id).await?.is_some_and(|app| app.confirmed_at.is_some()),
            recovery_codes_left: self.store.recovery_codes_left(id).await?,
            passkeys: self.store.passkeys_of(id).await?.len(),
            accounts: self.store.upstream_accounts(id).await?.into_iter().map(Into::into).collect(),
            sessions: sessions.into_iter().map(Into::into).collect(),
            user: user.into(),
        })
    }

    /// Adds a person, whose id is their name.
    ///
    /// # Errors
    /// [`AdminError::UserName`], [`AdminError::Unfit`], [`AdminError::UserExists`], and those of hashing and storing.
    pub async fn add_user(&self, by: &By<'_>, new: NewUser) -> Result<UserView, AdminError> {
        let id = new.name.clone();
        let result = self.try_add_user(new).await;
        // What was typed may be anything; the name of a user that there is now is not.
        let user = result.is_ok().then_some(id.as_str());
        self.done(by, EventKind::Administration, "user_added", About { user, ..About::default() }, result)
            .await
    }

    async fn try_add_user(&self, new: NewUser) -> Result<UserView, AdminError> {
        let usable = (1..=MAX_NAME).contains(&new.name.len())
            && !new.name.starts_with(OWN_SUBJECT)
            && new.name.trim() == new.name
            && visible(&new.name, MAX_NAME) == new.name;
        if !usable {
            return Err(AdminError::UserName);
        }
        Unfit::check(&new.password, &new.name, self.min_password_length)?;
        if self.store.user_by_name(&new.name).await?.is_some() {
            return Err(AdminError::UserExists);
        }
        let user = UserRecord {
            id: new.name.clone(),
            name: new.name,
            password_hash: self.passwords.hash(new.password).await?,
            created_at: self.now(),
            password_changed_at: None,
            administrator: new.administrator,
            disabled_at: None,
        };
        match self.store.insert_user(&user).await? {
            Insert::Inserted => Ok(user.into()),
            Insert::Exists => Err(AdminError::UserExists),
        }
    }

    /// Disables a person, or enables them. Who is disabled has no session and no token at once, and gets none; what they
    /// have connected works again once they are enabled, with new tokens.
    ///
    /// # Errors
    /// [`AdminError::NoSuchUser`], [`AdminError::Yourself`], [`AdminError::Demoted`], [`AdminError::Store`].
    pub async fn set_user_disabled(&self, by: &By<'_>, id: &str, disabled: bool) -> Result<(), AdminError> {
        let action = if disabled { "user_disabled" } else { "user_enabled" };
        let result = self.switch(by, id, disabled).await;
        self.about_user(by, action, id, result).await
    }

    async fn switch(&self, by: &By<'_>, id: &str, disabled: bool) -> Result<(), AdminError> {
        self.record(id).await?;
        if disabled && by.is(id) {
            return Err(AdminError::Yourself);
        }
        let swap = if disabled {
            self.store.disable_user(id, by.administrator_id(), self.now()).await?
        } else {
            self.store.enable_user(id, self.now()).await?
        };
        // Lost otherwise: it is so already, which is what was wanted.
        if swap == Swap::Lost { self.still_administers(by).await } else { Ok(()) }
    }

    /// Makes a person an administrator, or none.
    ///
    /// # Errors
    /// [`AdminError::NoSuchUser`], [`AdminError::Yourself`], [`AdminError::Demoted`], [`AdminError::Store`].
    pub async fn set_administrator(
        &self,
        by: &By<'_>,
        id: &str,
        administrator: bool,
    ) -> Result<(), AdminError> {
        let action = if administrator { "user_promoted" } else { "user_demoted" };
        let result = if !administrator && by.is(id) {
            Err(AdminError::Yourself)
        } else {
            self.mark(by, id, administrator).await
        };
        self.about_user(by, action, id, result).await
    }

    async fn mark(&self, by: &By<'_>, id: &str, administrator: bool) -> Result<(), AdminError> {
        match self.store.set_administrator(id, administrator, by.administrator_id()).await? {
            Swap::Done => Ok(()),
            Swap::Lost => {
                self.still_administers(by).await?;
                Err(AdminError::NoSuchUser)
            }
        }
    }

    /// Nobody demotes or disables themselves, so there is one left as long as whoever does it is one at that moment: of two
    /// that do it to each other at once, the store lets one through.
    async fn still_administers(&self, by: &By<'_>) -> Result<(), AdminError> {
        let Some(id) = by.administrator_id() else { return Ok(()) };
        let user = self.store.user(id).await?.filter(UserRecord::is_enabled);
        if user.is_some_and(|user| user.administrator) { Ok(()) } else { Err(AdminError::Demoted) }
    }

    /// Gives a person another password. They are signed out everywhere; what they have connected stays connected.
    ///
    /// # Errors
    /// [`AdminError::NoSuchUser`], [`AdminError::Unfit`], and those of hashing and storing.
    pub async fn reset_password(&self, by: &By<'_>, id: &str, new: Password) -> Result<(), AdminError> {
        let result = self.try_reset_password(id, new).await;
        self.about_user(by, "password_reset", id, result).await
    }

    async fn try_reset_password(&self, id: &str, new: Password) -> Result<(), AdminError> {
        let user = self.record(id).await?;
        Unfit::check(&new, &user.name, self.min_password_length)?;
        let hash = self.passwords.hash(new).await?;
        found(self.store.reset_password(id, &hash, self.now()).await?)
    }

    /// Takes a person's authenticator app, recovery codes and passkeys away: the password alone signs them in.
    ///
    /// # Errors
    /// [`AdminError::NoSuchUser`], [`AdminError::Store`].
    pub async fn reset_second_factors(&self, by: &By<'_>, id: &str) -> Result<(), AdminError> {
        let result = match self.record(id).await {
            Ok(_) => self.store.reset_second_factors(id).await.map(drop).map_err(AdminError::from),
            Err(error) => Err(error),
        };
        self.about_user(by, "second_factors_reset", id, result).await
    }

    /// Lets an account at an identity provider sign in as a person who is there. Only an operator can say that: a provider's
    /// word about names and addresses links nobody.
    ///
    /// # Errors
    /// [`AdminError::NoSuchUser`], [`AdminError::Account`], [`AdminError::AccountTaken`], [`AdminError::Store`].
    pub async fn link_account(&self, by: &By<'_>, id: &str, account: Account) -> Result<(), AdminError> {
        let result = self.try_link_account(id, &account).await;
        self.about_user(by, "account_linked", id, result).await
    }

    async fn try_link_account(&self, id: &str, account: &Account) -> Result<(), AdminError> {
        let user = self.record(id).await?;
        let usable =
            |text: &String| (1..=MAX_ACCOUNT).contains(&text.len()) && visible(text, MAX_ACCOUNT) == *text;
        if !usable(&account.issuer) || !usable(&account.subject) {
            return Err(AdminError::Account);
        }
        match self.store.link_upstream_account(&user.id, account, self.now()).await? {
            Insert::Inserted => Ok(()),
            // It may be so already, which is what was wanted.
            Insert::Exists => match self.store.upstream_user(account).await? {
                Some(has_it) if has_it.id == user.id => Ok(()),
                _ => Err(AdminError::AccountTaken),
            },
        }
    }

    /// Takes an account away. Nobody signs in with it as this person any more; browsers that came in with it have to sign in
    /// anew, and what was connected by such a login ends at its next refresh.
    ///
    /// # Errors
    /// [`AdminError::NoSuchUser`], [`AdminError::NoSuchAccount`], [`AdminError::Store`].
    pub async fn unlink_account(&self, by: &By<'_>, id: &str, account: &Account) -> Result<(), AdminError> {
        let result = self.try_unlink_account(id, account).await;
        self.about_user(by, "account_unlinked", id, result).await
    }

    async fn try_unlink_account(&self, id: &str, account: &Account) -> Result<(), AdminError> {
        let user = self.record(id).await?;
        match self.store.unlink_upstream_account(&user.id, account, self.now()).await? {
            Swap::Done => Ok(()),
            Swap::Lost => Err(AdminError::NoSuchAccount),
        }
    }

    /// Signs a person out everywhere. How many browsers that were.
    ///
    /// # Errors
    /// [`AdminError::NoSuchUser`], [`AdminError::Store`].
    pub async fn end_sessions(&self, by: &By<'_>, id: &str) -> Result<u64, AdminError> {
        let result = match self.record(id).await {
            Ok(_) => self.store.end_sessions_of(id, None).await.map_err(AdminError::from),
            Err(error) => Err(error),
        };
        let about = About { user: Some(id), ..About::default() };
        self.done(by, EventKind::SessionEnd, "operator", about, result).await
    }

    async fn about_user(
        &self,
        by: &By<'_>,
        action: &'static str,
        id: &str,
        result: Result<(), AdminError>,
    ) -> Result<(), AdminError> {
        // A name that nobody has may be anything.
        let user = Some(id).filter(|_| !matches!(result, Err(AdminError::NoSuchUser)));
        self.done(by, EventKind::Administration, action, About { user, ..About::default() }, result).await
    }

    async fn record(&self, id: &str) -> Result<UserRecord, AdminError> {
        self.store.user(id).await?.ok_or(AdminError::NoSuchUser)
    }
}

fn found(swap: Swap) -> Result<(), AdminError> {
    match swap {
        Swap::Done => Ok(()),
        Swap::Lost => Err(AdminError::NoSuchUser),
    }
}

fn decode(cursor: &str) -> Result<String, AdminError> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| AdminError::Cursor)?;
    String::from_utf8(bytes).map_err(|_| AdminError::Cursor)
}
