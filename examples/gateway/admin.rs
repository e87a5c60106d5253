//! What the subcommands do. Secrets are printed once, to standard output; nothing else is.

use std::{io, time::UNIX_EPOCH};

use portcullis::{Clock, ScopeSet, SystemClock, basic::PasswordHash, user_token::UserToken};
use sqlx::SqliteConnection;

use crate::{
    Error,
    args::{S3pKeyCommand, TokenCommand, UserCommand},
    database::{Database, new_id, new_secret},
    vault::Vault,
};

pub async fn user(database: &Database, command: UserCommand) -> Result<(), Error> {
    match command {
        UserCommand::Add { name, password_stdin, scopes } => {
            let (password, made) = password(password_stdin)?;
            add_user(database, &name, &password, &scopes.join(" ")).await?;
            print_made("password", made.then_some(password));
        }
        UserCommand::Disable { name } => {
            let id = user_id(database, &name).await?;
            let query = sqlx::query("UPDATE users SET disabled = 1 WHERE id = ?");
            query.bind(id).execute(database.pool()).await?;
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
            let id = user_id(database, &user).await?;
            let rows: Vec<(String, String, i64, Option<i64>)> = sqlx::query_as(
                "SELECT id, name, created, revoked FROM user_tokens WHERE user_id = ? \
                 ORDER BY created, id",
            )
            .bind(id)
            .fetch_all(database.pool())
            .await?;
            for (id, name, created, revoked) in rows {
                let state = if revoked.is_some() { "revoked" } else { "active" };
                println!("{id}  {state:<7}  {}  {name}", rfc3339(created));
            }
        }
        TokenCommand::Revoke { id } => {
            let revoked =
                sqlx::query("UPDATE user_tokens SET revoked = ? WHERE id = ? AND revoked IS NULL")
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

pub async fn s3p_key(database: &Database, vault: &Vault, command: S3pKeyCommand) -> Result<(), Error> {
    match command {
        S3pKeyCommand::Add { user } => {
            let (token, secret) = add_s3p_key(database, vault, &user).await?;
            println!("access token: {token}");
            print_made("secret", Some(secret));
        }
        S3pKeyCommand::Rotate { token } => {
            let secret = new_secret();
            let sealed = vault.seal(&token, secret.as_bytes())?;
            let rotated = sqlx::query("UPDATE s3p_keys SET secret = ? WHERE token = ?")
                .bind(sealed)
                .bind(&token)
                .execute(database.pool())
                .await?;
            if rotated.rows_affected() == 0 {
                return Err(format!("there is no access key with the token {token:?}").into());
            }
            print_made("secret", Some(secret));
        }
        S3pKeyCommand::List => {
            let rows: Vec<(String, String, i64)> = sqlx::query_as(
                "SELECT k.token, u.name, k.created FROM s3p_keys k JOIN users u ON u.id = k.user_id \
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

/// Creates a user; the id of the new one.
pub async fn add_user(
    database: &Database,
    name: &str,
    password: &str,
    scopes: &str,
) -> Result<String, Error> {
    let hash = PasswordHash::of(password)?;
    // The same rules as when the user signs in.
    portcullis::basic::User::new(name, hash.clone())?;
    ScopeSet::parse(scopes)?;
    let id = new_id();
    let mut change = database.pool().begin().await?;
    let inserted = sqlx::query(
        "INSERT INTO users (id, name, password, scopes) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
    )
    .bind(&id)
    .bind(name)
    .bind(hash.as_str())
    .bind(scopes)
    .execute(&mut *change)
    .await?;
    if inserted.rows_affected() == 0 {
        return Err(format!("there is a user {name:?} already").into());
    }
    seed_device(&mut change, &id).await?;
    change.commit().await?;
    Ok(id)
}

/// Every user of the SMSGate part has a phone.
async fn seed_device(change: &mut SqliteConnection, user: &str) -> Result<(), Error> {
    let id = new_id();
    let created = rfc3339(now());
    let device = serde_json::json!({
        "id": id,
        "name": "Demo/Phone",
        "createdAt": created,
        "updatedAt": created,
        "lastSeen": created,
    });
    sqlx::query("INSERT INTO sms_devices VALUES (?, ?, ?)")
        .bind(&id)
        .bind(user)
        .bind(device.to_string())
        .execute(change)
        .await?;
    Ok(())
}

async fn set_password(database: &Database, name: &str, password: &str) -> Result<(), Error> {
    let id = user_id(database, name).await?;
    let hash = PasswordHash::of(password)?;
    let mut change = database.pool().begin().await?;
    sqlx::query("UPDATE users SET password = ? WHERE id = ?")
        .bind(hash.as_str())
        .bind(&id)
        .execute(&mut *change)
        .await?;
    sqlx::query("UPDATE jwt_families SET revoked = ? WHERE user_id = ? AND revoked IS NULL")
        .bind(now())
        .bind(&id)
        .execute(&mut *change)
        .await?;
    Ok(change.commit().await?)
}

pub async fn create_token(database: &Database, user: &str, name: &str) -> Result<UserToken, Error> {
    let token = UserToken::generate();
    let owner = user_id(database, user).await?;
    sqlx::query("INSERT INTO user_tokens (id, user_id, name, digest, created) VALUES (?, ?, ?, ?, ?)")
        .bind(new_id())
        .bind(owner)
        .bind(name)
        .bind(token.digest().as_bytes().as_slice())
        .bind(now())
        .execute(database.pool())
        .await?;
    Ok(token)
}

/// Creates an access key; its token and its secret.
pub async fn add_s3p_key(
    database: &Database,
    vault: &Vault,
    user: &str,
) -> Result<(String, String), Error> {
    let owner = user_id(database, user).await?;
    let (token, secret) = (new_secret(), new_secret());
    sqlx::query("INSERT INTO s3p_keys VALUES (?, ?, ?, ?)")
        .bind(&token)
        .bind(owner)
        .bind(vault.seal(&token, secret.as_bytes())?)
        .bind(now())
        .execute(database.pool())
        .await?;
    Ok((token, secret))
}

async fn user_id(database: &Database, name: &str) -> Result<String, Error> {
    let row: Option<(String,)> = sqlx::query_as("SELECT id FROM users WHERE name = ?")
        .bind(name)
        .fetch_optional(database.pool())
        .await?;
    Ok(row.ok_or_else(|| format!("there is no user {name:?}"))?.0)
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
    let since = SystemClock.now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// A second, as in `2026-01-31T23:59:59Z`.
pub fn rfc3339(second: i64) -> String {
    jiff::Timestamp::from_second(second).unwrap_or_default().to_string()
}
