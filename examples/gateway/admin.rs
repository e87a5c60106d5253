//! What the subcommands do. Secrets are printed once, to standard output; nothing else is.

use std::{
    io,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use portcullis::{
    Clock, Identity, ScopeSet, StoreError, SystemClock,
    basic::PasswordHash,
    s3p::{AccessKey, Dialect},
    user_token::UserTokenRecord,
};

use crate::{
    Error,
    accounts::{self, Account, MOST, NewUser},
    args::{Expiry, S3pKeyCommand, TokenCommand, UserCommand},
    database::{Database, new_secret},
};

pub async fn user(database: &Database, command: UserCommand) -> Result<(), Error> {
    let store = database.store();
    match command {
        UserCommand::Add { name, password_stdin, scopes } => {
            let (password, made) = password(password_stdin)?;
            let user = NewUser::new(&name, &password, &scopes.join(" "))?;
            if !accounts::add_user(database, &user).await? {
                return Err(format!("there is a user {name:?} already").into());
            }
            print_made("password", made.then_some(password));
        }
        UserCommand::List => {
            let rows: Vec<(String, i64, i64, Option<i64>, String)> = sqlx::query_as(
                "SELECT name, disabled, locked, expires, scopes FROM portcullis_users ORDER BY name",
            )
            .fetch_all(database.pool())
            .await?;
            for (name, disabled, locked, expires, scopes) in rows {
                let state = match (disabled, locked, expires) {
                    (0, 0, Some(second)) if second <= now() => "expired",
                    (0, 0, _) => "active",
                    (0, _, _) => "locked",
                    _ => "disabled",
                };
                let expires =
                    expires.map_or_else(String::new, |second| format!("  expires {}", rfc3339(second)));
                println!("{name}  {state:<8}  {scopes}{expires}");
            }
        }
        UserCommand::Scopes { name, scopes } => {
            let scopes = ScopeSet::parse(&scopes.join(" "))?;
            found(&name, store.set_scopes(&name, &scopes).await)?;
        }
        UserCommand::Disable { name } => found(&name, store.set_disabled(&name, true).await)?,
        UserCommand::Enable { name } => found(&name, store.set_disabled(&name, false).await)?,
        UserCommand::Lock { name } => found(&name, store.set_locked(&name, true).await)?,
        UserCommand::Unlock { name } => found(&name, store.set_locked(&name, false).await)?,
        UserCommand::Expire { name, when: Expiry(second) } => {
            // What lies before 1970 has passed.
            let since = |second: i64| Duration::from_secs(second.try_into().unwrap_or(0));
            let time = second.map(|second| UNIX_EPOCH + since(second));
            found(&name, store.set_expiry(&name, time).await)?;
        }
        UserCommand::Passwd { name, password_stdin } => {
            let (password, made) = password(password_stdin)?;
            let owner = account(database, &name).await?.identity;
            let hash = PasswordHash::of(&password)?;
            if !accounts::set_password(database, &owner, &hash, None).await? {
                return Err(
                    format!("the password of {name:?} was changed meanwhile: look again").into()
                );
            }
            print_made("password", made.then_some(password));
        }
    }
    Ok(())
}

pub async fn token(database: &Database, command: TokenCommand) -> Result<(), Error> {
    match command {
        TokenCommand::Create { user, name, days, scopes } => {
            let account = account(database, &user).await?;
            let new = accounts::new_token(&account, &name, days, &scopes.join(" "))?;
            let token = accounts::create_token(database, &account.identity, new).await?;
            let token =
                token.ok_or_else(|| format!("{user:?} has {MOST} active tokens, and no more"))?;
            print_made("token", Some(token.expose().to_owned()));
        }
        TokenCommand::List { user } => {
            let owner = account(database, &user).await?.identity;
            for token in accounts::tokens(database).list(&owner).await? {
                println!("{}", line_of(&token));
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
        S3pKeyCommand::Add { user, name, dialects, method } => {
            let owner = account(database, &user).await?.identity;
            // No key is made that could not be used.
            check_dialects(&dialects)?;
            let key = accounts::add_s3p_key(database, &owner, accounts::key_name(&name)?).await?;
            let key = key.ok_or_else(|| format!("{user:?} has {MOST} active keys, and no more"))?;
            database.store().set_access_key_dialects(&key.token, &dialects).await?;
            database.store().set_access_key_method(&key.token, method).await?;
            println!("access token: {}", key.token);
            print_made("secret", Some(key.secret));
        }
        S3pKeyCommand::Dialects { token, dialects } => {
            check_dialects(&dialects)?;
            if !database.store().set_access_key_dialects(&token, &dialects).await? {
                return Err(no_key(&token));
            }
        }
        S3pKeyCommand::Rotate { token, overlap } => {
            let overlap = Duration::from_secs(overlap);
            let secret = accounts::rotate_s3p_key(database, &token, overlap).await?;
            print_made("secret", Some(secret.ok_or_else(|| no_key(&token))?));
        }
        S3pKeyCommand::Revoke { token } => {
            if !database.store().set_access_key_disabled(&token, true).await? {
                return Err(no_key(&token));
            }
        }
        S3pKeyCommand::List => {
            for key in accounts::s3p_keys(database, None).await? {
                let state = if key.is_active { "active" } else { "revoked" };
                let used = key.last_used.map_or_else(|| "-".to_owned(), rfc3339);
                let created = rfc3339(key.created);
                println!(
                    "{}  {state:<7}  {created}  used {used}  {} {}  {}  {}",
                    key.token, key.method, key.dialects, key.owner, key.name
                );
            }
        }
    }
    Ok(())
}

async fn account(database: &Database, name: &str) -> Result<Account, Error> {
    accounts::find(database, name).await?.ok_or_else(|| unknown(name))
}

fn found(name: &str, found: Result<bool, StoreError>) -> Result<(), Error> {
    found?.then_some(()).ok_or_else(|| unknown(name))
}

/// Whether a key may list these.
fn check_dialects(dialects: &[Dialect]) -> Result<(), Error> {
    AccessKey::dangerous_short_secret(Identity::local("nobody")?, "").dialects(dialects)?;
    Ok(())
}

/// A line of the list: what is not there is a hyphen.
fn line_of(token: &UserTokenRecord) -> String {
    let time = |time: Option<SystemTime>| {
        time.map_or_else(|| "-".to_owned(), |time| rfc3339(unix_seconds(time)))
    };
    let state = accounts::state(token);
    let [created, expires, used] = [token.created, token.expires, token.last_used].map(time);
    format!("{}  {state:<7}  {created}  expires {expires}  used {used}  {}", token.id, token.name)
}

fn no_key(token: &str) -> Error {
    format!("there is no access key with the token {token:?}").into()
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
