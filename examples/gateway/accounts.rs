//! What is done to accounts, whoever asks for it: the command line, the page for people, or the demo.

use std::time::Duration;

use portcullis::{
    Clock, Identity, Scope, ScopeSet, Secret, StoreError, SystemClock,
    basic::{PasswordHash, User},
    user_token::{NewUserToken, UserToken, UserTokenRecord, UserTokens},
};
use sqlx::{AnyConnection, AnyExecutor};

use crate::{
    Error,
    admin::{now, rfc3339},
    database::{Database, is_stored_as_it_is, new_id, new_secret},
    password::mark,
    smsgate,
};

/// Somebody who may sign in, as far as others need to know.
pub struct Account {
    pub identity: Identity,
    /// What the user may do.
    pub scopes: ScopeSet,
}

/// The account of this login name.
pub async fn find(database: &Database, name: &str) -> Result<Option<Account>, Error> {
    let row: Option<(String, String, String)> =
        sqlx::query_as("SELECT issuer, subject, scopes FROM portcullis_users WHERE name = $1")
            .bind(name)
            .fetch_optional(database.pool())
            .await?;
    let Some((issuer, subject, scopes)) = row else {
        return Ok(None);
    };
    let (identity, scopes) = (Identity::new(issuer, subject)?, ScopeSet::parse(&scopes)?);
    Ok(Some(Account { identity, scopes }))
}

/// Somebody who is let in now: neither disabled nor locked, and not expired.
pub struct LetIn {
    pub name: String,
    pub account: Account,
    /// Of the password.
    pub mark: String,
}

/// The user of this subject, if let in.
pub async fn let_in(database: &Database, subject: &str) -> Result<Option<LetIn>, StoreError> {
    find_let_in(database.pool(), subject).await.map_err(StoreError::new)
}

/// The same, after whatever is being [changed](set_password): of what was stored before this, a change of password
/// has ended all, or will, or this finds the new one.
pub async fn let_in_after_changes(
    database: &Database,
    subject: &str,
) -> Result<Option<LetIn>, StoreError> {
    let mut turn = database.change(subject).await.map_err(StoreError::new)?;
    find_let_in(&mut *turn, subject).await.map_err(StoreError::new)
}

async fn find_let_in(database: impl AnyExecutor<'_>, subject: &str) -> Result<Option<LetIn>, Error> {
    let row: Option<(String, String, String)> = sqlx::query_as(
        "SELECT name, password, scopes FROM portcullis_users WHERE issuer = 'local' AND subject = $1 \
         AND disabled = 0 AND locked = 0 AND (expires IS NULL OR expires > $2)",
    )
    .bind(subject)
    .bind(now())
    .fetch_optional(database)
    .await?;
    let Some((name, password, scopes)) = row else {
        return Ok(None);
    };
    let account = Account { identity: Identity::local(subject)?, scopes: ScopeSet::parse(&scopes)? };
    Ok(Some(LetIn { name, account, mark: mark(&password) }))
}

/// A user who is not there yet.
pub struct NewUser {
    id: String,
    name: String,
    hash: PasswordHash,
    scopes: String,
}

impl NewUser {
    /// By the same rules as when the user signs in.
    pub fn new(name: &str, password: &str, scopes: &str) -> Result<Self, Error> {
        let hash = PasswordHash::of(password)?;
        User::new(name, hash.clone())?;
        if !is_stored_as_it_is(name) {
            return Err("a user name has at most 1,024 bytes, and no U+10FFFF in it".into());
        }
        ScopeSet::parse(scopes)?;
        Ok(Self { id: new_id(), name: name.to_owned(), hash, scopes: scopes.to_owned() })
    }

    pub fn identity(&self) -> Result<Identity, Error> {
        Ok(Identity::local(self.id.as_str())?)
    }

    /// `false` if there is one of this name already.
    pub async fn insert(&self, change: &mut AnyConnection) -> Result<bool, Error> {
        let Self { id, name, hash, scopes } = self;
        let inserted = sqlx::query(
            "INSERT INTO portcullis_users (name, issuer, subject, password, scopes) \
             VALUES ($1, 'local', $2, $3, $4) ON CONFLICT DO NOTHING",
        )
        .bind(name)
        .bind(id)
        .bind(hash.as_str())
        .bind(scopes)
        .execute(&mut *change)
        .await?;
        if inserted.rows_affected() == 0 {
            return Ok(false);
        }
        seed_device(change, id).await?;
        Ok(true)
    }
}

/// Creates a user; `false` if there is one of this name already.
pub async fn add_user(database: &Database, user: &NewUser) -> Result<bool, Error> {
    let mut change = database.change(&user.name).await?;
    let is_new = user.insert(&mut change).await?;
    change.commit().await?;
    Ok(is_new)
}

/// Every user of the SMSGate part has a phone.
async fn seed_device(change: &mut AnyConnection, user: &str) -> Result<(), Error> {
    let id = new_id();
    let created = rfc3339(now());
    let device = serde_json::json!({
        "id": id,
        "name": "Demo/Phone",
        "createdAt": created,
        "updatedAt": created,
        "lastSeen": created,
    });
    sqlx::query("INSERT INTO sms_devices (id, user_id, body) VALUES ($1, $2, $3)")
        .bind(&id)
        .bind(user)
        .bind(device.to_string())
        .execute(change)
        .await?;
    Ok(())
}

/// Gives a user another password. What was begun with the old one ends: JWTs here, and sessions of the page
/// since they remember with which password they began.
///
/// With the mark of the password that it is to replace: `false` if there is another one meanwhile.
pub async fn set_password(
    database: &Database,
    owner: &Identity,
    hash: &PasswordHash,
    replaced: Option<&str>,
) -> Result<bool, Error> {
    let mut change = database.change(owner.subject()).await?;
    let (old,): (String,) =
        sqlx::query_as("SELECT password FROM portcullis_users WHERE issuer = $1 AND subject = $2")
            .bind(owner.issuer())
            .bind(owner.subject())
            .fetch_one(&mut *change)
            .await?;
    let update = sqlx::query(
        "UPDATE portcullis_users SET password = $1 WHERE issuer = $2 AND subject = $3 AND password = $4",
    )
    .bind(hash.as_str())
    .bind(owner.issuer())
    .bind(owner.subject())
    .bind(&old);
    let is_replaced = replaced.is_none_or(|replaced| replaced == mark(&old))
        && update.execute(&mut *change).await?.rows_affected() == 1;
    if !is_replaced {
        return Ok(false);
    }
    let families = "UPDATE portcullis_refresh_families SET revoked = $1 \
                    WHERE issuer = $2 AND subject = $3 AND revoked IS NULL";
    sqlx::query(families)
        .bind(now())
        .bind(owner.issuer())
        .bind(owner.subject())
        .execute(&mut *change)
        .await?;
    change.commit().await?;
    Ok(true)
}

/// A user token that somebody asks for, if it may do no more than they. The error is for them to read.
pub fn new_token(
    account: &Account,
    name: &str,
    days: Option<u16>,
    scopes: &str,
) -> Result<NewUserToken, String> {
    let scopes = ScopeSet::parse(scopes).map_err(|error| error.to_string())?;
    if !may_give(&account.scopes, &scopes) {
        return Err("a token may do no more than its user".into());
    }
    let new = NewUserToken::named(name).map_err(|error| error.to_string())?.scopes(scopes);
    Ok(match days {
        Some(0) => return Err("a token lasts for a day at least".into()),
        Some(days) => new.lifetime(Duration::from_secs(u64::from(days) * 24 * 60 * 60)),
        None => new,
    })
}

/// Whether who holds these scopes gives on those. `all:any` stands for SMSGate's own: what another system asks for,
/// an administrator's `smp:admin` above all, is held by its name.
fn may_give(held: &ScopeSet, given: &ScopeSet) -> bool {
    let by_global = held.contains(&Scope::ALL_ANY);
    let held: Vec<&str> = held.iter().collect();
    given.iter().all(|scope| held.contains(&scope) || by_global && smsgate::is_own(scope))
}

/// How many tokens somebody may have that are active, and how many keys; and how many of those are kept that are not,
/// for their owner to see.
pub const MOST: usize = 100;

/// Creates a token; `None` if its owner has as many as there may be.
pub async fn create_token(
    database: &Database,
    owner: &Identity,
    new: NewUserToken,
) -> Result<Option<UserToken>, Error> {
    let tokens = tokens(database);
    let active = async || {
        let listed = tokens.list(owner).await?;
        Ok::<_, Error>(listed.iter().filter(|token| state(token) == "active").count())
    };
    if active().await? >= MOST {
        return Ok(None);
    }
    let (token, record) = tokens.create(owner, new).await?;
    // Others may have been made at the same moment.
    if active().await? > MOST {
        tokens.revoke(owner, &record.id).await?;
        return Ok(None);
    }
    sqlx::query(
        "DELETE FROM portcullis_user_tokens WHERE id IN (SELECT id FROM portcullis_user_tokens \
         WHERE issuer = $1 AND subject = $2 AND (revoked IS NOT NULL OR expires <= $3) \
         ORDER BY created DESC, id LIMIT 1000000 OFFSET 100)",
    )
    .bind(owner.issuer())
    .bind(owner.subject())
    .bind(now())
    .execute(database.pool())
    .await?;
    Ok(Some(token))
}

pub fn tokens(database: &Database) -> UserTokens {
    UserTokens::new(database.store().clone())
}

/// Whether a token is taken, in a word.
pub fn state(token: &UserTokenRecord) -> &'static str {
    if token.revoked.is_some() {
        "revoked"
    } else if token.expires.is_some_and(|expires| expires <= SystemClock.now()) {
        "expired"
    } else {
        "active"
    }
}

/// An access key of S3P, as it is listed.
pub struct S3pKey {
    pub token: String,
    /// Empty if it was never given one.
    pub name: String,
    /// The login name of its owner.
    pub owner: String,
    /// How its holder signs, as texts.
    pub method: String,
    pub dialects: String,
    pub created: i64,
    pub last_used: Option<i64>,
    pub is_active: bool,
}

/// The access keys of somebody, or of all: the oldest first.
pub async fn s3p_keys(database: &Database, owner: Option<&Identity>) -> Result<Vec<S3pKey>, Error> {
    type Row = (String, Option<String>, String, String, String, i64, Option<i64>, i64);
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT k.token, n.name, u.name, k.method, k.dialects, k.created, n.last_used, k.disabled FROM portcullis_access_keys k \
         JOIN portcullis_users u ON u.issuer = k.issuer AND u.subject = k.subject \
         LEFT JOIN s3p_key_notes n ON n.token = k.token \
         WHERE $1 IS NULL OR k.issuer = $1 AND k.subject = $2 ORDER BY k.created, k.token",
    )
    .bind(owner.map(Identity::issuer))
    .bind(owner.map(Identity::subject))
    .fetch_all(database.pool())
    .await?;
    let key = |(token, name, owner, method, dialects, created, last_used, disabled): Row| S3pKey {
        token,
        name: name.unwrap_or_default(),
        owner,
        method,
        dialects,
        created,
        last_used,
        is_active: disabled == 0,
    };
    Ok(rows.into_iter().map(key).collect())
}

/// An access key of S3P, just made: its token, and its secret, which is shown once.
pub struct NewS3pKey {
    pub token: String,
    pub secret: String,
}

/// A name by which its owner knows a key. The error is for them to read.
pub fn key_name(name: &str) -> Result<&str, String> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > 100 || name.contains(char::is_control) {
        return Err("the name of a key has 1 to 100 characters, and no control characters".into());
    }
    Ok(name)
}

/// Creates a key; `None` if its owner has as many as there may be.
pub async fn add_s3p_key(
    database: &Database,
    owner: &Identity,
    name: &str,
) -> Result<Option<NewS3pKey>, Error> {
    let active = async || {
        let (active,): (i64,) = sqlx::query_as(
            "SELECT count(*) FROM portcullis_access_keys \
             WHERE issuer = $1 AND subject = $2 AND disabled = 0",
        )
        .bind(owner.issuer())
        .bind(owner.subject())
        .fetch_one(database.pool())
        .await?;
        Ok::<_, Error>(usize::try_from(active)?)
    };
    if active().await? >= MOST {
        return Ok(None);
    }
    let (token, secret) = (new_secret(), new_secret());
    let key = Secret::new(secret.as_str());
    sqlx::query("INSERT INTO s3p_key_notes (token, name) VALUES ($1, $2)")
        .bind(&token)
        .bind(name)
        .execute(database.pool())
        .await?;
    database.store().insert_access_key(&token, owner, &key, &ScopeSet::empty()).await?;
    // Others may have been made at the same moment.
    if active().await? > MOST {
        database.store().set_access_key_disabled(&token, true).await?;
        return Ok(None);
    }
    forget_old_s3p_keys(database, owner).await?;
    Ok(Some(NewS3pKey { token, secret }))
}

async fn forget_old_s3p_keys(database: &Database, owner: &Identity) -> Result<(), Error> {
    let mut change = database.change(owner.subject()).await?;
    let old: Vec<(String,)> = sqlx::query_as(
        "SELECT token FROM portcullis_access_keys WHERE issuer = $1 AND subject = $2 AND disabled <> 0 \
         ORDER BY created DESC, token LIMIT 1000000 OFFSET 100",
    )
    .bind(owner.issuer())
    .bind(owner.subject())
    .fetch_all(&mut *change)
    .await?;
    for (token,) in old {
        for delete in [
            "DELETE FROM s3p_key_notes WHERE token = $1",
            "DELETE FROM portcullis_access_keys WHERE token = $1",
        ] {
            sqlx::query(delete).bind(&token).execute(&mut *change).await?;
        }
    }
    Ok(change.commit().await?)
}

/// Gives an access key a new secret; `None` if there is no such key. For so long, the old one is good, too.
pub async fn rotate_s3p_key(
    database: &Database,
    token: &str,
    overlap: Duration,
) -> Result<Option<String>, Error> {
    let secret = new_secret();
    let key = Secret::new(secret.as_str());
    let rotated = database.store().rotate_access_key(token, &key, overlap).await?;
    Ok(rotated.then_some(secret))
}
