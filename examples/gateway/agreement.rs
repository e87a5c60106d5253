//! What all instances on one database have alike. The first one writes it down; one that is told otherwise does
//! not start, instead of refusing good tokens, or letting a nonce be used at two instances.

use portcullis::store::Redis;

use crate::{
    Error,
    database::{Database, source},
    vault::Vault,
};

/// A digest of the keys. Where the nonces are is known when Redis was reached.
pub struct Agreement {
    keys: String,
}

/// Where the nonces are.
struct Place {
    kind: &'static str,
    /// The id of what Redis keeps.
    redis: Option<String>,
}

impl Place {
    async fn of(redis: Option<&Redis>) -> Result<Self, Error> {
        let Some(redis) = redis else {
            return Ok(Self { kind: "database", redis: None });
        };
        let id = redis.id().await.map_err(|error| format!("--redis: {}", source(&error)))?;
        Ok(Self { kind: "redis", redis: Some(id) })
    }
}

impl Agreement {
    pub fn new(vault: &Vault) -> Self {
        Self { keys: vault.digest() }
    }

    /// Refuses the keys of another database.
    pub async fn check_keys(&self, database: &Database, vault: &Vault) -> Result<(), Error> {
        if is_agreed(database, "keys", &self.keys).await? {
            return Ok(());
        }
        let why = vault.refuse()?;
        Err(format!(
            "{why}: copy the file of the other instances, or of your backup, to there, or name it by --keys; \
             if it is lost, see `gateway adopt --help`"
        )
        .into())
    }

    /// Refuses to keep the nonces elsewhere than the other instances do.
    pub async fn check_nonces(&self, database: &Database, redis: Option<&Redis>) -> Result<(), Error> {
        let Place { kind, redis } = Place::of(redis).await?;
        let where_they_are = if !is_agreed(database, "nonces", kind).await? {
            match kind {
                "redis" => "in the database: start without --redis",
                _ => "in Redis: start with the --redis of the other instances",
            }
        } else if let Some(id) = redis
            && !is_agreed(database, "redis", &id).await?
        {
            "in another Redis, or this one has lost what it had: start with the --redis of the other instances"
        } else {
            return Ok(());
        };
        Err(format!(
            "the instances on this database keep nonces {where_they_are}, or stop all of them and run \
             `gateway adopt` to change that"
        )
        .into())
    }

    /// From now on, it is as this instance has been told.
    pub async fn adopt(&self, database: &Database, redis: Option<&Redis>) -> Result<(), Error> {
        let Place { kind, redis } = Place::of(redis).await?;
        let mut change = database.change("gateway: agreement").await?;
        let redis = redis.as_deref().map(|id| ("redis", id));
        for (name, value) in [("keys", &*self.keys), ("nonces", kind)].into_iter().chain(redis) {
            sqlx::query(
                "INSERT INTO gateway_agreement (name, value) VALUES ($1, $2) \
                 ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            )
            .bind(name)
            .bind(value)
            .execute(&mut *change)
            .await?;
        }
        Ok(change.commit().await?)
    }
}

/// Whether this is what all instances have. If none has said it yet, it is.
async fn is_agreed(database: &Database, name: &str, value: &str) -> Result<bool, Error> {
    let insert = "INSERT INTO gateway_agreement (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    sqlx::query(insert).bind(name).bind(value).execute(database.pool()).await?;
    let (agreed,): (String,) = sqlx::query_as("SELECT value FROM gateway_agreement WHERE name = $1")
        .bind(name)
        .fetch_one(database.pool())
        .await?;
    Ok(agreed == value)
}
