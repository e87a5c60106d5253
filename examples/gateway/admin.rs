//! What the subcommands do. Secrets are printed once, to standard output; nothing else is.

use std::{
    io,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use portcullis::{
    Clock, Identity, ScopeSet, Secret, SystemClock,
    basic::{PasswordHash, User},
    user_token::{UserToken, UserTokenAdmin, UserTokenRecord},
};
use sqlx::AnyConnection;

use crate::{
    Error,
    args::{S3pKeyCommand, TokenCommand, UserCommand},
    database::{Database, new_id, new_secret},
};

pub async fn user(database: &Database, command: UserCommand) -> Result<(), Error> {
    match command {
        UserCommand::Add { name, password_stdin, scopes } => {
            let (password, made) = password(password_stdin)?;
            if !add_user(database, &name, &password, &scopes.join(" ")).await? {
                return Err(format!("there is a user {name:?} already").into());
            }
            print_made("password", made.then_some(password));
        }
        UserCommand::Disable { name } => {
            if !database.store().set_disabled(&name, true).await? {
                return Err(unknown(&name));
            }
        }
        UserCommand::Scopes { name, scopes } => {
            let scopes = ScopeSet::parse(&scopes.join(" "))?;
            if !database.store().set_scopes(&name, &scopes).await? {
                return Err(unknown(&name));
            }
        }
        UserCommand::Passwd { name, password_stdin } => {
            let (password, made) = password(password_stdin)?;
            set_password(database, &name, &password).await?;
            print_made("password", made.then_some(password));
        }
    }
    Ok(())
}

pub async fn token(database: &Database, command: TokenCommand) -> Result<(), Error> {
    match command {
        TokenCommand::Create { user, name } => {
            let token = create_token(database, &user, &name).await?;
            print_made("token", Some(token.expose().to_owned()));
        }
        TokenCommand::List { user } => {
            let owner = identity(database, &user).await?;
            for token in database.store().list(&owner).await? {
                let state = if token.revoked.is_some() { "revoked" } else { "active" };
                let created = token.created.map_or(0, unix_seconds);
                println!("{}  {state:<7}  {}  {}", token.id, rfc3339(created), token.name);
            }
        }
        TokenCommand::Revoke { id } => {
            let revoked = sqlx::query(
                "UPDATE portcullis_user_tokens SET revoked = $1 WHERE id = $2 AND revoked IS NULL",
            )
            .bind(now())
            .bind(&id)
            .execute(database.pool())
            .await?;
            if revoked.rows_affected() == 0 {
                return Err(format!("there is no active token with the id {id:?}").into());
            }
        }
    }
    Ok(())
}

pub async fn s3p_key(database: &Database, command: S3pKeyCommand) -> Result<(), Error> {
    match command {
        S3pKeyCommand::Add { user } => {
            let (token, secret) = add_s3p_key(database, &user).await?;
            println!("access token: {token}");
            print_made("secret", Some(secret));
        }
        S3pKeyCommand::Rotate { token } => {
            let secret = new_secret();
            // At once: the old secret may have been stolen.
            let new = Secret::new(secret.as_str());
            if !database.store().rotate_access_key(&token, &new, Duration::ZERO).await? {
                return Err(format!("there is no access key with the token {token:?}").into());
            }
            print_made("secret", Some(secret));
        }
        S3pKeyCommand::List => {
            let rows: Vec<(String, String, i64)> = sqlx::query_as(
                "SELECT k.token, u.name, k.created FROM portcullis_access_keys k \
                 JOIN portcullis_users u ON u.issuer = k.issuer AND u.subject = k.subject \
                 ORDER BY k.created, k.token",
            )
            .fetch_all(database.pool())
            .await?;
            for (token, user, created) in rows {
                println!("{token}  {}  {user}", rfc3339(created));
            }
        }
    }
    Ok(())
}

/// Creates a user; `false` if there is one of this name already.
pub async fn add_user(
    database: &Database,
    name: &str,
    password: &str,
    scopes: &str,
) -> Result<bool, Error> {
    let hash = PasswordHash::of(password)?;
    // The same rules as when the user signs in.
    User::new(name, hash.clone())?;
    ScopeSet::parse(scopes)?;
    let id = new_id();
    let mut change = database.change(name).await?;
    let inserted = sqlx::query(
        "INSERT INTO portcullis_users (name, issuer, subject, password, scopes) \
         VALUES ($1, 'local', $2, $3, $4) ON CONFLICT DO NOTHING",
    )
    .bind(name)
    .bind(&id)
    .bind(hash.as_str())
    .bind(scopes)
    .execute(&mut *change)
    .await?;
    if inserted.rows_affected() == 0 {
        return Ok(false);
    }
    seed_device(&mut change, &id).await?;
    change.commit().await?;
    Ok(true)
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

async fn set_password(database: &Database, name: &str, password: &str) -> Result<(), Error> {
    let owner = identity(database, name).await?;
    let hash = PasswordHash::of(password)?;
    let mut change = database.change(owner.subject()).await?;
    sqlx::query("UPDATE portcullis_users SET password = $1 WHERE name = $2")
        .bind(hash.as_str())
        .bind(name)
        .execute(&mut *change)
        .await?;
    let families = "UPDATE portcullis_refresh_families SET revoked = $1 \
                    WHERE issuer = 'local' AND subject = $2 AND revoked IS NULL";
    sqlx::query(families).bind(now()).bind(owner.subject()).execute(&mut *change).await?;
    Ok(change.commit().await?)
}

pub async fn create_token(database: &Database, user: &str, name: &str) -> Result<UserToken, Error> {
    let token = UserToken::generate();
    let record = UserTokenRecord::new(new_id(), identity(database, user).await?).name(name);
    database.store().create(&token.digest(), &record).await?;
    Ok(token)
}

/// Creates an access key; its token and its secret.
pub async fn add_s3p_key(database: &Database, user: &str) -> Result<(String, String), Error> {
    let owner = identity(database, user).await?;
    let (token, secret) = (new_secret(), new_secret());
    let key = Secret::new(secret.as_str());
    database.store().insert_access_key(&token, &owner, &key, &ScopeSet::empty()).await?;
    Ok((token, secret))
}

pub async fn identity(database: &Database, name: &str) -> Result<Identity, Error> {
    let row: Option<(String, String)> =
        sqlx::query_as("SELECT issuer, subject FROM portcullis_users WHERE name = $1")
            .bind(name)
            .fetch_optional(database.pool())
            .await?;
    let (issuer, subject) = row.ok_or_else(|| unknown(name))?;
    Ok(Identity::new(issuer, subject)?)
}

fn unknown(name: &str) -> Error {
    format!("there is no user {name:?}").into()
}

/// A password, and whether it was made here.
fn password(from_stdin: bool) -> Result<(String, bool), Error> {
    if !from_stdin {
        return Ok((new_secret(), true));
    }
    let text = io::read_to_string(io::stdin())
        .map_err(|error| format!("cannot read the password from standard input: {error}"))?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.contains(char::is_control) {
        return Err("the password holds a line break or another control character, which HTTP Basic \
                    cannot carry (RFC 7617 section 2)"
            .into());
    }
    Ok((line.to_owned(), false))
}

fn print_made(what: &str, made: Option<String>) {
    if let Some(made) = made {
        println!("{what} (shown once): {made}");
    }
}

/// The present second.
pub fn now() -> i64 {
    unix_seconds(SystemClock.now())
}

pub fn unix_seconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// A second, as in `2026-01-31T23:59:59Z`.
pub fn rfc3339(second: i64) -> String {
    jiff::Timestamp::from_second(second).unwrap_or_default().to_string()
}
