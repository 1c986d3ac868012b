//! Logins at identity providers. When what is kept of one goes, the triggers of the migration say.

use std::time::SystemTime;

use async_trait::async_trait;
use barewire_oauth::upstream::callback::Pending;
use barewire_oauth::upstream::id_token::Account;
use barewire_oauth_server::store::{
    Digest, Insert, LinkedAccount, Secret, SessionRecord, StoreError, Swap, UpstreamLoginRecord,
    UpstreamSessionRecord, Upstreams, UserRecord,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};
use zeroize::Zeroizing;

use crate::row::{Columns, Stored, micros, swapped, undecodable};
use crate::sealer::SealError;
use crate::{Store, room, sessions, users};

#[async_trait]
impl Upstreams for Store {
    async fn insert_upstream_login(
        &self,
        login: &UpstreamLoginRecord,
        max: u32,
    ) -> Result<Insert, StoreError> {
        self.begin_login(login, max).await.stored()
    }

    async fn upstream_login(&self, state: Digest) -> Result<Option<UpstreamLoginRecord>, StoreError> {
        let query = sqlx::query("SELECT * FROM upstream_logins WHERE state = ?1").bind(&state.0[..]);
        query.try_map(login).fetch_optional(self.reader()).await.stored()
    }

    async fn use_upstream_login(&self, state: Digest, at: SystemTime) -> Result<Swap, StoreError> {
        const USE: &str = "UPDATE upstream_logins SET used_at = ?2 WHERE state = ?1 AND used_at IS NULL";
        let done = sqlx::query(USE).bind(&state.0[..]).bind(micros(at)).execute(self.writer()).await;
        Ok(swapped(&done.stored()?))
    }

    async fn upstream_user(&self, account: &Account) -> Result<Option<UserRecord>, StoreError> {
        const SELECT: &str = concat!(
            "SELECT users.* FROM upstream_accounts JOIN users ON users.id = upstream_accounts.user_id",
            " WHERE issuer = ?1 AND subject = ?2"
        );
        let query = sqlx::query(SELECT).bind(&account.issuer).bind(&account.subject);
        query.try_map(users::user).fetch_optional(self.reader()).await.stored()
    }

    async fn insert_upstream_user(&self, user: &UserRecord, account: &Account) -> Result<Insert, StoreError> {
        let mut tx = self.begin().await.stored()?;
        if users::insert(&mut tx, user).await.stored()? == Insert::Exists
            || link(&mut tx, &user.id, account, user.created_at).await.stored()? == Insert::Exists
        {
            return Ok(Insert::Exists);
        }
        tx.commit().await.stored()?;
        Ok(Insert::Inserted)
    }

    async fn link_upstream_account(
        &self,
        user_id: &str,
        account: &Account,
        at: SystemTime,
    ) -> Result<Insert, StoreError> {
        let mut writer = self.writer().acquire().await.stored()?;
        link(&mut writer, user_id, account, at).await.stored()
    }

    async fn unlink_upstream_account(
        &self,
        user_id: &str,
        account: &Account,
        at: SystemTime,
    ) -> Result<Swap, StoreError> {
        self.unlink(user_id, account, at).await.stored()
    }

    async fn upstream_accounts(&self, user_id: &str) -> Result<Vec<LinkedAccount>, StoreError> {
        const SELECT: &str = concat!(
            "SELECT issuer, subject, linked_at FROM upstream_accounts WHERE user_id = ?1",
            " ORDER BY linked_at, issuer, subject"
        );
        let query = sqlx::query(SELECT).bind(user_id);
        query.try_map(linked).fetch_all(self.reader()).await.stored()
    }

    async fn start_upstream_session(
        &self,
        old: Option<Digest>,
        new: &SessionRecord,
        keep: u32,
        password: &Secret,
        upstream: &UpstreamSessionRecord,
    ) -> Result<Swap, StoreError> {
        const INSERT: &str = concat!(
            "INSERT INTO upstream_sessions (id, provider, issuer, subject, user_id, browser, scope, sealed,",
            " started_at, checked_at, tried_at, refused_at, generation)",
            " SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13 WHERE EXISTS",
            " (SELECT 1 FROM upstream_accounts WHERE issuer = ?3 AND subject = ?4 AND user_id = ?5)"
        );
        let sealed = self.seal_refresh_token(upstream).await.map_err(StoreError::new)?;
        let mut tx = self.begin().await.stored()?;
        if sessions::start(&mut tx, old, new, keep, password).await.stored()? == Swap::Lost {
            return Ok(Swap::Lost);
        }
        let insert = sqlx::query(INSERT)
            .bind(&upstream.id)
            .bind(&upstream.provider)
            .bind(&upstream.account.issuer)
            .bind(&upstream.account.subject)
            .bind(&upstream.user_id)
            .bind(&new.digest.0[..])
            .bind(&upstream.scope)
            .bind(sealed)
            .bind(micros(upstream.started_at))
            .bind(micros(upstream.checked_at))
            .bind(micros(upstream.tried_at))
            .bind(upstream.refused_at.map(micros))
            .bind(number(upstream.generation).stored()?);
        // Taken away meanwhile: then nobody comes in with it.
        if swapped(&insert.execute(&mut *tx).await.stored()?) == Swap::Lost {
            return Ok(Swap::Lost);
        }
        tx.commit().await.stored()?;
        Ok(Swap::Done)
    }

    async fn upstream_session(&self, browser: Digest) -> Result<Option<UpstreamSessionRecord>, StoreError> {
        let query = sqlx::query("SELECT * FROM upstream_sessions WHERE browser = ?1").bind(&browser.0[..]);
        let row: Option<SqliteRow> = query.fetch_optional(self.reader()).await.stored()?;
        match row {
            Some(row) => self.upstream(&row).await.map(Some),
            None => Ok(None),
        }
    }

    async fn has_upstream_sessions(&self) -> Result<bool, StoreError> {
        const ANY: &str = "SELECT EXISTS (SELECT 1 FROM upstream_sessions)";
        sqlx::query_scalar(ANY).fetch_one(self.reader()).await.stored()
    }

    async fn update_upstream_session(
        &self,
        expected: u64,
        new: &UpstreamSessionRecord,
    ) -> Result<Swap, StoreError> {
        const UPDATE: &str = concat!(
            "UPDATE upstream_sessions SET scope = ?3, sealed = ?4, checked_at = ?5, tried_at = ?6,",
            " refused_at = ?7, generation = ?8 WHERE id = ?1 AND generation = ?2"
        );
        let sealed = self.seal_refresh_token(new).await.map_err(StoreError::new)?;
        let update = sqlx::query(UPDATE)
            .bind(&new.id)
            .bind(number(expected).stored()?)
            .bind(&new.scope)
            .bind(sealed)
            .bind(micros(new.checked_at))
            .bind(micros(new.tried_at))
            .bind(new.refused_at.map(micros))
            .bind(number(new.generation).stored()?);
        Ok(swapped(&update.execute(self.writer()).await.stored()?))
    }

    async fn tie_grant(&self, grant_id: &str, upstream_id: &str) -> Result<Swap, StoreError> {
        let mut writer = self.writer().acquire().await.stored()?;
        tie(&mut writer, grant_id, upstream_id).await.stored()
    }

    async fn allow_device_within(
        &self,
        device_code: Digest,
        user_id: &str,
        scope: &str,
        upstream_id: &str,
        at: SystemTime,
    ) -> Result<Swap, StoreError> {
        self.allow_within(device_code, user_id, scope, upstream_id, at).await.stored()
    }

    async fn upstream_of_grant(&self, grant_id: &str) -> Result<Option<UpstreamSessionRecord>, StoreError> {
        const SELECT: &str = concat!(
            "SELECT upstream_sessions.* FROM upstream_grants",
            " JOIN upstream_sessions ON upstream_sessions.id = upstream_grants.upstream_id WHERE grant_id = ?1"
        );
        let row = sqlx::query(SELECT).bind(grant_id).fetch_optional(self.reader()).await.stored()?;
        match row {
            Some(row) => self.upstream(&row).await.map(Some),
            None => Ok(None),
        }
    }
}

impl Store {
    async fn seal_refresh_token(
        &self,
        session: &UpstreamSessionRecord,
    ) -> Result<Option<Vec<u8>>, SealError> {
        let Some(token) = &session.refresh_token else { return Ok(None) };
        let text = Zeroizing::new(BASE64.encode(token.expose()));
        self.sealer().await?.seal(&["upstream", &session.id], &*text).map(Some)
    }

    async fn upstream(&self, row: &SqliteRow) -> Result<UpstreamSessionRecord, StoreError> {
        let id = row.text("id").stored()?;
        let sealed: Option<&[u8]> = row.try_get("sealed").stored()?;
        let refresh_token = match sealed {
            Some(sealed) => Some(self.open_refresh_token(&id, sealed).await.map_err(StoreError::new)?),
            None => None,
        };
        session(row, id, refresh_token).stored()
    }

    async fn open_refresh_token(&self, id: &str, sealed: &[u8]) -> Result<Secret, SealError> {
        let text: Zeroizing<String> = Zeroizing::new(self.sealer().await?.open(&["upstream", id], sealed)?);
        BASE64.decode(&*text).map(Secret::new).map_err(|_| SealError::OtherKey)
    }

    async fn unlink(&self, user_id: &str, account: &Account, at: SystemTime) -> Result<Swap, sqlx::Error> {
        const DELETE: &str =
            "DELETE FROM upstream_accounts WHERE issuer = ?1 AND subject = ?2 AND user_id = ?3";
        const REFUSE: &str = concat!(
            "UPDATE upstream_sessions SET refused_at = ?4, sealed = NULL, generation = generation + 1",
            " WHERE issuer = ?1 AND subject = ?2 AND user_id = ?3 AND refused_at IS NULL"
        );
        let mut tx = self.begin().await?;
        let bound = |statement: &'static str| {
            sqlx::query(statement).bind(&account.issuer).bind(&account.subject).bind(user_id)
        };
        if swapped(&bound(DELETE).execute(&mut *tx).await?) == Swap::Lost {
            return Ok(Swap::Lost);
        }
        bound(REFUSE).bind(micros(at)).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(Swap::Done)
    }

    async fn begin_login(&self, new: &UpstreamLoginRecord, max: u32) -> Result<Insert, sqlx::Error> {
        const INSERT: &str = concat!(
            "INSERT INTO upstream_logins (state, provider, browser, query, source, started_at, expires_at, used_at)",
            " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING"
        );
        let pending = &new.pending;
        let mut tx = self.begin().await?;
        room::UPSTREAM_LOGINS.make_room(&mut tx, max, micros(pending.started_at)).await?;
        let insert = sqlx::query(INSERT)
            .bind(&new.state.0[..])
            .bind(&pending.provider)
            .bind(&pending.browser[..])
            .bind(&new.query)
            .bind(new.source.as_ref().map(|digest| &digest.0[..]))
            .bind(micros(pending.started_at))
            .bind(micros(pending.expires_at))
            .bind(pending.used_at.map(micros));
        if insert.execute(&mut *tx).await?.rows_affected() == 0 {
            return Ok(Insert::Exists);
        }
        tx.commit().await?;
        Ok(Insert::Inserted)
    }

    async fn allow_within(
        &self,
        device_code: Digest,
        user_id: &str,
        scope: &str,
        upstream_id: &str,
        at: SystemTime,
    ) -> Result<Swap, sqlx::Error> {
        const DECIDE: &str = concat!(
            "UPDATE devices SET decided_at = ?2, allowed_by = ?3, scope = ?4",
            " WHERE device_code = ?1 AND decided_at IS NULL AND expires_at > ?2 RETURNING grant_id"
        );
        let mut tx = self.begin().await?;
        let decide = sqlx::query_scalar(DECIDE).bind(&device_code.0[..]).bind(micros(at)).bind(user_id);
        let grant: Option<String> = decide.bind(scope).fetch_optional(&mut *tx).await?;
        let Some(grant) = grant else { return Ok(Swap::Lost) };
        if tie(&mut tx, &grant, upstream_id).await? == Swap::Lost {
            return Ok(Swap::Lost);
        }
        tx.commit().await?;
        Ok(Swap::Done)
    }
}

async fn link(
    db: &mut SqliteConnection,
    user_id: &str,
    account: &Account,
    at: SystemTime,
) -> Result<Insert, sqlx::Error> {
    const INSERT: &str = concat!(
        "INSERT INTO upstream_accounts (issuer, subject, user_id, linked_at) VALUES (?1, ?2, ?3, ?4)",
        " ON CONFLICT DO NOTHING"
    );
    let insert =
        sqlx::query(INSERT).bind(&account.issuer).bind(&account.subject).bind(user_id).bind(micros(at));
    let done = insert.execute(db).await?;
    Ok(if done.rows_affected() == 1 { Insert::Inserted } else { Insert::Exists })
}

async fn tie(db: &mut SqliteConnection, grant_id: &str, upstream_id: &str) -> Result<Swap, sqlx::Error> {
    const INSERT: &str = concat!(
        "INSERT INTO upstream_grants (grant_id, upstream_id) SELECT ?1, id FROM upstream_sessions WHERE id = ?2",
        " ON CONFLICT DO NOTHING"
    );
    Ok(swapped(&sqlx::query(INSERT).bind(grant_id).bind(upstream_id).execute(db).await?))
}

fn number(generation: u64) -> Result<i64, sqlx::Error> {
    i64::try_from(generation).map_err(|error| sqlx::Error::Encode(error.into()))
}

#[expect(clippy::needless_pass_by_value, reason = "sqlx hands rows over by value")]
fn login(row: SqliteRow) -> Result<UpstreamLoginRecord, sqlx::Error> {
    Ok(UpstreamLoginRecord {
        state: row.digest("state")?,
        pending: Pending {
            provider: row.text("provider")?,
            browser: row.digest("browser")?.0,
            started_at: row.time("started_at")?,
            expires_at: row.time("expires_at")?,
            used_at: row.maybe_time("used_at")?,
        },
        query: row.text("query")?,
        source: row.maybe_digest("source")?,
    })
}

#[expect(clippy::needless_pass_by_value, reason = "sqlx hands rows over by value")]
fn linked(row: SqliteRow) -> Result<LinkedAccount, sqlx::Error> {
    Ok(LinkedAccount {
        account: Account { issuer: row.text("issuer")?, subject: row.text("subject")? },
        linked_at: row.time("linked_at")?,
    })
}

fn session(
    row: &SqliteRow,
    id: String,
    refresh_token: Option<Secret>,
) -> Result<UpstreamSessionRecord, sqlx::Error> {
    let generation: i64 = row.try_get("generation")?;
    Ok(UpstreamSessionRecord {
        id,
        provider: row.text("provider")?,
        account: Account { issuer: row.text("issuer")?, subject: row.text("subject")? },
        user_id: row.text("user_id")?,
        scope: row.text("scope")?,
        refresh_token,
        started_at: row.time("started_at")?,
        checked_at: row.time("checked_at")?,
        tried_at: row.time("tried_at")?,
        refused_at: row.maybe_time("refused_at")?,
        generation: generation.try_into().map_err(|error| undecodable("generation", error))?,
    })
}
